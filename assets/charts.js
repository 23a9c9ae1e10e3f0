// Draws the charts that the server describes. Colours are named in the options ("$accent") and taken from board.css,
// so that light and dark have one source.
import * as echarts from "echarts/core";
import { BarChart, LineChart, ScatterChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";

echarts.use([
  BarChart, LineChart, ScatterChart, AriaComponent, GridComponent, LegendComponent, MarkAreaComponent,
  MarkLineComponent, TooltipComponent, CanvasRenderer,
]);

const drawn = new Map();

const coloured = (value, style) => {
  if (typeof value === "string" && value.startsWith("$")) return style.getPropertyValue(`--${value.slice(1)}`).trim();
  if (Array.isArray(value)) return value.map((one) => coloured(one, style));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, coloured(one, style)]));
  }
  return value;
};

export function draw(box) {
  drawn.get(box)?.dispose();
  const described = JSON.parse(box.querySelector("script[type='application/json']").textContent);
  const style = getComputedStyle(document.documentElement);
  const chart = echarts.init(box.querySelector("[data-canvas]"), null, { renderer: "canvas" });
  chart.setOption({ animation: false, textStyle: { fontFamily: style.getPropertyValue("--font").trim() }, ...coloured(described, style) });
  drawn.set(box, chart);
  box.dataset.drawn = "yes";
}

export function drawAll(root = document) {
  for (const [box, chart] of drawn) {
    if (!box.isConnected) { chart.dispose(); drawn.delete(box); }
  }
  for (const box of root.querySelectorAll("[data-chart]")) draw(box);
}

export function picture(box) {
  const style = getComputedStyle(document.documentElement);
  return drawn.get(box)?.getDataURL({ pixelRatio: 2, backgroundColor: style.getPropertyValue("--box").trim() });
}

addEventListener("resize", () => drawn.forEach((chart) => chart.resize()));
