// The what-if page: a moved slider asks POST /v1/valuations for the deal's value, and the newest answer is shown.

import { addKind, draw } from "./charts.js";
import { say, language } from "./words.js";

const QUIET = 60; // milliseconds in which a slider may still move before it is asked
const SPEAK = 900; // and before a screen reader is told

const base = JSON.parse(document.getElementById("what-if-base").textContent);
const form = document.getElementById("suppose");
const figure = document.getElementById("picture-chart");
const spoken = document.getElementById("said");
const wrong = document.querySelector("[data-wrong]");
const sliders = [...form.querySelectorAll('input[type="range"]')];

const numbers = (digits) => new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
const two = numbers(2);
const whole = numbers(0);
const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 2 });
const share = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
const rate = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 4 });
const minus = (text) => text.replace("-", "−");
const number = (value) => (value === null ? "—" : minus(two.format(value)));
const percent = (value, digits) => (value === null ? "—" : `${minus(numbers(digits).format(100 * value))}%`);
// Whole units of the currency from minor units, rounded half to even as the pages write them.
function bare(minor) {
  const one = 10n ** BigInt(base.currency.decimals);
  const sum = BigInt(minor);
  const size = sum < 0n ? -sum : sum;
  let units = size / one;
  const twice = 2n * (size % one);
  if (twice > one || (twice === one && units % 2n === 1n)) units += 1n;
  return minus(whole.format(sum < 0n ? -units : units));
}

const money = (minor) => `${base.currency.code} ${bare(minor)}`;

function moved(slider) {
  return Math.abs(slider.valueAsNumber - Number(slider.dataset.stands)) > Number(slider.step) / 1000;
}

function written(slider) {
  const { kind, unit, digits } = slider.dataset;
  const text = minus(numbers(Number(digits)).format(slider.valueAsNumber));
  if (kind === "percent") return `${text}%`;
  return unit.length === 3 && unit === unit.toUpperCase() ? `${unit} ${text}` : `${text} ${unit}`;
}

function asked() {
  const request = structuredClone(base.request);
  for (const slider of sliders.filter(moved)) {
    const way = slider.dataset.path.split(".");
    const last = way.pop();
    let at = request;
    for (const name of way) at = at[name] ??= {};
    at[last] = slider.valueAsNumber * Number(slider.dataset.scale);
  }
  return request;
}

// The address that shows this again, with scripts or without.
function address() {
  const link = new URL(location.href);
  for (const slider of sliders) {
    if (moved(slider)) link.searchParams.set(slider.name, slider.value);
    else link.searchParams.delete(slider.name);
  }
  return link;
}

function put(within, name, text) {
  const place = within.querySelector(`[data-show="${name}"]`);
  if (place && text !== undefined) place.textContent = text;
}

const writers = {
  price: number, expected_yield: (value) => percent(value, 2), value: money, low: money, high: money,
  expected_outcome: money, modified_duration: (value) => say("{years} years", { years: number(value) }),
  basis: (text, { rate }) => text.startsWith("closed form")
    ? say("by a formula over the distribution of what is measured, discounted at {rate}", { rate: percent(rate, 2) })
    : say("by simulation of what is measured, discounted at {rate}", { rate: percent(rate, 2) }),
};

function show(value) {
  const section = document.querySelector(".what-if > section");
  for (const row of section.querySelectorAll("[data-case]")) {
    const each = value.cases[Number(row.dataset.case)];
    put(row, "probability", percent(each.probability, 1));
    put(row, "price", number(each.price));
  }
  for (const row of section.querySelectorAll("[data-period]")) {
    const at = Number(row.dataset.period);
    put(row, "fixed", bare(value.fixed[at]));
    put(row, "fair", bare(value.fair[at]));
    put(row, "amount", bare(value.periods[at].amount));
  }
  for (const place of section.querySelectorAll(".stats [data-show], .note [data-show]")) {
    const found = value[place.dataset.show];
    if (found !== null && found !== undefined) place.textContent = writers[place.dataset.show](found, value);
  }
  if (figure && value.chart && base.chart) {
    const points = value.chart.map(({ kpi, density, payoff }) => ({ kpi, density, payoff: Number(payoff) / base.chart.divide }));
    const next = value.periods.find((each) => each.expected);
    figure.querySelector('script[type="application/json"]').textContent = JSON.stringify({ ...base.chart, points, mean: next?.expected.mean ?? null });
    draw(figure);
  }
}

let timer;
let speaking;
let running;

function soon() {
  clearTimeout(timer);
  timer = setTimeout(reprice, QUIET);
}

async function reprice() {
  running?.abort(); // only the newest answer counts
  const mine = (running = new AbortController());
  try {
    const answer = await fetch("/v1/valuations", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(asked()),
      signal: mine.signal,
    });
    const body = await answer.json();
    if (mine !== running) return;
    if (answer.status === 503 || answer.status === 429) {
      timer = setTimeout(reprice, 1000 * Number(answer.headers.get("Retry-After") ?? 2));
    }
    if (!answer.ok) throw new Error(body.detail);
    show(body);
    wrong.hidden = true;
    clearTimeout(speaking);
    speaking = setTimeout(() => {
      spoken.textContent = body.value === null
        ? say("Price {price} per 100, with accrued interest", { price: number(body.price) })
        : say("Value {value}", { value: money(body.value) });
    }, SPEAK);
    history.replaceState(null, "", address());
  } catch (error) {
    if (error.name === "AbortError") return;
    wrong.textContent = say("That did not work: {reason}", { reason: error.message });
    wrong.hidden = false;
  }
}

