// What stands round the wall's map: figures, charts, stream, chain, keys. The points do not wait for it.
import { breath } from "../breath.js";
import { Bars } from "./bars.js";
import { Chain } from "./chain.js";
import { Figures } from "./figures.js";
import { Focus } from "./focus.js";
import { Freshness } from "./fresh.js";
import { Hierarchy } from "./hierarchy.js";
import { Keys } from "./keys.js";
import { Live } from "./live.js";
import { Past } from "./past.js";
import { LAYER as COMMAND } from "./posts.js";
import { preparePrinting } from "./print.js";
import { Rotation } from "./rotate.js";
import { hideStillPointer } from "./still.js";

export { outlinesOf } from "./fresh.js";

/** Gives the wall its parts; from then on it hears what changes. */
export async function surround(wall, layers) {
  const { parts, stage } = wall;
  wall.layers = layers;
  wall.figures = new Figures(parts.figures);
  wall.figures.setLayers(layers);
  wall.bars = new Bars(parts.towns, wall.shell.charts);
  await breath();
  wall.fresh = new Freshness(parts.fresh);
  wall.fresh.setLayers(layers);
  wall.chain = new Chain(parts.chain);
  const small = stage.small.get(COMMAND);
  wall.hierarchies = [new Hierarchy(stage.large, () => stage.view === COMMAND && !wall.past.at)];
  if (small) wall.hierarchies.push(new Hierarchy(small, () => !wall.past.at));
  await breath();
  wall.focus = new Focus(wall, { left: parts.left, right: parts.right });
  wall.past = new Past(parts.slider, { changed: (at) => wall.showMoment(at), sized: () => wall.sized() });
  await breath();
  wall.keys = new Keys(wall.actions(), parts.keys);
  stage.on("hand", () => wall.sayPlan());
  stage.on("pick", (event) => wall.pick(event));
  wall.rotation = new Rotation(wall.asked.rotate, {
    show: (view) => wall.show(view),
    said: () => wall.sayPlan(),
    held: () => stage.byHand || wall.focus.open || Boolean(wall.past.at) || Boolean(wall.dismissal),
  });
  wall.legend();
  hideStillPointer();
  preparePrinting({
    turnTheme: (theme) => wall.turnTheme(theme),
    resize: (printing) => {
      stage.resize(printing);
      wall.bars.resize();
    },
  });
  wall.live = new Live(wall, wall.asked.alarm);
}
