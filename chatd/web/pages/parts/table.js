// The rows of a table that is read again and again: what has not changed stays where it is, and keeps the focus.

import { el } from "./dom.js";

/** The body of a table. */
export class Table {
  #body;
  #columns;
  #rows = new Map();

  /**
   * @param {HTMLTableSectionElement} body
   * @param {object[]} columns each with `value(item)`; `number: true` for one; `head: true` for the row's name; `press`,
   *   `(item, element)`, makes it a button.
   */
  constructor(body, columns) {
    this.#body = body;
    this.#columns = columns;
  }

  /** Show these, in this order. @param {(item: object) => string} key tells which is which. */
  show(items, key) {
    const focused = document.activeElement;
    const rows = new Map(items.map((item) => [key(item), this.#rows.get(key(item)) ?? this.#row()]));
    for (const [name, { element }] of this.#rows) if (!rows.has(name)) element.remove();
    this.#rows = rows;
    for (const [at, item] of items.entries()) {
      const row = rows.get(key(item));
      row.item = item;
      if (this.#body.children[at] !== row.element) this.#body.insertBefore(row.element, this.#body.children[at] ?? null);
      for (const [place, { value }] of this.#columns.entries()) {
        const text = String(value(item));
        if (row.places[place].textContent !== text) row.places[place].textContent = text;
      }
    }
    if (focused !== document.activeElement && this.#body.contains(focused)) focused.focus({ preventScroll: true });
  }

  #row() {
    const row = { item: undefined, element: el("tr"), places: [] };
    for (const { head, number, press } of this.#columns) {
      const cell = el(head ? "th" : "td", { scope: head ? "row" : null, class: number ? "number" : null, dir: number ? null : "auto" });
      const place = press ? el("button.link-button", { on: { click: () => press(row.item, place) } }) : cell;
      if (press) cell.append(place);
      row.places.push(place);
      row.element.append(cell);
    }
    return row;
  }
}
