// RoIAlign: one box over the same cells twice; what roi_pool and roi_align make a bin of.
//
// Which cell counts how much in a bin is what the functions give for features that are 1 in one
// cell alone. By hand here: the box in cells, its bins' edges and sampling points, sums and maxima.

const GAP = 0.7; // between the two maps, in cells
const WAYS = ["pool", "align"];
const finite = (value) => (typeof value === "number" ? value : value === "-inf" ? -1e9 : 1e9);

/** Where things stand, in cells of the stage; `u` is a unit that fits the whole width. */
function layout({ features, size, margin: m }) {
  const H = features.length, W = features[0].length, right = W + 2 * m + GAP, width = right + W + 2 * m;
  const u = width / 17, below = H + 2 * m + 0.75 * u, chart = below + 0.95 * u * size[0] + 1.1 * u;
  const edge = Math.min(m, 0.6 * u);
  return { H, W, m, width, u, below, chart, height: chart + 3.4 * u, left: { pool: m, align: right + m },
    bins: { pool: edge, align: Math.max(right + edge, 8.8 * u) } };
}

const inCells = (state) => state.box.map((side) => side * state.scale);
const cellOf = (index, W) => `(${Math.floor(index / W)}, ${index % W})`;
const valueOf = (state, index) => state.features[Math.floor(index / state.features[0].length)][index % state.features[0].length];
const binName = (state, k) => `(${Math.floor(k / state.size[1])}, ${k % state.size[1]})`;
const nearest = (v) => Math.sign(v) * Math.floor(Math.abs(v) + 0.5);

/** What the function does to get bin `k`, with the numbers filled in. */
function arithmetic(state, shown, way, k) {
  const parts = shown[way].weights[k], gives = `your roi_${way} gives ${fixed(shown[way].bins[k], 4)}`;
  const head = `roi_${way}, bin ${binName(state, k)}: `;
  if (!parts.length) return `${head}no cell counts in this bin, which makes 0; ${gives}`;
  const listed = parts.slice(0, 16), more = parts.length > 16 ? ", ..." : "";
  if (way === "pool") {
    const odd = parts.some(([, share]) => share !== 1) ? ` (a cell that is 1 alone makes this bin ${fixed(parts[0][1])}: for a maximum it is 1)` : "";
    return `${head}max(${listed.map(([cell]) => fixed(valueOf(state, cell))).join(", ")}${more}) = ${fixed(Math.max(...parts.map(([cell]) => valueOf(state, cell))), 4)}${odd}; ${gives}`;
  }
  const sum = parts.reduce((total, [cell, share]) => total + share * valueOf(state, cell), 0);
  const weights = parts.reduce((total, [, share]) => total + share, 0);
  return `${head}weight · cell: ${listed.map(([cell, share]) => `${fixed(share, 3)} · ${fixed(valueOf(state, cell))}`).join(" + ")}${more} = ${fixed(sum, 4)}; the weights add up to ${fixed(weights, 3)}; ${gives}`;
}

