"use strict";
// Draws the report that stands in this page as JSON. Nothing is loaded from anywhere.

const report = JSON.parse(document.getElementById("report").textContent);
const byId = id => document.getElementById(id);

/// An element with attributes, listeners (on...) and children (text, elements, or null).
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined));
  return element;
}

// Numbers ----------------------------------------------------------------------

const number = value => value.toLocaleString("en-US", {maximumFractionDigits: 0}).replaceAll(",", "\u202f");
const microseconds = us => us === null || us === undefined ? "\u2013"
  : us < 1000 ? us.toFixed(1) + " \u00b5s" : (us / 1000).toFixed(us < 10000 ? 2 : 1) + " ms";
const percent = part => (100 * part).toFixed(part < 0.1 ? 1 : 0) + " %";
const orDash = value => value === null || value === undefined || value === "" ? "\u2013" : String(value);
const bytes = count => count < 1024 ? count + " B" : (count / 1024).toFixed(1) + " KB";

const batchRanges = kernel => kernel.batches.map(([first, last]) => first === last ? first : first + "\u2013" + last).join(", ");
const tileText = kernel => kernel.tile + (kernel.stages > 1 ? "/" + kernel.stages : "") +
  (kernel.splits > 1 ? ` k${kernel.splits}` : "");
const shapeText = kernel => [kernel.m, kernel.n].concat(kernel.k ? [kernel.k] : []).join(" \u00d7 ");

// What runs at the chosen batch ----------------------------------------------------

const batches = report.predictions.map(prediction => prediction.batch);
let chosen = batches.includes(32) ? batches.indexOf(32) : Math.max(0, batches.length - 1);
let selected = null; // name of a kernel

/// The function of `kernel` that serves the chosen batch; beyond all ranges the last.
function functionOf(kernel) {
  const variants = report.kernels.filter(each => each.kernel === kernel);
  const serves = each => each.batches.some(([first, last]) => first <= batches[chosen] && batches[chosen] <= last);
  return variants.find(serves) ?? variants[variants.length - 1];
}

const timeOf = step => step.predicted_us[chosen] ?? null;
const knownRoots = ["linear", "attention", "layer_norm", "patchify", "elementwise"];
const rootOf = kernel => functionOf(kernel)?.root ?? "other";
const colourOf = root => `var(--${knownRoots.includes(root) ? root : "other"})`;

/// Kernels with the time of all their launches, the longest first.
function totals() {
  const all = new Map();
  for (const step of report.steps) {
    const entry = all.get(step.kernel) ?? {kernel: step.kernel, us: 0, launches: 0, unknown: false};
    entry.us += timeOf(step) ?? 0;
    entry.unknown ||= timeOf(step) === null;
    ++entry.launches;
    all.set(step.kernel, entry);
  }
  return [...all.values()].sort((a, b) => b.us - a.us);
}

// The model as a column -------------------------------------------------------------

/// "blocks.0" of "blocks.0.mlp.fc1", "head" of "head".
function partOf(label) {
  const pieces = label.split(".");
  return pieces.length > 1 && /^\d+$/.test(pieces[1]) ? pieces[0] + "." + pieces[1] : pieces[0] || "(unnamed)";
}

const refused = report.fusions.filter(note => !note.made);
/// The refusals of one place, each reason once.
const refusedAt = place => refused.filter((note, i) => place(note) &&
  refused.findIndex(other => other.loc === note.loc && other.reason === note.reason) === i);
const labels = new Set(report.steps.map(step => step.label));

function refusal(note) {
  return make("details", {class: "refusal", "data-tip": note.reason},
    make("summary", {}, "\u2298 not fused: " + note.ops.replaceAll("+", " + ")), note.reason);
}

/// Runs of steps that belong to one part of the model, equal neighbours counted.
function parts() {
  const list = [];
  for (const step of report.steps) {
    const name = partOf(step.label);
    if (!list.length || list[list.length - 1].name !== name) list.push({name, steps: []});
    list[list.length - 1].steps.push(step);
  }
  const looks = part => part.steps.map(step => [step.kernel, step.label.slice(part.name.length),
    ...refusedAt(note => note.loc === step.label).map(note => note.ops)].join()).join("|");
  const folded = [];
  for (const part of list) {
    const previous = folded[folded.length - 1];
    if (previous && part.name !== previous.name && looks(part) === looks(previous)) {
      previous.last = part.name;
      ++previous.count;
    } else {
      folded.push({...part, last: part.name, count: 1});
    }
  }
  return folded;
}

