// What the address says of a wall: /screen?view=four&theme=light&rotate=county:30,four:20&focus=…

const LIMITS = { least: 5, most: 3600, steps: 20 };

/** "county:30,four:20" → [{view, seconds}]; what is not a known view is left out. */
export function plan(text, views) {
  const steps = [];
  for (const part of (text || "").split(",").slice(0, LIMITS.steps)) {
    const [view, given = "30"] = part.split(":").map((piece) => piece.trim());
    const seconds = Number(given);
    if (!views.includes(view) || !(seconds > 0)) continue;
    steps.push({ view, seconds: Math.max(LIMITS.least, Math.min(LIMITS.most, seconds)) });
  }
  return steps;
}

export function place(text) {
  const [lon, lat, more] = (text || "").split(",").map((piece) => (piece.trim() === "" ? NaN : Number(piece)));
  const sound = more === undefined && Math.abs(lon) <= 180 && Math.abs(lat) <= 85;
  return sound ? [lon, lat] : null;
}

function time(text) {
  const date = text ? new Date(text) : null;
  return date && !Number.isNaN(date.getTime()) ? date : null;
}

export function readAddress(search, views) {
  const asked = new URLSearchParams(search);
  const alarm = asked.get("alarm");
  return {
    theme: asked.get("theme") === "light" ? "light" : "dark",
    view: views.includes(asked.get("view")) ? asked.get("view") : "county",
    rotate: plan(asked.get("rotate"), views),
    full: asked.get("full") === "1",
    focus: place(asked.get("focus")),
    at: time(asked.get("at")),
    // The worst grade that may move the view: 1 重大; 0 none.
    alarm: /^[0-4]$/.test(alarm || "") ? Number(alarm) : 1,
  };
}

/** Keeps the address in step, so that a restarted browser comes back to the same picture. */
export function noteAddress(changes) {
  const kept = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) kept.delete(key);
    else kept.set(key, value);
  }
  const text = kept.toString().replace(/%2C/g, ",").replace(/%3A/g, ":");
  const asked = text ? `?${text}` : "";
  if (asked !== location.search) history.replaceState(null, "", location.pathname + asked);
}
