// The first page: where to go from here, and the two lines for one's own site.

import { icon } from "./parts/dom.js";
import { lang, localize, t } from "./parts/i18n.js";
import { serverConfig } from "./parts/server.js";

const at = (id) => document.getElementById(id);

function snippet(websocket) {
  return `<script type="module" src="${location.origin}/widget.js"></script>\n<chatd-widget server="${websocket}"></chatd-widget>`;
}

async function copy() {
  try {
    await navigator.clipboard.writeText(at("snippet").textContent);
    at("copied").textContent = at("copy").textContent = t("index.copied");
  } catch {
    getSelection().selectAllChildren(at("snippet")); // plain http pages may not: it is marked, to be copied by hand
  }
}

async function begin() {
  localize();
  for (const place of document.querySelectorAll("[data-icon]")) place.append(icon(place.dataset.icon));
  if (new URLSearchParams(location.search).has("lang")) {
    for (const door of document.querySelectorAll(".door")) door.search = `?lang=${lang}`;
  }
  at("copy").addEventListener("click", copy);
  at("snippet").textContent = snippet("ws://…");
  const { websocket, version } = await serverConfig();
  at("snippet").textContent = snippet(websocket);
  at("version").textContent = `chatd ${version}`;
}

begin();
