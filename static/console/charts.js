/** Charts: bars that stand on each other, one for each step of time. A figure brings its numbers with it. */
/* global uPlot */
import { spoken } from "./times.js";

const WORDS = { received: "received", delivered: "delivered", not_wanted: "not wanted", dead: "dead" };
const DAY = 86400;

/** The charts that are drawn, by the id of their figure: what is swapped in takes over the one that was there. */
const drawn = new Map();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Each kind on top of those before it; the highest first, so that the lower are painted over it. */
function stacked(chart, kinds) {
  const sums = kinds.map((_, upto) => chart.at.map((_, step) => kinds.slice(0, upto + 1).reduce((sum, kind) => sum + chart[kind][step], 0)));
  return [chart.at, ...sums.reverse()];
}

/** What a step of time holds, in words. */
function said(chart, kinds, step) {
  const date = new Date(chart.at[step] * 1000);
  const long = chart.at.length > 1 && chart.at.at(-1) - chart.at[0] > 2 * DAY;
  const counts = kinds.map((kind) => `${chart[kind][step].toLocaleString("en")} ${WORDS[kind]}`);
  return `${spoken(date, long ? "day" : "minute")}: ${counts.join(", ")}`;
}

function whole(chart, kinds) {
  return kinds.map((kind) => `${chart[kind].reduce((sum, each) => sum + each, 0).toLocaleString("en")} ${WORDS[kind]}`).join(", ");
}

function hours(plot, splits) {
  return splits.map((at) => {
    const date = new Date(at * 1000);
    const midnight = date.getHours() === 0 && date.getMinutes() === 0;
    if (midnight) return date.toLocaleDateString(undefined, { weekday: "short", day: "numeric" });
    return date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  });
}

const short = new Intl.NumberFormat("en", { notation: "compact" });

function options(figure, box) {
  const axis = { stroke: () => colour("soft"), font: "11px Geist, sans-serif", ticks: { show: false } };
  const kinds = [...figure.kinds].reverse();
  return {
    width: box.clientWidth,
    height: box.clientHeight,
    legend: { show: false },
    padding: [6, 20, 0, 0],
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    select: { show: false },
    scales: { x: { range: (self, first, last) => [first, last + (figure.chart.at[1] - figure.chart.at[0])] }, y: { range: (self, low, high) => [0, Math.max(high * 1.08, 4)] } },
    axes: [
      { ...axis, size: 22, gap: 3, space: 64, grid: { show: false }, values: hours },
      { ...axis, size: 38, gap: 5, space: 30, grid: { stroke: () => colour("line"), width: 1 }, values: (self, splits) => splits.map((each) => (Number.isInteger(each) ? short.format(each) : "")) },
    ],
    series: [
      {},
      ...kinds.map((kind) => ({
        fill: () => colour(`bar-${kind}`),
        points: { show: false },
        paths: uPlot.paths.bars({ size: [0.74, 60, 1], align: 1, radius: 0.12 }),
        width: 0,
        label: WORDS[kind],
      })),
    ],
    hooks: { setCursor: [(self) => figure.tell(self.cursor.idx)] },
  };
}

class Figure {
  constructor(element) {
    this.take(element);
    const box = this.element.appendChild(document.createElement("div"));
    box.className = "plot";
    box.setAttribute("aria-hidden", "true");
    this.box = box;
    this.plot = new uPlot(options(this, box), stacked(this.chart, this.kinds), box);
    this.resizing = new ResizeObserver(() => this.plot.setSize({ width: box.clientWidth, height: box.clientHeight }));
    this.resizing.observe(box);
  }

  /** Belong to this element from now on, and show its numbers. */
  take(element) {
    this.element = element;
    this.chart = JSON.parse(element.dataset.chart);
    this.kinds = element.dataset.kinds.split(" ");
    this.output = element.querySelector(".chart-said");
    this.tell(this.plot?.cursor.idx);
    element.addEventListener("keydown", (event) => this.press(event));
    element.addEventListener("focus", () => { this.output.ariaLive = "polite"; });
    // Where the page renews itself the focus leaves, and comes back to the figure that takes over.
    element.addEventListener("blur", () => setTimeout(() => document.activeElement?.id !== element.id && this.leave()));
  }

  /** The arrow keys go from one step of time to the next, and say each. */
  press(event) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const last = this.chart.at.length - 1;
    this.point(Math.min(last, Math.max(0, (this.read ?? (way > 0 ? -1 : last + 1)) + way)));
  }

  /** Put the cursor on a step that is read with keys. */
  point(step) {
    this.read = step;
    this.output.ariaLive = "polite";
    this.plot.setCursor({ left: this.plot.valToPos(this.chart.at[step], "x") + 1, top: 1 });
  }

  leave() {
    this.read = undefined;
    this.output.ariaLive = "off";
    this.plot.setCursor({ left: -10, top: -10 });
  }

  move(element) {
    element.append(this.box);
    this.plot.setData(stacked(JSON.parse(element.dataset.chart), this.kinds));
    this.take(element);
    if (this.read !== undefined) this.point(this.read);
  }

  /** Say what is pointed at, or else what is read with keys, or else the whole. */
  tell(pointed) {
    const step = pointed ?? this.read;
    const text = step === undefined ? whole(this.chart, this.kinds) : said(this.chart, this.kinds, step);
    if (this.output.textContent !== text) this.output.textContent = text;
  }
}

/** Draw every chart below a root. */
export function drawCharts(root) {
  if (typeof uPlot === "undefined") return;
  const figures = root.matches?.("[data-chart]") ? [root] : root.querySelectorAll("[data-chart]");
  for (const element of figures) {
    const known = drawn.get(element.id);
    if (known?.element === element) continue;
    if (known) known.move(element);
    else drawn.set(element.id, new Figure(element));
  }
}

/** In the colours of now. */
export function redrawCharts() {
  for (const figure of drawn.values()) figure.plot.redraw(false, true);
}
