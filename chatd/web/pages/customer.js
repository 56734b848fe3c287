// A shop's page with the support widget in it, and the two lines that put it there.

import { localize, t } from "./parts/i18n.js";

localize();
document.title = t("shop.title");

const widget = document.getElementById("chat");
const query = new URLSearchParams(location.search);
for (const [parameter, attribute] of [
  ["room", "room"],
  ["agent", "agent"],
  ["target", "target"],
  ["name", "name"],
  ["user", "user-id"],
  ["lang", "lang"],
  ["theme", "theme"],
]) {
  if (query.has(parameter)) widget.setAttribute(attribute, query.get(parameter));
}

document.getElementById("ask").addEventListener("click", () => widget.open());

const { websocket } = await (await fetch("config.json")).json();
const script = new URL("widget.js", location.href).href;
const snippet = `<script type="module" src="${script}"></script>\n<chatd-widget server="${websocket}"></chatd-widget>`;
document.getElementById("snippet").textContent = snippet;

const copy = document.getElementById("copy");
copy.hidden = !navigator.clipboard; // there is none on a page that is not secure
copy.addEventListener("click", async () => {
  await navigator.clipboard.writeText(snippet);
  copy.textContent = t("shop.copied");
  setTimeout(() => (copy.textContent = t("shop.copy")), 2000);
});
