// Anchors: the K boxes at each position of a feature map, their labels, and the proposals.

const SCENE = [0, 0, 160, 128]; // the picture; other sizes have none
const SIZES = [16, 32, 64, 96], RATIOS = [0.5, 1, 2];
const HUES = [COLORS.blue, COLORS.red, COLORS.green, COLORS.orange], DASHES = ["2 4", "none", "10 5", "12 3 2 3"];
const KINDS = {
  1: ["positive", COLORS.green, "none"], "-1": ["neutral", COLORS.blue, "7 4"], 0: ["negative", COLORS.red, "2 4"],
};
const kindOf = (label) => KINDS[label] ?? [`label ${label}`, COLORS.grey, "none"];

const frame = (s) => [0, 0, s.columns * s.stride || 160, s.rows * s.stride || 128];
const shapes = (s) => s.sizes.flatMap((size, i) => s.ratios.map((ratio, j) => ({ size, ratio, i, j })));
const middle = (b) => [(b[0] + b[2]) / 2, (b[1] + b[3]) / 2];
const bestOf = (row) => (row.length ? Math.max(...row) : 0);
const near = (a, b) => a && b && a.every((v, k) => Math.abs(v - b[k]) < 0.01);
const own = (own, other, text) => (other !== undefined && text(other) !== text(own) ? ` (${text(other)})` : null);

/** Row and column of the position that is looked at; the grid may have become smaller. */
function place(s) {
  return [clamp(s.row, 0, Math.max(s.rows - 1, 0)), clamp(s.column, 0, Math.max(s.columns - 1, 0))];
}

/** The indices of its K anchors. */
function atPlace(s) {
  const [row, column] = place(s), count = shapes(s).length;
  return s.rows && s.columns ? [...Array(count).keys()].map((k) => (row * s.columns + column) * count + k) : [];
}

function shapeWhy(s, shown, n, { size, ratio }) {
  const [row, column] = place(s), box = shown.anchors[n], w = size / Math.sqrt(ratio), k = size * Math.sqrt(ratio);
  return `width s / √r = ${fixed(size)} / √${fixed(ratio)} = ${fixed(w)}, height s · √r = ${fixed(k)}; centre ((${column} + 0.5) · ${s.stride}, (${row} + 0.5) · ${s.stride}) = (${fixed((column + 0.5) * s.stride)}, ${fixed((row + 0.5) * s.stride)})`
    + `\nyour anchor_grid gives (${box.map((v) => fixed(v)).join(", ")}): width ${fixed(box[2] - box[0])}, height ${fixed(box[3] - box[1])}, centre (${middle(box).map((v) => fixed(v)).join(", ")})`;
}

/** Why an anchor has its label, by the definition. */
function labelWhy(s, shown, n) {
  const row = shown.iou[n], best = bestOf(row), m = row.indexOf(best);
  const chosen = row.flatMap((v, j) => (v > 0 && v === Math.max(...shown.iou.map((r) => r[j])) ? [j] : []));
  const byIoU = best >= s.positive ? `≥ ${fixed(s.positive)}: positive` : best < s.negative ? `< ${fixed(s.negative)}: negative`
    : `between ${fixed(s.negative)} and ${fixed(s.positive)}: neutral`;
  const text = !row.length ? "no object: negative, match −1"
    : `IoU with ${row.map((v, j) => `object ${j}: ${fixed(v, 3)}`).join(", ")}. The best, ${fixed(best, 3)} with object ${m}, is ${byIoU}`
      + (chosen.length && best < s.positive ? `; but no anchor fits object ${chosen.join(" and ")} better: positive` : "");
  return `${text}\nyour label_anchors gives ${shown.labels[n]} (${kindOf(shown.labels[n])[0]}), match ${shown.matches[n]}`;
}

/** A sign for a label: a filled square, a hollow one, or a bar. */
function sign(label, x, y, r) {
  const [, color] = kindOf(label);
  if (label === 0) return h("rect", { x: x - r, y: y - r * 0.3, width: 2 * r, height: r * 0.6, fill: color });
  return h("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r, stroke: color, "stroke-width": 1.5,
    fill: label === 1 ? color : "var(--paper)" });
}

function anchorsOf(s, shown, unit, dim) {
  const all = shapes(s);
  return atPlace(s).map((n, k) => {
    const box = shown.anchors[n], { i, j } = all[k];
    return [outlined(box, { stroke: HUES[i], "stroke-width": 3, "stroke-dasharray": DASHES[j], "stroke-opacity": dim }),
      label(box[0] + 3 * unit, box[1] + 15 * unit, k, 15 * unit, { "font-weight": 700 })];
  });
}

