// Charts of the wall, in a file of their own: the map does not wait for them.
import { nextPicture } from "../breath.js";
import { BarChart } from "echarts/charts";
import { GridComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { number } from "../words.js";

use([BarChart, GridComponent, CanvasRenderer]);

const GRADES = [1, 2, 3, 4, 0];
// Laid out and drawn with the next picture, in a task of its own; for paper there is none.
const WHOLE = { notMerge: true, lazyUpdate: true };

const printing = () => document.documentElement.classList.contains("printing");

function look() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return { rem: parseFloat(style.fontSize), read, font: getComputedStyle(document.body).fontFamily };
}

/** Bars by township, stacked by grade; rows: [{name, grades: {1: n, …}, count}]. */
export function townBars(element) {
  const chart = init(element, null, { renderer: "canvas" });
  let rows = [];
  let begun = false;
  const option = () => {
    const { rem, read, font } = look();
    const room = Math.max(2.4, 0.4 + 0.62 * Math.max(...rows.map(({ count }) => number(count).length)));
    const text = { fontFamily: font, fontSize: rem, color: read("--ink") };
    const series = GRADES.map((grade) => ({
      type: "bar",
      stack: "towns",
      barWidth: rem * 0.62,
      silent: true,
      itemStyle: { color: read(`--grade-${grade}`), borderColor: read("--panel"), borderWidth: rem / 16 },
      data: rows.map((row) => row.grades[grade] || 0),
    }));
    const label = { ...text, show: true, position: "right", distance: rem * 0.4, fontWeight: 600, formatter: ({ dataIndex }) => number(rows[dataIndex].count) };
    series.push({ type: "bar", stack: "towns", silent: true, data: rows.map(() => 0), label });
    return {
      animation: false,
      // A wiped canvas is white on paper.
      backgroundColor: printing() ? read("--panel") : "transparent",
      grid: { left: rem * 5.2, right: rem * room, top: 0, bottom: 0 },
      xAxis: { type: "value", show: false },
      yAxis: {
        type: "category",
        inverse: true,
        data: rows.map(({ name }) => name),
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: { ...text, margin: rem * 0.6, interval: 0 },
      },
      series,
    };
  };
  const draw = () => {
    if (begun) return chart.setOption(option(), { ...WHOLE, lazyUpdate: !printing() });
    // The first time most of the library is read: the axis comes with one picture, the bars with another.
    begun = true;
    chart.setOption({ ...option(), series: [] }, WHOLE);
    return nextPicture().then(draw);
  };
  return {
    update(next) {
      rows = next;
      draw();
    },
    repaint: draw,
    fit: () => chart.resize(),
    resize() {
      chart.resize();
      draw();
    },
  };
}

window.mapsvc.charts = { townBars };
window.dispatchEvent(new Event("mapsvc-charts"));
