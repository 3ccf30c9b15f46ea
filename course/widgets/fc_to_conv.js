// FCToConv: a layer's weights as a row of numbers and as a kernel, each in its place; and a whole
// classifier made fully convolutional, with the window that each of its outputs sees.

const WIDE = 606, BETWEEN = 16, LINE = 22; // units of the stage
const PART_NAMES = { linear_to_conv: "one layer: linear_to_conv", linear_to_pointwise: "one layer: linear_to_pointwise",
  to_fully_convolutional: "a classifier: to_fully_convolutional" };

const unequal = (a, b) => !(Math.abs(a - b) <= 1e-3 * Math.max(1, Math.abs(b))) && a !== b;
const whole = (v) => fixed(v, 1).replace("-", "−");
const paint = (top) => (v) => (typeof v === "number" ? `rgb(${shade(v, top).slice(0, 3).join(",")})` : "#ddd");
const sizeText = (shape) => `[${shape.join(", ")}]`;

/** A grid of numbers with outlines: `picked` is [row, column], `wrong` and `other` say which cells differ. */
function grid(rows, [x, y], cell, { why, picked, wrong, other, pick, high, digits = whole } = {}) {
  const top = high ?? Math.max(1e-9, ...rows.flat().map((v) => (typeof v === "number" ? Math.abs(v) : 0)));
  const color = paint(top * 1.6);
  const outline = (i, j, props, gap = 2) => h("rect", { x: x + j * cell + gap, y: y + i * cell + gap, width: cell - 2 * gap,
    height: cell - 2 * gap, fill: "none", "pointer-events": "none", ...props });
  return [
    rows.map((row, i) => row.map((v, j) => {
      const text = digits(v), size = Math.min(14, cell * 0.42, (cell * 1.55) / text.length);
      return h("g", { "data-why": why?.(i, j, v), onclick: pick ? () => pick(i, j) : null, style: pick ? "cursor: pointer" : "" },
        h("rect", { x: x + j * cell, y: y + i * cell, width: cell, height: cell, class: "cw-cell", fill: color(v) }),
        size >= 5.5 ? h("text", { x: x + (j + 0.5) * cell, y: y + (i + 0.5) * cell, class: "cw-in", "font-size": size }, text) : null);
    })),
    rows.map((row, i) => row.map((_, j) => [
      wrong?.(i, j) ? [outline(i, j, { stroke: COLORS.red, "stroke-width": 2.5, "stroke-dasharray": "2 3" }, 1),
        h("text", { x: x + (j + 1) * cell - 3, y: y + i * cell + 9, "font-size": 10, "text-anchor": "end", style: "fill: #111",
          "pointer-events": "none" }, "≠")] : null,
      other?.(i, j) ? outline(i, j, { stroke: COLORS.purple, "stroke-width": 2.5, "stroke-dasharray": "6 3" }, 4) : null])),
    picked ? outline(...picked, { stroke: COLORS.orange, "stroke-width": 4 }, 0) : null,
  ];
}

const heading = (y, text, x = 0) => h("text", { x, y: y + 15, "font-size": 14.5, "font-weight": 600 }, text);
const note = (x, y, text) => h("text", { x, y: y + 12, "font-size": 12.5 }, text);

// One layer.

