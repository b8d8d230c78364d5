// The wall: what it shows, what it hears, what is pressed.
import { get, session } from "../api.js";
import { reopen } from "../attended.js";
import { breath } from "../breath.js";
import { fill, h } from "../dom.js";
import { painted } from "../scene.js";
import { drawnKinds, lookOf, swatch, useSymbols } from "../symbols.js";
import { GRADES } from "../words.js";
import { toTrue } from "../shift.js";
import { noteAddress, readAddress } from "./address.js";
import { setServerTime, startClock } from "./clock.js";
import { buildFrame } from "./frame.js";
import { Notices } from "./notices.js";
import { readOverview } from "./overview.js";
import { LAYER as COMMAND, chainAt, readPosts } from "./posts.js";
import { momentText } from "./said.js";
import { Stage } from "./stage.js";
import { setTheme } from "./theme.js";

const UNSEEN_MS = 600_000;

export class Wall {
  constructor(shell) {
    this.shell = shell;
    this.views = ["county", "four", ...Object.keys(shell.small)];
    this.asked = readAddress(location.search, this.views);
    setTheme(this.asked.theme);
    this.parts = buildFrame(shell);
    this.notices = new Notices(this.parts);
    startClock(this.parts);
    this.load().catch((error) => this.fail(error));
  }

  async load() {
    const [about, layers, symbols] = await Promise.all([get("/api/map"), get("/api/layers"), get("/api/symbols")]);
    // An unattended wall keeps its picture; leaving for the sign-in page is a person's step.
    session.ended = () => this.live && this.live.feed.ended();
    setServerTime(about.time);
    useSymbols(symbols);
    this.about = about;
    this.name(about);
    this.stage = new Stage(this.shell, this.parts);
    this.stage.setCounty(about);
    this.takeLayers(layers);
    // Folded from the start: what the figures will stand for need not be fetched point by point.
    this.stage.setFigures(new Map());
    this.setBare(this.asked.full);
    this.stage.show(this.asked.view);
    // The points come first; what stands round the map is built after them.
    await painted(this.stage.shownPanes()[0].scene);
    // Before the ground brings names: they keep clear of what stands there.
    this.kinds(this.asked.view);
    const [{ outlinesOf, surround }, county, towns] = await Promise.all([
      import("./around.js"),
      get("/api/regions?level=county"),
      get("/api/regions?level=township"),
    ]);
    this.stage.setRelief(document.documentElement.dataset.theme).catch((error) => console.info("relief:", error.message));
    await surround(this, layers);
    this.said(this.asked.view);
    await breath();
    this.takeOutlines(county, outlinesOf(towns));
    await Promise.all([this.refreshFigures(), this.refreshPosts(), this.live.stream.load()]);
    if (this.asked.at) this.past.set(this.asked.at);
    if (this.asked.focus) await this.openFocus(this.asked.focus);
    this.rotation.next();
  }

  /** The county's edge and its townships; without townships nothing can be folded into them. */
  takeOutlines(county, towns) {
    this.stage.setOutline(county.features.flatMap(({ geometry }) => ringsOf(geometry)));
    this.outlines = towns;
    this.fresh.setOutlines(this.outlines);
  }

  name({ title, county, demo }) {
    this.parts.county.textContent = county.name || title;
    this.parts.title.textContent = county.name ? title.replace(county.name, "") : "";
    document.title = `${title} · 大屏`;
    this.parts.demo.hidden = !demo;
  }

