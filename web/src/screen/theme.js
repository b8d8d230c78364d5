// Dark for the wall, light for bright rooms and paper.
import { usePalette } from "../palette.js";

export function setTheme(name) {
  document.documentElement.dataset.theme = name;
  usePalette(name);
}