/** The layer's own [C, h, w], what is picked, and where the parts of the figure lie. */
function plan(state, shown) {
  const [C, h1, w1] = state.part === "linear_to_pointwise" ? [state.shape[0], 1, 1] : state.shape;
  const [H, W] = state.input, n = C * h1 * w1;
  const k = clamp(state.output, 0, state.outputs - 1), cell = clamp(state.cell, 0, n - 1);
  const at = [clamp(state.at[0], 0, H - h1), clamp(state.at[1], 0, W - w1)];
  const room = (columns, most) => Math.min(most, (WIDE - (C - 1) * BETWEEN) / (C * columns));
  const strip = Math.min(44, WIDE / n), kernel = room(w1, 44), input = room(W, 32);
  const map = shown?.map?.[k] ?? [[0]];
  const out = Math.min(44, (WIDE - 2 * BETWEEN) / (2 * Math.max(map[0].length, W - w1 + 1)));
  const y = { strip: LINE };
  y.kernel = y.strip + strip + 28 + LINE;
  y.input = y.kernel + h1 * kernel + 22 + LINE;
  y.map = y.input + H * input + 12 + LINE;
  return { C, h1, w1, H, W, n, k, cell, at, strip, kernel, input, out, map, y,
    place: [Math.floor(cell / (h1 * w1)), Math.floor((cell % (h1 * w1)) / w1), cell % w1],
    height: y.map + Math.max(map.length, H - h1 + 1) * out + 6 };
}

/** The products of the layer at one place of the input, as text. */
function products(p, shown, [r, c]) {
  const terms = [];
  let sum = Number(shown.bias[p.k]);
  for (let ch = 0; ch < p.C; ch++) for (let i = 0; i < p.h1; i++) for (let j = 0; j < p.w1; j++) {
    const x = shown.input[ch][r + i][c + j], w = shown.layer[p.k][ch * p.h1 * p.w1 + i * p.w1 + j];
    sum += x * w;
    terms.push(`${whole(x)} · ${whole(w)}`);
  }
  const shortened = terms.length > 14 ? [...terms.slice(0, 7), "…", ...terms.slice(-3)] : terms;
  return `${shortened.join(" + ")} + bias ${whole(Number(shown.bias[p.k]))} = ${whole(sum)}`;
}

