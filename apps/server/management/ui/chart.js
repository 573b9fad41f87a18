// Lines over time. What the pointer is over is told in numbers.
import { h, morph, s } from "./dom.js";
import { clock } from "./format.js";

const width = 600, height = 150;
const pointers = new Map(); // title of a chart -> where the pointer is in it, 0..1

// A round number not below `value`, for the top of the scale.
function roundUp(value) {
  if (value <= 0) return 1;
  const base = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((each) => each * base).find((each) => each >= value);
}

const nearest = (points, time) => points.reduce((best, each) => Math.abs(each[0] - time) < Math.abs(best[0] - time) ? each : best, points[0]);

function lines(series, from, to, top) {
  const x = (time) => to === from ? 0 : width * (time - from) / (to - from);
  const y = (value) => height - height * value / top;
  const box = s("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const part of [0.25, 0.5, 0.75]) box.append(s("line", { class: "grid", x1: 0, x2: width, y1: height * part, y2: height * part }));
  for (const each of series) {
    if (each.points.length < 2) continue;
    const path = each.points.map((p, i) => (i ? "L" : "M") + x(p[0]).toFixed(1) + " " + y(p[1]).toFixed(1)).join("");
    box.append(s("path", { class: "area " + each.class, d: path + `L${x(each.points.at(-1)[0]).toFixed(1)} ${height}L${x(each.points[0][0]).toFixed(1)} ${height}Z` }),
      s("path", { class: "line " + each.class, d: path }));
  }
  return box;
}

function inside(title, series, show) {
  const all = series.flatMap((each) => each.points);
  const times = all.map((p) => p[0]);
  const from = Math.min(...times), to = Math.max(...times);
  const top = roundUp(Math.max(0, ...all.map((p) => p[1])));
  const at = pointers.get(title);
  const time = at === undefined || all.length === 0 ? null : from + at * (to - from);
  const legend = h("div", { class: "legend" }, series.map((each) => {
    const point = each.points.length ? (time === null ? each.points.at(-1) : nearest(each.points, time)) : null;
    return h("span", {}, h("i", { class: "key " + each.class, "aria-hidden": "true" }), each.label, " ", h("b", {}, point ? show(point[1]) : "–"));
  }));
  const empty = all.length < 2;
  return [
    h("figcaption", {}, title, time !== null ? h("span", { class: "at" }, clock(time)) : null),
    h("div", { class: "plot" }, lines(series, from, to, top),
      empty ? h("span", { class: "nothing" }, "Waiting for samples") : [h("span", { class: "top" }, show(top)),
        h("span", { class: "start" }, clock(from, true)), h("span", { class: "end" }, clock(to, true)),
        time !== null ? h("i", { class: "cross", style: `left:${(at * 100).toFixed(2)}%` }) : null]),
    legend,
  ];
}

// `series` are {label, class: "c0".., points: [[ms, value]]}, oldest first; `show` makes a text of a value.
export function chart(title, series, show) {
  const redraw = (figure) => morph(figure, inside(title, series, show));
  return h("figure", { class: "chart panel", key: "chart " + title, "aria-label": title,
    onpointermove: (event) => {
      const plot = event.currentTarget.querySelector(".plot").getBoundingClientRect();
      pointers.set(title, Math.min(1, Math.max(0, (event.clientX - plot.left) / plot.width)));
      redraw(event.currentTarget);
    },
    onpointerleave: (event) => { pointers.delete(title); redraw(event.currentTarget); },
  }, inside(title, series, show));
}

// Points of a chart from `samples` of the API: counts become rates between neighbours, gauges stay.
export function rates(details) {
  const samples = [...(details?.samples ?? [])].reverse();
  return samples.slice(1).map((each, i) => {
    const seconds = (each.timestamp - samples[i].timestamp) / 1000;
    return [each.timestamp, seconds > 0 ? Math.max(0, each.sample - samples[i].sample) / seconds : 0];
  });
}
export const gauges = (details) => [...(details?.samples ?? [])].reverse().map((each) => [each.timestamp, each.sample]);

// A line without words, beside a number.
export function spark(points, kind) {
  const box = s("svg", { class: "spark " + kind, viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" });
  if (points.length < 2) return box;
  const from = points[0][0], to = points.at(-1)[0];
  const top = Math.max(1e-9, ...points.map((p) => p[1]));
  const path = points.map((p, i) => (i ? "L" : "M") + (100 * (p[0] - from) / Math.max(1, to - from)).toFixed(1) + " " + (23 - 21 * p[1] / top).toFixed(1)).join("");
  box.append(s("path", { class: "line", d: path }));
  return box;
}
