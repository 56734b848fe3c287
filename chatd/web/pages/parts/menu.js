// A button with a menu, for the mouse and the keyboard: arrows, Home, End, Escape.

import { el, focusedNear, freshId, icon } from "./dom.js";

/**
 * @param {{label: string, icon: string, above?: boolean, items: {icon?: string, text: string, choose: () => void}[]}} what
 *   `above` opens it upwards.
 * @returns {{root: HTMLElement, button: HTMLButtonElement}}
 */
export function menuButton({ label, icon: name, above, items }) {
  const id = freshId("menu");
  const button = el("button.button.quiet.icon-only", { "aria-label": label, title: label, "aria-haspopup": "menu", "aria-expanded": "false", "aria-controls": id }, icon(name));
  const entries = items.map((item) =>
    el("button", { role: "menuitem", tabindex: -1, on: { click: () => pick(item) } }, item.icon && icon(item.icon), el("span", { text: item.text })),
  );
  const menu = el(above ? "div.menu.above" : "div.menu", { id, role: "menu", "aria-label": label, hidden: true }, ...entries);
  const root = el("div.menu-place", {}, button, menu);

  const open = (which = 0) => {
    menu.hidden = false;
    button.setAttribute("aria-expanded", "true");
    entries.at(which).focus();
  };
  const close = () => {
    menu.hidden = true;
    button.setAttribute("aria-expanded", "false");
  };
  const pick = (item) => {
    close();
    button.focus();
    item.choose();
  };
  button.addEventListener("click", () => (menu.hidden ? open() : close()));
  button.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    open(event.key === "ArrowUp" ? -1 : 0);
  });
  menu.addEventListener("keydown", (event) => {
    const at = entries.indexOf(focusedNear(menu));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 }[event.key];
    if (event.key === "Escape") {
      close();
      button.focus();
    } else if (to !== undefined) entries[(to + entries.length) % entries.length].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  root.addEventListener("focusout", (event) => !root.contains(event.relatedTarget) && close());
  return { root, button };
}