function layerStage({ state, shown, reference, set }) {
  const p = plan(state, shown), { k, y } = p;
  const area = p.h1 * p.w1, kernels = shown.kernel[k], at = p.at;
  const where = (m) => `channel ${Math.floor(m / area)}, row ${Math.floor((m % area) / p.w1)}, column ${m % p.w1}`;
  const x = (ch, columns, cell) => ch * (columns * cell + BETWEEN);
  const same = reference?.kernel ? reference : null, top = Math.max(1, ...shown.layer[k].map(Math.abs));
  return [
    heading(0, `the layer: row ${k} of its weight, ${p.n} numbers`),
    shown.layer[k].map((v, m) => grid([[v]], [m * p.strip, y.strip], p.strip, { high: top, picked: m === p.cell ? [0, 0] : null,
      pick: () => set({ cell: m }), why: () => `weight[${k}, ${m}] = ${whole(v)}: Flatten writes ${where(m)} as number ${m}` })),
    Array.from({ length: p.C }, (_, ch) => [
      h("path", { d: `M${ch * area * p.strip + 2} ${y.strip + p.strip + 5}H${(ch + 1) * area * p.strip - 2}`, stroke: "currentColor", "stroke-width": 1.5 }),
      area * p.strip > 24 ? note(ch * area * p.strip + 2, y.strip + p.strip + 6, area * p.strip > 62 ? `channel ${ch}` : `ch. ${ch}`) : null]),
    heading(y.kernel - LINE, `your convolution: kernel ${k}, ${p.C} × ${p.h1} × ${p.w1}, as it acts`),
    kernels.map((rows, ch) => [
      grid(rows, [x(ch, p.w1, p.kernel), y.kernel], p.kernel, {
        high: top, picked: ch === p.place[0] ? p.place.slice(1) : null,
        pick: (i, j) => set({ cell: ch * area + i * p.w1 + j }),
        wrong: (i, j) => unequal(rows[i][j], shown.layer[k][ch * area + i * p.w1 + j]),
        other: (i, j) => same && unequal(rows[i][j], same.kernel[k][ch][i][j]),
        why: (i, j, v) => `an input that is 1 in channel ${ch}, row ${i}, column ${j} and 0 elsewhere adds ${whole(v)} to your output ${k}; to that of the layer it adds weight[${k}, ${ch} · ${area} + ${i} · ${p.w1} + ${j}] = ${whole(shown.layer[k][ch * area + i * p.w1 + j])}`
          + (same ? `\nthe reference: ${whole(same.kernel[k][ch][i][j])}` : "") }),
      note(x(ch, p.w1, p.kernel), y.kernel + p.h1 * p.kernel + 2, p.w1 * p.kernel > 56 ? `channel ${ch}` : `ch. ${ch}`)]),
    heading(y.input - LINE, `an input of ${p.C} × ${p.H} × ${p.W}, and the window of place [${at.join(", ")}]`),
    shown.input.map((rows, ch) => {
      const left = x(ch, p.W, p.input) + at[1] * p.input, top = y.input + at[0] * p.input;
      return [grid(rows, [x(ch, p.W, p.input), y.input], p.input, {}),
        rectangle([left, top, left + p.w1 * p.input, top + p.h1 * p.input], { stroke: COLORS.orange, "stroke-width": 4 })];
    }),
    heading(y.map - LINE, `your convolution: output ${k}`),
    grid(shown.map[k], [0, y.map], p.out, {
      picked: at[0] < shown.map[k].length && at[1] < shown.map[k][0].length ? at : null,
      pick: (r, c) => set({ at: [r, c] }),
      wrong: (r, c) => unequal(shown.map[k][r][c], shown.crops[k][r]?.[c] ?? "none"),
      other: (r, c) => same && unequal(shown.map[k][r][c], same.map[k][r]?.[c] ?? "none"),
      why: (r, c, v) => `place [${r}, ${c}]: ${shown.crops[k][r]?.[c] === undefined ? "the layer has no window there" : products(p, shown, [r, c])}\nyour convolution gives ${whole(v)}`
        + (same ? `; the reference ${whole(same.map[k][r]?.[c])}` : "") }),
    heading(y.map - LINE, "the layer on each window", WIDE / 2 + BETWEEN),
    grid(shown.crops[k], [WIDE / 2 + BETWEEN, y.map], p.out, { picked: at, pick: (r, c) => set({ at: [r, c] }),
      why: (r, c) => `Flatten of the window at [${r}, ${c}], then the layer: ${products(p, shown, [r, c])}` }),
  ];
}

