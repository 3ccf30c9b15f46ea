// NMS: the ranking step by step; what the student's function keeps of each prefix of it.

const LETTERS = "ABCDEFGHIJ";

/** What became of box `i` once `step` boxes were looked at: kept, dropped or waiting. */
function fate(shown, i, step) {
  if (shown.ranking.indexOf(i) >= step) return "waiting";
  return shown.kept[step].includes(i) ? "kept" : "dropped";
}

/** The kept box that box `i` overlaps most, [box, IoU], of those ranked before it. */
function nearest(state, shown, i, step) {
  const before = shown.ranking.slice(0, shown.ranking.indexOf(i));
  const rivals = before.filter((j) => shown.kept[step].includes(j)
    && (!state.per_class || state.labels[i] === state.labels[j]));
  if (!rivals.length) return null;
  const best = rivals.reduce((a, b) => (shown.iou[i][b] > shown.iou[i][a] ? b : a));
  return [best, shown.iou[i][best]];
}

function reason(state, shown, i, step) {
  const near = nearest(state, shown, i, step), what = fate(shown, i, step);
  if (what === "waiting") return "not looked at yet";
  const own = state.per_class ? ` of its class (${state.labels[i]})` : "";
  if (!near) return `no kept box${own} stands before it`;
  const sign = near[1] > state.threshold ? ">" : "<=";
  return `its largest IoU with a kept box${own} before it: box_iou(${LETTERS[i]}, ${LETTERS[near[0]]}) = ${fixed(near[1], 3)} ${sign} ${fixed(state.threshold)}`
    + (sign === ">" === (what === "kept") ? ` – and yet your function has it ${what}` : "");
}

/** The name of box `i` in one of its corners, another for its neighbours in the list. */
function corner([x1, y1, x2, y2], i, unit, text, bold) {
  const left = i % 2 === 0, top = i % 4 < 2;
  return label(left ? x1 + 6 * unit : x2 - 6 * unit, top ? y1 + 19 * unit : y2 - 8 * unit, text, 15 * unit,
    { "text-anchor": left ? "start" : "end", "font-weight": bold ? 700 : 400 });
}

export default widget({
  title: "Non-maximum suppression, box by box",
  size: (state) => {
    const x = Math.min(0, ...state.boxes.map((box) => box[0])), y = Math.min(0, ...state.boxes.map((box) => box[1]));
    return [120 - x, 80 - y, x, y];
  },
  step: 1,
  at: (state) => state.step,
  handles: (state) => state.boxes.map((_, i) => boxHandles({
    id: `box${i}`, name: `box ${LETTERS[i]}`, bounds: [120, 80], color: "grey",
    get: (s) => s.boxes[i] ?? [0, 0, 1, 1],
    put: (s, box) => ({ ...s, boxes: s.boxes.map((old, j) => (j === i ? box : old)) }),
  })),
  stage({ state, shown, reference, unit }) {
    const step = Math.min(state.step, state.boxes.length);
    const look = {
      kept: { stroke: COLORS.green, "stroke-width": 4, fill: COLORS.green, "fill-opacity": 0.1 },
      dropped: { stroke: COLORS.red, "stroke-width": 2, "stroke-dasharray": "2 5" },
      waiting: { stroke: COLORS.grey, "stroke-width": 2 },
    };
    const sign = { kept: "✓", dropped: "✗", waiting: "" };
    const now = shown.ranking[step - 1];
    return [
      rectangle([0, 0, 120, 80], { stroke: "var(--line)", "stroke-width": 1 }),
      state.boxes.map((box, i) => {
        const what = fate(shown, i, step);
        const other = reference && shown.ranking.indexOf(i) < step && fate(reference, i, step) !== what;
        return h("g", { "data-why": `${LETTERS[i]}, score ${fixed(state.scores[i])}: ${what}; ${reason(state, shown, i, step)}` },
          rectangle(box, look[what]),
          i === now ? rectangle([box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1],
            { stroke: "currentColor", "stroke-width": 1.5 }) : null,
          other ? rectangle([box[0] - 2, box[1] - 2, box[2] + 2, box[3] + 2],
            { stroke: COLORS.purple, "stroke-width": 3, "stroke-dasharray": "8 4" }) : null,
          corner(box, i, unit, `${LETTERS[i]} ${fixed(state.scores[i])} ${sign[what]}`, i === now));
      }),
    ];
  },
  panel({ state, shown, reference, set, ui }) {
    const step = Math.min(state.step, state.boxes.length);
    const picked = Number(/^box(\d+)/.exec(ui.selected() ?? "box0")[1]);
    const change = (key, value) => set({ [key]: state[key].map((old, j) => (j === picked ? value : old)) });
    const now = shown.ranking[step - 1];
    return [
      stepper({ at: step, count: state.boxes.length, set: (value) => set({ step: value }), ui,
        text: step ? `${step} / ${state.boxes.length}` : "start" }),
      h("p", { class: "cw-step" }, now === undefined ? "No box has been looked at."
        : `${LETTERS[now]} is ${fate(shown, now, step)}: ${reason(state, shown, now, step)}.`),
      slider({ name: "threshold", value: state.threshold, min: 0, max: 1, step: 0.05,
        set: (value) => set({ threshold: Number(value.toFixed(2)) }) }),
      toggle({ name: "class by class", value: state.per_class, set: (per_class) => set({ per_class }) }),
      table("By falling score", ["box", "score", "class", "largest IoU with a kept one", "now"],
        shown.ranking.map((i) => {
          const near = nearest(state, shown, i, step), what = fate(shown, i, step);
          return { props: { "aria-current": i === now ? "true" : "false" }, cells: [
            LETTERS[i], fixed(state.scores[i]), state.labels[i],
            near && what !== "waiting" ? number(near[1], reason(state, shown, i, step)) : "–",
            what + (reference && what !== "waiting" && fate(reference, i, step) !== what
              ? ` (${fate(reference, i, step)})` : "")] };
        })),
      h("p", {}, "Kept, in the order of your result: ",
        shown.kept[step].map((i) => LETTERS[i]).join(", ") || "none",
        reference ? ` (${reference.kept[step].map((i) => LETTERS[i]).join(", ") || "none"})` : ""),
      state.boxes[picked] ? [
        slider({ name: `score of ${LETTERS[picked]}`, value: state.scores[picked], min: 0, max: 1,
          step: 0.01, set: (value) => change("scores", Number(value.toFixed(2))) }),
        state.per_class ? slider({ name: `class of ${LETTERS[picked]}`, value: state.labels[picked],
          min: 1, max: 3, step: 1, digits: 0, set: (value) => change("labels", value) }) : null] : null,
    ];
  },
  says: (state, shown) => `Of ${state.boxes.length} boxes, at threshold ${fixed(state.threshold)}, these are kept, best first: ${shown.kept.at(-1).map((i) => LETTERS[i]).join(", ") || "none"}.`,
});
