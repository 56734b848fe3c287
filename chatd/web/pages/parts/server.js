// Where this page's server is.

/** @returns {Promise<{websocket: string, admin: boolean, version: string}>} */
export async function serverConfig() {
  const answer = await fetch("/config.json", { cache: "no-store" });
  if (!answer.ok) throw new Error(`/config.json: ${answer.status}`);
  return answer.json();
}