  actions() {
    const views = this.layers.slice(0, 9).map((layer, i) => ({
      key: [String(i + 1)],
      name: layer.title.slice(0, 2),
      view: layer.id,
      about: `${layer.title}；再按一次占满整屏`,
      run: () => this.choose(layer.id),
    }));
    return [
      { key: ["0"], name: "全县", view: "county", about: "全县总览", run: () => this.choose("county") },
      ...views,
      { key: ["f"], name: "四图", view: "four", about: "四图同屏，移动和缩放同步", run: () => this.choose("four") },
      { key: ["e"], name: "事件", view: "focus", about: "事件：点一处，看谁先到、影响多大、呼叫谁", run: () => this.aim() },
      { key: ["t"], name: "时间", view: "past", about: "时间：看过去某一天的四图", run: () => this.past.toggle() },
      { key: ["arrowleft"], run: (event) => this.travel(event, -1) },
      { key: ["arrowright"], run: (event) => this.travel(event, 1) },
      { key: ["l"], about: "深色、浅色", run: () => this.turnTheme() },
      { key: ["escape"], about: "返回", run: () => this.back() },
    ];
  }

  travel(event, way) {
    if (!this.past.open) return false;
    if (event.shiftKey) this.past.step(0, way);
    else this.past.step(way);
    return true;
  }

  /** The key of the view that is shown already gives it the whole wall, and takes it back. */
  choose(view) {
    const again = view === this.stage.view && !this.focus.open;
    this.setBare(again && !document.body.classList.contains("bare"));
    if (this.focus.open) this.closeFocus();
    this.notices.drop("hint");
    this.aiming = false;
    this.rotation.pause();
    this.show(view);
    noteAddress({ view: view === "county" ? null : view });
  }

  setBare(bare) {
    document.body.classList.toggle("bare", bare);
    noteAddress({ full: bare ? "1" : null });
  }

  show(view) {
    this.stage.show(view);
    this.tell(view);
  }

  /** What is shown, round the map and on it. */
  tell(view) {
    if (!document.body.classList.contains("bare")) this.bars.resize();
    this.kinds(view);
    this.said(view);
  }

  said(view) {
    const layer = this.layers.find(({ id }) => id === view);
    this.parts.view.textContent = layer ? layer.title : { four: "四图", focus: "事件", county: "全县总览" }[view];
    this.keys.mark(view);
    for (const pane of this.stage.small.values()) if (pane.shown) this.titleOf(pane);
  }

  /** One key back: what came last goes first. */
  back() {
    if (this.dismissal) return this.dismiss();
    if (this.aiming) return this.aim();
    if (this.focus.open) return this.closeFocus();
    if (this.past.open || this.past.at) return this.past.close();
    if (document.body.classList.contains("bare")) {
      this.setBare(false);
      return this.show(this.stage.view);
    }
    this.select(null);
    this.stage.release();
    if (this.rotation.steps.length) return this.rotation.next();
    return this.choose("county");
  }

  /** An alarm stands until somebody has seen it. */
  awaitDismissal(then) {
    // A second alarm keeps the way back to the view before the first.
    if (!this.dismissal || then === null) this.dismissal = this.dismissal || then || (() => {});
    else {
      const first = this.dismissal;
      this.dismissal = () => {
        then();
        first();
      };
    }
    clearTimeout(this.unseen);
    // An unattended wall goes on with its plan after a while; the stream still names the alarm.
    if (this.rotation.steps.length) this.unseen = setTimeout(() => this.dismissal && this.dismiss(), UNSEEN_MS);
    this.sayPlan();
  }

  dismiss() {
    clearTimeout(this.unseen);
    const act = this.dismissal;
    this.dismissal = null;
    this.notices.drop("alarm");
    act();
    this.sayPlan();
  }

  aim() {
    this.aiming = !this.aiming;
    document.body.classList.toggle("aiming", this.aiming);
    if (this.aiming) this.notices.set("hint", "请点事发位置", h("span", { class: "faint" }, "Esc 取消"));
    else this.notices.drop("hint");
  }

  async pick({ pane, latlng, point }) {
    const place = toTrue([latlng.lng, latlng.lat]);
    if (this.aiming) {
      this.aim();
      await this.openFocus(place);
      return;
    }
    const item = pane.scene.at(point);
    if (item && item.count > 1) {
      this.stage.enter(pane, pane.scene.latLngOf(item));
      return;
    }
    const at = item ? pane.scene.latLngOf(item) : latlng;
    await this.select(toTrue([at.lng, at.lat]), item && item.members ? item.members[0] : null);
  }

