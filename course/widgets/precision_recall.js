// PrecisionRecall: a ranking from the best detection down, the curve, its envelope and the area.
//
// What is true, the curve and the areas come from the student's functions. By hand here: which
// object a true detection takes, IoUs, and the envelope of the student's curve.

const WIDE = 120, HIGH = 66; // the picture
const CURVE = { x: 12, y: 76, w: 58, h: 40 }, BARS = { x: 82, y: 76, w: 36, h: 40 };
const TEN = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];
const nameOf = (j) => "ABCDEF"[j];
const finite = (value) => (typeof value === "number" ? value : value === "-inf" ? -2 : 2);
const at = ({ x, y, w, h }, u, v) => [x + clamp(finite(u), -0.1, 1.1) * w, y + h - clamp(finite(v), -0.1, 1.1) * h];

/** Intersection, union and their ratio. */
function overlap(a, b) {
  const w = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), k = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const both = w > 0 && k > 0 ? w * k : 0;
  const union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both;
  return { both, union, iou: union > 0 ? both / union : 0 };
}

/**
 * What stands behind each rank: its best free object and the IoU with it, whether the object that
 * it overlaps most was gone, and the object that it takes where the student's function calls it true.
 */
function walk(state, shown) {
  const free = state.objects.map((_, j) => j);
  return shown.ranking.map((i, k) => {
    const overlaps = state.objects.map((object) => overlap(state.boxes[i], object));
    const most = (which) => which.reduce((a, b) => (a === null || overlaps[b].iou > overlaps[a].iou ? b : a), null);
    const best = most(free), first = most(state.objects.map((_, j) => j));
    const would = best !== null && overlaps[best].iou >= state.threshold - 1e-7;
    const takes = shown.true[k] && would ? best : null;
    if (takes !== null) free.splice(free.indexOf(takes), 1);
    return { i, best, takes, would, overlaps, gone: first !== best && overlaps[first].iou > 0 ? first : null };
  });
}

function reason(state, shown, one, k) {
  const { best, overlaps, would, gone } = one;
  const taken = gone === null ? "" : `${nameOf(gone)} is taken (IoU ${fixed(overlaps[gone].iou, 3)}); `;
  const yet = would === shown.true[k] ? "" : ` – and yet your function says ${shown.true[k] ? "true" : "false"}`;
  if (best === null) return `${state.objects.length ? "every object is taken" : "there are no objects"}: false${yet}`;
  const { both, union, iou } = overlaps[best];
  return `${taken}its best free object is ${nameOf(best)}: IoU = ${fixed(both)} / ${fixed(union)} = ${fixed(iou, 3)} ${would ? "≥" : "<"} ${fixed(state.threshold)}: ${would ? "true" : "false"}${yet}`;
}

/** The staircase of the best precision at each recall or beyond: [recall from, to, height]. */
function envelope(precision, recall) {
  const steps = [];
  let high = -Infinity;
  for (let k = precision.length - 1; k >= 0; k--) {
    high = Math.max(high, finite(precision[k]));
    const from = k ? finite(recall[k - 1]) : 0, to = finite(recall[k]);
    if (to > from) steps.unshift([from, to, high]);
  }
  return steps;
}

/** A cat's face that just fits into a box: the object. */
function cat([x1, y1, x2, y2], props) {
  const p = (u, v) => `${x1 + u * (x2 - x1)} ${y1 + v * (y2 - y1)}`;
  return h("path", { d: `M${p(0.1, 0)}L${p(0.34, 0.17)}Q${p(0.5, 0.13)} ${p(0.66, 0.17)}L${p(0.9, 0)}L${p(1, 0.56)}`
    + `C${p(1, 0.85)} ${p(0.75, 1)} ${p(0.5, 1)}C${p(0.25, 1)} ${p(0, 0.85)} ${p(0, 0.56)}Z`, ...props });
}

function plot(box, title, below, unit, [u, v]) {
  const ticks = [0, 0.5, 1];
  return [
    rectangle([box.x, box.y, box.x + box.w, box.y + box.h], { stroke: "var(--line)", "stroke-width": 1 }),
    ticks.map((tick) => {
      const y = at(box, 0, tick)[1];
      return [h("path", { d: `M${box.x} ${y}h${box.w}`, stroke: "var(--line)", "stroke-width": 1 }),
        label(box.x - 5 * unit, y + 5 * unit, fixed(tick), 14 * unit, { "text-anchor": "end" })];
    }),
    label(box.x + u * box.w, box.y - 9 * unit, title, 15 * unit, { "font-weight": 600 }),
    label(box.x + v * box.w, box.y + box.h + 36 * unit, below, 14 * unit, { "text-anchor": "end" }),
  ];
}