function chips(ops, root) {
  return make("div", {class: "chips", style: {"--colour": colourOf(root)}}, ops.split("+").map(op =>
    make("span", {class: op === root ? "chip root" : "chip"}, op)));
}

function drawModel() {
  const longest = Math.max(1e-9, ...report.steps.map(step => timeOf(step) ?? 0));
  byId("model").replaceChildren(...parts().map(part => make("div", {class: part.count > 1 ? "part folded" : "part"},
    make("div", {}, make("span", {}, part.count > 1 ? `${part.name} \u2013 ${part.last}` : part.name),
      part.count > 1 ? make("span", {class: "times"}, "\u00d7" + part.count) : null),
    part.steps.map(step => {
      const root = rootOf(step.kernel), us = timeOf(step);
      const label = step.label.slice(part.name.length).replace(/^\./, "") || step.label || step.kernel;
      return [
        refusedAt(note => note.loc === step.label).map(refusal),
        make("div", {class: "kernel" + (step.kernel === selected ? " on" : ""), tabindex: 0,
                     "data-kernel": step.kernel, style: {"--colour": colourOf(root)}, ...opens(step.kernel)},
          make("div", {class: "row"}, make("span", {class: "name"}, label), make("span", {class: "us"}, microseconds(us))),
          chips(step.ops, root),
          make("div", {class: "bar"}, make("i", {style: {width: 100 * (us ?? 0) / longest + "%"}}))),
      ];
    }),
    // A note may stand for an op that is in the middle of a kernel, or in several.
    refusedAt(note => !labels.has(note.loc) && partOf(note.loc) === part.name).map(refusal))));
}

// Time as area ------------------------------------------------------------------------

/// Squarified treemap: places for `values` (descending) in a box, all in the unit of the box.
function squarify(values, box) {
  const places = [];
  let {x, y, w, h} = box, rest = values.reduce((a, b) => a + b, 0);
  for (let start = 0; start < values.length;) {
    const area = w * h, side = Math.min(w, h);
    let end = start, sum = 0, worst = Infinity;
    while (end < values.length) {
      const next = sum + values[end], depth = next / rest * area / side;
      const ratio = Math.max(...[values[start], values[end]].map(value => {
        const length = value / next * side;
        return Math.max(length / depth, depth / length);
      }));
      if (ratio > worst) break;
      worst = ratio;
      sum = next;
      ++end;
    }
    const depth = sum / rest * area / side;
    let along = 0;
    for (let i = start; i < end; ++i) {
      const length = values[i] / sum * side;
      places.push(w >= h ? {x, y: y + along, w: depth, h: length} : {x: x + along, y, w: length, h: depth});
      along += length;
    }
    if (w >= h) { x += depth; w -= depth; } else { y += depth; h -= depth; }
    rest -= sum;
    start = end;
  }
  return places;
}

function cell(entry, at, sum) {
  const share = percent(entry.us / sum), kernel = entry.kernel && functionOf(entry.kernel);
  const each = `${entry.launches} \u00d7 ${microseconds(entry.us / entry.launches)}`;
  const text = at.w > 60 && at.h > 24 ? [make("b", {}, entry.name), at.h > 44 ? `${share} \u00b7 ${each}` : null] : [];
  return make("div", {
    class: "cell" + (kernel && entry.kernel === selected ? " on" : "") + (kernel?.spill_bytes ? " spilled" : ""),
    role: "listitem", ...(kernel ? {tabindex: 0, "data-kernel": entry.kernel, ...opens(entry.kernel)} : {}),
    "data-tip": `${entry.name}\n${kernel ? kernel.ops + "\n" : ""}${share}: ${each} = ${microseconds(entry.us)}` +
      (kernel?.bound ? `\nbound by ${kernel.bound}` : ""),
    style: {left: at.x + "px", top: at.y + "px", width: at.w + "px", height: at.h + "px",
            "--colour": kernel ? colourOf(kernel.root) : "var(--gap)"},
  }, ...text);
}