function layerPanel({ state, shown, reference, set }) {
  const p = plan(state, shown), [r, c] = p.at, pointwise = state.part === "linear_to_pointwise";
  const fit = (shape) => ({ shape, input: pointwise ? state.input : [Math.max(state.input[0], shape[1]), Math.max(state.input[1], shape[2])] });
  const side = (name, i, most) => slider({ name, value: state.shape[i], min: 1, max: most, step: 1, digits: 0,
    set: (v) => { const shape = state.shape.map((old, j) => (j === i ? v : old)); if (shape[0] * shape[1] * shape[2] <= 48) set(fit(shape)); } });
  const long = (name, i, least) => slider({ name, value: state.input[i], min: least, max: 8, step: 1, digits: 0,
    set: (v) => set({ input: state.input.map((old, j) => (j === i ? v : old)) }) });
  const [ch, i, j] = p.place, mine = shown.kernel[p.k][ch][i][j], theirs = shown.layer[p.k][p.cell];
  const got = shown.map[p.k][r]?.[c], must = shown.crops[p.k][r][c];
  return [
    h("p", {}, "Weight number ", p.cell, " is ", number(whole(theirs), `weight[${p.k}, ${p.cell}] of the layer`), ". Flatten: ",
      number(`channel ${ch}, row ${i}, column ${j}`, `${ch} · ${p.h1 * p.w1} + ${i} · ${p.w1} + ${j} = ${p.cell}`),
      ". There your kernel has ", number(whole(mine), "found by an input that is 1 there and 0 elsewhere, less what an input of zeros gives"),
      reference?.kernel ? bracketed(mine, reference.kernel[p.k][ch]?.[i]?.[j]) : "", unequal(mine, theirs) ? " ✗" : " ✓"),
    h("p", {}, "At place ", `[${r}, ${c}]`, ": the layer ", number(whole(must), products(p, shown, [r, c])), ", your convolution ",
      number(whole(got), got === undefined ? "your result has no such place" : `your convolution gives ${whole(got)}`),
      reference?.map ? bracketed(got, reference.map[p.k]?.[r]?.[c]) : "", unequal(got, must) ? " ✗" : " ✓"),
    table("Shapes", ["", "the layer", "your convolution"], [
      ["weight", sizeText([state.outputs, p.n]), [number(sizeText(shown.weight), "outputs, channels, height, width of the kernel"), reference?.weight ? bracketed(sizeText(shown.weight), sizeText(reference.weight)) : ""]],
      ["for zeros", whole(Number(shown.bias[p.k])), [number(whole(shown.constant[p.k]), "the answer to an input of zeros is the bias"), reference?.constant ? bracketed(shown.constant[p.k], reference.constant[p.k]) : ""]],
      ["places", `${shown.crops[0].length} × ${shown.crops[0][0].length}`, [number(`${shown.map[0].length} × ${shown.map[0][0].length}`,
        `(${p.H} − ${p.h1} + 1) × (${p.W} − ${p.w1} + 1)`), reference?.map ? bracketed(`${shown.map[0].length} × ${shown.map[0][0].length}`, `${reference.map[0].length} × ${reference.map[0][0].length}`) : ""]]]),
    numbered("weight number", p.cell, p.n - 1, (cell) => set({ cell })),
    state.outputs > 1 ? numbered("output shown", p.k, state.outputs - 1, (output) => set({ output })) : null,
    side("channels", 0, 6),
    pointwise ? null : [side("kernel height", 1, 4), side("kernel width", 2, 4)],
    long("input height", 0, p.h1), long("input width", 1, p.w1),
    slider({ name: "outputs", value: state.outputs, min: 1, max: 4, step: 1, digits: 0, set: (outputs) => set({ outputs }) }),
    toggle({ name: "the layer has a bias", value: state.bias, set: (bias) => set({ bias }) }),
  ];
}

const numbered = (name, value, max, put) => slider({ name, value, min: 0, max, step: 1, digits: 0, set: put });
const bracketed = (mine, other) => (unequal(mine, other) && String(mine) !== String(other) ? ` (${typeof other === "number" ? whole(other) : other ?? "none"})` : "");

// A classifier.

function picture(state, shown) {
  const [H, W] = state.image, scale = 290 / Math.max(H, W);
  const map = shown?.map ?? [[[0]]], k = clamp(state.output, 0, map.length - 1), rows = map[k];
  const at = [clamp(state.at[0], 0, rows.length - 1), clamp(state.at[1], 0, rows[0].length - 1)];
  const [ys, xs] = [shown?.sees?.[0]?.[at[0]], shown?.sees?.[1]?.[at[1]]];
  const cell = Math.min(64, 290 / Math.max(rows.length, rows[0].length));
  return { H, W, scale, k, rows, at, cell, window: ys && xs ? [xs[0], ys[0], xs[1], ys[1]] : null,
    height: LINE + Math.max(H * scale, rows.length * cell) + 8 };
}

