// A map's scale in the page's own words.
import * as L from "leaflet/dist/leaflet-src.esm.js";

L.Control.Scale.include({
  _updateMetric(most) {
    const metres = this._getRoundNum(most);
    this._updateScale(this._mScale, metres < 1000 ? `${metres} 米` : `${metres / 1000} 公里`, metres / most);
  },
});