function drawTime() {
  const box = byId("time"), all = totals(), hidden = all.filter(entry => entry.unknown).length;
  const shown = all.filter(entry => entry.us > 0).map(entry => ({...entry, name: entry.kernel}));
  if (shown.length && report.launch_gap_us)
    shown.push({name: "gaps between launches", us: report.launch_gap_us * report.steps.length, launches: report.steps.length});
  shown.sort((a, b) => b.us - a.us);
  const sum = shown.reduce((total, entry) => total + entry.us, 0);
  byId("time-hint").textContent = batches.length
    ? `Area is the predicted time of all launches at batch ${batches[chosen]}: ${microseconds(sum)} in all.` +
      (hidden ? ` ${hidden} kernels have no prediction.` : "")
    : "No predictions.";
  const places = squarify(shown.map(entry => entry.us), {x: 0, y: 0, w: box.clientWidth, h: box.clientHeight});
  box.replaceChildren(...shown.map((entry, i) => cell(entry, places[i], sum)));
  const roots = [...new Set(all.map(entry => rootOf(entry.kernel)))];
  byId("legend").replaceChildren(...roots.map(root => make("span", {style: {"--colour": colourOf(root)}}, root)),
    make("span", {style: {"--colour": "var(--gap)"}}, "gaps"));
}

// One kernel ------------------------------------------------------------------------------

function gauge(value, most, colour) {
  return make("div", {class: "bar"}, make("i", {style: {width: Math.min(100, 100 * value / most) + "%", "--colour": colour}}));
}

function fact(term, ...text) {
  return make("div", {}, make("dt", {}, term), make("dd", {}, ...text));
}

function drawDetails() {
  const kernel = selected && functionOf(selected), section = byId("details");
  section.hidden = !kernel;
  if (!kernel) return;
  const colour = colourOf(kernel.root), found = kernel.registers ?? kernel.predicted_registers ?? 0;
  const candidates = kernel.candidates.length ? [make("h3", {}, "Schedules considered"), make("div", {class: "scroll"},
    make("table", {}, make("thead", {}, make("tr", {}, ["tile", "registers", "found", "time", "verdict"].map((head, i) =>
      make("th", {class: i > 0 && i < 4 ? "n" : null}, head)))),
    make("tbody", {}, kernel.candidates.map(each => make("tr", {class: each.verdict === "chosen" ? "chosen" : null},
      make("td", {class: "mono"}, each.tile), make("td", {class: "n"}, each.predicted_registers),
      make("td", {class: "n"}, orDash(each.registers)), make("td", {class: "n"}, microseconds(each.predicted_us)),
      make("td", {class: each.spill_bytes ? "bad" : null}, orDash(each.verdict)))))))] : [];
  section.replaceChildren(
    make("h2", {class: "mono"}, kernel.name), chips(kernel.ops, kernel.root),
    make("dl", {class: "grid", style: {margin: 0}},
      fact("serves batches", batchRanges(kernel)),
      fact(kernel.k ? "M \u00d7 N \u00d7 K at the largest" : "rows \u00d7 columns at the largest", shapeText(kernel)),
      fact("schedule", kernel.schedule), fact("type", kernel.dtype),
      fact("registers predicted / found", `${orDash(kernel.predicted_registers)} / ${orDash(kernel.registers)} of 255`, gauge(found, 255, colour)),
      fact("spills, stack", make("span", {class: kernel.spill_bytes + kernel.stack_bytes ? "bad" : ""},
        `${kernel.spill_bytes} B, ${kernel.stack_bytes} B`)),
      fact("occupancy", `${kernel.occupancy.warps} of ${kernel.occupancy.most_warps} warps, ${kernel.occupancy.blocks} blocks; ${orDash(kernel.limit)}`,
        gauge(kernel.occupancy.warps, kernel.occupancy.most_warps || 1, colour)),
      fact("shared memory, threads", `${bytes(kernel.smem_bytes)}, ${kernel.threads}`),
      fact("one launch", `${microseconds(kernel.predicted_us)}${kernel.bound ? ", bound by " + kernel.bound : ""}`),
      fact("launches", kernel.launches)),
    ...candidates,
    ...(kernel.decisions.length ? [make("h3", {}, "Decisions"), make("ul", {}, kernel.decisions.map(text => make("li", {}, text)))] : []),
    ...(kernel.places.length ? [make("h3", {}, "Where"), make("p", {class: "places"}, kernel.places.join(", "))] : []));
}

// Lists -----------------------------------------------------------------------------------

const card = (value, text, bad) => make("div", {class: bad ? "card bad" : "card"}, make("b", {}, value), make("span", {}, text));

