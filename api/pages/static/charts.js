// The charts: each figure[data-chart] holds its data as JSON and is drawn at the width it has, in the page's colours.
// The table behind a chart says the same, so a drawing is an image to screen readers.

import { say, language } from "./words.js";

const PHONE = 480;
const HIGHEST = { track: 320, payments: 260, settlements: 300, gauge: 150, chances: 0 };

const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 2 });
const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
const plain = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });

// A KPI value or an amount of money with its unit, short.
function written(value, unit) {
  if (unit === "fraction") return percent.format(value);
  return unit && unit.length === 3 ? compact.format(value) : plain.format(value);
}

const soft = { gain: "var(--gain-soft)", loss: "var(--loss-soft)", even: "var(--sunken)" };
const strong = { gain: "var(--gain)", loss: "var(--loss)", even: "var(--even)" };
const when = (seconds) => new Date(seconds * 1000);

function frame(width, more) {
  return {
    width,
    marginLeft: 48,
    marginRight: 16,
    marginTop: 24,
    style: { background: "transparent", color: "var(--ink)", fontSize: "12px", overflow: "visible" },
    ...more,
  };
}

// Axes on the left in a quiet colour, with a line across for each tick.
function ruler(format, label) {
  return [
    Plot.gridY({ stroke: "var(--line)", strokeOpacity: 1 }),
    Plot.axisY({ tickFormat: format, tickSize: 0, label, labelArrow: "none", ticks: 5, color: "var(--muted)" }),
  ];
}

function years(width) {
  return Plot.axisX({ ticks: width < PHONE ? 4 : 8, tickSize: 4, label: null, color: "var(--muted)" });
}

// A value that is measured once: the ranges that decide, what was expected, what the nodes and the oracle say.
function gauge({ unit, tiers, forecast, observations, value, value_label, low, high }, width) {
  const ends = tiers.map((tier) => ({ ...tier, x1: tier.low ?? low, x2: tier.high ?? high }));
  const marks = [
    Plot.rectX(ends, { x1: "x1", x2: "x2", y1: 0, y2: 1, fill: (tier) => soft[tier.tone] }),
    Plot.ruleX(ends.slice(1), { x: "x1", y1: 0, y2: 1, stroke: "var(--muted)", strokeDasharray: "3,3" }),
    Plot.text(ends, {
      x: (tier) => (tier.x1 + tier.x2) / 2, y: 1, dy: -9, text: "label", fill: (tier) => strong[tier.tone],
      fontWeight: 600, lineWidth: Math.max(6, width / ends.length / 13), lineAnchor: "bottom",
    }),
    Plot.axisX({ anchor: "bottom", tickFormat: (x) => written(x, unit), ticks: width < PHONE ? 5 : 9, tickSize: 4, label: null, color: "var(--muted)" }),
  ];
  if (forecast) {
    marks.push(
      Plot.ruleY([forecast], { y: 0.22, x1: "p05", x2: "p95", stroke: "var(--muted)", strokeWidth: 2 }),
      Plot.ruleY([forecast], { y: 0.22, x1: "p25", x2: "p75", stroke: "var(--muted)", strokeWidth: 9, strokeOpacity: 0.75 }),
      Plot.dot([forecast], { y: 0.22, x: "p50", r: 4, fill: "var(--surface)", stroke: "var(--muted)", strokeWidth: 2 }),
      Plot.text([forecast], { y: 0.22, x: "p95", dx: 6, textAnchor: "start", text: () => say("expected"), fill: "var(--muted)" }),
    );
  }
  if (observations?.length) {
    marks.push(Plot.ruleX(observations, { x: "value", y1: 0.48, y2: 0.8, stroke: (each) => (each.culprit ? "var(--loss)" : "var(--muted)"), strokeWidth: 2 }));
  }
  if (value !== null && value !== undefined) {
    const late = (value - low) / (high - low) > 0.62; // then its words stand on its left
    marks.push(
      Plot.dot([value], { x: (x) => x, y: 0.64, r: 7, fill: "var(--accent)", stroke: "var(--surface)", strokeWidth: 2 }),
      Plot.text([value], {
        x: (x) => x, y: 0.64, dx: late ? -14 : 14, textAnchor: late ? "end" : "start", fontSize: 13, fontWeight: 650,
        text: (x) => (width < PHONE ? written(x, unit) : `${written(x, unit)} · ${value_label}`), fill: "var(--ink)",
      }),
    );
  }
  return Plot.plot(frame(width, {
    height: HIGHEST.gauge, marginTop: 38, marginLeft: 12, marginRight: 12,
    x: { domain: [low, high], clamp: true }, y: { domain: [0, 1], axis: null }, marks,
  }));
}

