// The map of a sheet: what is drawn decides the view, the scale is a round one and true on paper.
import * as L from "leaflet/dist/leaflet-src.esm.js";
import { fill } from "../dom.js";
import { latLng } from "../shift.js";
import { barOf, degreesOf, northOf } from "./frame.js";
import { SCALES, zoomOf } from "./scale.js";

const MARGIN = 15;
/** Room round what is drawn, for symbols, names and the scale bar. */
const ROOM = [56, 46];
const LEAST = 5000;

export class Chart {
  constructor(map, scene, paper) {
    Object.assign(this, { map, scene, paper });
    map.options.zoomSnap = 0;
    for (const act of ["scrollWheelZoom", "doubleClickZoom", "touchZoom", "boxZoom", "keyboard"]) map[act].disable();
    /** The scale chosen by hand, or null. */
    this.chosen = null;
    this.scale = null;
    map.on("moveend", () => this.keep());
  }

  /** What must be seen: [[lon, lat], …]. */
  show(places) {
    this.places = places;
    this.settle();
  }

  choose(scale) {
    this.chosen = scale;
    this.settle();
  }

  settle() {
    const { map } = this;
    map.invalidateSize({ animate: false, pan: false });
    const bounds = L.latLngBounds(this.places.map(latLng));
    const centre = this.middle(bounds);
    this.scale = this.chosen || this.fitting(bounds, centre.lat);
    map.setView(centre, zoomOf(this.scale, centre.lat), { animate: false });
    this.draw();
  }

  /** The middle as the map is drawn, not of the degrees. */
  middle(bounds) {
    const [a, b] = [this.map.project(bounds.getNorthWest(), 10), this.map.project(bounds.getSouthEast(), 10)];
    return this.map.unproject(a.add(b).divideBy(2), 10);
  }

  /** The largest round scale at which all fits. */
  fitting(bounds, lat) {
    const size = this.map.getSize();
    const fits = (scale) => {
      const zoom = zoomOf(scale, lat);
      const [a, b] = [this.map.project(bounds.getNorthWest(), zoom), this.map.project(bounds.getSouthEast(), zoom)];
      return b.x - a.x <= size.x - 2 * ROOM[0] && b.y - a.y <= size.y - 2 * ROOM[1];
    };
    return SCALES.find((scale) => scale >= LEAST && fits(scale)) || SCALES[SCALES.length - 1];
  }

  /** Moved by hand: another latitude needs another zoom for the same scale. */
  keep() {
    if (!this.scale) return;
    const { lat } = this.map.getCenter();
    const zoom = zoomOf(this.scale, lat);
    if (Math.abs(zoom - this.map.getZoom()) > 1e-7) this.map.setView(this.map.getCenter(), zoom, { animate: false });
    this.draw();
  }

  /** How many of the places lie in a corner. */
  crowd(side, end) {
    const { x: wide, y: tall } = this.map.getSize();
    return this.places.filter((place) => {
      const { x, y } = this.map.latLngToContainerPoint(latLng(place));
      return (side === "top" ? y < CORNER[1] : y > tall - CORNER[1]) && (end === "left" ? x < CORNER[0] : x > wide - CORNER[0]);
    }).length;
  }

  draw() {
    const { map, paper } = this;
    fill(paper.degrees, degreesOf(map, MARGIN));
    const [north, bar] = [northOf(), barOf(map, this.scale)];
    fill(paper.over, north, bar);
    north.classList.toggle("left", this.crowd("top", "right") > this.crowd("top", "left"));
    bar.classList.toggle("right", this.crowd("bottom", "left") > this.crowd("bottom", "right"));
    const frame = map.getContainer().getBoundingClientRect();
    this.scene.blocked = [...paper.over.children].map((part) => part.getBoundingClientRect()).map(({ left, top, right, bottom }) => [left - frame.left, top - frame.top, right - frame.left, bottom - frame.top]);
    this.scene.redrawSoon();
  }
}

/** The part of a map's edge that a scale bar takes, with the symbols that may lean into it. */
const CORNER = [330, 170];

/** Every place of a drawing; bands of time only where nothing else is drawn or they are the point. */
export function placesOf({ event, ways = [], spots = [], areas = [], sites = [] }, withAreas) {
  const found = event ? [event] : [];
  for (const { line } of ways) found.push(...line);
  for (const { at } of [...spots, ...sites]) found.push(at);
  if (withAreas) for (const area of areas) found.push(...cornersOf(area));
  return found;
}

function cornersOf({ polygons, circle, corridor }) {
  const round = (at, metres) => {
    const [up, aside] = [metres / 110_574, metres / (111_320 * Math.cos((at[1] * Math.PI) / 180))];
    return [[at[0] - aside, at[1] - up], [at[0] + aside, at[1] + up]];
  };
  if (circle) return round(circle.at, circle.radiusM);
  if (corridor) return corridor.line.flatMap((at) => round(at, corridor.metres));
  return polygons.flatMap(([outer]) => outer);
}