function drawMap(look, way, place, k) {
  const { state, shown, reference, unit } = look, { H, W, m } = place;
  const x0 = place.left[way], picked = new Map(shown[way].weights[k]);
  const others = reference ? new Map(reference[way].weights[k]) : null;
  const used = new Set(shown[way].weights.flat().map(([cell]) => cell));
  const most = Math.max(1e-9, ...[...picked.values()].map((share) => Math.abs(share)));
  const wins = way === "pool" ? (index) => picked.has(index) && valueOf(state, index) === shown.pool.bins[k] : () => false;
  const roomy = 1 / unit > 24;
  const outlines = [], texts = [];
  const squares = state.features.map((row, i) => row.map((value, j) => {
    const index = i * W + j, share = picked.get(index), x = x0 + j, y = m + i;
    const box = [x, y, x + 1, y + 1];
    if (share !== undefined) outlines.push(rectangle(box, { stroke: "#111", "stroke-width": 2 }));
    if (others && Math.abs((others.get(index) ?? 0) - (share ?? 0)) > 1e-4) {
      outlines.push(rectangle([x + 0.09, y + 0.09, x + 0.91, y + 0.91], { stroke: COLORS.purple, "stroke-width": 3, "stroke-dasharray": "5 3" }));
    }
    if (wins(index)) outlines.push(h("circle", { cx: x + 0.5, cy: y + 0.5, r: 0.36, fill: "none", stroke: "#111", "stroke-width": 2 }));
    if (roomy) {
      const own = { class: "cw-in cw-onwhite", "font-size": 0.38 };
      const digits = fixed(value, Math.abs(value) < 10 ? 2 : 1);
      if (way === "pool") texts.push(h("text", { x: x + 0.5, y: y + 0.5, ...own }, digits));
      else {
        texts.push(h("text", { x: x + 0.5, y: y + (share === undefined ? 0.5 : 0.3), ...own }, digits),
          share === undefined ? null : h("text", { x: x + 0.5, y: y + 0.74, ...own, "font-size": 0.32, "font-weight": 700 }, `×${share.toFixed(2).replace(/^0/, "")}`));
      }
    }
    return h("g", { "data-why": `cell ${cellOf(index, W)} holds ${fixed(value, 4)}; its weight in bin ${binName(state, k)} of roi_${way} is ${fixed(share ?? 0, 4)}` },
      rectangle(box, { class: "cw-cell", fill: share !== undefined ? COLORS.orange : used.has(index) ? "#d5e8f5" : "#fff" }),
      share !== undefined ? rectangle(box, { fill: "#fff", "fill-opacity": 0.85 - 0.6 * Math.abs(share) / most }) : null);
  }));
  const [x1, y1, x2, y2] = inCells(state).map((v, n) => v + (n % 2 ? m : x0));
  const [rows, columns] = state.size, r = state.ratio;
  const points = [], rings = [], edges = [];
  if (way === "align") {
    for (let i = 1; i < rows; i++) edges.push(`M${x1} ${y1 + (i / rows) * (y2 - y1)}H${x2}`);
    for (let j = 1; j < columns; j++) edges.push(`M${x1 + (j / columns) * (x2 - x1)} ${y1}V${y2}`);
    for (let i = 0; i < rows * r; i++) {
      for (let j = 0; j < columns * r; j++) {
        const mine = Math.floor(i / r) * columns + Math.floor(j / r) === k;
        const spot = { cx: x1 + ((j + 0.5) / (columns * r)) * (x2 - x1), cy: y1 + ((i + 0.5) / (rows * r)) * (y2 - y1) };
        if (!mine) points.push(h("circle", { ...spot, r: 2.4 * unit, fill: COLORS.blue, stroke: "#fff", "stroke-width": 0.7 }));
        else rings.push(h("circle", { ...spot, r: 5 * unit, fill: "none", stroke: "#fff", "stroke-width": 4.5 }),
          h("circle", { ...spot, r: 5 * unit, fill: "none", stroke: "#111", "stroke-width": 2.2 }));
      }
    }
  }
  return [
    label(x0, m - 0.28 * place.u, way === "pool" ? "RoI pool" : "RoI align", 16 * unit, { "font-weight": 600 }),
    rectangle([x0, m, x0 + W, m + H], { stroke: "currentColor", "stroke-width": 1.5 }),
    squares, outlines,
    h("path", { d: edges.join(""), stroke: COLORS.blue, "stroke-width": 1.8, "stroke-dasharray": "6 3", fill: "none" }),
    rectangle([x1, y1, x2, y2], { stroke: COLORS.blue, "stroke-width": 3.5 }), points, rings, texts,
  ];
}

