// Upsampling: a map enlarged by each method, which pixels an output mixes; pooling and unpooling.

const METHODS = ["bed_of_nails", "nearest_upsample", "bilinear_upsample", "bicubic_upsample"];
const TITLES = { bed_of_nails: "bed of nails", nearest_upsample: "nearest", bilinear_upsample: "bilinear", bicubic_upsample: "bicubic" };
const MOST = { side: 6, area: 16, enlarged: 12 };

const enlarges = (state) => state.mode === "enlarge";
const fresh = (state, shown) => shown && enlarges(state) === Boolean(shown.methods);
const channelOf = (state) => (state.channel === 1 ? 1 : 0);
const mapOf = (state) => state.map.map((row) => row.map((v) => (channelOf(state) && v ? -v : v)));
const allowed = (mode, height, width, factor) => height <= MOST.side && width <= MOST.side
  && (mode !== "enlarge" || (height * width <= MOST.area && Math.max(height, width) * factor <= MOST.enlarged));

/** The state with a map and a factor that its mode can show. */
function fitting(state) {
  let { map, factor } = state;
  while (!allowed(state.mode, map.length, map[0].length, factor) && factor > 2) factor -= 1;
  while (!allowed(state.mode, map.length, map[0].length, factor)) {
    map = map.length >= map[0].length ? map.slice(0, -1) : map.map((row) => row.slice(0, -1));
  }
  return { ...state, map, factor };
}

const keys = (d) => (d <= 1 ? 1.25 * d ** 3 - 2.25 * d ** 2 + 1 : d < 2 ? -0.75 * d ** 3 + 3.75 * d ** 2 - 6 * d + 3 : 0);

/** By the definition: what each of `size` pixels of an axis weighs in output `i`. */
function shares(method, i, size, factor) {
  const found = Array(size).fill(0), place = (i + 0.5) / factor - 0.5;
  const add = (pixel, weight) => { found[clamp(pixel, 0, size - 1)] += weight; };
  if (method === "bed_of_nails") { if (i % factor === 0) add(i / factor, 1); }
  else if (method === "nearest_upsample") add(Math.floor(i / factor), 1);
  else {
    const before = Math.floor(place);
    if (method === "bilinear_upsample") { add(before, 1 - (place - before)); add(before + 1, place - before); }
    else for (let k = -1; k < 3; k++) add(before + k, keys(Math.abs(place - before - k)));
  }
  return found;
}

/** The definition's weights [H][W] of an output. */
function weightsByHand(state, method, i, j) {
  const down = shares(method, i, state.map.length, state.factor), along = shares(method, j, state.map[0].length, state.factor);
  return down.map((a) => along.map((b) => a * b));
}

const dot = (weights, map) => weights.reduce((sum, row, r) => sum + row.reduce((part, w, c) => part + w * map[r][c], 0), 0);

/** The sum of weights times values with the numbers filled in. */
function filledIn(weights, map) {
  const terms = weights.flatMap((row, r) => row.flatMap((w, c) => (Math.abs(w) > 1e-6 ? [`${fixed(w, 4)} · ${fixed(map[r][c])}`] : [])));
  return terms.length ? `${terms.join(" + ")} = ${fixed(dot(weights, map), 3)}` : "nothing is mixed: 0";
}

const place = (i, factor) => `(${i} + 0.5) / ${factor} − 0.5 = ${fixed((i + 0.5) / factor - 0.5, 3)}`;

/** The output that is looked at: under the pointer, or the one that was picked. */
function looked(state, ui) {
  const at = ui.hover?.method ? ui.hover : state;
  return { method: at.method, row: clamp(at.row, 0, state.map.length * state.factor - 1),
    column: clamp(at.column, 0, state.map[0].length * state.factor - 1) };
}

