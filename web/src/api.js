// One way to the server: problems become errors with Chinese words, lost sessions go to sign-in.

import { watch, withAttendance } from "./attended.js";

export const link = new EventTarget();
link.seen = new Date();
let up = true;

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `服务器返回错误（${status}）`);
    this.status = status;
    this.body = body;
  }
}

export class Unreachable extends Error {}

function report(reached) {
  if (reached) link.seen = new Date();
  if (reached === up) return;
  up = reached;
  link.dispatchEvent(new Event(reached ? "up" : "down"));
}

export function signIn() {
  const here = location.pathname + location.search + location.hash;
  location.assign(`/login?next=${encodeURIComponent(here)}`);
}

/**
 * What to do when the session is over; a page may have something better than to leave: where it
 * answers true, somebody has signed in and the request goes out again, false refuses it.
 */
export const session = { ended: signIn };

/** How a request goes out; a page without a server answers its own. */
export const transport = { fetch: (url, options) => fetch(url, { credentials: "same-origin", ...options }) };

export async function call(url, options = {}) {
  let response;
  try {
    response = await transport.fetch(url, { ...options, headers: withAttendance(options.headers) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    report(false);
    throw new Unreachable("与服务器的连接已断开");
  }
  report(true);
  if (response.ok) return response;
  if (response.status === 401 && location.pathname !== "/login") {
    const again = await session.ended();
    if (again) return call(url, options);
    if (again === false) throw new Problem(401, { detail: "登录已过期，请重新登录。" });
    return new Promise(() => {});
  }
  const body = await response.json().catch(() => ({}));
  // The account must do something for itself first: the page to do it says what.
  if (/^owes_/.test(body.code) && location.pathname !== "/me") location.assign("/me");
  throw new Problem(response.status, body);
}

if (location.protocol.startsWith("http") && !["/login", "/setup"].includes(location.pathname))
  watch(() => transport.fetch("/api/session").catch(() => {}));

export async function get(url, options) {
  return (await call(url, options)).json();
}

export async function send(method, url, body) {
  const headers = { "X-Requested-With": "mapsvc" };
  const options = { method, headers };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await call(url, options);
  return response.status === 204 ? null : response.json();
}