// A value that is measured again and again: reports as dots, what is still to come as a band.
function track({ unit, periods, tiers, level, level_label }, width) {
  const known = periods.filter((each) => each.value !== null);
  const ahead = periods.filter((each) => each.p50 !== null && each.value === null);
  const middle = (each) => when((each.start + each.end) / 2);
  const marks = [
    Plot.rect(tiers, {
      x1: (tier) => when(tier.start), x2: (tier) => when(tier.end), y1: "low", y2: "high", fill: (tier) => soft[tier.tone],
    }),
    ...ruler((y) => written(y, unit), unit === "fraction" ? null : unit),
    years(width),
    Plot.rect(ahead, { x1: (each) => when(each.start), x2: (each) => when(each.end), y1: "p05", y2: "p95", inset: 1, fill: "var(--muted)", fillOpacity: 0.18 }),
    Plot.rect(ahead, { x1: (each) => when(each.start), x2: (each) => when(each.end), y1: "p25", y2: "p75", inset: 1, fill: "var(--muted)", fillOpacity: 0.32 }),
    Plot.dot(ahead, { x: middle, y: "p50", r: 2, fill: "var(--muted)" }),
  ];
  if (level?.length) {
    marks.push(Plot.link(level, { x1: (each) => when(each.start), x2: (each) => when(each.end), y1: "value", y2: "value", stroke: "var(--even)", strokeWidth: 2.5 }));
  }
  const colour = (each) => (each.tone ? strong[each.tone] : "var(--accent)");
  marks.push(
    Plot.dot(known, {
      x: middle, y: "value", r: 4.5, fill: (each) => (each.open ? "var(--surface)" : colour(each)), stroke: colour, strokeWidth: 2,
    }),
    Plot.tip(known, Plot.pointer({ x: middle, y: "value", title: "title", fill: "var(--surface)", stroke: "var(--line-strong)" })),
  );
  return Plot.plot(frame(width, { height: HIGHEST.track, x: { type: "utc" }, y: { nice: true }, marks }));
}

// Payments by date: made, and still to come; what a measurement can make of one is a line from least to most.
function payments({ code, rows }, width) {
  const gap = Math.max(4, Math.min(14, (width - 80) / Math.max(rows.length, 1) / 1.6));
  return Plot.plot(frame(width, {
    height: HIGHEST.payments, marginTop: 30, x: { type: "utc", inset: gap }, y: { nice: true },
    marks: [
      ...ruler((y) => compact.format(y), code),
      years(width),
      Plot.ruleX(rows, { x: (row) => when(row.date), y1: 0, y2: "amount", strokeWidth: gap, stroke: (row) => (row.paid ? "var(--accent)" : "var(--accent-soft)") }),
      Plot.ruleX(rows.filter((row) => !row.paid), { x: (row) => when(row.date), y1: "amount", y2: "amount", stroke: "var(--accent)" }),
      Plot.dot(rows.filter((row) => !row.paid && row.low === null), { x: (row) => when(row.date), y: "amount", symbol: "square", r: 4, stroke: "var(--accent)", fill: "var(--surface)", strokeWidth: 2 }),
      Plot.link(rows.filter((row) => row.low !== null), { x1: (row) => when(row.date), x2: (row) => when(row.date), y1: "low", y2: "high", stroke: "var(--loss)", strokeWidth: 2, markerStart: "dot", markerEnd: "dot" }),
      Plot.ruleY([0], { stroke: "var(--line-strong)" }),
      Plot.tip(rows, Plot.pointerX({ x: (row) => when(row.date), y: "amount", title: "title", fill: "var(--surface)", stroke: "var(--line-strong)" })),
    ],
  }));
}