/** The labels of all anchors: at each position a sign for each size (row) and ratio (column). */
function signs(s, shown, reference) {
  const all = shapes(s), step = Math.min(s.stride / (s.ratios.length + 1), s.stride / (s.sizes.length + 1), 7);
  return shown.anchors.map((_, n) => {
    const p = Math.floor(n / all.length), { i, j } = all[n % all.length];
    const x = (p % s.columns + 0.5) * s.stride + (j - (s.ratios.length - 1) / 2) * step;
    const y = (Math.floor(p / s.columns) + 0.5) * s.stride + (i - (s.sizes.length - 1) / 2) * step;
    const other = reference?.labels && reference.labels[n] !== shown.labels[n];
    return h("g", { "data-why": `anchor ${n}: ${labelWhy(s, shown, n)}` },
      h("rect", { x: x - step * 0.48, y: y - step * 0.48, width: step * 0.96, height: step * 0.96, fill: "var(--paper)", "fill-opacity": 0.75 }),
      sign(shown.labels[n], x, y, step * 0.32),
      other ? rectangle([x - step * 0.5, y - step * 0.5, x + step * 0.5, y + step * 0.5], { stroke: COLORS.purple,
        "stroke-width": 2.5, "stroke-dasharray": "4 2" }) : null);
  });
}

const VIEWS = {
  anchors: ({ state: s, shown, reference, unit }) => [
    shown.anchors.filter((_, n) => n % Math.max(shapes(s).length, 1) === 0).map((box) => h("circle", {
      cx: middle(box)[0], cy: middle(box)[1], r: 4 * unit, fill: "currentColor", stroke: "var(--paper)" })),
    anchorsOf(s, shown, unit, 1),
    reference ? atPlace(s).map((n) => (near(reference.anchors[n], shown.anchors[n]) ? null
      : rectangle(reference.anchors[n] ?? [0, 0, 0, 0], { stroke: COLORS.purple, "stroke-width": 3, "stroke-dasharray": "12 5" }))) : null,
  ],
  labels: ({ state: s, shown, reference, unit }) => [
    signs(s, shown, reference),
    shown.anchors.map((box, n) => (shown.labels[n] !== 1 ? null : [
      outlined(box, { stroke: COLORS.green, "stroke-width": 2 }),
      s.objects[shown.matches[n]] ? h("line", { x1: middle(box)[0], y1: middle(box)[1], stroke: COLORS.green, "stroke-width": 2,
        x2: middle(s.objects[shown.matches[n]])[0], y2: middle(s.objects[shown.matches[n]])[1] }) : null])),
    atPlace(s).map((n) => rectangle(shown.anchors[n], { stroke: "currentColor", "stroke-width": 1, "stroke-dasharray": "3 3" })),
  ],
  proposals: ({ shown, reference, unit }) => [
    shown.candidates.map((box) => rectangle(box, { stroke: "currentColor", "stroke-width": 1, "stroke-dasharray": "2 3" })),
    shown.boxes.map((box, n) => outlined(box, { stroke: COLORS.green, "stroke-width": 3 })),
    (reference?.boxes ?? []).map((box, n) => (near(box, shown.boxes[n]) ? null
      : rectangle(box, { stroke: COLORS.purple, "stroke-width": 3, "stroke-dasharray": "12 5" }))),
    shown.boxes.map((box, n) => box.every(Number.isFinite) && label(n % 2 ? box[2] - 4 * unit : box[0] + 4 * unit, box[1] + 17 * unit, n + 1, 17 * unit,
      { "font-weight": 700, "text-anchor": n % 2 ? "end" : "start" })),
  ],
};

