// Where the reader is in a conversation: at its end, where he sees what comes, or further up, where he is left alone.

import { el, icon } from "./dom.js";
import { t } from "./i18n.js";

const NEAR = 80; // px from the end that still count as being at it

export class Place {
  #atEnd = true;
  #top = 0; // as of the last scroll
  #due = false; // whether the next frame goes to the end
  #unseen = 0;
  #marked; // the row above which the unread ones begin
  #resized = new ResizeObserver(() => this.settle()); // pictures load, phones turn, keyboards open

  /**
   * @param {HTMLElement} root gets what scrolls, and the button to the newest.
   * @param {HTMLElement} content what scrolls in it.
   * @param {string} label for screen readers.
   */
  constructor(root, content, label) {
    this.scroller = el("div.scroller", { tabindex: 0, role: "region", "aria-label": label }, content);
    this.newest = el("button.newest", { hidden: true, on: { click: () => this.toEnd() } }, icon("down"), el("span"));
    root.append(this.scroller, this.newest);
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    document.addEventListener("visibilitychange", this.#seen);
    this.#resized.observe(content);
    this.#resized.observe(this.scroller);
  }

  /** The conversation is wanted no more. */
  end() {
    document.removeEventListener("visibilitychange", this.#seen);
    this.#resized.disconnect();
  }

  /** Whether the reader is at the end. */
  get isAtEnd() {
    return this.#atEnd;
  }

  /** The conversation has changed: to its end if the reader was there. Once a frame, however much has come. */
  settle() {
    if (this.#atEnd && !this.#due) {
      this.#due = true;
      requestAnimationFrame(() => {
        this.#due = false;
        if (this.#atEnd) this.#goToEnd();
      });
    }
    this.#show();
  }

  #goToEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#top = this.scroller.scrollTop; // it may be less than before, and the reader has not moved up
  }

  /** Go to the newest. */
  toEnd() {
    this.#atEnd = true;
    this.#unseen = 0;
    this.settle();
  }

  /** Make a change above what the reader sees, which stays where it is. */
  hold(change) {
    this.#scrolled(); // the reader may have moved since the last frame
    const fromEnd = this.scroller.scrollHeight - this.scroller.scrollTop;
    change();
    if (this.#atEnd) this.#goToEnd(); // at once: nothing at the top is in sight, so nothing more is asked for
    else this.scroller.scrollTop = this.scroller.scrollHeight - fromEnd;
  }

  /** A row of somebody else's has come. If the reader does not see it, it counts as unread. */
  receive(row) {
    if (this.#atEnd && !document.hidden) return;
    if (!this.#unseen) this.#mark(row);
    this.#unseen += 1;
  }

  /** The reader has answered: nothing is unread any more. */
  unmark() {
    this.#marked?.setUnread(undefined);
    this.#marked = undefined;
  }

  #mark(row) {
    this.unmark();
    this.#marked = row;
    const text = t("transcript.unread");
    row.setUnread(el("div.unread", { role: "separator", "aria-label": text }, el("span", { text, "aria-hidden": "true" })));
  }

  // Only who moves up leaves the end: rows that have been added move nothing, but make it far away for a moment.
  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    if (scrollHeight - scrollTop - clientHeight < NEAR) this.#atEnd = true;
    else if (scrollTop < this.#top - 1) this.#atEnd = false;
    this.#top = scrollTop;
    this.#seen();
    this.#show();
  }

  #seen = () => {
    if (this.#atEnd && !document.hidden) this.#unseen = 0;
  };

  #show() {
    if (this.#atEnd && this.newest.matches(":focus")) this.scroller.focus({ preventScroll: true }); // the button goes
    this.newest.hidden = this.#atEnd;
    const text = this.#unseen ? t("transcript.new", { count: this.#unseen }) : t("transcript.newest");
    if (this.newest.lastChild.textContent !== text) this.newest.lastChild.textContent = text;
    this.newest.classList.toggle("some", this.#unseen > 0);
  }
}