/** What the student's function gave each input pixel as weight in an output, null where it has none. */
function weightsOf(state, shown, { method, row, column }) {
  const found = shown.methods[method]?.weights, width = state.map[0].length;
  if (!found || found.length !== width * state.map.length || found[0]?.[row]?.[column] === undefined) return null;
  return state.map.map((line, r) => line.map((_, c) => found[r * width + c][row][column]));
}

/** A value editor's props, shared by both modes. */
function editing(state, ui) {
  const picked = ui.memory.picked ?? [0, 0], sign = channelOf(state) ? -1 : 1;
  return { picked: [Math.min(picked[0], state.map.length - 1), Math.min(picked[1], state.map[0].length - 1)],
    name: (i, j) => `x[${i}, ${j}]`, pick: (i, j) => { ui.memory.picked = [i, j]; ui.repaint(); },
    put: (i, j, value) => ui.memory.set({ map: state.map.map((row, r) => row.map((old, c) =>
      (r === i && c === j ? clamp(sign * value, -1000, 1000) : old))) }) };
}

function frame(state, shown) {
  const { factor } = state, H = state.map.length * factor, W = state.map[0].length * factor;
  const sizes = METHODS.map((name) => shown.methods[name].out?.[0] ?? []);
  const wide = Math.max(W, 4, ...sizes.map((rows) => rows[0]?.length ?? 0)), tall = Math.max(H, ...sizes.map((rows) => rows.length));
  const width = 3 * wide + 1.6, unit = width / 600, step = tall + 34 * unit;
  return { unit, H, W, wide, tall, width, height: 2 * step + 4 * unit, x: (n) => n * (wide + 0.8), y: (n) => n * step + 26 * unit };
}

function stageEnlarge({ state, shown, reference, ui, set }) {
  const { factor } = state, map = mapOf(state), channel = channelOf(state), at = frame(state, shown), size = 15 * at.unit;
  const now = looked(state, ui), weights = weightsOf(state, shown, now), [x0, y0] = [0, at.y(0)];
  const place2 = [[1, 0], [2, 0], [1, 1], [2, 1]];
  const spot = [now.column + 0.5, now.row + 0.5];
  const hand = weightsByHand(state, now.method, now.row, now.column);
  return h("g", { onpointerleave: () => { ui.hover = null; ui.repaint(); } },
    label(0, y0 - 8 * at.unit, channel ? "second channel, −x" : "map x", size),
    editableCells(map, [x0, y0], { ...editing(state, ui), cell: factor, line: 0.22, size: 0.3, chosen: (i, j) => weights && Math.abs(weights[i][j]) > 1e-6 }),
    map.map((row, i) => row.map((_, j) => h("circle", { cx: x0 + (j + 0.5) * factor, cy: y0 + (i + 0.5) * factor, r: 3 * at.unit, fill: "#111", stroke: "#fff", "stroke-width": 1, "pointer-events": "none" }))),
    ["#fff", "#111"].map((stroke, n) => h("path", { d: `M${x0 + spot[0] - 0.25} ${y0 + spot[1] - 0.25}l.5 .5m0 -.5l-.5 .5`, stroke, "stroke-width": 6 - 3 * n, "pointer-events": "none" })),
    label(0, at.y(1) - 8 * at.unit, `weights, ${TITLES[now.method]}`, size),
    weights ? cells(weights, [0, at.y(1)], factor, { text: 3, high: 1, hand: (i, j) => hand[i][j], other: reference && (weightsOf(state, reference, now) ?? undefined),
      why: (value, i, j) => `x[${i}, ${j}] weighs ${fixed(value, 4)} in row ${now.row}, column ${now.column}: found by a map in which only it is 1; by hand ${fixed(hand[i][j], 4)}` })
      : label(0, at.y(1) + 1, "–", size),
    METHODS.map((method, n) => {
      const found = shown.methods[method], [x, y] = [at.x(place2[n][0]), at.y(place2[n][1])], out = found.out?.[channel];
      const title = out ? `${TITLES[method]}: ${out.length} x ${out[0]?.length ?? 0}` : TITLES[method];
      return [label(x, y - 8 * at.unit, title, size, { "font-weight": method === now.method ? 700 : 400 }),
        out ? cells(out, [x, y], 1, { size: 0.42, text: 1, other: reference?.methods[method].out?.[channel],
          hand: (i, j) => (i < at.H && j < at.W ? dot(weightsByHand(state, method, i, j), map) : NaN),
          why: (value, i, j) => `${method}, row ${i}, column ${j}, looks at row ${place(i, factor)}, column ${place(j, factor)}\nby hand: ${filledIn(weightsByHand(state, method, i, j), map)}; your function gives ${fixed(value, 3)}`,
          props: (i, j) => ({ class: "cw-pick", onpointerover: () => { ui.hover = { method, row: i, column: j }; ui.repaint(); },
            onclick: () => set({ method, row: i, column: j }) }) })
          : label(x, y + 20 * at.unit, found.waiting ? "not written yet" : "✗ see beside", size),
        out?.[now.row]?.[now.column] === undefined ? null : rectangle([x + now.column, y + now.row, x + now.column + 1, y + now.row + 1],
          { stroke: COLORS.orange, "stroke-width": method === now.method ? 4.5 : 2.5,
            "stroke-dasharray": method === now.method ? "none" : "3 2", "pointer-events": "none" })];
    }));
}

