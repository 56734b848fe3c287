// The widget's looks. They hold inside its shadow root only, and nothing of the page's reaches in. No <style> and no
// <link>: a page's Content-Security-Policy need not allow any.

import { sheets } from "./sheets.js";

const own = `
.frame {
  all: initial;
  display: contents;
  color-scheme: light dark;
  font: 16px/1.5 var(--font);
  color: var(--ink);
  text-align: start;
  overflow-wrap: anywhere;
  -webkit-text-size-adjust: 100%;
  text-size-adjust: 100%;
}
:host([hidden]) { display: none; }

/* -- the button in the corner ---------------------------------------------------------------------- */

.launcher {
  position: fixed;
  z-index: 2147483000;
  right: max(20px, env(safe-area-inset-right));
  bottom: max(20px, env(safe-area-inset-bottom));
  display: grid;
  place-items: center;
  width: 60px;
  height: 60px;
  padding: 0;
  border: 0;
  border-radius: 50%;
  background: var(--accent);
  color: var(--accent-ink);
  box-shadow: var(--shadow-high);
  cursor: pointer;
  transition: transform 0.15s, background-color 0.15s;
}
.launcher:hover { background: var(--accent-over); transform: translateY(-2px); }
.launcher:active { transform: none; }
.launcher:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
.launcher .icon { width: 28px; height: 28px; }
.launcher > span { grid-area: 1 / 1; transition: opacity 0.15s, transform 0.15s; }
.launcher[aria-expanded="false"] .launcher-close,
.launcher[aria-expanded="true"] .launcher-open { opacity: 0; transform: scale(0.6); }
.launcher-badge {
  position: absolute;
  top: -4px;
  right: -4px;
  min-width: 24px;
  padding: 0 6px;
  border: 2px solid var(--paper);
  border-radius: 99px;
  background: #c62828;
  color: #fff;
  font: 600 12px/20px var(--font);
  font-variant-numeric: tabular-nums;
}

/* -- the conversation ------------------------------------------------------------------------------ */

.panel {
  position: fixed;
  z-index: 2147483000;
  right: max(20px, env(safe-area-inset-right));
  bottom: calc(max(20px, env(safe-area-inset-bottom)) + 76px);
  display: flex;
  flex-direction: column;
  width: min(392px, calc(100vw - 40px));
  height: min(640px, calc(100dvh - 116px));
  min-height: 260px;
  overflow: hidden;
  border: 1px solid var(--line);
  border-radius: var(--round-large);
  background: var(--ground);
  box-shadow: var(--shadow-high);
  animation: rise 0.18s ease-out;
}
@keyframes rise {
  from { opacity: 0; transform: translateY(10px); }
}
.panel-head {
  display: flex;
  align-items: center;
  gap: var(--s3);
  flex: none;
  min-height: 68px;
  padding: var(--s3) var(--s3) var(--s3) var(--s4);
  background: var(--accent);
  color: var(--accent-ink);
}
.panel-head .avatar { width: 40px; height: 40px; }
.panel-mark {
  display: grid;
  place-items: center;
  flex: none;
  width: 40px;
  height: 40px;
  border-radius: 50%;
  background: color-mix(in srgb, var(--accent-ink) 16%, transparent);
}
.panel-who { flex: 1; min-width: 0; }
.panel-title { font-size: 16px; font-weight: 650; line-height: 1.3; }
.panel-progress { display: flex; align-items: center; gap: 6px; font-size: 13px; line-height: 1.4; }
.panel-progress > span:last-child { min-width: 0; }
.panel-progress .dot { background: color-mix(in srgb, var(--accent-ink) 45%, transparent); }
.panel-progress .dot.on { background: #8df0b4; box-shadow: 0 0 0 2px color-mix(in srgb, #8df0b4 35%, transparent); }
.panel-head .button {
  border-color: transparent;
  background: none;
  color: inherit;
}
.panel-head .button:hover { background: color-mix(in srgb, var(--accent-ink) 14%, transparent); }
.panel-head .button:focus-visible { outline-color: var(--accent-ink); outline-offset: -3px; }

@media (prefers-color-scheme: dark) {
  .panel-head { border-bottom: 1px solid var(--line); background: var(--accent-soft); color: var(--ink); }
  .panel-mark { background: color-mix(in srgb, var(--ink) 14%, transparent); }
  .panel-head .button:hover { background: color-mix(in srgb, var(--ink) 12%, transparent); }
  .panel-head .button:focus-visible { outline-color: var(--ink); }
}

.panel-body { position: relative; flex: 1; display: flex; flex-direction: column; min-height: 0; }
.panel-talk { flex: 1; display: flex; flex-direction: column; min-height: 0; }

.welcome { display: grid; align-content: start; gap: var(--s4); flex: 1; min-height: 0; padding: var(--s5) var(--s4); overflow-y: auto; }
.welcome-line { font-size: 20px; font-weight: 650; line-height: 1.3; letter-spacing: -0.01em; }
.welcome .soft { margin-top: calc(var(--s4) * -1 + var(--s1)); }

.panel-note {
  display: flex;
  align-items: flex-start;
  gap: var(--s3);
  flex: none;
  margin: 0;
  padding: var(--s3) var(--s4);
  border-top: 1px solid var(--line);
  background: var(--accent-soft);
  color: var(--ink);
  font-size: 14px;
}
.panel-note.warn { background: var(--warn-soft); }
.panel-note.danger { background: var(--danger-soft); }
.panel-note .icon { margin-top: 1px; color: var(--ink-soft); }
.panel-note > div { flex: 1; min-width: 0; }
.panel-note.over { display: grid; gap: var(--s3); padding: var(--s4); border-top: 1px solid var(--line); background: var(--paper); text-align: center; justify-items: center; }
.waiting-dots { display: inline-flex; align-items: center; gap: 4px; height: 21px; }
.waiting-dots i { width: 6px; height: 6px; border-radius: 50%; background: var(--accent-text); animation: wait 1.2s infinite ease-in-out; }
.waiting-dots i:nth-child(2) { animation-delay: 0.15s; }
.waiting-dots i:nth-child(3) { animation-delay: 0.3s; }
@keyframes wait {
  0%, 60%, 100% { opacity: 0.3; }
  30% { opacity: 1; }
}

@media (max-width: 520px) {
  .launcher { right: max(16px, env(safe-area-inset-right)); bottom: max(16px, env(safe-area-inset-bottom)); }
  .panel {
    inset: 0;
    width: auto;
    height: 100dvh;
    border: 0;
    border-radius: 0;
  }
}
@media (prefers-reduced-motion: reduce) {
  .panel, .waiting-dots i { animation: none; }
}
@media print {
  :host { display: none; }
}
`;

const themes = new Map(); // "light", "dark" or "": as the reader prefers → sheets

/** Give a widget's shadow root its looks. A page that is always light, or dark, says so. */
export function dress(root, theme) {
  const known = theme === "light" || theme === "dark" ? theme : "";
  if (!themes.has(known)) themes.set(known, [...sheets, own].map((text) => sheet(text, known)));
  root.adoptedStyleSheets = themes.get(known);
}

function sheet(text, theme) {
  const made = new CSSStyleSheet();
  made.replaceSync(theme ? text.replaceAll("color-scheme: light dark", `color-scheme: ${theme}`) : text);
  for (const rule of made.cssRules) {
    if (theme && rule instanceof CSSMediaRule && rule.conditionText.includes("prefers-color-scheme")) {
      rule.media.mediaText = theme === "dark" ? "all" : "not all";
    }
  }
  return made;
}
