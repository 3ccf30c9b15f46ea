// LabelAssignment: proposals over ground truths, their labels and matches, and an axis of IoU.

const FRAME = [0, 0, 144, 96];
const LETTERS = "ABCDEFGHIJ";
const AXIS = { left: 8, width: 128, top: 114 }; // IoU from 0 to 1, below the picture

const across = (iou) => AXIS.left + iou * AXIS.width;
const kindOf = (label) => (label > 0 ? "positive" : label === 0 ? "negative" : label === -1 ? "neutral" : "no label");
const LOOK = {
  positive: { stroke: COLORS.green, "stroke-width": 3.5 },
  neutral: { stroke: COLORS.blue, "stroke-width": 2.5, "stroke-dasharray": "9 5" },
  negative: { stroke: COLORS.red, "stroke-width": 2.5, "stroke-dasharray": "2 4" },
  "no label": { stroke: COLORS.grey, "stroke-width": 2 },
};

const className = (ui, number) => (number > 0 && ui.setup.names[number]) || `class ${number}`;

/** A label in words: its number and what it means. */
function labelText(ui, label) {
  if (label === 0) return "0, background";
  if (label === -1) return "−1, neutral";
  return label > 0 ? `${label}, ${className(ui, label).replace(/^class .*/, "a class")}` : `${label}`;
}

const bestOf = (row) => (row.length ? Math.max(...row) : 0);

/** The label of a row of IoUs by the definition. */
function defined(state, row) {
  const best = bestOf(row);
  if (!row.length || best < state.negative) return 0;
  return best >= state.positive ? state.classes[row.indexOf(best)] : -1;
}

function why(state, shown, ui, i) {
  const row = shown.iou[i], best = bestOf(row), m = row.indexOf(best);
  const all = row.map((v, j) => `gt ${j}: ${fixed(v, 3)}`).join(", ");
  const by = !row.length ? "there is no ground truth: background, match −1"
    : `IoU with ${all}. The best is ${fixed(best, 4)} with gt ${m}${row.lastIndexOf(best) !== m ? " (the lowest index of equals)" : ""}, `
      + (best >= state.positive ? `≥ ${fixed(state.positive)}: the class of gt ${m}, ${state.classes[m]}`
        : best < state.negative ? `< ${fixed(state.negative)}: background, 0`
          : `< ${fixed(state.positive)} and ≥ ${fixed(state.negative)}: neutral, −1`);
  const own = `label ${shown.labels[i]}, match ${shown.matches[i]}`;
  const same = shown.labels[i] === defined(state, row) && shown.matches[i] === m;
  return `${LETTERS[i]}: ${by}\nyour label_proposals gives ${own}${same ? "" : " – something else"}`;
}

/** The intersection over the union of a proposal and its best ground truth, in numbers. */
function overlap(state, shown, i) {
  const row = shown.iou[i], best = bestOf(row), m = row.indexOf(best), p = state.proposals[i], g = state.objects[m];
  if (!p || !g) return why(state, shown, { setup: { names: [] } }, i);
  const w = Math.min(p[2], g[2]) - Math.max(p[0], g[0]), k = Math.min(p[3], g[3]) - Math.max(p[1], g[1]);
  const area = (b) => (b[2] - b[0]) * (b[3] - b[1]), both = Math.max(w, 0) * Math.max(k, 0);
  return `best IoU of ${LETTERS[i]}, with gt ${m}: ${fixed(both)} / (${fixed(area(p))} + ${fixed(area(g))} − ${fixed(both)}) = ${fixed(best, 4)}`
    + `\nall: ${row.map((v, j) => `gt ${j}: ${fixed(v, 3)}`).join(", ")}`;
}

const middle = (b) => [(b[0] + b[2]) / 2, (b[1] + b[3]) / 2];

