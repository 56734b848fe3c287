/**
 * A WebSocket for the client's options where there is none but an API like wx.connectSocket: WeChat mini programs, and
 * uni-app (`uni`). Its other half, waking the client, is for the app: see docs/clients.rst.
 */
export function webSocketOf(api) {
  return class {
    onopen = null;
    onmessage = null;
    onclose = null;
    onerror = null;
    #task;
    #isOpen = false;
    #isOver = false;
    #closing = null; // the code, until it has opened: a task cannot be closed before

    constructor(url) {
      const fail = ({ errMsg } = {}) => this.#end({ code: 1006, reason: errMsg ?? "" });
      this.#task = api.connectSocket({ url, success() {}, fail }); // without a callback, uni returns a promise
      this.#task?.onOpen(() => this.#opened());
      this.#task?.onMessage(({ data }) => this.onmessage?.({ data }));
      this.#task?.onError(fail);
      this.#task?.onClose(({ code, reason } = {}) => {
        this.#isOpen = false;
        this.#end({ code: code ?? 1006, reason: reason ?? "" });
      });
    }

    send(data) {
      this.#task.send({ data, fail: ({ errMsg } = {}) => this.#end({ code: 1006, reason: errMsg ?? "" }) });
    }

    close(code = 1000) {
      if (this.#isOpen) this.#task.close({ code });
      else this.#closing = code;
    }

    #opened() {
      this.#isOpen = true;
      if (this.#closing !== null) this.#task.close({ code: this.#closing });
      else this.onopen?.({});
    }

    /** Some platforms tell of an end by onError, some by onClose, some by both. */
    #end(event) {
      if (this.#isOver) return;
      this.#isOver = true;
      setTimeout(() => this.onclose?.(event)); // never from within connectSocket or send
    }
  };
}
