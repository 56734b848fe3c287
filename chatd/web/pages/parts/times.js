// Times as the reader's clock and calendar have them.

import { locale, t } from "./i18n.js";

const formats = new Map();

function format(style) {
  const key = `${locale()} ${JSON.stringify(style)}`;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale(), style));
  return formats.get(key);
}

/**
 * A message's createTime as a Date, in each of the three forms that a server may be set to: ISO 8601, milliseconds,
 * or a date and a time in the server's zone, which is taken for the reader's. undefined: none of them.
 */
export function parseTime(createTime) {
  const text = String(createTime ?? "");
  const date = /^\d{11,}$/.test(text) ? new Date(Number(text)) : new Date(text.replace(" ", "T"));
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** 14:05 */
export const clockTime = (date) => format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(date);

/** Day and time, for who wants to know exactly. */
export const fullTime = (date) => format({ dateStyle: "full", timeStyle: "medium" }).format(date);

/** Two times are on the same day of the reader's if this is the same. */
export const dayKey = (date) => `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;

/** Today, yesterday, or the day with as much as is needed of the rest. */
export function dayName(date, now = new Date()) {
  if (dayKey(date) === dayKey(now)) return t("day.today");
  if (dayKey(date) === dayKey(new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1))) return t("day.yesterday");
  const style = { weekday: "long", month: "long", day: "numeric" };
  return format(date.getFullYear() === now.getFullYear() ? style : { ...style, year: "numeric" }).format(date);
}

/** 0:07, 12:05, 1:02:03 */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
