/** Who listens to a client, and what a page has to tell one. */

export class Listeners {
  #listeners = new Map();

  /** @returns ends it */
  add(type, listener) {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** A listener that throws harms neither the others nor us: its error is reported as any that nobody caught. */
  tell(type, ...what) {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        listener(...what);
      } catch (error) {
        report(error);
      }
    }
  }
}

function report(error) {
  if (globalThis.reportError) globalThis.reportError(error);
  else setTimeout(() => { throw error; });
}

/** Calls `wake` when timers may have been late: the page is seen again, or the network is back. @returns ends it */
export function onWake(wake) {
  const { document, addEventListener } = globalThis;
  if (document === undefined || addEventListener === undefined) return () => {};
  const seen = () => document.visibilityState === "visible" && wake();
  const listen = (method) => {
    document[`${method}EventListener`]("visibilitychange", seen);
    for (const type of ["online", "pageshow"]) globalThis[`${method}EventListener`](type, wake);
  };
  listen("add");
  return () => listen("remove");
}
