// Does somebody stand before this page? What it asks for by itself keeps nobody signed in.

const RECENT_MS = 60_000;
const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];
// A page is opened by somebody; a wall also opens itself anew. Kept with the window: a page's
// bundles each have this module.
const opened = location.pathname === "/screen" ? -Infinity : performance.now();
const seen = (window.attendance = window.attendance || { touched: opened, told: -Infinity, watched: false });

/** The headers of a request that goes out now; one without somebody behind it says so. */
export function withAttendance(headers = {}) {
  if (performance.now() - seen.touched > RECENT_MS) return { ...headers, "X-Unattended": "1" };
  seen.told = performance.now();
  return headers;
}

/** Open the page anew by itself: what it asks for first goes out before any script could say so. */
export function reopen() {
  if (performance.now() - seen.touched > RECENT_MS) document.cookie = "mapsvc_unattended=1; max-age=15; path=/; samesite=lax";
  location.reload();
}

/** Whoever works on a page that asks for nothing, a long form say, is there all the same: `tell`. */
export function watch(tell) {
  if (seen.watched) return;
  seen.watched = true;
  const touch = () => {
    seen.touched = performance.now();
    if (seen.touched - seen.told < RECENT_MS) return;
    seen.told = seen.touched;
    tell();
  };
  for (const sign of SIGNS) addEventListener(sign, touch, { capture: true, passive: true });
}