/** The largest value of a block and its place, the first of equals. */
function largest(map, size, i, j) {
  let best = [-Infinity, 0, 0];
  for (let r = i * size; r < (i + 1) * size; r++) for (let c = j * size; c < (j + 1) * size; c++) if (map[r]?.[c] > best[0]) best = [map[r][c], r, c];
  return best;
}

function frameP(state, shown) {
  const H = state.map.length, W = state.map[0].length, rows = shown.values[0].length, columns = shown.values[0][0]?.length ?? 0;
  const wide = Math.max(W, 3.6), narrow = Math.max(columns, 3), back = rows + 1.8;
  const width = wide + 1 + Math.max(2 * narrow + 1, W, shown.unpooled[0]?.[0]?.length ?? 0);
  return { H, W, values: wide + 1, places: wide + narrow + 2, width, back, height: Math.max(H + 0.9, back + Math.max(H, shown.unpooled[0]?.length ?? 1)) + 0.3 };
}

function stagePool({ state, shown, reference, ui, unit }) {
  const at = frameP(state, shown), map = mapOf(state), c = channelOf(state), { factor } = state, size = Math.min(15 * unit, 0.5), top = 0.9;
  const later = Boolean(ui.memory.later) && shown.later, places = shown.places[c], flat = places.flat();
  const values = later ? places.map((row, i) => row.map((_, j) => (c ? -1 : 1) * (i * row.length + j + 1))) : shown.values[c];
  const back = (later ? shown.later : shown.unpooled)[c], other = reference && (later ? reference.later : reference.unpooled)?.[c];
  const H = Math.floor(at.H / factor), W = Math.floor(at.W / factor);
  const inside = (i, j) => i < H && j < W;
  const why = (i, j) => {
    if (!inside(i, j)) return "here is no whole block: what is left over is left out";
    const [value, r, k] = largest(map, factor, i, j);
    return `block ${i}, ${j}: its largest value is ${fixed(value)}, the first such in row ${r}, column ${k}: place ${r} · ${at.W} + ${k} = ${r * at.W + k}`;
  };
  const sent = (i, j) => flat.reduce((found, p, n) => (p === i * at.W + j ? values.flat()[n] : found), 0);
  const blocks = [];
  for (let i = 0; i < H; i++) for (let j = 0; j < W; j++) blocks.push(rectangle([j * factor, top + i * factor, (j + 1) * factor, top + (i + 1) * factor],
    { stroke: "#111", "stroke-width": 2, "pointer-events": "none" }));
  return [
    label(0, top - 0.3, c ? "second channel, −x" : "map x", size),
    editableCells(map, [0, top], { ...editing(state, ui), size: 0.4, chosen: (i, j) => flat.includes(i * at.W + j) }), blocks,
    at.W > W * factor ? hatching([W * factor, top, at.W, top + at.H], 0.3) : null,
    at.H > H * factor ? hatching([0, top + H * factor, W * factor, top + at.H], 0.3) : null,
    label(at.values, top - 0.3, later ? "values, later" : "values", size),
    cells(values, [at.values, top], 1, { text: 2, size: 0.4, hand: later ? undefined : (i, j) => (inside(i, j) ? largest(map, factor, i, j)[0] : NaN),
      other: later ? undefined : reference?.values[c], why: (value, i, j) => (later ? `another value, ${fixed(value)}, as the network may have it by then` : `${why(i, j)}; your max_pool gives ${fixed(value)}`) }),
    label(at.places, top - 0.3, "places", size),
    cells(places, [at.places, top], 1, { text: 0, size: 0.4, fill: () => "#fff", other: reference?.places[c],
      hand: (i, j) => { const [, r, k] = largest(map, factor, i, j); return inside(i, j) ? r * at.W + k : NaN; },
      why: (value, i, j) => `${why(i, j)}; your max_pool gives ${value}, which is row ${Math.floor(value / at.W)}, column ${value % at.W}` }),
    label(at.values, at.back + top - 1.2, "unpooled", size),
    back ? cells(back, [at.values, at.back + top - 0.9], 1, { text: 2, size: 0.4, other, hand: (i, j) => (i < at.H && j < at.W ? sent(i, j) : NaN),
      why: (value, i, j) => `row ${i}, column ${j} is place ${i} · ${at.W} + ${j} = ${i * at.W + j}: ${flat.includes(i * at.W + j) ? `its value ${fixed(sent(i, j))} is put there` : "no value has it, so 0"}; your max_unpool gives ${fixed(value)}` })
      : label(at.values, at.back + top - 0.2, "✗ see beside", size),
  ];
}

