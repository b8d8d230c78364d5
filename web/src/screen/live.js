// The wall kept in step with the feed: maps first, then figures, stream, chain; alarms last.
import { h } from "../dom.js";
import { lookOf, swatch } from "../symbols.js";
import { GRADES, number } from "../words.js";
import { alarmWords, alarming, risen } from "./alarm.js";
import { Beacons } from "./beacons.js";
import { Feed } from "./feed.js";
import { LAYER as COMMAND } from "./posts.js";
import { clockText } from "./said.js";
import { serverNow } from "./clock.js";
import { Stream } from "./stream.js";

const ALARM_DEPTH = 3.2;

/** Calls at once, then not again until the last call is over and `pause` has passed. */
function paced(pause, act) {
  let busy = false;
  let again = false;
  const run = async () => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      await act();
    } catch (error) {
      console.info("later:", error.message);
    }
    setTimeout(() => {
      busy = false;
      if (again) {
        again = false;
        run();
      }
    }, pause);
  };
  return run;
}

export class Live {
  constructor(wall, alarmGrade) {
    this.wall = wall;
    this.alarmGrade = alarmGrade;
    this.stream = new Stream(wall.parts.stream);
    this.stream.setLayers(wall.layers);
    this.beacons = new Beacons(wall.stage.panes());
    this.versions = new Map();
    this.maps = paced(300, () => this.redraw());
    this.figures = paced(900, () => this.count());
    this.posts = paced(3000, () => wall.refreshPosts());
    this.feed = new Feed();
    this.feed.addEventListener("state", ({ detail }) => this.state(detail));
    this.feed.addEventListener("change", ({ detail }) => this.change(detail));
    this.feed.addEventListener("resync", () => this.anew());
  }

  state(detail) {
    this.wall.notices.setFeed(detail);
    // What was asked while the server was away may have failed: once it is back, all is asked anew.
    const down = detail.state === "lost" || detail.state === "cut";
    if (down) this.wasDown = true;
    else if (detail.state === "live" && this.wasDown) {
      this.wasDown = false;
      this.anew();
    }
  }

  async anew() {
    try {
      await this.wall.refreshLayers();
      await this.stream.load();
    } catch (error) {
      console.info("later:", error.message);
    }
    this.figures();
    this.posts();
  }

  change(change) {
    this.stream.add(change);
    if (change.event === "closure.changed") return;
    if (change.layer && change.version) this.versions.set(change.layer, change.version);
    this.maps();
    this.figures();
    if (change.layer === COMMAND) this.posts();
    const items = alarming(change, this.alarmGrade);
    if (this.wall.past.at) {
      if (items.length) this.tellAlarm(change.layer, items, "画面是当时的图，没有移动　Esc 关闭", null);
      return;
    }
    if (items.length) this.alarm(change.layer, items);
    for (const item of (change.summary || []).slice(0, 4))
      if (item.op !== "delete" && !items.includes(item)) this.beacons.show([item.lon, item.lat], { layer: change.layer, symbol: () => this.symbol(change.layer, item.grade) });
  }

  symbol(layerId, grade) {
    return swatch(lookOf(this.wall.layers.find(({ id }) => id === layerId)), grade || 0, 18);
  }

  redraw() {
    this.wall.setVersions(this.versions);
  }

  async count() {
    const before = this.wall.present;
    await this.wall.refreshFigures();
    if (!before || this.wall.past.at || !this.alarmGrade) return;
    for (const { layer, grade, from, to } of risen(before, this.wall.present, this.alarmGrade)) this.counted(layer, grade, from, to);
  }

  /** A change of many has no places to show: the wall says what it did and moves nothing. */
  counted(layerId, grade, from, to) {
    if (this.alarmed && performance.now() - this.alarmed < 5000) return;
    const layer = this.wall.layers.find(({ id }) => id === layerId);
    this.wall.notices.set("alarm", swatch(lookOf(layer), grade, 18), h("p", {}, h("b", {}, `${GRADES[grade]}${layer.noun}由 ${number(from)} 增至 ${number(to)}`), h("small", {}, `${clockText(serverNow())}　画面没有移动　Esc 关闭`)));
    this.wall.awaitDismissal(null);
  }

  alarm(layerId, items) {
    this.alarmed = performance.now();
    const { wall } = this;
    const before = wall.stage.remember();
    if (this.mark) this.beacons.drop(this.mark);
    wall.stage.lookAt(items.map((item) => [item.lon, item.lat]), ALARM_DEPTH);
    const marks = items.slice(0, 4).map((item) => this.beacons.show([item.lon, item.lat], { stay: 0 }));
    wall.tellChain([items[0].lon, items[0].lat], items[0].name);
    this.tellAlarm(layerId, items, "按告警规则，画面已移到此处　Esc 返回", () => {
      for (const mark of marks) this.beacons.drop(mark);
      wall.stage.recall(before);
      wall.forgetChain();
    });
  }

  /** `back` undoes what the alarm did to the view; null where it did nothing. */
  tellAlarm(layerId, items, does, back) {
    const { wall } = this;
    const layer = wall.layers.find(({ id }) => id === layerId);
    wall.notices.set(
      "alarm",
      swatch(lookOf(layer), items[0].grade, 18),
      h("p", {}, h("b", {}, alarmWords(items, layer.noun)), h("small", {}, `${clockText(serverNow())}　${does}`)),
    );
    wall.awaitDismissal(back);
  }
}