function classifierStage({ state, shown, reference, set }) {
  const g = picture(state, shown), { scale, k } = g, right = 290 + 26;
  const crops = shown.crops[k], same = reference?.sees ? reference : null;
  const url = raster(shown.input[0], (v) => [v * 255, v * 255, v * 255, 255], `fc${state.net}${state.image}`);
  const w = g.window;
  return [
    heading(0, `an image of ${shown.input.length} × ${g.H} × ${g.W}`),
    h("image", { href: url, x: 0, y: LINE, width: g.W * scale, height: g.H * scale, preserveAspectRatio: "none", style: "image-rendering: pixelated" }),
    rectangle([0, LINE, g.W * scale, LINE + g.H * scale], { stroke: "var(--line)", "stroke-width": 1 }),
    w ? rectangle([w[0] * scale, LINE + w[1] * scale, w[2] * scale, LINE + w[3] * scale],
      { stroke: COLORS.orange, "stroke-width": 4, fill: COLORS.orange, "fill-opacity": 0.12 }) : null,
    heading(0, `your network: output ${k}, ${g.rows.length} × ${g.rows[0].length}`, right),
    grid(g.rows, [right, LINE], g.cell, { picked: g.at, pick: (r, c) => set({ at: [r, c] }), digits: (v) => fixed(v, 1).replace("-", "−"),
      wrong: (r, c) => unequal(g.rows[r][c], crops[r]?.[c] ?? "none"),
      other: (r, c) => same && unequal(g.rows[r][c], same.map[k][r]?.[c] ?? "none"),
      why: (r, c, v) => `your network at [${r}, ${c}]: ${fixed(v, 4)}\nthe classifier on the crop at row ${r} · ${made(state).stride}, column ${c} · ${made(state).stride}: ${fixed(crops[r]?.[c], 4)}`
        + (same ? `\nthe reference: ${fixed(same.map[k][r]?.[c], 4)}` : "") }),
  ];
}

let nets = {};
const made = (state) => ({ shape: nets[state.net]?.[0] ?? [1, 14, 14], stride: nets[state.net]?.[1] ?? 1 });

function classifierPanel({ state, shown, reference, set }) {
  const g = picture(state, shown), { shape } = made(state), w = g.window;
  const flat = shown.map.flat(2), other = shown.crops.flat(2);
  const fits = shown.map[0].length === shown.crops[0].length && shown.map[0][0].length === shown.crops[0][0].length;
  const equal = fits ? flat.filter((v, i) => !unequal(v, other[i])).length : 0;
  const side = (name, i) => slider({ name, value: state.image[i], min: shape[i + 1], max: 32, step: 1, digits: 0,
    set: (v) => set({ image: state.image.map((old, j) => (j === i ? v : old)) }) });
  return [
    choice({ name: "classifier", value: state.net, options: Object.keys(nets),
      set: (net) => set({ net, image: nets[net][0].slice(1).map((v) => Math.min(32, v + 4 * nets[net][1])), at: [0, 0] }) }),
    h("p", {}, `It is made for ${shape.join(" × ")}. Output [${g.at.join(", ")}] sees `,
      w ? number(`rows ${w[1]} to ${w[3]}, columns ${w[0]} to ${w[2]}`,
        "found by changing one row or column of the image after the other: these change the output")
        : "nothing that could be found", "."),
    h("p", {}, "The classifier says the same about each crop in ", number(`${equal} of ${flat.length}`, fits
      ? "all outputs at all places, compared to the rounding" : `your network has ${shown.map[0].length} × ${shown.map[0][0].length} places, the crops ${shown.crops[0].length} × ${shown.crops[0][0].length}`),
    " numbers", equal === flat.length ? " ✓" : state.net === "its convolution pads" ? ". A crop is padded with zeros, where the pass sees the crop's neighbours." : " ✗"),
    table("What comes out of your network", ["image", "result"], shown.sizes.map(([size, result], i) => [size.join(" × "),
      [number(sizeText(result), "batch, classes, rows, columns"), reference?.sizes ? bracketed(sizeText(result), sizeText(reference.sizes[i][1])) : ""]])),
    table("Layers with weights", ["in the classifier", "in your network"], shown.before.map((old, i) => [sizeText(old),
      [number(shown.weights[i] ? sizeText(shown.weights[i]) : "none", old.length === 2 ? `a linear layer: ${old[1]} weights for each of ${old[0]} outputs` : "a convolution stays as it is"),
        reference?.weights ? bracketed(sizeText(shown.weights[i] ?? []), sizeText(reference.weights[i] ?? [])) : ""]])),
    side("image height", 0), side("image width", 1),
    shown.map.length > 1 ? numbered("output shown", g.k, shown.map.length - 1, (output) => set({ output })) : null,
  ];
}

