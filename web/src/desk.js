// What stands round the map: panel, search, popups, the planner's workbench, the editor.
import * as L from "leaflet/dist/leaflet-src.esm.js";
import { breath } from "./breath.js";
import { h } from "./dom.js";
import { Editor } from "./edit/editor.js";
import { Hover } from "./hover.js";
import { Panel } from "./panel.js";
import { Keys } from "./planner/keys.js";
import { Workbench } from "./planner/workbench.js";
import { Popups } from "./popup.js";
import { Search } from "./search.js";

/** Gives the page's app its parts; `facts`: {me, layers, roads} as the server told them. */
export async function furnish(app, { me, layers, roads }) {
  app.reveals = (me.rights || []).includes("reveals");
  app.popups = new Popups(app);
  app.bench = new Workbench(app, { layers, roads, me });
  await breath();
  app.editor = app.offline ? null : new Editor(app, me);
  await breath();
  app.panel = new Panel(app, me);
  app.panel.setLayers(layers);
  await breath();
  app.search = new Search(app, app.panel.searchBox);
  await breath();
  app.hover = new Hover(app);
  app.keys = new Keys(app);
  app.note = document.body.appendChild(h("div", { class: "map-note" }));
  L.control.zoom({ position: "bottomright", zoomInTitle: "放大", zoomOutTitle: "缩小" }).addTo(app.map);
}
