// <chatd-widget>: a button in the corner of any page, and behind it a conversation with an agent.
//
//   <script type="module" src="https://chat.example/widget.js"></script>
//   <chatd-widget server="wss://chat.example/"></chatd-widget>
//
// Attributes, all optional on a page of chatd's own server:
//   server    the WebSocket's address; else what config.json beside this file says
//   room      "support"
//   agent     whom to ask: the agent's userId; else the room's name
//   target    what it is about, for the agent: an order, a ticket; else the page's address
//   name      the customer's name; else the customer is asked
//   user-id   the customer's userId; else one is made, and kept by the browser
//   lang      "zh" or "en"; else as the browser prefers
//   theme     "light" or "dark", for a page that is always so; else as the reader prefers
// What is between its tags is shown where this script cannot run: an address to write to, for instance.
// Properties and methods: open(), close(), isOpen, unread, and onAttach: async (file?: File) =>
// ({kind, file, previewUrl, duration}) | null, which stores what the customer wants to send and tells its address.
// Events: "chatd-open", "chatd-close", "chatd-unread" (detail: the number).

import { el, icon } from "./parts/dom.js";
import { lang, setLanguage, t } from "./parts/i18n.js";
import { Panel } from "./parts/panel.js";
import { Support } from "./parts/support.js";
import { Visit } from "./parts/visit.js";
import { dress } from "./parts/widget-style.js";

const NARROW = matchMedia("(max-width: 520px)");
const MOST_TARGET = 128; // characters of a business key

class ChatdWidget extends HTMLElement {
  /** The page's own way to send files; see above. */
  onAttach = null;

  #root = this.attachShadow({ mode: "open" });
  #unread = 0;
  #set = false;
  #wanted = false; // to be open, before it can be

  async connectedCallback() {
    document.addEventListener("visibilitychange", this.#looked);
    if (this.#set) {
      if (this.#visit?.underWay && !this.#support.client) this.#support.resume(); // back from out of the page
      return;
    }
    this.#set = true;
    setLanguage(this.getAttribute("lang"));
    dress(this.#root, this.getAttribute("theme"));
    this.#build();
    const url = this.getAttribute("server") || (await ownServer());
    const room = this.getAttribute("room") || "support";
    const where = { url, room, agent: this.getAttribute("agent") || room, target: this.#target() };
    this.#begin(where);
  }

  disconnectedCallback() {
    queueMicrotask(() => !this.isConnected && this.#left()); // it may only have been moved
  }

  #left() {
    document.removeEventListener("visibilitychange", this.#looked);
    this.#support?.leave();
  }

  // The customer is back at the page: what has come meanwhile is seen.
  #looked = () => {
    if (this.isOpen && document.visibilityState === "visible") this.#count(0);
  };

  /** Whether the conversation is shown. */
  get isOpen() {
    return this.#panel?.root.hidden === false;
  }

  /** How many messages came that the customer has not seen. */
  get unread() {
    return this.#unread;
  }

  #frame;
  #launcher;
  #badge;
  #panel;
  #support;
  #visit;

  #build() {
    this.#badge = el("span.launcher-badge", { hidden: true, "aria-hidden": "true" });
    this.#launcher = el(
      "button.launcher",
      { part: "button", "aria-expanded": "false", "aria-haspopup": "dialog", disabled: true, on: { click: () => this.toggle() } },
      el("span.launcher-open", {}, icon("speech")),
      el("span.launcher-close", {}, icon("chevron")),
      this.#badge,
    );
    this.#frame = el("div.frame", { lang: lang === "zh" ? "zh-CN" : "en" }, this.#launcher);
    this.#root.append(this.#frame);
    for (const type of ["keydown", "keyup", "keypress"]) {
      this.#root.addEventListener(type, (event) => {
        event.stopPropagation(); // what is typed here is none of the page's shortcuts
        if (type === "keydown") this.#typed(event);
      });
    }
  }

  #begin(where) {
    this.#visit = new Visit(where.url, where.room, this.getAttribute("user-id"));
    const name = this.getAttribute("name") || "";
    this.#panel = new Panel(this.#visit, {
      name,
      close: () => this.close(),
      hook: () => this.onAttach,
      arrived: (message) => this.#arrived(message),
    });
    this.#support = new Support(where, this.#visit, this.#panel);
    this.#panel.support = this.#support;
    this.#panel.progressed();
    this.#launcher.before(this.#panel.root);
    this.#launcher.disabled = false;
    this.#label();
    NARROW.addEventListener("change", () => this.#modal());
    if (this.#visit.underWay) {
      if (this.isConnected) this.#support.resume(); // else once it is put back
      if (this.#visit.open && !NARROW.matches) this.#show();
    }
    if (this.#wanted) this.open();
  }

  /** Show the conversation, and let the customer type. */
  open() {
    if (!this.#panel) {
      this.#wanted = true;
      return;
    }
    if (this.isOpen) return;
    this.#show();
    this.#panel.focus();
    this.dispatchEvent(new CustomEvent("chatd-open"));
  }

  /** Leave the button alone in its corner. */
  close() {
    if (!this.#panel || !this.isOpen) return;
    const focused = this.#root.activeElement;
    this.#panel.root.hidden = true;
    this.#visit.open = false;
    this.#modal();
    this.#label();
    if (focused) this.#launcher.focus();
    this.dispatchEvent(new CustomEvent("chatd-close"));
  }

  /** Open it or close it. */
  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  #show() {
    this.#panel.root.hidden = false;
    this.#visit.open = true;
    this.#panel.shown();
    this.#modal();
    this.#count(0);
  }

  // On a phone the conversation covers the page: then the page is out of reach for all.
  #modal() {
    const covers = NARROW.matches && this.isOpen;
    this.#launcher.hidden = covers;
    if (covers) this.#panel.root.setAttribute("aria-modal", "true");
    else this.#panel.root.removeAttribute("aria-modal");
  }

  #arrived(message) {
    if (this.isOpen && document.visibilityState === "visible") this.#visit.read = message.messageId;
    else if (message.messageId > this.#visit.read) this.#count(this.#unread + 1);
  }

  #count(unread) {
    if (!unread) this.#visit.read = this.#panel.newest;
    const changed = unread !== this.#unread;
    this.#unread = unread;
    this.#badge.textContent = unread > 99 ? "99+" : String(unread);
    this.#badge.hidden = !unread;
    this.#label();
    if (changed) this.dispatchEvent(new CustomEvent("chatd-unread", { detail: unread }));
  }

  #label() {
    const open = this.isOpen;
    this.#launcher.setAttribute("aria-expanded", String(open));
    this.#launcher.setAttribute("aria-label", open ? t("widget.close") : this.#unread ? t("widget.open-unread", { count: this.#unread }) : t("widget.open"));
  }

  #typed(event) {
    if (this.#root.activeElement?.closest("dialog")) return; // which has keys of its own
    if (event.key === "Escape" && !event.defaultPrevented && !event.isComposing && this.isOpen) {
      event.preventDefault();
      this.close();
    } else if (event.key === "Tab" && NARROW.matches && this.isOpen) {
      this.#panel.keepFocus(event);
    }
  }

  #target() {
    const target = this.getAttribute("target") || location.host + location.pathname;
    return Array.from(target).slice(0, MOST_TARGET).join("");
  }
}

async function ownServer() {
  const config = await (await fetch(new URL("config.json", import.meta.url))).json();
  return config.websocket;
}

customElements.define("chatd-widget", ChatdWidget);