function drawBins(look, way, place, k) {
  const { state, shown, reference, set, ui, unit } = look, columns = state.size[1];
  const x0 = place.bins[way], { u, below } = place, w = 1.7 * u, tall = 0.95 * u;
  return [
    label(x0, below - 0.2 * u, `roi_${way} gives`, 15 * unit),
    shown[way].bins.map((value, n) => {
      const x = x0 + (n % columns) * w, y = below + Math.floor(n / columns) * tall;
      const other = reference && Math.abs(finite(reference[way].bins[n]) - finite(value)) > 1e-4;
      return h("g", { "data-why": arithmetic(state, shown, way, n), style: "cursor: pointer", onclick: () => set({ bin: n }),
        onpointerenter: () => { ui.memory.over = n; ui.repaint(); }, onpointerleave: () => { ui.memory.over = null; ui.repaint(); } },
      rectangle([x, y, x + w, y + tall], { fill: n === k ? "#f6d999" : "#fff", stroke: "#777", "stroke-width": 1 }),
      n === k ? rectangle([x, y, x + w, y + tall], { stroke: "#111", "stroke-width": 3 }) : null,
      other ? rectangle([x + 3 * unit, y + 3 * unit, x + w - 3 * unit, y + tall - 3 * unit], { stroke: COLORS.purple, "stroke-width": 2.5, "stroke-dasharray": "5 3" }) : null,
      h("text", { x: x + w / 2, y: y + tall * (reference ? 0.32 : 0.5), class: "cw-in", "font-size": 15 * unit, "font-weight": 600 }, fixed(value, 2)),
      reference ? h("text", { x: x + w / 2, y: y + tall * 0.72, class: "cw-in", "font-size": 12 * unit }, `(${fixed(reference[way].bins[n], 2)})`) : null);
    }),
  ];
}

/** The picked bin's value for the box moved by -1 to 1 cells: one curve steps, the other slides. */
function drawShifts(look, place, k) {
  const { state, shown, reference, unit } = look, { u } = place;
  const [x0, x1, y0, y1] = [1.4 * u, 14.6 * u, place.chart, place.chart + 2.6 * u];
  const series = (from, way) => from[way].shifted.map((bins) => finite(bins[k]));
  const all = [shown, reference].filter(Boolean).flatMap((from) => WAYS.flatMap((way) => series(from, way))).filter((v) => Math.abs(v) < 1e8);
  const low = Math.min(...all, 0), high = Math.max(...all, low + 1e-3);
  const sx = (n) => x0 + (n / 16) * (x1 - x0), sy = (v) => y1 - ((clamp(v, low, high) - low) / (high - low)) * (y1 - y0);
  const line = (from, way) => series(from, way).map((v, n) => (n === 0 ? `M${sx(0)} ${sy(v)}` : `L${sx(n)} ${sy(v)}`)).join("");
  const last = WAYS.map((way) => sy(series(shown, way)[16]));
  const middle = clamp((last[0] + last[1]) / 2, y0 + 0.3 * u, y1 - 0.4 * u), up = last[0] < last[1] ? 0 : 1;
  const names = Math.abs(last[0] - last[1]) > 0.5 * u ? last : last.map((_, n) => middle + (n === up ? -0.25 : 0.25) * u);
  return [
    rectangle([x0, y0, x1, y1], { stroke: "var(--line)", "stroke-width": 1 }),
    h("path", { d: `M${(x0 + x1) / 2} ${y0}V${y1}`, stroke: "currentColor", "stroke-width": 1, "stroke-dasharray": "2 3" }),
    label(x0, y0 - 0.22 * u, `Bin ${binName(state, k)}, if the box moves to the left or right`, 15 * unit),
    [[low, y1], [high, y0]].map(([v, y]) => label(x0 - 6 * unit, y + 5 * unit, fixed(v, 1), 13 * unit, { "text-anchor": "end" })),
    [[-1, x0], [0, (x0 + x1) / 2], [1, x1]].map(([v, x]) => label(x, y1 + 17 * unit, v === 1 ? "+1 cell" : fixed(v), 13 * unit, { "text-anchor": "middle" })),
    h("path", { d: line(shown, "pool"), fill: "none", stroke: COLORS.red, "stroke-width": 2.5, "stroke-dasharray": "7 4" }),
    h("path", { d: line(shown, "align"), fill: "none", stroke: COLORS.blue, "stroke-width": 3 }),
    reference ? WAYS.map((way) => (line(reference, way) === line(shown, way) ? null
      : h("path", { d: line(reference, way), fill: "none", stroke: COLORS.purple, "stroke-width": 3.5, "stroke-dasharray": "3 5" }))) : null,
    WAYS.map((way, n) => label(x1 + 5 * unit, names[n] + 5 * unit, way, 14 * unit)),
  ];
}

function active(state, ui) {
  const count = state.size[0] * state.size[1];
  return Math.min(ui.memory.over ?? state.bin, count - 1);
}

