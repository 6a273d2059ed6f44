// The explorer: chooses cells (conditions at a learning rate) and draws what the chosen ones average to.
//
// score     mean over the chosen runs of an activation; the range is that of the means of single seeds
// rank      mean over blocks and seeds of the rank by score among the chosen activations; a failed run ranks last,
//           ties share their mean rank, blocks that lack an activation are left out
// curve     mean over the chosen runs; a failed run counts as 0 from its failure on
// profile   median over the chosen cells of their median over seeds, in networks of one depth
// theory    median over the same cells of what mean-field theory predicts at initialisation, where it predicts all of them;
//           what it knows only relative to the last hidden layer goes through the measured value there
"use strict";
(function () {
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const root = document.getElementById("explorer-view");
  const CHOSEN = "chosen", ALL = "all";
  const state = { study: 0, levels: {}, lr: CHOSEN, split: "val", by: "", depth: 0, diagnostic: "", moment: "start" };

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }
  const study = () => data.studies[state.study];
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  function median(values) {
    const sorted = values.slice().sort((a, b) => a - b), middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
  function group(items, keyOf) {
    const groups = new Map();
    for (const item of items) {
      const key = keyOf(item);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(item);
    }
    return groups;
  }
  const show = (value, digits) => (value === null || Number.isNaN(value) ? "" : value.toFixed(digits === undefined ? 3 : digits));
  const digits = (value) => (value === 0 ? "0" : Math.abs(value) >= 0.001 && Math.abs(value) < 10000 ? String(Number(value.toPrecision(4))) : value.toExponential(3));

  // What is chosen ------------------------------------------------------------------------------------------------
  const filters = () => Object.keys(study().factors).filter((name) => name !== "lr");
  function chosenCells() {
    const { cells, chosen } = study(), names = filters(), found = [];
    for (let cell = 0; cell < chosen.length; cell++) {
      const rate = state.lr === ALL || (state.lr === CHOSEN ? chosen[cell] === 1 : cells.lr[cell] === Number(state.lr));
      if (rate && names.every((name) => state.levels[name].has(cells[name][cell]))) found.push(cell);
    }
    return found;
  }
  function chosenRuns(cells) {
    const wanted = new Set(cells), runs = study().runs, found = [];
    runs.cell.forEach((cell, place) => {
      if (wanted.has(cell)) found.push({ cell, seed: runs.seed[place], score: runs.score[place], failed: runs.failed[place] });
    });
    return found;
  }
  const activationOf = (cell) => study().factors.activation[study().cells.activation[cell]];
  const order = Object.keys(data.looks);
  const inOrder = (names) => order.filter((name) => names.has(name));

  // The numbers ---------------------------------------------------------------------------------------------------
  function ranks(runs) {
    const names = Object.keys(study().factors).filter((name) => name !== "activation" && (name !== "lr" || state.lr === ALL));
    const present = new Set(runs.map((run) => activationOf(run.cell))), total = new Map();
    const blocks = group(runs, (run) => [run.seed, ...names.map((name) => study().cells[name][run.cell])].join(" "));
    for (const block of blocks.values()) {
      if (block.length !== present.size) continue;
      const value = (run) => (run.failed ? -Infinity : run.score);
      for (const run of block) {
        const above = block.filter((other) => value(other) > value(run)).length;
        const ties = block.filter((other) => value(other) === value(run)).length;
        const name = activationOf(run.cell);
        if (!total.has(name)) total.set(name, []);
        total.get(name).push(above + (ties + 1) / 2);
      }
    }
    return total;
  }
  function ranking(runs) {
    const places = ranks(runs), rows = [];
    for (const [name, own] of group(runs, (run) => activationOf(run.cell))) {
      const seeds = [...group(own, (run) => run.seed).values()].map((part) => mean(part.map((run) => run.score)));
      rows.push({
        activation: name, score: mean(own.map((run) => run.score)), low: Math.min(...seeds), high: Math.max(...seeds),
        rank: places.has(name) ? mean(places.get(name)) : null, failed: own.filter((run) => run.failed).length,
        runs: own.length, seeds: seeds.length,
      });
    }
    return rows.sort((a, b) => b.score - a.score || (a.activation < b.activation ? -1 : 1));
  }
  function byFactor(runs) {
    const levels = study().factors[state.by], rows = [];
    for (const [name, own] of group(runs, (run) => activationOf(run.cell))) {
      const parts = group(own, (run) => study().cells[state.by][run.cell]);
      for (const [place, part] of [...parts].sort((a, b) => a[0] - b[0])) {
        const failed = part.filter((run) => run.failed).length;
        rows.push({ activation: name, level: String(levels[place]), score: mean(part.map((run) => run.score)), failed, runs: part.length });
      }
    }
    return rows;
  }
  function curves(cells, runs) {
    const packed = study().curves, weight = new Map(), rows = [];
    for (const run of runs) weight.set(run.cell, (weight.get(run.cell) || 0) + 1);
    for (const [key, own] of group(cells, (cell) => activationOf(cell) + "\n" + packed.schedule[cell])) {
      const steps = packed.steps[Number(key.split("\n")[1])], total = own.reduce((sum, cell) => sum + weight.get(cell), 0);
      if (!steps) continue;
      steps.forEach((step, place) => {
        const sum = own.reduce((part, cell) => part + weight.get(cell) * packed[state.split][cell][place], 0);
        rows.push({ activation: key.split("\n")[0], updates: steps[steps.length - 1], step, accuracy: sum / total, runs: total });
      });
    }
    return rows;
  }
  function predicted(cell, measured) {
    const found = data.predictions[study().prediction[cell]], values = found && found[state.diagnostic];
    if (!values || state.moment !== "start") return null;
    if (!data.relative.includes(state.diagnostic)) return values;
    const last = values.length - 1, scale = measured[last] === null ? NaN : measured[last] / values[last];
    return Number.isFinite(scale) ? values.map((value) => value * scale) : null;
  }
  function profiles(cells) {
    const packed = study().layers[state.moment][state.diagnostic], rows = [];
    if (!packed) return rows;
    const deep = cells.filter((cell) => study().depth[cell] === state.depth && packed[cell]);
    for (const [name, own] of group(deep, activationOf)) {
      const layers = Math.max(...own.map((cell) => packed[cell].length)), theory = own.map((cell) => predicted(cell, packed[cell]));
      const told = theory.every(Boolean) ? theory[0].length : 0;
      for (let layer = 0; layer < layers; layer++) {
        const values = own.map((cell) => packed[cell][layer]).filter((value) => value !== null && value !== undefined);
        const expected = layer < told ? median(theory.map((own) => own[layer])) : null;
        if (values.length) rows.push({ activation: name, layer: layer + 1, value: median(values), theory: expected, cells: values.length });
      }
    }
    return rows;
  }

  // Drawing -------------------------------------------------------------------------------------------------------
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => data.looks[name][dark.matches ? "dark" : "light"];
  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  function layout(extra) {
    const axis = { gridcolor: variable("--line"), zeroline: false, linecolor: variable("--line"), automargin: true };
    const base = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false, hovermode: "closest",
      font: { family: "system-ui, sans-serif", size: 13, color: variable("--ink") }, margin: { l: 12, r: 12, t: 8, b: 8 },
      height: 340, xaxis: { ...axis }, yaxis: { ...axis },
    };
    for (const [name, value] of Object.entries(extra)) base[name] = name.endsWith("axis") ? { ...axis, ...value } : value;
    return base;
  }
  // The legend stands under the axis in columns of one width, and the drawing is higher by as many rows as it needs.
  function legend(traces, width) {
    const named = traces.filter((trace) => trace.showlegend !== false);
    const entrywidth = 14 + 8 * Math.max(0, ...named.map((trace) => trace.name.length));
    const columns = Math.max(1, Math.floor((width - 24) / (entrywidth + 50))), rows = Math.ceil(named.length / columns);
    const place = { xref: "container", yref: "container", x: 0, y: 0, yanchor: "bottom" };
    return { height: 350 + 20 * rows, legend: { orientation: "h", ...place, entrywidth, maxheight: 40 + 20 * rows } };
  }
  const CONFIG = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false };
  function draw(name, traces, extra, heads, rows) {
    const place = document.getElementById("chart-" + name);
    place.hidden = rows.length === 0;
    document.getElementById("empty-" + name).hidden = rows.length > 0;
    if (rows.length) Plotly.react(place, traces, layout({ ...legend(traces, place.clientWidth), ...extra }), CONFIG);
    window.actbenchTables.fill(document.getElementById("numbers-" + name), heads, rows);
  }
  function lines(rows, x, y, hover) {
    const parts = group(rows, (row) => row.activation + (row.updates ? "\n" + row.updates : ""));
    const lengths = new Set(rows.map((row) => row.updates));
    return inOrder(new Set(rows.map((row) => row.activation))).flatMap((name) =>
      [...parts].filter(([key]) => key.split("\n")[0] === name).map(([key, own]) => ({
        type: "scatter", mode: "lines+markers", x: own.map((row) => row[x]), y: own.map((row) => row[y]),
        name: lengths.size > 1 ? name + ", " + key.split("\n")[1] + " updates" : name,
        line: { color: colour(name), dash: data.looks[name].dash, width: 2 },
        marker: { color: colour(name), symbol: data.looks[name].symbol, size: 7, line: { color: colour(name), width: 1.5 } },
        hovertemplate: "<b>" + name + "</b><br>" + hover + "<extra></extra>",
      })),
    );
  }
  function drawRanking(runs) {
    const rows = ranking(runs), up = rows.slice().reverse();
    const trace = {
      type: "scatter", mode: "markers", orientation: "h", x: up.map((row) => row.score), y: up.map((row) => row.activation),
      error_x: { type: "data", symmetric: false, array: up.map((row) => row.high - row.score),
        arrayminus: up.map((row) => row.score - row.low), color: variable("--soft"), thickness: 2, width: 5 },
      marker: { size: 11, color: up.map((row) => colour(row.activation)), symbol: up.map((row) => data.looks[row.activation].symbol),
        line: { color: up.map((row) => colour(row.activation)), width: 2 } },
      customdata: up.map((row) => [row.failed, row.runs]), showlegend: false,
      hovertemplate: "<b>%{y}</b><br>mean score %{x:.3f}<br>%{customdata[0]} of %{customdata[1]} runs failed<extra></extra>",
    };
    const heads = ["activation", "mean score", "lowest seed", "highest seed", "mean rank", "failed", "runs", "seeds"];
    draw("ranking", [trace], { height: 90 + 30 * rows.length, xaxis: { title: { text: "test accuracy (fraction)" } },
      yaxis: { type: "category", ticksuffix: " " } }, heads,
      rows.map((row) => [row.activation, show(row.score), show(row.low), show(row.high), show(row.rank), row.failed, row.runs, row.seeds]));
    return rows;
  }
  function drawByFactor(runs) {
    const rows = byFactor(runs);
    draw("factor", lines(rows, "level", "score", state.by + " %{x}: %{y:.3f}"), {
      xaxis: { title: { text: state.by }, type: "category", categoryorder: "array", categoryarray: study().factors[state.by].map(String) },
      yaxis: { title: { text: "test accuracy (fraction)" } } },
      ["activation", state.by, "mean score", "failed", "runs"],
      rows.map((row) => [row.activation, row.level, show(row.score), row.failed, row.runs]));
  }
  function drawCurves(cells, runs) {
    // updates + 1 on a log scale, so that the evaluation before the first update has a place
    const rows = curves(cells, runs).map((row) => ({ ...row, place: row.step + 1 }));
    const ticks = [0, 1, 10, 100, 1000, 10000, 100000];
    draw("curves", lines(rows, "place", "accuracy", "accuracy %{y:.3f}"), {
      xaxis: { title: { text: "updates (log scale)" }, type: "log", tickvals: ticks.map((tick) => tick + 1), ticktext: ticks.map(String) },
      yaxis: { title: { text: (state.split === "val" ? "validation" : "training") + " accuracy" }, rangemode: "tozero" } },
      ["activation", "updates in all", "updates made", "accuracy", "runs"],
      rows.map((row) => [row.activation, row.updates, row.step, show(row.accuracy), row.runs]));
  }
  function theories(rows, log) {
    const told = rows.filter((row) => row.theory !== null && !(log && row.theory <= 0));
    const dotted = (name, paint, own) => ({
      type: "scatter", mode: "lines", x: own.map((row) => row.layer), y: own.map((row) => row.theory), name: name,
      line: { color: paint, dash: "dot", width: 3 }, hovertemplate: "<b>" + name + "</b><br>layer %{x}: %{y:.4~g}<extra></extra>",
    });
    const traces = [...group(told, (row) => row.activation)].map(([name, own]) => ({ ...dotted(name + ", theory", colour(name), own), showlegend: false }));
    return traces.length ? [...traces, dotted("theory", variable("--soft"), [{ layer: null, theory: null }])] : [];
  }
  const WHOLE = /_fraction$/;
  function drawProfiles(cells) {
    const rows = profiles(cells), log = !WHOLE.test(state.diagnostic);
    const shown = log ? rows.filter((row) => row.value > 0) : rows;
    draw("layers", [...lines(shown, "layer", "value", "layer %{x}: %{y:.4~g}"), ...theories(rows, log)], {
      xaxis: { title: { text: "layer (1 is next to the input)" }, dtick: state.depth > 20 ? 5 : state.depth > 8 ? 2 : 1 },
      yaxis: { title: { text: state.diagnostic.replaceAll("_", " ") }, type: log ? "log" : "linear", exponentformat: "power",
        ...(log ? { dtick: null } : { rangemode: "tozero" }) } },
      ["activation", "layer", state.diagnostic.replaceAll("_", " "), "mean-field theory", "cells"],
      rows.map((row) => [row.activation, row.layer, digits(row.value), row.theory === null ? "" : digits(row.theory), row.cells]));
  }
  function update() {
    const cells = chosenCells(), runs = chosenRuns(cells), failed = runs.filter((run) => run.failed).length;
    const conditions = new Set(cells.map((cell) => filters().map((name) => study().cells[name][cell]).join(" "))).size;
    const rows = drawRanking(runs);
    const words = cells.length === 0 ? "Nothing matches: choose at least one level of every factor."
      : conditions.toLocaleString("en") + " conditions, " + runs.length.toLocaleString("en") + " runs, " + failed.toLocaleString("en") +
        " failed. Highest mean score: " + rows[0].activation + ", " + show(rows[0].score) + ".";
    document.getElementById("explorer-status").textContent = words;
    drawByFactor(runs);
    drawCurves(cells, runs);
    drawProfiles(cells);
  }

  // Choosing ------------------------------------------------------------------------------------------------------
  function picker(id, label, options, value, choose, redraw = update) {
    const select = element("select", { id });
    for (const [key, text] of options) select.append(element("option", { value: key }, text));
    select.value = String(value);
    select.addEventListener("change", () => { choose(select.value); redraw(); });
    return element("label", { class: "picker" }, label, select);
  }
  function boxes(name) {
    const levels = study().factors[name], box = element("fieldset", { "data-factor": name });
    box.append(element("legend", {}, name.replaceAll("_", " ")));
    const inputs = levels.map((level, place) => {
      const input = element("input", { type: "checkbox", value: String(place), "data-level": String(level) });
      input.checked = state.levels[name].has(place);
      input.addEventListener("change", () => { state.levels[name][input.checked ? "add" : "delete"](place); update(); });
      box.append(element("label", {}, input, String(level)));
      return input;
    });
    for (const [word, on] of levels.length > 3 ? [["all", true], ["none", false]] : []) {
      const button = element("button", { type: "button", "aria-label": name + ": " + word }, word);
      button.addEventListener("click", () => {
        inputs.forEach((input, place) => { input.checked = on; state.levels[name][on ? "add" : "delete"](place); });
        update();
      });
      box.append(button);
    }
    return box;
  }
  function chart(name, title, note, ...pickers) {
    const numbers = element("details", {}, element("summary", {}, "The numbers drawn"), element("div", { id: "numbers-" + name }));
    return element("article", { "aria-labelledby": "title-" + name },
      element("h3", { id: "title-" + name }, title), element("p", { class: "soft" }, note), element("div", { class: "pickers" }, ...pickers),
      element("div", { id: "chart-" + name, class: "chart", role: "img", "aria-label": title + ". The numbers stand in the table below." }),
      element("p", { id: "empty-" + name, hidden: "" }, "Nothing to draw for this choice."), numbers);
  }
  function build() {
    const own = study(), names = filters(), moments = Object.keys(own.layers).filter((moment) => Object.keys(own.layers[moment]).length);
    const diagnostics = [...new Set(moments.flatMap((moment) => Object.keys(own.layers[moment])))];
    const depths = [...new Set(own.depth)].sort((a, b) => a - b);
    state.levels = Object.fromEntries(names.map((name) => [name, new Set(own.factors[name].keys())]));
    state.lr = CHOSEN;
    state.by = names.includes("depth") ? "depth" : names[names.length > 1 ? 1 : 0];
    state.depth = depths[depths.length - 1];
    state.diagnostic = diagnostics.includes("gradient_norm") ? "gradient_norm" : diagnostics[0] || "";
    state.moment = moments[0] || "start";
    const rates = own.factors.lr.map((rate, place) => [String(place), String(rate)]);
    const fixed = Object.entries(own.fixed).map(([name, level]) => name.replaceAll("_", " ") + " " + level).join(", ");
    const form = element("form", { id: "explorer-form", "aria-label": "What the explorer shows" });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.append(...names.map(boxes));
    form.append(element("fieldset", {}, element("legend", {}, "learning rate"),
      picker("pick-lr", "", [[CHOSEN, "chosen on validation data"], ...rates, [ALL, "all rates"]], state.lr, (value) => { state.lr = value; })));
    form.querySelector("#pick-lr").setAttribute("aria-label", "learning rate");
    const alone = {
      by: () => drawByFactor(chosenRuns(chosenCells())), split: () => drawCurves(chosenCells(), chosenRuns(chosenCells())),
      layers: () => drawProfiles(chosenCells()),
    };
    const pick = (name, label, options) => picker("pick-" + name, label, options.map((option) => [option, String(option).replaceAll("_", " ")]),
      state[name], (value) => { state[name] = name === "depth" ? Number(value) : value; }, alone[name] || alone.layers);
    root.replaceChildren(
      element("p", {}, element("strong", {}, own.question)), element("p", { class: "soft" }, fixed ? "Fixed in this study: " + fixed + "." : ""),
      form, element("p", { id: "explorer-status", role: "status" }),
      chart("ranking", "Ranking", "Mean test accuracy over the chosen runs, a failed run counting as 0; the bar runs from the lowest to the highest mean of one seed. The rank in the table is the mean over blocks and seeds that hold every chosen activation."),
      chart("factor", "Score by factor", "Mean test accuracy over the chosen runs at each level, a failed run counting as 0.", pick("by", "factor ", names.length > 1 ? names.filter((name) => name !== "activation") : names)),
      chart("curves", "Learning curves", "Mean accuracy over the chosen runs; a run counts as 0 from the step at which it failed.", picker("pick-split", "split ", [["val", "validation"], ["train", "training"]], state.split, (value) => { state.split = value; }, alone.split)),
      chart("layers", "Layer profiles", "Median over the chosen cells (a condition at one learning rate) of their median over seeds, in networks of one depth. At the end, runs that did not fail. Dotted at initialisation: what mean-field theory predicts, where it has a prediction of every chosen cell; of gradients it has ratios of layers, for examples that are equally correlated in every layer, laid through the measured last hidden layer. Zeros have no place on a logarithmic axis; the table has them. " + data.note,
        pick("diagnostic", "diagnostic ", diagnostics), picker("pick-moment", "moment ", moments.map((moment) => [moment, moment === "start" ? "at initialisation" : "after the last update"]), state.moment, (value) => { state.moment = value; }, alone.layers),
        pick("depth", "depth ", depths)));
  }
  const studies = picker("pick-study", "study ", data.studies.map((one, place) => [String(place), one.name]), state.study, (value) => { state.study = Number(value); build(); });
  root.before(element("div", { class: "pickers" }, studies));
  build();
  update();
  dark.addEventListener("change", update);
  let width = root.clientWidth;
  window.addEventListener("resize", () => {
    if (root.clientWidth !== width) { width = root.clientWidth; update(); }
  });
})();
