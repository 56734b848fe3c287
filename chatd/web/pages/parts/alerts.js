// What calls somebody who looks elsewhere: a short sound, and the number of unread messages in the page's title.

import { keep, kept } from "./storage.js";

const KEPT = "chatd.muted";

/** A sound and a number in the title. The sound is made here, no file is loaded. */
export class Alerts {
  #title = document.title;
  #context = null;
  #muted = kept("localStorage", KEPT) === "1";
  #last = -Infinity;

  /** Whether it makes no sound; kept for the next visit. */
  get muted() {
    return this.#muted;
  }

  set muted(muted) {
    this.#muted = muted;
    keep("localStorage", KEPT, muted ? "1" : "0");
  }

  /** The page's title without the number. */
  set title(title) {
    this.#title = title;
  }

  /** Show how many unread messages there are. */
  unread(count) {
    document.title = count > 0 ? `(${count > 99 ? "99+" : count}) ${this.#title}` : this.#title;
  }

  /** Browsers allow sounds after a click or a key: call this in one's listener. */
  allow() {
    this.#context ??= new AudioContext();
    if (this.#context.state === "suspended") this.#context.resume().catch(() => {});
  }

  /**
   * Make the sound, at most once a second.
   * @param {"message" | "request"} what a request sounds twice, the second note higher.
   */
  sound(what) {
    const now = performance.now();
    if (this.#muted || this.#context?.state !== "running" || now - this.#last < 1000) return;
    this.#last = now;
    this.#note(what === "request" ? 660 : 880, 0);
    if (what === "request") this.#note(990, 0.16);
  }

  #note(frequency, delay) {
    const from = this.#context.currentTime + delay;
    const volume = this.#context.createGain();
    volume.gain.setValueAtTime(0, from);
    volume.gain.linearRampToValueAtTime(0.15, from + 0.01);
    volume.gain.exponentialRampToValueAtTime(0.001, from + 0.25);
    const tone = this.#context.createOscillator();
    tone.frequency.value = frequency;
    tone.connect(volume).connect(this.#context.destination);
    tone.start(from);
    tone.stop(from + 0.3);
  }
}