function boxesOnPicture({ state, shown, reference, ui, unit }) {
  return [
    state.picture ? backdrop(ui.setup.photo, FRAME, 0.6) : null,
    rectangle(FRAME, { stroke: "var(--line)", "stroke-width": 1 }),
    state.objects.map((box, j) => [
      outlined(box, { stroke: "currentColor", "stroke-width": 4 }),
    ]),
    state.proposals.map((box, i) => {
      const kind = kindOf(shown.labels[i]), to = state.objects[shown.matches[i]], from = middle(box);
      const other = reference && (reference.labels[i] !== shown.labels[i] || reference.matches[i] !== shown.matches[i]);
      return [
        outlined(box, LOOK[kind]),
        other ? rectangle([box[0] - 1.5, box[1] - 1.5, box[2] + 1.5, box[3] + 1.5],
          { stroke: COLORS.purple, "stroke-width": 3, "stroke-dasharray": "14 5" }) : null,
        to ? h("line", { x1: from[0], y1: from[1], x2: middle(to)[0], y2: middle(to)[1], ...LOOK[kind],
          "stroke-width": kind === "positive" ? 2.5 : 1, "stroke-opacity": kind === "positive" ? 1 : 0.6 }) : null,
        h("circle", { cx: from[0], cy: from[1], r: 3.5 * unit, fill: LOOK[kind].stroke, stroke: "var(--paper)" })];
    }),
    state.objects.map((box, j) => label(box[0], Math.max(box[1], 6) - 6 * unit,
      `gt ${j} ${className(ui, state.classes[j])}`, 15 * unit, { "font-style": "italic" })),
    state.proposals.map((box, i) => {
      const left = i % 2 === 0, top = i % 4 < 2; // another corner for neighbours in the list
      return label(left ? box[0] + 5 * unit : box[2] - 5 * unit, top ? box[1] + 18 * unit : box[3] - 7 * unit,
        `${LETTERS[i]}: ${shown.labels[i] < 0 ? "−" : ""}${Math.abs(shown.labels[i])}`, 17 * unit,
        { "font-weight": 700, "text-anchor": left ? "start" : "end" });
    }),
  ];
}

/** The IoUs that are given as numbers, one row for each proposal; the best of a row is framed. */
function numbersOnPicture({ state, shown, reference, ui, unit }) {
  const rows = shown.iou, columns = state.classes.length;
  const cell = Math.min(14, 84 / rows.length, 84 / Math.max(columns, 1)), x = 14, y = 9;
  return [
    cells(rows, [x, y], cell, { text: 3, high: 1, mark: (i, j) => (j === shown.matches[i]
      ? { style: "stroke-width:4", stroke: "#111" } : {}), why: (v, i) => why(state, shown, ui, i) }),
    rows.map((row, i) => row.map((_, j) => (j === shown.matches[i]
      ? rectangle([x + j * cell + 0.4, y + i * cell + 0.4, x + (j + 1) * cell - 0.4, y + (i + 1) * cell - 0.4],
        { stroke: "#111", "stroke-width": 3 }) : null))),
    state.classes.map((c, j) => label(x + (j + 0.5) * cell, y - 3, `gt ${j}: ${c}`, 15 * unit, { "text-anchor": "middle" })),
    rows.map((_, i) => [
      label(x - 2, y + (i + 0.5) * cell + 5 * unit, LETTERS[i], 16 * unit, { "text-anchor": "end", "font-weight": 700 }),
      label(x + columns * cell + 3, y + (i + 0.5) * cell + 5 * unit,
        `→ ${labelText(ui, shown.labels[i])}; match ${shown.matches[i]}`
        + (reference && (reference.labels[i] !== shown.labels[i] || reference.matches[i] !== shown.matches[i])
          ? ` (${reference.labels[i]}; match ${reference.matches[i]})` : ""), 15 * unit)]),
  ];
}