  /** A place picked by hand: its chain lights up, from the village to the county. */
  async select(place, member = null) {
    if (this.mark) this.live.beacons.drop(this.mark);
    this.mark = null;
    if (!place) {
      this.forgetChain();
      return;
    }
    this.mark = this.live.beacons.show(place, { stay: 0 });
    await this.tellChain(place, member && member.name);
  }

  /** The chain of a place, named by what stands there or else by its village. */
  async tellChain(place, name) {
    const asked = (this.asked = {});
    const found = await chainAt(place).catch(() => null);
    // Meanwhile another place may have been asked about, or none.
    if (!found || asked !== this.asked) return;
    const region = found.regions.slice(0, 2).reverse().map((one) => one.name).join("");
    this.showChain(found, name || region);
  }

  forgetChain() {
    this.asked = null;
    this.chain.rest();
    this.light([]);
  }

  showChain(found, where) {
    if (!found) return;
    this.asked = null;
    this.chain.show(found, where);
    this.light(found.chain.filter(({ missing }) => !missing));
  }

  light(chain) {
    const posts = chain.map(({ id }) => this.tree && this.tree.byId.get(id)).filter(Boolean);
    for (const hierarchy of this.hierarchies) hierarchy.light(posts);
  }

  async openFocus(place) {
    if (!this.focus.open) this.before = { view: this.stage.view, look: this.stage.remember() };
    this.select(null);
    this.show("focus");
    noteAddress({ focus: place.map((value) => value.toFixed(6)).join(",") });
    await this.focus.at(place);
  }

  closeFocus() {
    this.focus.close();
    noteAddress({ focus: null });
    this.forgetChain();
    this.show(this.before.view);
    this.stage.recall(this.before.look);
    this.bars.resize();
  }

  async showMoment(at) {
    const now = document.body.classList.contains("past") === Boolean(at);
    document.body.classList.toggle("past", Boolean(at));
    if (!now) this.sized();
    noteAddress({ at: at ? at.toISOString().slice(0, 19) + "Z" : null });
    if (at) this.notices.set("past", h("b", {}, "当时的图"), h("span", {}, momentText(at)), h("span", {}, "非实时"));
    else this.notices.drop("past");
    this.keys.mark(at ? "past" : this.stage.view);
    this.stage.setMoment(at ? at.toISOString() : null);
    this.drawPosts();
    this.sayPlan();
    // Back from the past: what rose meanwhile is told.
    await (at ? this.refreshFigures() : this.live.count()).catch((error) => this.notices.set("hint", error.message));
  }

  /** The maps have more room or less. */
  sized() {
    this.stage.resize();
    this.stage.keepClear(this.parts.kinds);
  }

