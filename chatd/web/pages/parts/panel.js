// What the widget's button opens: how far the conversation is, what was said, and where one writes.

import { askAttachment } from "./attach.js";
import { Composer } from "./composer.js";
import { connectionBar } from "./connection.js";
import { confirm } from "./dialogs.js";
import { avatar, el, freshId, icon } from "./dom.js";
import { t } from "./i18n.js";
import { explainClose } from "./refusals.js";
import { chooseFile, hooked } from "./hook.js";
import { Transcript } from "./transcript.js";

const KINDS = ["picture", "video", "voice"];
const HIGHEST_FAILURES = 2; // to connect, before we say that it may never work

export class Panel {
  /** @type {import("./support.js").Support} set by who makes both. */
  support;
  /** The messageId of the newest message here. */
  newest = "";

  #visit;
  #given;
  #options;
  #unfollow = () => {};
  #failures = 0;

  /**
   * @param {import("./visit.js").Visit} visit
   * @param {object} options
   * @param {string} options.name the customer's, if the page knows it.
   * @param {() => void} options.close
   * @param {() => Function | null} options.hook the page's own way to send files, if it has one.
   * @param {(message: object) => void} options.arrived told of each message from somebody else.
   */
  constructor(visit, options) {
    this.#visit = visit;
    this.#given = options.name;
    this.#options = options;
    this.root = this.#build();
    this.#makeTranscript();
    this.composer = new Composer(this.footer, {
      onText: (text) => this.#send({ messageType: "text", messageContent: text }),
      onMedia: (draft) => this.#send(draft),
      onAttach: (kind, root) => this.#attach(kind, root),
      kinds: KINDS,
      placeholder: t("widget.placeholder"),
    });
    for (const type of ["paste", "drop", "dragover"]) this.root.addEventListener(type, (event) => this.#dropped(event));
  }

  // -- told by the conversation ------------------------------------------------------------------------

  /** There is a client, a new one perhaps. */
  connected(client) {
    this.#unfollow();
    this.#failures = 0;
    const stopBar = connectionBar(this.bar, client, { focus: () => this.focus() });
    const stopCount = client.on("state", ({ state }) => this.#counted(state));
    this.#unfollow = () => [stopBar, stopCount].forEach((stop) => stop());
  }

  /** It is further, or back at the start. */
  progressed() {
    const { progress } = this.support;
    const fresh = progress === "new";
    const over = progress === "closed" || progress === "refused";
    const hadFocus = over && this.root.contains(this.root.getRootNode().activeElement);
    if (fresh && this.newest) this.#makeTranscript();
    this.welcome.hidden = !fresh;
    this.talk.hidden = fresh;
    this.footer.hidden = over;
    this.endButton.hidden = !this.support.isUnderWay;
    if (over) this.#unfollow();
    this.#showAgent();
    this.#showNote();
    if (hadFocus) this.note.querySelector("p").focus(); // not the button: who is typing presses nothing by that
  }

  /** Something was said in it, by whom it may be. */
  said(message, about) {
    if (message.eventType === "createContainer") return;
    const isNew = !this.transcript.has(message.messageId); // who comes back to a conversation is told all of it again
    if (message.messageId > this.newest) this.newest = message.messageId;
    this.transcript.add(message, about);
    if (isNew && message.createUser !== this.#visit.userId) this.#options.arrived(message);
    this.#showAgent();
  }

  /** Somebody came into it or left it. */
  noticed(notice) {
    this.transcript.addNotice(notice);
  }

  // -- told by the element ------------------------------------------------------------------------------

  /** It can be seen from now on. */
  shown() {
    this.transcript.place.toEnd();
  }

  /** Let the customer type: the name, if there is none, else what there is to say. */
  focus() {
    const { progress } = this.support;
    if (progress === "closed" || progress === "refused") this.note.querySelector("button")?.focus();
    else if (progress === "new" && !this.#name()) this.nameInput.focus();
    else this.composer.focus();
  }

  /** Keep the Tab key within, from the last control to the first and back. */
  keepFocus(event) {
    const all = [...this.root.querySelectorAll("button, input, textarea, a[href], video, [tabindex='0']")];
    const controls = all.filter((control) => !control.disabled && control.tabIndex >= 0 && control.checkVisibility());
    const at = controls.indexOf(this.root.getRootNode().activeElement);
    const last = controls.length - 1;
    if (event.shiftKey ? at > 0 : at >= 0 && at < last) return;
    event.preventDefault();
    controls[event.shiftKey ? last : 0]?.focus();
  }

  // -- its elements -------------------------------------------------------------------------------------

  #build() {
    const [title, name] = [freshId("title"), freshId("name")];
    this.mark = el("div.panel-mark", {}, icon("headset"));
    this.title = el("h2.panel-title.truncate", { id: title, text: t("widget.title") });
    this.progressLine = el("p.panel-progress", { role: "status" });
    this.endButton = iconButton("leave", t("widget.end"), () => this.#end());
    this.endButton.hidden = true;
    this.nameInput = el("input.input", { id: name, type: "text", maxlength: 64, autocomplete: "name", value: this.#visit.name || t("entry.guest", { number: 100 + Math.floor(Math.random() * 900) }) });
    this.nameInput.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) this.composer.focus();
    });
    this.welcome = el(
      "div.welcome",
      {},
      el("p.welcome-line", { text: t("widget.welcome") }),
      el("p.soft", { text: t("widget.how") }),
      !this.#given && el("div.field", {}, el("label", { for: name, text: t("widget.name") }), this.nameInput),
    );
    this.talk = el("div.panel-talk", { hidden: true });
    this.bar = el("div.panel-bar");
    this.note = el("div.panel-note", { hidden: true });
    this.footer = el("div");
    const head = el("header.panel-head", {}, this.mark, el("div.panel-who", {}, this.title, this.progressLine), this.endButton, iconButton("close", t("widget.close"), this.#options.close));
    return el("section.panel", { role: "dialog", "aria-labelledby": title, hidden: true }, head, this.bar, el("div.panel-body", {}, this.welcome, this.talk), this.note, this.footer);
  }

  #makeTranscript() {
    this.newest = "";
    this.transcript?.end();
    const place = el("div");
    this.talk.replaceChildren(place);
    this.transcript = new Transcript(place, { me: this.#visit.userId, label: t("widget.log") });
  }

  #showAgent() {
    const [[userId, agent] = []] = [...this.support.agents].reverse().sort(([, one], [, other]) => other.here - one.here);
    this.title.textContent = agent?.name ?? t("widget.title");
    const picture = agent ? avatar(agent.name, agent.icon, userId) : icon("headset");
    const known = agent ? `${userId} ${agent.name} ${agent.icon}` : "";
    if (this.mark.dataset.known !== known) {
      this.mark.replaceChildren(picture);
      this.mark.dataset.known = known;
    }
    const { progress } = this.support;
    const line = t(`widget.progress.${progress}`);
    if (this.progressLine.textContent === line) return;
    const dot = agent && el(progress === "talking" ? "span.dot.on" : "span.dot");
    this.progressLine.replaceChildren(...[dot, el("span", { text: line })].filter(Boolean));
  }

  #showNote() {
    const { progress, closedBy, reason } = this.support;
    this.note.className = "panel-note";
    this.note.hidden = !["asking", "waiting", "offline", "away", "closed", "refused"].includes(progress);
    if (progress === "closed") {
      const why = closedBy ? t("widget.closed-by", { name: closedBy }) : t("widget.closed");
      this.#overNote(why, t("widget.anew"), () => this.#anew());
    } else if (progress === "refused") {
      this.note.classList.add("danger");
      this.#overNote(explainClose(reason.code, reason.reason), t("widget.retry"), () => this.#anew());
    } else {
      const dots = el("span.waiting-dots", { "aria-hidden": "true" }, el("i"), el("i"), el("i"));
      const text = el("div", { role: "status", text: this.note.hidden ? "" : t(`widget.note.${progress}`) });
      if (progress === "offline" || progress === "away") this.note.classList.add("warn");
      this.note.replaceChildren(progress === "offline" || progress === "away" ? icon("clock") : dots, text);
    }
  }

  #overNote(why, words, act) {
    this.note.classList.add("over");
    this.note.replaceChildren(el("p", { role: "status", tabindex: -1, text: why }), el("button.button.primary", { text: words, on: { click: act } }));
  }

  // The page may be of an origin that the server refuses: a browser does not tell a script.
  #counted(state) {
    if (state === "joined") this.#failures = -Infinity;
    if (state === "waiting") this.#failures += 1;
    const hopeless = this.#failures >= HIGHEST_FAILURES;
    this.root.classList.toggle("unreachable", hopeless);
    if (hopeless) {
      this.note.hidden = false;
      this.note.className = "panel-note danger";
      this.note.replaceChildren(icon("warning"), el("div", { role: "status", text: t("widget.unreachable") }));
    }
  }

  // -- what the customer does ---------------------------------------------------------------------------

  #name() {
    return this.#given || this.nameInput.value.trim();
  }

  #send(draft) {
    this.composer.tell("");
    if (!this.support.isUnderWay) {
      const name = this.#name();
      if (!name) {
        if (draft.messageType === "text") this.composer.field.value = draft.messageContent;
        this.nameInput.focus();
        return;
      }
      this.support.begin(name);
    }
    const sent = this.support.client.send(draft);
    this.transcript.pend(sent, draft, () => {
      this.#send(draft);
      this.composer.focus();
    });
  }