/** An axis of IoU with the two thresholds and each proposal at its best overlap. */
function axis({ state, shown, reference, unit }) {
  const order = shown.iou.map((row, i) => [bestOf(row), i]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const levels = [];
  const zones = [["negative", 0, state.negative], ["neutral", state.negative, state.positive], ["positive", state.positive, 1]];
  const { top } = AXIS;
  return [
    zones.map(([kind, from, to]) => [
      h("rect", { x: across(from), y: top - 3, width: Math.max(across(to) - across(from), 0), height: 6,
        fill: LOOK[kind].stroke, "fill-opacity": 0.35 }),
      to - from > 0.14 ? label(across((from + to) / 2), top + 20 * unit + 3, kind, 15 * unit, { "text-anchor": "middle" }) : null]),
    h("line", { x1: across(0), x2: across(1), y1: top, y2: top, stroke: "currentColor", "stroke-width": 1.5 }),
    [0, 1].map((v) => label(across(v) + (v ? 2 : -2), top + 5 * unit, v, 15 * unit, { "text-anchor": v ? "start" : "end" })),
    order.map(([best, i]) => {
      const kind = kindOf(shown.labels[i]);
      let level = 0; // letters of near values stand above each other
      while (levels[level] !== undefined && best - levels[level] < 0.045) level += 1;
      levels[level] = best;
      const x = across(best), y = top - 5 - level * 4.2;
      const other = reference && reference.labels[i] !== shown.labels[i];
      return h("g", { "data-why": why(state, shown, { setup: { names: [] } }, i) },
        h("line", { x1: x, x2: x, y1: top, y2: y + 0.5, stroke: "currentColor", "stroke-width": 1 }),
        h("circle", { cx: x, cy: top, r: 4 * unit, fill: LOOK[kind].stroke, stroke: "var(--paper)" }),
        label(x, y, LETTERS[i], 15 * unit, { "text-anchor": "middle", "font-weight": 700,
          "text-decoration": other ? "underline" : "none" }));
    }),
    label(across(0.5), top + 44 * unit + 3, "best IoU with a ground truth; the thresholds can be dragged", 14 * unit,
      { "text-anchor": "middle" }),
  ];
}

/** A threshold on the axis, kept on its side of the other one. */
function thresholdHandle(key) {
  return {
    id: key, name: `${key} threshold`, color: "ink", flat: true, step: AXIS.width / 20,
    at: (state) => [across(state[key]), AXIS.top],
    value: (state) => fixed(state[key]),
    move: (state, dx) => {
      const [low, high] = key === "positive" ? [state.negative, 1] : [0, state.positive];
      return { ...state, [key]: Number(clamp(state[key] + dx / AXIS.width, low, high).toFixed(2)) };
    },
  };
}

export default widget({
  title: "What each proposal is taught",
  size: [144, 128],
  step: 1,
  handles(state, shown, ui) {
    const boxes = (key, name, color) => state[key].map((_, i) => boxHandles({ id: `${key}${i}`, name: name(i), color,
      bounds: [144, 96], get: (s) => s[key][i] ?? [0, 0, 1, 1],
      put: (s, box) => ({ ...s, [key]: s[key].map((old, j) => (j === i ? box : old)) }) })
      .filter((handle) => !handle.pointerOnly || handle.id.startsWith(`${ui.selected()}-`)));
    return [...boxes("objects", (i) => `ground truth ${i}`, "ink"),
      ...boxes("proposals", (i) => `proposal ${LETTERS[i]}`, "grey"),
      thresholdHandle("positive"), thresholdHandle("negative")].flat();
  },
  stage: (look) => [look.state.given.length ? numbersOnPicture(look) : boxesOnPicture(look), axis(look)],
  panel({ state, shown, reference, set, ui }) {
    const count = (kind) => shown.labels.filter((label) => kindOf(label) === kind).length;
    const object = /^objects(\d+)$/.exec(ui.selected() ?? "")?.[1];
    const targets = shown.targets.some(Boolean), texts = (t) => t.map((v) => fixed(v)).join(", ");
    const names = ui.setup.names.slice(1).map((name, k) => [k + 1, name]);
    return [
      slider({ name: "positive from", value: state.positive, min: 0, max: 1, step: 0.05,
        set: (v) => set({ positive: Number(v.toFixed(2)), negative: Math.min(state.negative, Number(v.toFixed(2))) }) }),
      slider({ name: "negative below", value: state.negative, min: 0, max: 1, step: 0.05,
        set: (v) => set({ negative: Number(v.toFixed(2)), positive: Math.max(state.positive, Number(v.toFixed(2))) }) }),
      h("p", {}, ["positive", "neutral", "negative"].map((kind) => `${count(kind)} ${kind}`).join(", ")),
      table("Each proposal, by its best ground truth (gt)", ["", "best IoU", "label", "match",
        ...(targets ? ["target of the box"] : [])], shown.iou.map((row, i) => {
        const own = (key, text) => [number(text(shown[key][i]), why(state, shown, ui, i)),
          reference && reference[key][i] !== shown[key][i] ? ` (${text(reference[key][i])})` : null];
        return [LETTERS[i], number(bestOf(row), overlap(state, shown, i)), own("labels", (v) => labelText(ui, v)),
          own("matches", (m) => (m >= 0 ? `gt ${m}` : "−1")),
          ...(targets ? [shown.targets[i] ? number(texts(shown.targets[i]), `t_x, t_y, t_w, t_h by your encode_boxes, from ${LETTERS[i]} to gt ${shown.matches[i]}: ${shown.targets[i].map((v) => fixed(v, 4)).join(", ")}`) : "none"] : [])];
      })),
      state.given.length ? h("p", {}, "Here the IoUs are given; above each column is its object's class.")
        : toggle({ name: "show the picture", value: state.picture, set: (picture) => set({ picture }) }),
      object !== undefined && state.classes[object] ? choice({ name: `class of gt ${object}`, value: state.classes[object],
        options: names.some(([k]) => k === state.classes[object]) ? names : [...names, [state.classes[object], `class ${state.classes[object]}`]],
        set: (value) => set({ classes: state.classes.map((old, j) => (j === Number(object) ? value : old)) }) }) : null,
    ];
  },
  says(state, shown) {
    const count = (kind) => shown.labels.filter((label) => kindOf(label) === kind).length;
    return `Of ${shown.labels.length} proposals, label_proposals makes ${count("positive")} positive, ${count("neutral")} neutral and ${count("negative")} negative.`;
  },
});