const pathOf = (precision, recall) => precision.map((p, k) => `${k ? "L" : "M"}${at(CURVE, recall[k], p).join(" ")}`).join("");

function drawCurve(shown, reference, step, unit) {
  const precision = shown.precision.slice(0, step), recall = shown.recall.slice(0, step);
  const steps = envelope(precision, recall);
  const corner = (u, v) => at(CURVE, u, v).join(" ");
  const stairs = steps.map(([from, to, high]) => `L${corner(from, high)}L${corner(to, high)}`).join("");
  const end = steps.length ? steps[steps.length - 1][1] : 0;
  const area = stairs && `M${corner(0, 0)}${stairs}L${corner(end, 0)}Z`;
  const why = (k) => {
    const found = shown.true.slice(0, k + 1).filter(Boolean).length;
    return `after rank ${k + 1}: precision = true so far / detections so far = ${found} / ${k + 1} = ${fixed(found / (k + 1), 3)}`
      + `; your precision_recall gives precision ${fixed(shown.precision[k], 3)}, recall ${fixed(shown.recall[k], 3)}`;
  };
  // Points of the same place share a text, "2–4".
  const places = new Map();
  precision.forEach((p, k) => {
    const key = `${p} ${recall[k]}`;
    places.set(key, [...(places.get(key) ?? []), k + 1]);
  });
  return [
    plot(CURVE, "precision", "recall", unit, [0, 1]),
    [0, 0.5, 1].map((tick) => label(at(CURVE, tick, 0)[0], CURVE.y + CURVE.h + 18 * unit, fixed(tick), 14 * unit, { "text-anchor": "middle" })),
    area ? h("path", { d: area, fill: COLORS.sky, "fill-opacity": 0.3,
      "data-why": `the area under the envelope, by hand: ${steps.map(([a, b, c]) => `${fixed(b - a, 3)} · ${fixed(c, 3)}`).join(" + ")} = ${fixed(steps.reduce((sum, [a, b, c]) => sum + (b - a) * c, 0), 3)}` }) : null,
    h("path", { d: pathOf(shown.precision, shown.recall), fill: "none", stroke: COLORS.grey, "stroke-width": 1, "stroke-dasharray": "1 4" }),
    h("path", { d: pathOf(precision, recall), fill: "none", stroke: COLORS.blue, "stroke-width": 2.5 }),
    stairs ? h("path", { d: `M${stairs.slice(1)}`, fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-dasharray": "6 4" }) : null,
    reference ? h("path", { d: pathOf(reference.precision, reference.recall), fill: "none", stroke: COLORS.purple, "stroke-width": 4, "stroke-dasharray": "8 5" }) : null,
    precision.map((p, k) => {
      const [x, y] = at(CURVE, recall[k], p), now = k === step - 1;
      return h("g", { "data-why": why(k) }, h("circle", { cx: x, cy: y, r: (now ? 7 : 4.5) * unit,
        fill: shown.true[k] ? COLORS.green : "var(--paper)", stroke: shown.true[k] ? COLORS.green : COLORS.red, "stroke-width": now ? 3.5 : 2 }));
    }),
    [...places.values()].map((ranks) => {
      const k = ranks[0] - 1, [x, y] = at(CURVE, recall[k], precision[k]), right = x > CURVE.x + 0.93 * CURVE.w;
      return label(x + (right ? -9 : 9) * unit, y + (finite(precision[k]) > 0.12 ? 18 : -8) * unit,
        ranks.length > 1 ? `${ranks[0]}–${ranks.at(-1)}` : String(ranks[0]), 14 * unit, { "text-anchor": right ? "end" : "start" });
    }),
  ];
}

function drawBars(state, shown, reference, unit) {
  const wide = BARS.w / TEN.length;
  const bar = (value, n, props) => {
    const [, y] = at(BARS, 0, value);
    return rectangle([BARS.x + (n + 0.12) * wide, y, BARS.x + (n + 0.88) * wide, BARS.y + BARS.h], props);
  };
  const mean = at(BARS, 0, shown.mean)[1];
  return [
    plot(BARS, shown.ap_101 === undefined ? "AP at ten thresholds" : "AP101, ten thresholds", "IoU threshold", unit, [-0.08, 1]),
    shown.bars.map((value, n) => h("g", { "data-why": `AP at IoU threshold ${fixed(TEN[n])}: your functions give ${fixed(value, 4)}` },
      bar(value, n, { fill: Math.abs(TEN[n] - state.threshold) < 1e-6 ? COLORS.blue : COLORS.sky, "fill-opacity": 0.8 }),
      Math.abs(TEN[n] - state.threshold) < 1e-6 ? bar(value, n, { stroke: "currentColor", "stroke-width": 2 }) : null)),
    reference ? reference.bars.map((value, n) => (Math.abs(finite(value) - finite(shown.bars[n])) > 1e-4
      ? bar(value, n, { stroke: COLORS.purple, "stroke-width": 2.5, "stroke-dasharray": "5 3" }) : null)) : null,
    h("path", { d: `M${BARS.x} ${mean}h${BARS.w}`, stroke: "currentColor", "stroke-width": 2, "stroke-dasharray": "6 4" }),
    [0, 5, 9].map((n) => label(BARS.x + (n + 0.5) * wide, BARS.y + BARS.h + 18 * unit, fixed(TEN[n]), 14 * unit, { "text-anchor": "middle" })),
  ];
}

export default widget({
  title: "Precision and recall along a ranking",
  size: [WIDE, 124],
  step: 1,
  at: (state) => state.step,
  // Objects come first: where both lie, a detection is taken.
  handles: (state) => [
    ...state.objects.map((_, i) => boxHandles({ id: `object${i}`, name: `object ${nameOf(i)}`, bounds: [WIDE, HIGH],
      get: (s) => s.objects[i] ?? [0, 0, 1, 1],
      put: (s, box) => ({ ...s, objects: s.objects.map((old, j) => (j === i ? box : old)) }) }).slice(0, 1)),
    ...state.boxes.map((_, i) => boxHandles({ id: `box${i}`, name: `detection d${i}`, bounds: [WIDE, HIGH], color: "grey",
      get: (s) => s.boxes[i] ?? [0, 0, 1, 1],
      put: (s, box) => ({ ...s, boxes: s.boxes.map((old, j) => (j === i ? box : old)) }) })),
  ],
  stage({ state, shown, reference, unit }) {
    const step = Math.min(state.step, shown.ranking.length), all = walk(state, shown);
    const seen = all.slice(0, step);
    return [
      rectangle([0, 0, WIDE, HIGH], { stroke: "var(--line)", "stroke-width": 1 }),
      state.objects.map((box, j) => {
        const by = seen.find((one) => one.takes === j);
        return h("g", { "data-why": `object ${nameOf(j)}: ${by ? `found by d${by.i}` : "not found so far"}` },
          cat(box, { fill: by ? COLORS.green : COLORS.grey, "fill-opacity": by ? 0.3 : 0.22 }),
          rectangle(box, { stroke: "currentColor", "stroke-width": 1.5 }),
          label((box[0] + box[2]) / 2, (box[1] + box[3]) / 2 + 9 * unit, nameOf(j), 24 * unit, { "text-anchor": "middle", "font-weight": 700 }));
      }),
      all.map((one, k) => {
        const box = state.boxes[one.i], waits = k >= step, true_ = shown.true[k];
        const look = waits ? { stroke: COLORS.grey, "stroke-width": 1.2 }
          : true_ ? { stroke: COLORS.green, "stroke-width": 3.5 } : { stroke: COLORS.red, "stroke-width": 2.5, "stroke-dasharray": "2 5" };
        const left = one.i % 4 === 0 || one.i % 4 === 3, low = one.i % 2 === 0;
        return h("g", { "data-why": `d${one.i}, score ${fixed(state.scores[one.i])}, rank ${k + 1}: ${waits ? "not looked at yet" : reason(state, shown, one, k)}` },
          rectangle(box, look),
          k === step - 1 ? rectangle([box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1], { stroke: "currentColor", "stroke-width": 1.5 }) : null,
          reference && !waits && reference.true[k] !== true_ ? rectangle([box[0] - 2, box[1] - 2, box[2] + 2, box[3] + 2],
            { stroke: COLORS.purple, "stroke-width": 3, "stroke-dasharray": "8 4" }) : null,
          label(left ? box[0] + 5 * unit : box[2] - 5 * unit, low ? box[3] - 7 * unit : box[1] + 18 * unit,
            `d${one.i} ${fixed(state.scores[one.i])} ${waits ? "" : true_ ? "✓" : "✗"}`, 15 * unit,
            { "text-anchor": left ? "start" : "end", "font-weight": k === step - 1 ? 700 : 400 }));
      }),
      drawCurve(shown, reference, step, unit),
      drawBars(state, shown, reference, unit),
    ];
  },
  panel({ state, shown, reference, set, ui }) {
    const count = shown.ranking.length, step = Math.min(state.step, count), all = walk(state, shown);
    const now = step ? all[step - 1] : null;
    const picked = Number(/^box(\d+)/.exec(ui.selected() ?? "box0")?.[1] ?? 0);
    const beside = (value, digits = 3) => (reference ? ` (${fixed(value, digits)})` : "");
    const found = (k) => shown.true.slice(0, k + 1).filter(Boolean).length;
    const steps = envelope(shown.precision.slice(0, step), shown.recall.slice(0, step));
    const by = steps.map(([a, b, c]) => `${fixed(b - a, 3)} · ${fixed(c, 3)}`).join(" + ") || "0";
    return [
      stepper({ name: "Rank", at: step, count, set: (value) => set({ step: value }), ui, text: step ? `${step} / ${count}` : "start" }),
      h("p", { class: "cw-step" }, now === null ? (count ? "No detection has been looked at." : "There are no detections.")
        : `Rank ${step} is d${now.i}: ${reason(state, shown, now, step - 1)}.`),
      slider({ name: "IoU threshold", value: state.threshold, min: 0.05, max: 1, step: 0.05,
        set: (value) => set({ threshold: Number(value.toFixed(2)) }) }),
      h("p", {}, step < count ? "AP of the ranking so far " : "AP ", h("span", { class: "cw-big" }, number(shown.ap[step],
        `width · height of each step of the envelope: ${by} = ${fixed(steps.reduce((sum, [a, b, c]) => sum + (b - a) * c, 0), 4)}\nyour average_precision gives ${fixed(shown.ap[step], 4)}`)),
        beside(reference?.ap[step]),
        shown.ap_101 === undefined ? "" : [" · at 101 levels ", number(shown.ap_101, `your average_precision_101 of the whole ranking: the mean height of the envelope at recall 0, 0.01, ..., 1`), beside(reference?.ap_101)],
        shown.perfect === undefined ? "" : ` · perfect? ${shown.perfect ? "yes" : "no"}${reference ? ` (${reference.perfect ? "yes" : "no"})` : ""}`),
      table("Best score first", ["", "score", "IoU", "true?", "precision", "recall"], all.map((one, k) => {
        const waits = k >= step, iou = one.best === null ? 0 : one.overlaps[one.best].iou;
        if (waits) return [`d${one.i}`, fixed(state.scores[one.i]), "", "", "", ""];
        return { props: { "aria-current": k === step - 1 ? "true" : "false" }, cells: [
          `d${one.i}`, fixed(state.scores[one.i]),
          [one.best === null ? "–" : number(iou, reason(state, shown, one, k), 2), one.best === null ? "" : ` ${nameOf(one.best)}`],
          (shown.true[k] ? "✓ true" : "✗ false") + (reference && reference.true[k] !== shown.true[k] ? ` (${reference.true[k] ? "true" : "false"})` : ""),
          [number(shown.precision[k], `true so far / detections so far = ${found(k)} / ${k + 1}`), beside(reference?.precision[k])],
          [number(shown.recall[k], `objects found so far / all objects = ${found(k)} / ${state.objects.length}`), beside(reference?.recall[k])]] };
      })),
      h("p", {}, "Mean over COCO's ten thresholds ", number(shown.mean,
        `(${shown.bars.map((value) => fixed(value, 3)).join(" + ")}) / 10`), beside(reference?.mean), " (dashed line over the bars)"),
      state.boxes[picked] ? slider({ name: `score of d${picked}`, value: state.scores[picked], min: 0, max: 1, step: 0.01,
        set: (value) => set({ scores: state.scores.map((old, j) => (j === picked ? Number(value.toFixed(2)) : old)) }) }) : null,
    ];
  },
  says: (state, shown) => `${state.objects.length} objects, IoU threshold ${fixed(state.threshold)}; the detections, best first: ${shown.true.map((hit) => (hit ? "true" : "false")).join(", ") || "none"}; average_precision gives ${fixed(shown.ap.at(-1), 3)}.`,
});