  async #attach(kind, near) {
    const hook = this.#options.hook();
    if (!hook) return askAttachment(kind, near);
    const file = hook.length ? await chooseFile(kind, this.root) : undefined;
    return hook.length && !file ? undefined : this.#hooked(hook, file);
  }

  async #hooked(hook, file) {
    this.composer.disable(t("widget.uploading"));
    try {
      const draft = await hooked(hook, file);
      this.composer.disable("");
      return draft;
    } catch {
      this.composer.disable("");
      this.composer.tell(t("widget.not-uploaded"));
      return undefined;
    }
  }

  async #dropped(event) {
    const hook = this.#options.hook();
    const given = event.clipboardData ?? event.dataTransfer;
    const [file] = given?.files ?? [];
    if (!hook || !given?.types.includes("Files")) return;
    event.preventDefault();
    const draft = file && (await this.#hooked(hook, file));
    if (draft) this.#send(draft);
    this.composer.focus(); // which it has lost while nothing could be written
  }

  async #end() {
    const sure = await confirm({ title: t("widget.end"), text: t("widget.end-sure"), submit: t("widget.end-yes"), danger: true, near: this.root });
    if (sure) await this.support.end().catch(() => {});
  }

  #anew() {
    this.support.renew();
    this.focus();
  }
}

function iconButton(name, label, click) {
  return el("button.button.quiet.icon-only", { "aria-label": label, title: label, on: { click } }, icon(name));
}