  async turnTheme(name) {
    const theme = name || (document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    setTheme(theme);
    this.legend();
    for (const part of [this.figures, this.fresh, this.bars, this.live.stream]) part.repaint();
    for (const pane of this.stage.small.values()) this.titleOf(pane);
    this.kinds(this.stage.view);
    if (!name) noteAddress({ theme: theme === "light" ? theme : null });
    await this.stage.setTheme(theme);
  }

  takeLayers(layers) {
    this.layers = layers;
    this.stage.setLooks(new Map(layers.map((layer) => [layer.id, lookOf(layer, { version: layer.version, count: layer.count })])));
  }

  async refreshLayers() {
    this.takeLayers(await get("/api/layers"));
  }

  /** New versions make new tile addresses: the maps follow a commit before anything else does. */
  setVersions(versions) {
    const looks = new Map(this.stage.looks);
    for (const [id, version] of versions) {
      const look = looks.get(id);
      if (look && version > look.version) looks.set(id, { ...look, version, count: Math.max(1, look.count) });
    }
    this.stage.setLooks(looks);
  }

  async refreshFigures() {
    const asOf = this.past.at ? this.past.at.toISOString() : null;
    const overview = await readOverview(asOf);
    if (asOf !== (this.past.at ? this.past.at.toISOString() : null)) return;
    this.overview = overview;
    if (!asOf) this.present = overview;
    this.stage.setFigures(this.outlines ? this.plates() : null);
    if (asOf && Object.values(overview.layers).every(({ count }) => count === 0))
      this.notices.set("past", h("b", {}, "当时的图"), h("span", {}, momentText(this.past.at)), h("span", {}, "当时还没有数据"));
    this.figures.update(overview);
    await breath();
    if (overview !== this.overview) return;
    this.fresh.update(overview);
    this.bars.update(overview, this.layers, this.outlines);
    const elsewhere = Object.values(overview.layers).reduce((sum, layer) => sum + layer.elsewhere, 0);
    this.parts.note.textContent = `内部底图，未经地图审核${elsewhere ? `　另有 ${elsewhere} 处不在任何乡镇内` : ""}`;
  }

  /** Figures of the ungraded layers by township, to stand below its name. */
  plates() {
    const plain = this.layers.filter(({ grade }) => !grade);
    const { towns } = this.outlines;
    return new Map(
      towns.map(({ code, name }) => [
        name,
        plain.map((layer) => {
          const town = this.overview.layers[layer.id].towns[code];
          return { look: lookOf(layer), grade: 0, text: String(town ? town.count : 0) };
        }),
      ]),
    );
  }

  async refreshPosts() {
    if (!this.layers.some(({ id }) => id === COMMAND)) return;
    this.tree = await readPosts();
    this.chain.setTree(this.tree, new Date());
    for (const hierarchy of this.hierarchies) hierarchy.setTree(this.tree);
    this.drawPosts();
  }

  /** As a tree, where it is small enough; the tree is of now, so the past shows its points. */
  drawPosts() {
    if (this.tree && this.tree.whole && !this.past.at) this.stage.drawn.add(COMMAND);
    else this.stage.drawn.delete(COMMAND);
    this.stage.applyLayers();
  }

  titleOf(pane) {
    const layer = this.layers.find(({ id }) => this.stage.small.get(id) === pane);
    fill(pane.box.querySelector(".pane-title"), swatch(lookOf(layer), 0, 18), h("b", {}, layer.title));
  }

  /** Which symbol is which: the kinds where one layer has the map to itself, else those of the towns' plates. */
  kinds(view) {
    const layer = this.layers.find(({ id }) => id === view);
    const rows = layer ? this.kindRows(layer) : [];
    if (this.stage.view === "county") {
      const plain = this.layers.filter(({ grade }) => !grade);
      rows.push(...plain.map((one) => h("li", { class: "plate-symbol" }, swatch(lookOf(one), 0, 13), one.title.replace(/图$/, ""))));
    }
    fill(this.parts.kinds, ...rows);
    this.parts.kinds.hidden = !rows.length;
    this.parts.legend.hidden = Boolean(layer && !layer.grade);
    this.stage.keepClear(this.parts.kinds);
  }

  kindRows(layer) {
    const rows = drawnKinds(layer.id).map((name) => h("li", {}, swatch(lookOf(layer), 0, 22, name), name));
    if (layer.id === COMMAND) rows.push(h("li", {}, h("span", { class: "sample" }, "+n"), "下级岗位数"));
    return rows;
  }

  legend() {
    const graded = this.layers.find(({ grade }) => grade);
    const items = graded ? Object.entries(GRADES).map(([grade, name]) => h("span", {}, swatch(lookOf(graded), Number(grade), 18), name)) : [];
    fill(this.parts.legend, ...items);
  }

  sayPlan() {
    const { rotation, stage, parts } = this;
    const hand = stage.byHand ? "画面由人操作　Esc 恢复" : "";
    parts.plan.textContent = hand || (rotation ? rotation.words : "");
  }

  fail(error) {
    this.notices.set("failure", `大屏没有打开：${error.message}。正在重试…`);
    setTimeout(reopen, 10_000);
  }
}

function ringsOf(geometry) {
  if (!geometry) return [];
  return geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat();
}