function drawCards() {
  const prediction = report.predictions[chosen], cards = [];
  const add = (...what) => cards.push(card(...what));
  if (prediction) {
    const us = prediction.predicted_us;
    add(microseconds(us), `predicted at batch ${prediction.batch}`);
    add(us ? number(prediction.images_per_second) : "\u2013", "images/s");
    add(us ? percent(prediction.roofline_us / us) : "\u2013", `of the roofline (${prediction.roofline_bound})`);
    for (const [policy, other] of Object.entries(prediction.others_us))
      if (us) add((other / us).toFixed(2) + "\u00d7", `as fast as the ${policy} policy`);
  }
  add(report.steps.length, `launches of ${report.kernels.length} kernels`);
  add(report.fusions.length - refused.length, `fusions made, ${refused.length} refused`);
  const spills = report.kernels.filter(kernel => kernel.spill_bytes > 0).length;
  const assembled = report.kernels.some(kernel => kernel.registers !== null);
  add(assembled ? spills : "\u2013", assembled ? "kernels spill" : "not assembled: no spills known", spills);
  byId("cards").replaceChildren(...cards);
}

function drawPredictions() {
  const longest = prediction => Math.max(prediction.predicted_us ?? 0, prediction.roofline_us, ...Object.values(prediction.others_us));
  const lane = (name, us, most, colour, note) => make("div", {class: "lane"}, make("span", {}, name), gauge(us ?? 0, most, colour),
    make("span", {}, microseconds(us) + note));
  byId("whole").hidden = !report.predictions.length;
  byId("predictions").replaceChildren(...report.predictions.map(each => {
    const most = longest(each), rate = us => us ? ` \u00b7 ${number(1e6 * each.batch / us)}/s` : "";
    return make("div", {class: "batch"}, make("b", {}, "batch " + each.batch, each.served ? null
        : make("span", {"data-tip": `More than the library's ${report.max_batch}: as if it had been built for that batch`}, " *")),
      make("div", {}, lane("roofline", each.roofline_us, most, "var(--soft)", rate(each.roofline_us)),
        lane(report.policy, each.predicted_us, most, "var(--accent)", rate(each.predicted_us)),
        Object.entries(each.others_us).map(([policy, us]) => lane(policy, us, most, "var(--patchify)", rate(us)))));
  }));
}

function drawRefused() {
  const groups = new Map(); // by reason: what one op is refused for is refused for those after it, too
  for (const note of refused) {
    const key = note.reason.replace(/\.\d+\./g, ".*.");
    const group = groups.get(key) ?? {...note, places: new Set()};
    group.places.add(note.loc);
    groups.set(key, group);
  }
  byId("refused").replaceChildren(groups.size ? make("div", {class: "scroll"}, make("table", {},
    make("thead", {}, make("tr", {}, ["ops", "places", "first at", "because"].map(head => make("th", {}, head)))),
    make("tbody", {}, [...groups.values()].map(group => make("tr", {}, make("td", {class: "mono"}, group.ops),
      make("td", {}, group.places.size), make("td", {class: "mono"}, orDash(group.loc)), make("td", {}, group.reason))))))
    : make("p", {class: "hint"}, "None."));
}

function drawKernels() {
  const heads = ["kernel", "ops", "batch", "M \u00d7 N \u00d7 K", "tile", "registers", "occupancy", "time", "bound by"];
  byId("kernels").replaceChildren(make("thead", {}, make("tr", {}, heads.map((head, i) => make("th", {class: i === 7 ? "n" : null}, head)))),
    make("tbody", {}, report.kernels.map(kernel => make("tr", {tabindex: 0, "data-kernel": kernel.kernel, ...opens(kernel.kernel)},
      make("td", {class: "mono"}, kernel.name), make("td", {}, kernel.ops), make("td", {}, batchRanges(kernel)),
      make("td", {}, shapeText(kernel)), make("td", {class: "mono"}, tileText(kernel)),
      make("td", {class: kernel.spill_bytes ? "bad" : null}, `${orDash(kernel.predicted_registers)} / ${orDash(kernel.registers)}` +
        (kernel.spill_bytes ? `, spills ${kernel.spill_bytes} B` : "")),
      make("td", {}, `${kernel.occupancy.warps} / ${kernel.occupancy.most_warps} ${kernel.limit}`),
      make("td", {class: "n"}, microseconds(kernel.predicted_us)), make("td", {}, orDash(kernel.bound))))));
}

// Code for CPUs ------------------------------------------------------------------------

const launchesOf = cpu => cpu.kernels.reduce((sum, kernel) => sum + kernel.launches, 0);
const timeOfAll = cpu => cpu.kernels.reduce((sum, kernel) => sum + kernel.launches * kernel.predicted_us, 0);

