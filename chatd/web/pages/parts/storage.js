// What the browser keeps for the pages. It may forbid that, or be full: then what is kept ends with the page.

/**
 * What was kept, or null.
 *
 * @param {"localStorage" | "sessionStorage"} storage
 * @param {string} key
 */
export function kept(storage, key) {
  try {
    return window[storage].getItem(key); // where it is forbidden the property itself throws
  } catch {
    return null;
  }
}

/** Keep a text; null: no more. */
export function keep(storage, key, text) {
  try {
    if (text === null) window[storage].removeItem(key);
    else window[storage].setItem(key, text);
  } catch {
    // not kept
  }
}
