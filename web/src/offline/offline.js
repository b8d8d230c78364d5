// The map as one file on a disk: the page asks as ever, and what lies in the file answers.
import { transport } from "../api.js";
import { limits } from "../county.js";
import "../map.js";
import { Answers } from "./answers.js";

const data = JSON.parse(document.getElementById("mapsvc-data").textContent);
const answers = new Answers(data);

limits.deepest = data.ground_zoom;
transport.fetch = (url) => answers.to(url);
window.mapsvc.ask = transport.fetch;