export default widget({
  title: "Upsampling: one map, enlarged in several ways",
  width: 760,
  size(state, shown) {
    if (!fresh(state, shown)) return [12, 8];
    const { width, height } = enlarges(state) ? frame(state, shown) : frameP(state, shown);
    return [width, height];
  },
  stage: (look) => (!fresh(look.state, look.shown) ? null : enlarges(look.state) ? stageEnlarge(look) : stagePool(look)),
  panel({ state, shown, reference, set, ui }) {
    ui.memory.set = (more) => set(fitting({ ...state, ...more }));
    const change = ui.memory.set, { map, factor } = state, H = map.length, W = map[0].length, edit = editing(state, ui);
    const [i, j] = edit.picked, value = mapOf(state)[i][j], now = looked(state, ui), c = channelOf(state);
    const whole = (name, number, min, max, put) => slider({ name, value: number, min, max, step: 1, digits: 0, set: put });
    const side = (height, width) => { if (allowed(state.mode, height, width, factor)) change({ map: Array.from({ length: height }, (_, r) =>
      Array.from({ length: width }, (_, k) => map[r]?.[k] ?? 0)) }); };
    const most = (fits) => { let n = 1; while (n < MOST.side && fits(n + 1)) n += 1; return n; };
    const asked = fresh(state, shown), found = asked && enlarges(state) ? shown.methods[now.method] : null;
    const troubles = asked && enlarges(state) ? METHODS.filter((name) => shown.methods[name].trouble) : [];
    const result = found?.out?.[c]?.[now.row]?.[now.column], weights = asked && found && weightsOf(state, shown, now);
    return [
      choice({ name: "show", value: state.mode, options: [["enlarge", "enlarge"], ["unpool", "pool and unpool"]], set: (mode) => change({ mode }) }),
      whole(enlarges(state) ? "factor" : "block", factor, 1, Math.max(factor, enlarges(state) ? Math.min(4, Math.floor(MOST.enlarged / Math.max(H, W))) : 4), (to) => change({ factor: to })),
      whole("rows", H, 1, Math.max(H, most((n) => allowed(state.mode, n, W, factor))), (to) => side(to, W)),
      whole("columns", W, 1, Math.max(W, most((n) => allowed(state.mode, H, n, factor))), (to) => side(H, to)),
      slider({ name: `x[${i}, ${j}]`, value, min: Math.min(-10, value), max: Math.max(100, value), step: 1, set: (to) => edit.put(i, j, to) }),
      toggle({ name: "second channel: −x", value: c === 1, set: (on) => set({ channel: on ? 1 : 0 }) }),
      !asked ? null : enlarges(state) ? [
        choice({ name: "look at", value: state.method, options: METHODS.map((name) => [name, TITLES[name]]), set: (method) => set({ method }) }),
        whole("its row", now.row, 0, H * factor - 1, (row) => set({ row })), whole("its column", now.column, 0, W * factor - 1, (column) => set({ column })),
        result === undefined ? null : h("p", {}, `${now.method}, row ${now.row}, column ${now.column}: `, number(fixed(result, 3),
          `it looks at row ${place(now.row, factor)} and column ${place(now.column, factor)}, marked × in the map\nby hand: ${filledIn(weightsByHand(state, now.method, now.row, now.column), mapOf(state))}; your function gives ${fixed(result, 3)}`),
        weights ? `. Your weights say ${filledIn(weights, mapOf(state))}.` : null),
        troubles.map((name) => shown.methods[name].trouble).map(({ kind, text, line }) => (kind === "waiting"
          ? h("p", {}, "… ", text) : h("div", { class: "cw-trouble", role: "alert" }, text, line ? h("code", {}, line) : null))),
        alsoTried(METHODS.flatMap((name) => (shown.methods[name].tried ?? []).map(([what, text]) => [`${name}: ${what}`, text])).filter(([, text]) => text))] : [
        shown.later ? toggle({ name: "unpool other values: 1, 2, 3, …", value: Boolean(ui.memory.later), set: (on) => { ui.memory.later = on; ui.repaint(); } }) : null,
        h("p", {}, `Your shapes: values and places ${shown.values[0].length} x ${shown.values[0][0]?.length ?? 0}`,
          shown.unpooled[c] ? `, unpooled ${shown.unpooled[c].length} x ${shown.unpooled[c][0]?.length ?? 0}` : null, `; by hand ${Math.floor(H / factor)} x ${Math.floor(W / factor)} and ${H} x ${W}.`),
        shown.trouble ? h("p", {}, shown.trouble) : null,
        shown.twice ? h("p", {}, "The value 2 with place 1, twice, in a row of 3: ", number(`[${shown.twice.flat().map((v) => fixed(v)).join(", ")}]`,
          `both times it is the same pixel: its value is put there, not added, [0, 2, 0]; your max_unpool gives [${shown.twice.flat().map((v) => fixed(v)).join(", ")}]`),
        reference?.twice && String(reference.twice) !== String(shown.twice) ? ` ([${reference.twice.flat().join(", ")}])` : null) : null,
        alsoTried(shown.tried, reference?.tried)],
    ];
  },
  says(state, shown) {
    const some = (rows) => { const all = rows.flat(); return (all.slice(0, 6).map((v) => fixed(v)).join(", ") + (all.length > 6 ? ", ..." : "")) || "none"; };
    if (!fresh(state, shown)) return "The figure is being drawn.";
    if (!enlarges(state)) return `max_pool keeps ${some(shown.values[0])} with the places ${some(shown.places[0])}.`;
    const found = METHODS.filter((name) => shown.methods[name].out).map((name) => {
      const rows = shown.methods[name].out[0];
      return `${name} ${rows.length} x ${rows[0]?.length ?? 0}: ${some(rows)}`;
    });
    return `Enlarged by ${state.factor}: ${found.join("; ") || "nothing yet"}.`;
  },
});