export default widget({
  title: "A region of the feature map: RoI pool and RoI align",
  size: (state) => {
    const { width, height, u } = layout(state);
    return [width, height + 0.9 * u, 0, -0.5 * u];
  },
  step: 0.25,
  handles: (state) => {
    const { H, W, m, left } = layout(state), apart = left.align - left.pool;
    const own = boxHandles({ id: "box", name: "box", color: "blue", bounds: [W + 2 * m, H + 2 * m], least: 0.125,
      get: (s) => inCells(s).map((side) => side + m),
      put: (s, box) => ({ ...s, box: box.map((side) => Number(((side - m) / s.scale).toFixed(4))) }) });
    const twins = own.map((one, n) => ({ ...one, id: `box-9${n}`, pointerOnly: true,
      ...(one.box ? { box: (s) => one.box(s).map((v, i) => (i % 2 ? v : v + apart)) }
        : { at: (s) => { const [x, y] = one.at(s); return [x + apart, y]; } }) }));
    return [...own, ...twins];
  },
  stage(look) {
    const place = layout(look.state), k = active(look.state, look.ui);
    if (look.shown.pool.bins.length !== look.state.size[0] * look.state.size[1]) return [];
    return [WAYS.map((way) => drawMap(look, way, place, k)), WAYS.map((way) => drawBins(look, way, place, k)), drawShifts(look, place, k)];
  },
  panel(look) {
    const { state, shown, reference, set, ui } = look, k = active(state, ui), cells = inCells(state);
    const W = state.features[0].length;
    if (shown.pool.bins.length !== state.size[0] * state.size[1]) return [];
    const sizes = ["1 × 1", "2 × 2", "2 × 3", "3 × 2", "3 × 3"];
    const own = state.size.join(" × ");
    const scales = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1];
    const text = (scale) => (scale < 1 ? `1/${fixed(1 / scale)}` : fixed(scale));
    const parts = shown.align.weights[k];
    return [
      choice({ name: "bins", value: own, options: sizes.includes(own) ? sizes : [own, ...sizes],
        set: (value) => set({ size: value.split(" × ").map(Number), bin: 0 }) }),
      slider({ name: "sampling_ratio", value: state.ratio, min: 1, max: 4, step: 1, digits: 0, set: (ratio) => set({ ratio }) }),
      choice({ name: "spatial_scale", value: state.scale, options: (scales.includes(state.scale) ? scales : [state.scale, ...scales]).map((scale) => [scale, text(scale)]),
        set: (scale) => set({ scale, box: state.box.map((side) => (side * state.scale) / scale) }) }),
      h("p", {}, "Box in cells: ", cells.map((side, n) => [n ? ", " : "", number(side,
        `${["x1", "y1", "x2", "y2"][n]}: ${fixed(state.box[n], 3)} pixels · ${text(state.scale)} = ${fixed(side, 4)} cells; RoI pool rounds it to ${nearest(side)}`, 2)])),
      slider({ name: "bin", value: k, min: 0, max: shown.pool.bins.length - 1, step: 1, text: binName(state, k), set: (bin) => { ui.memory.over = null; set({ bin }); } }),
      WAYS.map((way) => h("p", {}, `roi_${way}, bin ${binName(state, k)}: `, h("span", { class: "cw-big" },
        number(shown[way].bins[k], arithmetic(state, shown, way, k))), reference ? ` (${fixed(reference[way].bins[k], 3)})` : null,
        way === "pool" ? ` the largest of ${shown.pool.weights[k].length} cells` : ` from ${parts.length} cells`)),
      table("RoI align's cells", ["row, column", "weight", "holds"], parts.slice(0, 6).map(([cell, share]) => [
        cellOf(cell, W), number(share, `the bin's value if cell ${cellOf(cell, W)} is 1 and all others are 0: your roi_align gives ${fixed(share, 5)}`), fixed(valueOf(state, cell))])),
      parts.length > 6 ? h("p", {}, `and ${parts.length - 6} more`) : null,
      h("p", {}, `A gradient flows back through roi_align: ${shown.gradient ? "yes" : "no"}`, reference ? ` (${reference.gradient ? "yes" : "no"})` : ""),
    ];
  },
  says: (state, shown) => `Bins [${state.size.join(", ")}]: roi_pool gives ${shown.pool.bins.map((v) => fixed(v, 2)).join(", ")}; roi_align gives ${shown.align.bins.map((v) => fixed(v, 2)).join(", ")}.`,
});
