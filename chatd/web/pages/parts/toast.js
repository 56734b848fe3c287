// A sentence that comes and goes at the top of the page, for what has no place in the conversation.

import { el } from "./dom.js";

const SHOWN = 6000; // ms

let place;

/** Show it, and read it out. */
export function toast(text) {
  if (!place) {
    place = el("div.toasts", { role: "status", "aria-live": "polite" });
    document.body.append(place);
  }
  const element = el("p.toast", { text });
  place.append(element);
  setTimeout(() => element.remove(), SHOWN);
}