// Both.

const classifies = (state) => state.part === "to_fully_convolutional";

function fcHandles(state, shown) {
  if (!shown) return [];
  if (classifies(state)) {
    const g = picture(state, shown), step = made(state).stride * g.scale;
    if (!shown.sees || !g.window) return [];
    return [{ id: "window", name: "output", color: "orange", step,
      box: (now) => { const w = picture(now, shown).window ?? g.window; return [w[0] * g.scale, LINE + w[1] * g.scale, w[2] * g.scale, LINE + w[3] * g.scale]; },
      value: () => `row ${g.at[0]}, column ${g.at[1]}`,
      move: (now, dx, dy) => { const p = picture(now, shown); return { ...now, at: [clamp(p.at[0] + Math.round(dy / step), 0, g.rows.length - 1),
        clamp(p.at[1] + Math.round(dx / step), 0, g.rows[0].length - 1)] }; } }];
  }
  const p = plan(state, shown);
  return [{ id: "window", name: "window", color: "orange", step: p.input,
    box: (now) => { const q = plan(now, shown); return [q.at[1] * q.input, q.y.input + q.at[0] * q.input, (q.at[1] + q.w1) * q.input, q.y.input + (q.at[0] + q.h1) * q.input]; },
    value: () => `row ${p.at[0]}, column ${p.at[1]}`,
    move: (now, dx, dy) => { const q = plan(now, shown); return { ...now, at: [clamp(q.at[0] + Math.round(dy / q.input), 0, q.H - q.h1),
      clamp(q.at[1] + Math.round(dx / q.input), 0, q.W - q.w1)] }; } }];
}

/** What was computed belongs to the state's part and sizes; until the answer comes it may not. */
function current(state, shown) {
  if (!shown?.map) return false;
  if (classifies(state)) return Boolean(shown.sees) && shown.input[0].length === state.image[0] && shown.input[0][0].length === state.image[1];
  const p = plan(state, shown);
  return Boolean(shown.kernel) && shown.layer.length === state.outputs && shown.kernel[0].length === p.C && shown.kernel[0][0].length === p.h1
    && shown.kernel[0][0][0].length === p.w1 && shown.input[0].length === p.H && shown.input[0][0].length === p.W;
}

export default widget({
  title: "A fully connected layer is a convolution",
  size: (state, shown) => [WIDE, (classifies(state) ? picture : plan)(state, current(state, shown) ? shown : null).height],
  handles: (state, shown, ui) => { nets = ui.setup.nets; return current(state, shown) ? fcHandles(state, shown) : []; },
  stage(look) {
    nets = look.ui.setup.nets;
    if (!current(look.state, look.shown)) return null;
    return (classifies(look.state) ? classifierStage : layerStage)(look);
  },
  panel(look) {
    const { state, shown, set, ui } = look;
    nets = ui.setup.nets;
    return [
      shown.given.length > 1 ? choice({ name: "show", value: state.part, options: shown.given.map((part) => [part, PART_NAMES[part]]),
        set: (part) => set({ part, at: [0, 0], input: [3, 5], shape: part === "linear_to_pointwise" ? [4, 1, 1] : [2, 2, 3] }) }) : null,
      current(state, shown) ? (classifies(state) ? classifierPanel : layerPanel)(look) : null,
    ];
  },
  says: (state, shown) => `${state.part}: on an ${classifies(state) ? "image" : "input"} of ${(classifies(state) ? state.image : state.input).join(" x ")} the result has ${shown.map[0].length} x ${shown.map[0][0].length} places.`,
});
