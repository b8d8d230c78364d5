// The wall: Folium's shell calls mapsvc.raise() with its maps.
import * as L from "leaflet/dist/leaflet-src.esm.js";
import "../scalebar.js";
import { Features } from "../scene.js";
import { Wall } from "./wall.js";

// A wall's token, where it came with one, stays in no history.
if (location.hash.startsWith("#kiosk=")) history.replaceState(null, "", location.pathname + location.search);

window.L = { map: L.map, control: L.control, tileLayer: L.tileLayer };
window.mapsvc = {
  features: (id) => new Features(id),
  raise: (shell) => {
    window.mapsvc.wall = new Wall(shell);
  },
};
