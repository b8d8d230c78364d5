// What changes, as it happens. A feed that falls silent says so, and mends itself.
import { withAttendance } from "../attended.js";
import { serverNow, setServerTime } from "./clock.js";

const LOST_AFTER_MS = 8_000;
const CUT_AFTER_MS = 60_000;
const DEAF_AFTER_MS = 14_000;
const AGAIN_MS = 2_500;
const EVENTS = ["feature.changed", "upload.applied", "upload.rolled_back", "closure.changed"];

/**
 * Fires "state" ({state: connecting|live|lost|cut|signed-out, heard, since}), "change" (one entry of
 * the log) and "resync" (load everything anew).
 */
export class Feed extends EventTarget {
  constructor() {
    super();
    this.position = null;
    this.heard = null;
    this.signOfLife = performance.now();
    this.state = "connecting";
    this.open();
    this.timer = setInterval(() => this.look(), 1000);
  }

  open() {
    clearTimeout(this.again);
    if (this.source) this.source.close();
    this.opened = performance.now();
    const after = this.position === null ? "" : `?after=${this.position}`;
    const source = (this.source = new EventSource(`/api/events${after}`));
    source.addEventListener("hello", (event) => this.live(event));
    source.addEventListener("tick", (event) => this.live(event));
    source.addEventListener("resync", (event) => {
      this.live(event);
      this.position = JSON.parse(event.data).position;
      this.dispatchEvent(new Event("resync"));
    });
    source.addEventListener("session.ended", () => this.ended());
    for (const name of EVENTS)
      source.addEventListener(name, (event) => {
        this.position = Number(event.lastEventId);
        this.signOfLife = performance.now();
        this.dispatchEvent(new CustomEvent("change", { detail: { event: name, ...JSON.parse(event.data) } }));
      });
    source.addEventListener("error", () => {
      // The browser tries again by itself unless the server answered with an error.
      if (source.readyState === EventSource.CLOSED) this.later();
      this.look();
    });
  }

  later() {
    clearTimeout(this.again);
    this.again = setTimeout(() => this.ask(), AGAIN_MS * (0.7 + Math.random() * 0.6));
  }

  /** Why was the stream refused? An ended session is not mended by trying. */
  async ask() {
    const answer = await fetch("/api/session", { credentials: "same-origin", headers: withAttendance() }).catch(() => null);
    if (answer && answer.status === 401) this.ended();
    else this.open();
  }

  ended() {
    this.source.close();
    clearTimeout(this.again);
    clearInterval(this.timer);
    this.tell("signed-out");
  }

  /** The server is there; whether its database is, it says itself. */
  live({ data, lastEventId }) {
    const { time, heard_at: heard, live, position } = JSON.parse(data);
    setServerTime(time);
    if (lastEventId || this.position === null) this.position = Number(lastEventId || position);
    this.heard = new Date(heard);
    if (live) this.signOfLife = performance.now();
    this.look();
  }

  look() {
    const silent = performance.now() - this.signOfLife;
    if (silent > DEAF_AFTER_MS && performance.now() - this.opened > DEAF_AFTER_MS) this.open();
    if (silent < LOST_AFTER_MS) this.tell(this.heard ? "live" : "connecting");
    else this.tell(silent < CUT_AFTER_MS ? "lost" : "cut");
  }

  tell(state) {
    const changed = state !== this.state;
    this.state = state;
    const since = performance.now() - this.signOfLife;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, changed, heard: this.heard || serverNow(), since } }));
  }
}
