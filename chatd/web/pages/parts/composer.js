// Where one writes: a field that grows, a button to send, a menu to attach pictures, videos, voice and events.

import { el, freshId, icon } from "./dom.js";
import { askAttachment } from "./attach.js";
import { t } from "./i18n.js";
import { menuButton } from "./menu.js";

const KINDS = ["picture", "video", "voice", "event"];
const TALLEST = 180; // px

export class Composer {
  /**
   * @param {HTMLElement} root an empty element.
   * @param {object} options
   * @param {(text: string) => void} options.onText says a text: never empty.
   * @param {(draft: {messageType: string, accessoryContent: object, messageContent?: string}) => void} [options.onMedia]
   *   says a picture, video, voice or event; without it there is no menu.
   * @param {(kind: string, root: HTMLElement) => Promise<object|undefined>} [options.onAttach] asks for the draft in place of our dialog.
   * @param {string[]} [options.kinds] of the menu; all four if left out.
   * @param {string} [options.placeholder]
   */
  constructor(root, { onText, onMedia, onAttach = askAttachment, kinds = KINDS, placeholder } = {}) {
    this.onText = onText;
    const id = freshId("composer");
    this.field = el("textarea.composer-field", { id, rows: 1, placeholder: placeholder ?? t("composer.placeholder"), autocomplete: "off", enterkeyhint: "send", dir: "auto" });
    this.button = el("button.composer-send", { "aria-label": t("composer.send"), title: t("composer.send"), on: { click: () => this.#submit() } }, icon("send"));
    this.reason = el("p.composer-reason", { role: "status", hidden: true });
    const attach = onMedia && this.#attach(kinds, async (kind) => {
      const draft = await onAttach(kind, root);
      if (draft) onMedia(draft);
      this.focus();
    });
    root.classList.add("composer");
    root.append(this.reason, el("div.composer-row", {}, attach, el("label.sr-only", { for: id, text: t("composer.label") }), this.field, this.button));
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.field.addEventListener("input", () => this.#grow());
    this.#grow();
  }

  /** Put the caret into the field. */
  focus() {
    this.field.focus({ preventScroll: true });
  }

  /** Nothing can be said now, and why; "" : it can again. */
  disable(reason) {
    this.field.disabled = this.button.disabled = Boolean(reason);
    if (this.attach) this.attach.disabled = Boolean(reason);
    this.reason.hidden = !reason;
    this.reason.textContent = reason;
  }

  /** Say something about what was written, until more is. */
  tell(text) {
    this.reason.hidden = !text;
    this.reason.textContent = text;
  }

  #attach(kinds, choose) {
    const { root, button } = menuButton({
      label: t("composer.attach"),
      icon: "attach",
      above: true,
      items: kinds.map((kind) => ({ icon: kind === "voice" ? "mic" : kind, text: t(`composer.${kind}`), choose: () => choose(kind) })),
    });
    this.attach = button;
    button.classList.add("composer-attach");
    return root;
  }

  // Enter sends, but not the one that ends the input of a Chinese word.
  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#submit();
  }

  #submit() {
    const text = this.field.value.trim();
    if (!text || this.field.disabled) return;
    this.field.value = "";
    this.#grow();
    this.onText(text);
    this.focus();
  }

  #grow() {
    this.field.style.height = "auto";
    const needed = this.field.scrollHeight; // 0 while it is out of sight
    if (needed) this.field.style.height = `${Math.min(TALLEST, needed)}px`;
    this.button.classList.toggle("ready", this.field.value.trim() !== "");
  }
}