function drawCpu(cpu) {
  byId("cpu-section").hidden = false;
  byId("cpu-hint").textContent = `For ${cpu.forms.join(", ")}. Time and bound are predicted, of one launch by one thread at batch ` +
    `${report.max_batch} on ${cpu.core} (${number(cpu.gflops)} GFLOP/s, L2 ${number(cpu.l2_gb_per_second)} GB/s, ` +
    `DRAM ${number(cpu.dram_gb_per_second)} GB/s); all launches ${microseconds(timeOfAll(cpu))}. A tile is what a thread takes at a time.`;
  const heads = ["kernel", "ops", "launches", "M \u00d7 N \u00d7 K", "tile", "time", "bound by"];
  const most = Math.max(...cpu.kernels.map(kernel => kernel.launches * kernel.predicted_us));
  byId("cpu").replaceChildren(make("thead", {}, make("tr", {}, heads.map((head, i) => make("th", {class: i === 2 || i === 5 ? "n" : null}, head)),
      make("th", {}, "of all launches"))),
    make("tbody", {}, cpu.kernels.map(kernel => make("tr", {}, make("td", {class: "mono"}, kernel.name), make("td", {}, kernel.ops),
      make("td", {class: "n"}, kernel.launches), make("td", {}, shapeText(kernel)), make("td", {class: "mono"}, kernel.tile),
      make("td", {class: "n"}, microseconds(kernel.predicted_us)), make("td", {}, kernel.bound),
      make("td", {}, gauge(kernel.launches * kernel.predicted_us, most, "var(--accent)"))))));
}

/// The page of a library that has code for CPUs alone.
function drawCpuAlone(cpu) {
  const us = timeOfAll(cpu);
  byId("cards").replaceChildren(card(microseconds(us), `predicted by one thread at batch ${report.max_batch}`),
    card(us ? number(1e6 * report.max_batch / us) : "\u2013", "images/s by one thread"),
    card(launchesOf(cpu), `launches of ${cpu.kernels.length} kernels`));
}

function drawProfile() {
  const notes = report.profile ?? [];
  byId("profile-section").hidden = !notes.length;
  byId("profile").replaceChildren(...notes.map(note => make("li", {}, make("b", {class: "mono"}, note.kernel), `: ${note.finding}; ${note.action}`)));
}

// Together --------------------------------------------------------------------------------

function select(kernel) {
  selected = kernel;
  for (const element of document.querySelectorAll("[data-kernel]"))
    element.classList.toggle("on", element.dataset.kernel === kernel);
  drawDetails();
}

/// Listeners that open the details of a kernel, by mouse or by key.
function opens(kernel) {
  return {onclick: () => select(kernel), onkeydown: event => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      select(kernel);
    }
  }};
}

function drawBatch() {
  for (const [i, button] of [...byId("batches").children].entries()) button.setAttribute("aria-pressed", i === chosen);
  drawCards();
  drawModel();
  drawTime();
  drawDetails();
}

function showTip(event) {
  const tip = byId("tip"), owner = event.target.closest?.("[data-tip]");
  tip.hidden = !owner;
  if (!owner) return;
  tip.textContent = owner.dataset.tip;
  tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
  tip.style.top = Math.min(event.clientY + 16, innerHeight - tip.offsetHeight - 8) + "px";
}

byId("title").textContent = report.model || report.library?.name || "model";
const hasGpu = report.kernels.length || !report.cpu;
const compiledFor = [hasGpu ? report.gpu : [], report.cpu ? "CPUs" : []].flat().join(" and ");
byId("subtitle").textContent = `compiled for ${compiledFor}, batches 1 to ${report.max_batch}`;
document.title = `${report.model || "model"} on ${compiledFor}`;
for (const element of document.querySelectorAll(".gpu")) element.hidden = !hasGpu;
byId("footer").textContent = report.library
  ? `${report.library.compiler}; ${report.library.assembler}` : "Predicted times are a model's; registers and spills are found by ptxas.";
byId("batches").append(...batches.map((batch, i) => make("button", {type: "button", onclick: () => { chosen = i; drawBatch(); }}, "batch " + batch)));
byId("batches").hidden = !hasGpu || !batches.length;
selected = totals()[0]?.kernel ?? null;
if (hasGpu) {
  drawBatch();
  drawPredictions();
  drawRefused();
  drawKernels();
  drawProfile();
  addEventListener("resize", drawTime);
} else {
  drawCpuAlone(report.cpu);
}
if (report.cpu) drawCpu(report.cpu);
document.addEventListener("mousemove", showTip);
