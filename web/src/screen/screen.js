// The wall: Folium's shell calls mapsvc.raise() with its maps.
import L from "leaflet";
import { Features } from "../scene.js";
import { Wall } from "./wall.js";

window.L = L;
window.mapsvc = {
  features: (id) => new Features(id),
  raise: (shell) => {
    window.mapsvc.wall = new Wall(shell);
  },
};
