import type { WebSocketConstructor } from "./chatd-client.js";

/** What is used of `wx`, or of `uni`. */
export interface SocketApi {
  connectSocket(options: { url: string; success(result?: any): void; fail(result?: any): void }): any;
}

/** For {@link Options.WebSocket}: `new ChatClient({ WebSocket: webSocketOf(wx), … })`. */
export function webSocketOf(api: SocketApi): WebSocketConstructor;
