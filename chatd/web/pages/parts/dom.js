// Elements made without any markup in strings: what a user wrote only ever becomes text.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element.
 *
 * @param {string} tag such as "p" or "button.button.primary": classes follow the name.
 * @param {object} [properties] `text` is its textContent; `on` holds listeners by their event's name; `data` goes to
 *   its dataset; null, undefined and false are left out; true is an empty attribute; all else are attributes.
 * @param {...(Node|string|null|undefined|false)} children strings become text nodes.
 */
export function el(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.classList.add(...classes);
  if (name === "button") element.type = "button";
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") element.textContent = value;
    else if (key === "on") for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    else if (key === "data") Object.assign(element.dataset, value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** The address, if it is an absolute http or https one, else "". Nothing else is ever put into src or href. */
export function webAddress(value) {
  if (typeof value !== "string") return "";
  try {
    const url = new URL(value);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : "";
  } catch {
    return "";
  }
}

/** A link to what a user named: it opens elsewhere and tells that place nothing of here. */
export function outsideLink(href, text, properties = {}) {
  return el("a", { href, text, target: "_blank", rel: "noopener noreferrer", referrerpolicy: "no-referrer", ...properties });
}

/** Where the dialogs of an element belong: into the page, or into the widget's frame if it is in one. */
export function scopeOf(element) {
  return element?.closest(".frame") ?? document.body;
}

/** What has the focus, as the document or the shadow root that an element is in tells. */
export function focusedNear(element) {
  return (element?.getRootNode() ?? document).activeElement;
}

/** A fresh id for an element that another one refers to. */
export function freshId(prefix) {
  freshId.last = (freshId.last ?? 0) + 1;
  return `${prefix}-${freshId.last}`;
}

// The paths of the icons, drawn on 24 by 24 by strokes.
const ICONS = {
  admin: ["M4 6h10M18 6h2M4 12h2M10 12h10M4 18h7M15 18h5", "M16 4v4M8 10v4M13 16v4"],
  attach: ["M12 5v14M5 12h14"],
  bell: ["M6 16v-5a6 6 0 0 1 12 0v5l1.5 2h-15z", "M10 20.500a2 2 0 0 0 4 0"],
  "bell-off": ["M6 16v-5a6 6 0 0 1 9.500-4.900M18 11v5l1.500 2H8", "M10 20.500a2 2 0 0 0 4 0M4 4l16 16"],
  back: ["M15 5l-7 7 7 7"],
  chevron: ["M6 9l6 6 6-6"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  close: ["M6 6l12 12M18 6L6 18"],
  clock: ["M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z", "M12 7.5V12l3 2"],
  down: ["M12 5v14M6 13l6 6 6-6"],
  edit: ["M4 20l1-4L16 5l3 3L8 19z", "M14 7l3 3"],
  event: ["M5 4h14v16H5z", "M9 9h6M9 13h6M9 17h3"],
  external: ["M14 4h6v6M20 4l-9 9", "M18 14v6H4V6h6"],
  group: ["M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z", "M2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6", "M15.5 4.300a3.5 3.5 0 0 1 0 6.400M17.5 14.500c2.4.8 4 2.8 4 5.5"],
  headset: ["M4 15v-3a8 8 0 0 1 16 0v3", "M4 14h3v5H5a1 1 0 0 1-1-1zM20 14h-3v5h2a1 1 0 0 0 1-1z", "M19 19c0 1.5-2 2.5-5 2.5"],
  leave: ["M14 4H5v16h9", "M10 12h11M17 8l4 4-4 4"],
  mic: ["M12 4a2.5 2.5 0 0 0-2.5 2.500v5a2.5 2.5 0 0 0 5 0v-5A2.5 2.5 0 0 0 12 4z", "M6 11.500a6 6 0 0 0 12 0M12 17.500V21"],
  more: ["M4.5 12a1 1 0 1 0 2 0a1 1 0 1 0-2 0zM11 12a1 1 0 1 0 2 0a1 1 0 1 0-2 0zM17.5 12a1 1 0 1 0 2 0a1 1 0 1 0-2 0z"],
  pause: ["M8 5v14M16 5v14"],
  picture: ["M4 5h16v14H4z", "M4 16l5-5 4 4 2.5-2.500L20 17M15.5 9h.01"],
  play: ["M8 5l11 7-11 7z"],
  search: ["M11 4.500a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z", "M16 16l4 4"],
  send: ["M12 20V5M6 11l6-6 6 6"],
  speech: ["M4 5h16v11H11l-4.5 4V16H4z"],
  swap: ["M4 8h15M15 4l4 4-4 4", "M20 16H5M9 12l-4 4 4 4"],
  video: ["M3 6h12v12H3z", "M15 10.500l6-3.500v10l-6-3.5"],
  warning: ["M12 4l9 16H3z", "M12 10v4.500M12 17.300h.01"],
};

/** One of the icons above, hidden from screen readers: the control it is in has a label. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" })) {
    svg.setAttribute(key, value);
  }
  for (const d of ICONS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

const TONES = 8; // the colours in chat.css

/** Somebody's picture: the avatar where there is one that loads, else initials on a colour of the userId's. */
export function avatar(name, address, userId) {
  let tone = 0;
  for (const character of String(userId)) tone = (tone * 31 + character.codePointAt(0)) % 65521;
  const letters = el("span", { text: initials(name) });
  const place = el("span.avatar", { "aria-hidden": "true", data: { tone: tone % TONES } }, letters);
  const source = webAddress(address);
  if (source) {
    const picture = el("img", { src: source, alt: "", referrerpolicy: "no-referrer", loading: "lazy", decoding: "async" });
    picture.addEventListener("error", () => picture.remove());
    place.append(picture);
  }
  return place;
}

/** One Chinese character, or the first letters of the first and the last word. */
export function initials(name) {
  const words = String(name).trim().split(/\s+/u).filter(Boolean);
  if (!words.length) return "?";
  const first = Array.from(words[0])[0];
  if (words.length === 1 || /\p{Script=Han}/u.test(first)) return first.toUpperCase();
  return (first + Array.from(words.at(-1))[0]).toUpperCase();
}