// A swap's payments: above the line to the payee, below it from the payee.
function settlements({ code, rows, up, down }, width) {
  const done = rows.filter((row) => row.amount !== null);
  const gap = Math.max(3, Math.min(16, (width - 80) / Math.max(rows.length, 1) / 1.5));
  const tone = (row) => (row.amount < 0 ? "var(--loss)" : "var(--gain)");
  return Plot.plot(frame(width, {
    height: HIGHEST.settlements, marginTop: 30, marginBottom: 34, x: { type: "utc", inset: gap }, y: { nice: true },
    marks: [
      ...ruler((y) => compact.format(y), code),
      years(width),
      Plot.ruleX(rows.filter((row) => row.low !== null), { x: (row) => when(row.date), y1: "low", y2: "high", stroke: "var(--muted)", strokeOpacity: 0.35, strokeWidth: gap }),
      Plot.ruleX(done, { x: (row) => when(row.date), y1: 0, y2: "amount", strokeWidth: gap, stroke: (row) => (row.settled ? tone(row) : "none") }),
      Plot.dot(done.filter((row) => !row.settled), { x: (row) => when(row.date), y: "amount", r: 5, stroke: tone, fill: "var(--surface)", strokeWidth: 2 }),
      Plot.ruleY([0], { stroke: "var(--ink)" }),
      Plot.text([up], { frameAnchor: "top-left", dy: -22, dx: 4, fill: "var(--gain)", fontWeight: 600, text: (each) => `▲ ${each}` }),
      Plot.text([down], { frameAnchor: "bottom-left", dy: -4, dx: 4, fill: "var(--loss)", fontWeight: 600, text: (each) => `▼ ${each}`, stroke: "var(--surface)", strokeWidth: 4 }),
      Plot.tip(done, Plot.pointerX({ x: (row) => when(row.date), y: "amount", title: "title", fill: "var(--surface)", stroke: "var(--line-strong)" })),
    ],
  }));
}

// How likely each range is.
function chances({ rows }, width) {
  const left = Math.min(150, width * 0.42);
  return Plot.plot(frame(width, {
    height: 36 + 40 * rows.length, marginLeft: left, marginRight: 56, marginTop: 6, marginBottom: 4,
    x: { domain: [0, 1], axis: null }, y: { domain: rows.map((row) => row.label), label: null, padding: 0.35 },
    marks: [
      Plot.axisY({ tickSize: 0, color: "var(--ink)", label: null, lineWidth: left / 13 }),
      Plot.barX(rows, { x1: 0, x2: 1, y: "label", fill: "var(--sunken)", rx: 4 }),
      Plot.barX(rows, { x1: 0, x2: "chance", y: "label", fill: (row) => strong[row.tone], rx: 4 }),
      Plot.text(rows, { x: 1, y: "label", dx: 8, textAnchor: "start", text: (row) => percent.format(row.chance), fontWeight: 650 }),
    ],
  }));
}

const kinds = { gauge, track, payments, settlements, chances };

// Other pages add a kind: a function of the data and the width in pixels that returns an element.
export function addKind(name, make) {
  kinds[name] = make;
}

export function draw(figure) {
  const holder = figure.querySelector(".chart-drawing");
  const make = kinds[figure.dataset.chart];
  const width = Math.floor(holder.clientWidth);
  if (!make || width <= 0) return;
  const data = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  let drawing;
  try {
    drawing = make(data, width);
  } catch (error) {
    console.error(`${figure.id}: ${error.message}`); // the table behind it says the same
    drawing = document.createElement("div");
  }
  for (const part of drawing.querySelectorAll("[aria-label], [aria-description], [aria-hidden]")) {
    for (const name of ["aria-label", "aria-description", "aria-hidden"]) part.removeAttribute(name);
  }
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", figure.querySelector("figcaption").textContent.trim());
  holder.replaceChildren(drawing);
  figure.dataset.drawn = String(width);
}

const watcher = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const figure = target.closest("figure");
    if (figure && Math.floor(target.clientWidth) !== Number(figure.dataset.drawn)) draw(figure);
  }
});

export function drawAll(root = document) {
  for (const figure of root.querySelectorAll("figure[data-chart]")) {
    draw(figure);
    watcher.observe(figure.querySelector(".chart-drawing"));
  }
}

addEventListener("DOMContentLoaded", () => drawAll());
if (document.readyState !== "loading" && globalThis.Plot) drawAll();
// The event is told of what is there now; its detail names what was there before.
document.body.addEventListener("htmx:oobAfterSwap", (event) => drawAll(event.target));
