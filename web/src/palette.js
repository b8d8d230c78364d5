// What canvases are painted with, light or dark. Red, orange, yellow and blue are the grades' alone.

const LIGHT = {
  name: "light",
  ink: "#1d2b2a",
  paper: "#ffffff",
  halo: "rgba(255, 255, 255, 0.9)",
  shade: "rgba(29, 43, 42, 0.26)",
  // What is reached, what is asked about.
  reach: "#14564f",
  // 红 橙 黄 蓝, with a darker edge each so that yellow still stands on a light map.
  grades: {
    1: { fill: "#c9252b", edge: "#7d1216", mark: "#ffffff", tint: "#fbe6e6" },
    2: { fill: "#ec7a1c", edge: "#9a4a06", mark: "#1d1204", tint: "#fdeee0" },
    3: { fill: "#f3c316", edge: "#8f6c00", mark: "#241c00", tint: "#fdf6d9" },
    4: { fill: "#2f6fd0", edge: "#173f80", mark: "#ffffff", tint: "#e5eefb" },
    0: { fill: "#8b9391", edge: "#58605e", mark: "#ffffff", tint: "#f1f3f2" },
  },
  plain: { fill: "#37474b", edge: "#1f2a2d", mark: "#ffffff", tint: "#ffffff" },
  names: {
    county: "#41504d",
    township: "#3d4b48",
    village: "#5b6764",
    river: "#3d6470",
    water: "#3d6470",
    road: "#6b665c",
    mine: "#6a625a",
    post: "#1d2b2a",
    feature: "#1d2b2a",
  },
  ground: {
    // See-through: the relief lies below.
    forest: "rgba(138, 171, 118, 0.26)",
    mine: "rgba(150, 138, 122, 0.3)",
    water: "#c5d6d8",
    shore: "#a9c0c5",
    river: "#a0bbc1",
    village: "#d9d4ca",
    township: "#9c9aa6",
    county: "#6d6b7a",
  },
  // edge, fill, and as a mere line
  roads: {
    unclassified: ["#d8d2c6", "#ffffff", "#d8d2c6"],
    tertiary: ["#cfc8bb", "#ffffff", "#cfc8bb"],
    secondary: ["#c2baab", "#ffffff", "#c2baab"],
    primary: ["#b5ac9d", "#fffdf8", "#b5ac9d"],
    trunk: ["#a2988a", "#faf6ec", "#a2988a"],
  },
};

// A deep neutral with a trace of warmth; water and forest are told by lightness, not by colour.
const DARK = {
  name: "dark",
  ink: "#f2f0ea",
  paper: "#17191a",
  halo: "rgba(20, 22, 23, 0.88)",
  shade: "rgba(0, 0, 0, 0.5)",
  reach: "#a9cfc6",
  grades: {
    1: { fill: "#ee3a3f", edge: "#ffb3b0", mark: "#ffffff", tint: "#3a1416" },
    2: { fill: "#fb8a24", edge: "#ffd6ab", mark: "#211200", tint: "#38230f" },
    3: { fill: "#f9cf2b", edge: "#fff0b8", mark: "#241c00", tint: "#352d10" },
    4: { fill: "#3d86f0", edge: "#b9d5ff", mark: "#ffffff", tint: "#132641" },
    0: { fill: "#9aa09d", edge: "#d4d7d4", mark: "#17191a", tint: "#242829" },
  },
  plain: { fill: "#d3d4cf", edge: "#ffffff", mark: "#17191a", tint: "#242829" },
  names: {
    county: "#d8d6cf",
    township: "#d8d6cf",
    village: "#a8aaa5",
    river: "#a9bbbe",
    water: "#a9bbbe",
    road: "#adada6",
    mine: "#adaca5",
    post: "#f2f0ea",
    feature: "#f2f0ea",
  },
  ground: {
    forest: "rgba(96, 122, 92, 0.16)",
    mine: "rgba(150, 140, 126, 0.14)",
    water: "#39464a",
    shore: "#4a595d",
    river: "#47565a",
    village: "#34383a",
    township: "#767a7a",
    county: "#a3a6a3",
  },
  roads: {
    unclassified: ["#202425", "#4a4f4f", "#4a4f4f"],
    tertiary: ["#202425", "#575c5b", "#575c5b"],
    secondary: ["#1c1f20", "#686c6a", "#63676a"],
    primary: ["#1a1d1e", "#7c7f7b", "#777b7b"],
    trunk: ["#181b1c", "#93958f", "#8c8f8c"],
  },
};

const PALETTES = { light: LIGHT, dark: DARK };
let current = LIGHT;

/** The palette in use: one a page. */
export const palette = () => current;

export function usePalette(name) {
  current = PALETTES[name] || LIGHT;
}

/** The grade's colours, or those of a thing without a grade. */
export const gradeColours = (grade) => current.grades[grade] || current.grades[0];
