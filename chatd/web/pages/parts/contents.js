// The body of a message as elements. All that a user wrote becomes text; addresses are used only if they are http(s).

import { el, focusedNear, icon, outsideLink, scopeOf, webAddress } from "./dom.js";
import { t } from "./i18n.js";
import { duration } from "./times.js";
import { voicePlayer } from "./voice.js";

// an address ends at what may follow it in a sentence, and at what would turn the direction of writing
const LINK = /https?:\/\/[^\s<>"'`，。；！？、（）《》「」【】\u200e\u200f\u202a-\u202e\u2066-\u2069]+/giu;
const AFTER_LINK = /[.,;:!?)\]}]+$/u; // belongs to the sentence, not to the address
const MOST_FIELDS = 40; // of an event's custom content, shown one by one

/**
 * What a delivered message (or a draft of one) says.
 *
 * @param {object} message D1, or what is about to be sent.
 * @returns {{element: HTMLElement, bare: boolean}} `bare` wants no bubble around it.
 */
export function contents(message) {
  const extra = message.accessoryContent ?? {};
  const caption = message.messageContent ? text(message.messageContent) : null;
  switch (message.messageType) {
    case "picture":
      return { element: el("div.media", {}, picture(extra), caption), bare: !caption };
    case "video":
      return { element: el("div.media", {}, video(extra), caption), bare: !caption };
    case "voice":
      return { element: el("div.voice-message", {}, voice(extra), caption), bare: false };
    case "event":
      return { element: el("div.event-message", {}, event(extra), caption), bare: !caption };
    default:
      return { element: text(message.messageContent ?? ""), bare: false };
  }
}

/** Text with its line breaks; addresses in it become links. */
export function text(content) {
  const place = el("p.text", { dir: "auto" });
  let end = 0;
  for (const match of String(content).matchAll(LINK)) {
    const shown = match[0].replace(AFTER_LINK, "");
    const href = webAddress(shown);
    if (!href) continue;
    place.append(content.slice(end, match.index), outsideLink(href, shown));
    end = match.index + shown.length;
  }
  place.append(String(content).slice(end));
  return place;
}

/** A short line for lists: what the message is, in words. */
export function summary(message) {
  const caption = message.messageContent ? ` ${message.messageContent}` : "";
  const kind = message.messageType;
  if (kind === "event") return `[${message.accessoryContent?.eventDescription || t("content.event")}]${caption}`;
  return ["picture", "video", "voice"].includes(kind) ? `[${t(`content.${kind}`)}]${caption}` : (message.messageContent ?? "");
}

// An address that is none of the web's is shown as what it is, and leads nowhere.
function unusable(kind, address) {
  return el("p.media-missing", {}, icon("warning"), el("span", {}, `${t(`content.${kind}`)}: `, el("code", { text: String(address ?? "") })));
}

function missing(kind, address) {
  return el("p.media-missing", {}, icon("warning"), el("span", {}, `${t("content.cannot-show")} `, outsideLink(address, t("content.open-original"))));
}

function picture({ file, previewUrl }) {
  const address = webAddress(file);
  if (!address) return unusable("picture", file);
  const source = webAddress(previewUrl) || address;
  const image = el("img", { src: source, alt: t("content.picture"), referrerpolicy: "no-referrer", loading: "lazy", decoding: "async" });
  const button = el("button.picture", { "aria-label": t("content.enlarge"), on: { click: () => enlarge(address, button) } }, image);
  image.addEventListener("error", () => {
    if (image.src !== address) image.src = address; // the preview is gone: the picture itself
    else button.replaceWith(missing("picture", address));
  });
  return button;
}

/** Show a picture as large as the window. */
function enlarge(address, near) {
  const opener = focusedNear(near);
  const close = el("button.button.icon-only", { "aria-label": t("close"), on: { click: () => dialog.close() } }, icon("close"));
  const image = el("img", { src: address, alt: t("content.picture"), referrerpolicy: "no-referrer" });
  const dialog = el(
    "dialog.lightbox",
    { "aria-label": t("content.picture"), on: { click: (event) => event.target !== image && dialog.close() } },
    image,
    el("div.lightbox-bar", {}, outsideLink(address, t("content.open-original"), { class: "button" }), close),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    opener?.focus();
  });
  scopeOf(near).append(dialog);
  dialog.showModal();
  close.focus();
}

function video({ file, previewUrl, duration: seconds }) {
  const address = webAddress(file);
  if (!address) return unusable("video", file);
  const player = el("video", { src: address, poster: webAddress(previewUrl) || null, controls: true, preload: "none", playsinline: true, "aria-label": t("content.video") });
  const place = el("div.video", {}, player, typeof seconds === "number" && el("span.video-length", { text: duration(seconds) }));
  player.addEventListener("play", () => place.classList.add("playing"), { once: true });
  player.addEventListener("error", () => place.replaceWith(missing("video", address)));
  return place;
}

function voice({ file, duration: seconds }) {
  const address = webAddress(file);
  return address ? voicePlayer(address, seconds, () => missing("voice", address)) : unusable("voice", file);
}

// -- custom events ----------------------------------------------------------------------------------

function event({ eventType, eventDescription, customContent }) {
  const heading = el("p.event-heading", {}, icon("event"), el("span.event-kind", { text: eventType || t("content.event") }));
  const card = el("div.event-card", { role: "group", "aria-label": t("content.event") }, heading);
  if (eventDescription) card.append(el("p.event-description", { dir: "auto", text: eventDescription }));
  if (customContent !== undefined && customContent !== null) card.append(custom(customContent));
  return card;
}

function custom(content) {
  const entries = content instanceof Object && !Array.isArray(content) ? Object.entries(content) : [];
  const simple = entries.length > 0 && entries.length <= MOST_FIELDS && entries.every(([, value]) => !(value instanceof Object));
  if (simple) {
    return el("dl.event-fields", {}, ...entries.map(([key, value]) => el("div", {}, el("dt", { text: key }), el("dd", { dir: "auto", text: String(value) }))));
  }
  if (!(content instanceof Object)) return el("p.event-value", { dir: "auto", text: String(content) });
  return el("details.fold", {}, el("summary", { text: t("content.details") }), el("pre.event-json", { tabindex: 0, text: JSON.stringify(content, null, 2) }));
}