function moving(slider) {
  document.getElementById(`o-${slider.name}`).textContent = written(slider);
  slider.setAttribute("aria-valuetext", written(slider));
  form.querySelector("[data-link]").href = address();
}

for (const slider of sliders) {
  slider.setAttribute("aria-valuetext", written(slider));
  slider.addEventListener("input", () => {
    moving(slider);
    soon();
  });
}

form.querySelector("[data-plain]").hidden = true;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  soon();
});
form.querySelector("[data-reset]").addEventListener("click", (event) => {
  event.preventDefault();
  for (const slider of sliders) {
    slider.value = slider.dataset.stands;
    moving(slider);
  }
  soon();
});
form.querySelector("[data-link]").addEventListener("click", async (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || !navigator.clipboard) return;
  event.preventDefault();
  await navigator.clipboard.writeText(address().href);
  spoken.textContent = say("The link is copied.");
  event.target.dataset.copied = "";
  event.target.textContent = say("The link is copied.");
});

// A simulation that the page waits for: look again until it is there.
if (document.querySelector("[data-waits]")) setTimeout(() => location.reload(), 3000);

const tone = (payoff) => (payoff < 0 ? "loss" : payoff > 0 ? "gain" : "even");
const soft = { gain: "var(--gain-soft)", loss: "var(--loss-soft)", even: "var(--sunken)" };
const strong = { gain: "var(--gain)", loss: "var(--loss)", even: "var(--even)" };

// Runs of points that pay alike: the ranges of tiers, or where a line is above or below zero.
function ranges(points) {
  const found = [];
  for (const point of points) {
    const kind = tone(point.payoff);
    if (found.at(-1)?.kind !== kind) found.push({ kind, x1: found.at(-1)?.x2 ?? point.kpi, x2: point.kpi });
    else found.at(-1).x2 = point.kpi;
  }
  return found;
}

function picture({ unit, code, effect, points, mean }, width) {
  const kpi = (value) => minus((unit === "fraction" ? share : compact).format(value));
  const pays = (value) => minus((effect === "rate" ? rate : compact).format(value));
  const shared = {
    width, marginLeft: 56, marginRight: 16, style: { background: "transparent", color: "var(--ink)", fontSize: "12px", overflow: "visible" },
  };
  const x = { domain: [points[0].kpi, points.at(-1).kpi] };
  const both = document.createElement("div");
  if (points.every((point) => point.density !== null)) {
    const most = Math.max(...points.map((point) => point.density));
    both.append(Plot.plot({
      ...shared, height: 190, marginTop: 26, marginBottom: 8, x: { ...x, axis: null }, y: { domain: [0, most * 1.05], axis: null },
      marks: [
        Plot.rect(ranges(points), { x1: "x1", x2: "x2", y1: 0, y2: most * 1.05, fill: (each) => soft[each.kind] }),
        Plot.areaY(points, { x: "kpi", y: "density", fill: "var(--accent)", fillOpacity: 0.28 }),
        Plot.lineY(points, { x: "kpi", y: "density", stroke: "var(--accent)", strokeWidth: 2 }),
        mean === null ? null : Plot.ruleX([mean], { y1: 0, y2: most, stroke: "var(--accent)", strokeDasharray: "4,3" }),
        mean === null ? null : Plot.text([mean], { x: (value) => value, y: most, dy: -12, text: () => `${say("expected")} ${kpi(mean)}`, fill: "var(--accent)", fontWeight: 600 }),
      ],
    }));
  }
  both.append(Plot.plot({
    ...shared, height: 200, marginTop: 26, x: { ...x, label: null }, y: { nice: true },
    marks: [
      Plot.gridY({ stroke: "var(--line)", strokeOpacity: 1 }),
      Plot.axisY({ tickFormat: pays, tickSize: 0, ticks: 5, label: effect === "rate" ? say("Rate added") : code, labelArrow: "none", color: "var(--muted)" }),
      Plot.axisX({ tickFormat: kpi, ticks: width < 480 ? 4 : 8, tickSize: 4, label: unit === "fraction" ? null : unit, labelArrow: "none", color: "var(--muted)" }),
      Plot.ruleY([0], { stroke: "var(--line-strong)" }),
      Plot.lineY(points, { x: "kpi", y: "payoff", z: null, stroke: (point) => strong[tone(point.payoff)], strokeWidth: 3 }),
      Plot.tip(points, Plot.pointerX({ x: "kpi", y: "payoff", title: (point) => `${kpi(point.kpi)}: ${pays(point.payoff)}`, fill: "var(--surface)", stroke: "var(--line-strong)" })),
    ],
  }));
  return both;
}

addKind("what_if", picture);
if (figure) draw(figure);
