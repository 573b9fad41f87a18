// The HTTP API, as whoever has logged in. The password is kept for this tab only.

let authorization = sessionStorage.getItem("authorization");

export function loggedIn() { return authorization !== null; }

export function logIn(user, password) {
  const octets = new TextEncoder().encode(user + ":" + password);
  authorization = "Basic " + btoa(String.fromCharCode(...octets));
  sessionStorage.setItem("authorization", authorization);
}

export function logOut() {
  authorization = null;
  sessionStorage.removeItem("authorization");
}

export class ApiError extends Error {
  constructor(status, reason) {
    super(typeof reason === "string" ? reason : JSON.stringify(reason));
    this.status = status;
  }
}

async function send(method, path, body) {
  const headers = { "X-Requested-With": "warren", Authorization: authorization ?? "" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch("api/" + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: "omit" });
  const text = await answer.text();
  let value = null;
  try { value = text ? JSON.parse(text) : null; } catch { value = text; }
  if (!answer.ok) throw new ApiError(answer.status, value?.reason ?? answer.statusText);
  return value;
}

export const get = (path) => send("GET", path);
export const put = (path, body) => send("PUT", path, body ?? {});
export const post = (path, body) => send("POST", path, body);
export const remove = (path) => send("DELETE", path);
// Segments of a path, each escaped on its own.
export const path = (...segments) => segments.map(encodeURIComponent).join("/");
