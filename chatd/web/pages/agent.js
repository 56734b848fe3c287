// The agent's console: who are you, then the desk.

import { ChatClient, md5 } from "./chatd-client.js";
import { Desk } from "./parts/desk.js";
import { el } from "./parts/dom.js";
import { entryForm, keepIdentity, readIdentity } from "./parts/entry.js";
import { localize, t } from "./parts/i18n.js";
import { serverConfig } from "./parts/server.js";

const KEY = "chatd.agent";

localize();
document.title = t("agent.title");
const page = document.getElementById("page");
const query = new URLSearchParams(location.search);
const room = query.get("room") ?? "support";
const identity = readIdentity({ key: KEY, defaults: { room, userId: query.get("user") ?? room } });

if (identity.given) enter(identity);
else ask(identity);

function ask(known, error) {
  const card = el("div.card");
  page.replaceChildren(el("main.middle", {}, card));
  entryForm(card, {
    title: t("agent.entry-title"),
    text: t("agent.entry-text"),
    submit: t("agent.enter"),
    identity: known,
    fields: ["name", "room", "userId"],
    labels: { room: t("agent.room"), userId: t("agent.user-id") },
    error,
    onEnter: (entered) => {
      keepIdentity({ key: KEY, identity: { ...entered, entered: !entered.password } });
      enter(entered);
    },
  });
}

async function enter(who) {
  let config;
  try {
    config = await serverConfig();
  } catch {
    ask(who, t("agent.not-found"));
    return;
  }
  const { name, userId, room: roomName, icon, clientType, account, password } = who;
  const client = new ChatClient({
    url: config.websocket,
    name,
    userId,
    roomName,
    icon,
    clientType: clientType || undefined,
    account: account || undefined,
    password: password ? md5(password) : undefined,
  });
  new Desk(page, client, {
    replies: config.replies,
    leave: () => {
      client.close();
      keepIdentity({ key: KEY, identity: { entered: false } });
      location.assign(location.pathname + (query.has("lang") ? `?lang=${query.get("lang")}` : ""));
    },
  });
  client.connect();
}
