// The HTTP API, as whoever has logged in: a session that the browser knows by a cookie which no script can read, and a
// token that only this page has, for requests that change something.

let session = null;
let ended = () => {};

export const who = () => session;
// Called when a request finds that the session is over.
export const onEnd = (call) => { ended = call; };

export class ApiError extends Error {
  constructor(status, reason) {
    super(typeof reason === "string" ? reason : JSON.stringify(reason));
    this.status = status;
  }
}

async function send(method, path, body) {
  const headers = { "X-Requested-With": "warren" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && session) headers["X-CSRF-Token"] = session.token;
  let answer;
  try {
    answer = await fetch("api/" + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: "same-origin" });
  } catch {
    throw new ApiError(0, "The node does not answer.");
  }
  const text = await answer.text();
  let value = null;
  try { value = text ? JSON.parse(text) : null; } catch { value = text; }
  if (answer.ok) return value;
  const problem = new ApiError(answer.status, value?.reason ?? answer.statusText);
  if (answer.status === 401 && session && problem.message === "Login failed") { session = null; ended("Your session has ended."); }
  throw problem;
}

export const get = (path) => send("GET", path);
export const put = (path, body) => send("PUT", path, body ?? {});
export const post = (path, body) => send("POST", path, body);
export const remove = (path) => send("DELETE", path);
// Segments of a path, each escaped on its own.
export const path = (...segments) => segments.map(encodeURIComponent).join("/");
export const has = (tag) => session !== null && (session.tags.includes(tag) || session.tags.includes("administrator")
  || (tag === "management" && session.tags.some((each) => ["monitoring", "policymaker"].includes(each))));

// Null: nobody is logged in.
export async function resume() {
  session = await send("GET", "session");
  return session;
}

// While somebody looks, the cookie is kept young enough for any node of the cluster to take the session over.
const youngMs = 5 * 60 * 1000;
setInterval(async () => {
  if (!session || document.hidden) return;
  try {
    const now = await send("GET", "session");
    if (!session) return; // logged out meanwhile
    session = now;
    if (!now) ended("Your session has ended.");
  } catch { /* the node does not answer: whoever asks it something is told */ }
}, youngMs);

export async function logIn(name, password) {
  session = await send("POST", "session", { name, password });
  return session;
}

export async function logOut() {
  try { await send("DELETE", "session"); } finally { session = null; }
}

// The session is known to be over: there is nothing to tell the node.
export function forget() {
  session = null;
}