const TABLES = {
  anchors: (s, shown, reference) => table("Its anchors, in their order", ["", "size", "ratio", "width × height", "area", "height / width"],
    atPlace(s).map((n, k) => {
      const shape = shapes(s)[k], measure = ([x1, y1, x2, y2]) => [x2 - x1, y2 - y1];
      const [w, hgt] = measure(shown.anchors[n]), other = reference?.anchors[n] && measure(reference.anchors[n]);
      const why = shapeWhy(s, shown, n, shape), size = ([a, b]) => `${fixed(a, 1)} × ${fixed(b, 1)}`;
      return [k, fixed(shape.size), fixed(shape.ratio), [number(size([w, hgt]), why), own([w, hgt], other, size)],
        number(w * hgt, `${fixed(w)} · ${fixed(hgt)} = ${fixed(w * hgt, 1)}; the size squared is ${fixed(shape.size ** 2, 1)}`, 0),
        number(hgt / w, `${fixed(hgt)} / ${fixed(w)} = ${fixed(hgt / w, 3)}; the ratio is ${fixed(shape.ratio, 3)}`, 2)];
    })),
  labels: (s, shown, reference) => [
    table("Anchors at the chosen position", ["size, ratio", "best IoU", "label", "match"], atPlace(s).map((n, k) => [
      `${fixed(shapes(s)[k].size)}, ${fixed(shapes(s)[k].ratio)}`, number(bestOf(shown.iou[n]), labelWhy(s, shown, n)),
      [number(kindOf(shown.labels[n])[0], labelWhy(s, shown, n)), own(shown.labels[n], reference?.labels?.[n], (v) => kindOf(v)[0])],
      [shown.matches[n], own(shown.matches[n], reference?.matches?.[n], String)]])),
    table("Objects", ["", "best IoU of an anchor", "positives matched to it"], s.objects.map((_, j) => [j,
      number(bestOf(shown.iou.map((row) => row[j])), `the largest of the ${shown.iou.length} IoUs of object ${j}; an anchor that has it is positive in any case, if it is above 0`),
      shown.labels.filter((label, n) => label === 1 && shown.matches[n] === j).length]))],
  proposals: (s, shown, reference) => [
    h("p", {}, ["anchors", "highest logits", `sides ≥ ${fixed(s.min_size)}`, "after NMS", "returned"].map((text, k) => [k ? " → " : "",
      number(String(shown.counts[k]), `${text}: found by calling your propose ${["", "", "with threshold 1, at which nothing is suppressed", "without a limit on how many it returns", "as the sliders say"][k]}`),
      own(shown.counts[k], reference?.counts?.[k], String), ` ${text}`])),
    h("p", {}, `${shown.found} of ${s.objects.length} objects have a proposal with IoU ≥ 0.5`, own(shown.found, reference?.found, String), "."),
    table("Best first", ["", "score", "IoU with its object"], shown.boxes.slice(0, 12).map((box, n) => [n + 1,
      [number(shown.scores[n], `the probability that your propose returns: 1 / (1 + exp(−logit)); box (${box.map((v) => fixed(v, 1)).join(", ")})`),
        own(shown.scores[n], reference?.scores?.[n], (v) => fixed(v, 3))], fixed(shown.fits[n])]))],
};

/** Toggles for a list of numbers: those on offer and those that are there. */
function several(name, values, offered, set) {
  const all = [...new Set([...offered, ...values])].sort((a, b) => a - b);
  return h("div", { class: "cw-row", role: "group", "aria-label": name }, h("span", { class: "cw-name" }, name),
    all.map((v) => toggle({ name: fixed(v), value: values.includes(v), set: (on) => {
      const next = on ? [...values, v].sort((a, b) => a - b) : values.filter((old) => old !== v);
      if (next.length <= 4) set(next);
    } })));
}

export default widget({
  title: "Anchors",
  size(state) {
    const [, , w, k] = frame(state), margin = 0.12 * w;
    return [w + 2 * margin, k + 2 * margin, -margin, -margin];
  },
  step: 1,
  handles(state, shown, ui) {
    const [, , w, k] = frame(state);
    const position = { id: "position", name: "position", color: "ink", step: state.stride,
      at: (s) => { const [row, column] = place(s); return [(column + 0.5) * s.stride, (row + 0.5) * s.stride]; },
      value: (s) => `row ${place(s)[0]}, column ${place(s)[1]}`,
      move: (s, dx, dy) => ({ ...s, column: clamp(Math.round(place(s)[1] + dx / s.stride), 0, Math.max(s.columns - 1, 0)),
        row: clamp(Math.round(place(s)[0] + dy / s.stride), 0, Math.max(s.rows - 1, 0)) }) };
    const objects = state.objects.map((_, i) => boxHandles({ id: `object${i}`, name: `object ${i}`, bounds: [w, k], color: "grey",
      get: (s) => s.objects[i] ?? [0, 0, 1, 1],
      put: (s, box) => ({ ...s, objects: s.objects.map((old, j) => (j === i ? box : old)) }) })
      .filter((one) => !one.pointerOnly || one.id.startsWith(`${ui.selected()}-`)));
    return [state.view === "proposals" ? [] : position, state.view === "anchors" ? [] : objects.flat()];
  },
  stage(look) {
    const { state: s, shown, set, ui, unit } = look, all = frame(s), [row, column] = place(s);
    const known = shown[{ anchors: "anchors", labels: "labels", proposals: "boxes" }[s.view]];
    const fits = shown.anchors.length === s.rows * s.columns * shapes(s).length && known
      && (s.view !== "labels" || shown.iou.every((r) => r.length === s.objects.length));
    return [
      String(all) === String(SCENE) ? backdrop(ui.setup.photo, SCENE, 0.65) : null,
      [...Array(s.rows * s.columns).keys()].map((p) => h("rect", { x: (p % s.columns) * s.stride, y: Math.floor(p / s.columns) * s.stride,
        width: s.stride, height: s.stride, fill: "transparent", stroke: "currentColor", "stroke-opacity": 0.35, "stroke-width": 1,
        style: "cursor:pointer", onclick: () => set({ row: Math.floor(p / s.columns), column: p % s.columns }) })),
      s.view === "proposals" ? null : rectangle([column * s.stride, row * s.stride, (column + 1) * s.stride, (row + 1) * s.stride],
        { fill: COLORS.orange, "fill-opacity": 0.35, stroke: "none", "pointer-events": "none" }),
      rectangle(all, { stroke: "currentColor", "stroke-width": 1.5, "pointer-events": "none" }),
      h("g", { "pointer-events": "none" }, s.objects.map((box) => outlined(box, { stroke: "currentColor", "stroke-width": 3,
        "stroke-dasharray": s.view === "anchors" ? "1 6" : "none" }))),
      fits ? h("g", { "pointer-events": s.view === "labels" ? "auto" : "none" }, VIEWS[s.view](look)) : null,
      s.objects.map((box, j) => label(box[2] - 3 * unit, box[3] + 16 * unit, `object ${j}`, 14 * unit,
        { "text-anchor": "end", "font-style": "italic", "pointer-events": "none" })),
    ];
  },
  panel({ state: s, shown, reference, set }) {
    const part = (name, key, min, max, step, digits = 2) => slider({ name, value: s[key], min, max, step, digits,
      set: (v) => set({ [key]: Number(v.toFixed(2)), ...(key === "positive" ? { negative: Math.min(s.negative, v) }
        : key === "negative" ? { positive: Math.max(s.positive, v) } : {}) }) });
    const known = shown[{ anchors: "anchors", labels: "labels", proposals: "boxes" }[s.view]];
    const fits = shown.anchors.length === s.rows * s.columns * shapes(s).length && known
      && (s.view !== "labels" || shown.iou.every((r) => r.length === s.objects.length));
    const count = (value) => (shown.labels ?? []).filter((label) => label === value).length;
    const K = shapes(s).length, most = (stride) => Math.round(160 / stride) * Math.round(128 / stride) * K <= 600;
    const strides = [16, 32, 64].filter((v) => most(v) || v === s.stride);
    return [
      choice({ name: "look at", value: s.view, options: [["anchors", "the anchors of a position"], ["labels", "the labels of all anchors"], ["proposals", "the proposals"]],
        set: (view) => set({ view }) }),
      choice({ name: "stride", value: s.stride, options: strides.includes(s.stride) ? strides : [s.stride, ...strides],
        set: (stride) => set({ stride, rows: Math.round(128 / stride), columns: Math.round(160 / stride) }) }),
      several("sizes", s.sizes, SIZES, (sizes) => (s.rows * s.columns * sizes.length * s.ratios.length <= 600 ? set({ sizes }) : null)),
      several("ratios", s.ratios, RATIOS, (ratios) => (s.rows * s.columns * s.sizes.length * ratios.length <= 600 ? set({ ratios }) : null)),
      h("p", {}, `${s.rows} × ${s.columns} positions, K = ${s.sizes.length} · ${s.ratios.length} = ${K}: `,
        number(String(shown.anchors.length), `${s.rows} · ${s.columns} · ${K} = ${s.rows * s.columns * K}`), " anchors."),
      s.view === "labels" ? [part("positive from", "positive", 0, 1, 0.05), part("negative below", "negative", 0, 1, 0.05),
        h("p", {}, [["1", "positive, filled"], ["-1", "neutral, hollow"], ["0", "negative, bar"]].map(([v, text], k) => `${k ? "; " : ""}${count(Number(v))} ${text}`))] : null,
      s.view === "proposals" ? [part("highest logits", "before", 1, 60, 1, 0), part("min_size", "min_size", 0, 64, 1, 0),
        part("NMS threshold", "iou_threshold", 0, 1, 0.05), part("top_n", "top_n", 1, 20, 1, 0),
        part("moved by", "moves", 0, 1, 0.1), part("noise", "noise", 0, 5, 0.5)] : null,
      fits ? TABLES[s.view](s, shown, reference) : null,
    ];
  },
  says(state, shown) {
    const total = shown.anchors.length, count = (v) => shown.labels.filter((label) => label === v).length;
    if (shown.labels) return `Of ${total} anchors, label_anchors makes ${count(1)} positive, ${count(-1)} neutral and ${count(0)} negative.`;
    if (shown.boxes) return `Of ${total} anchors, propose makes ${shown.boxes.length} proposals.`;
    return `anchor_grid gives ${total} anchors, ${shapes(state).length} at each of ${state.rows} x ${state.columns} positions.`;
  },
});
