// IoU: two boxes to drag; intersection, union and what box_iou says.

/** The rectangle that lies in both boxes; its sides are negative where they do not meet. */
function common(a, b) {
  return [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])];
}

const areaOf = ([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);
const sides = ([x1, y1, x2, y2]) => [fixed(x2 - x1, 1), fixed(y2 - y1, 1)];

export default widget({
  title: "Intersection over union of two boxes",
  size: [90, 60],
  step: 1,
  handles: () => [
    boxHandles({ id: "a", name: "box A", color: "blue", bounds: [90, 60],
      get: (state) => state.a, put: (state, a) => ({ ...state, a }) }),
    boxHandles({ id: "b", name: "box B", color: "orange", bounds: [90, 60],
      get: (state) => state.b, put: (state, b) => ({ ...state, b }) }),
  ],
  stage({ state: { a, b }, unit }) {
    const both = common(a, b), meet = both[2] > both[0] && both[3] > both[1];
    const lines = [];
    if (meet) {
      for (let x = both[0] - (both[3] - both[1]); x < both[2]; x += 2) {
        const from = Math.max(both[0], x), to = Math.min(both[2], x + both[3] - both[1]);
        lines.push(`M${from} ${both[3] - (from - x)}L${to} ${both[3] - (to - x)}`);
      }
    }
    const name = (box, text) => label(box[0] + 9 * unit, box[1] + 24 * unit, text, 20 * unit,
      { "font-weight": 700 });
    return [
      rectangle([0, 0, 90, 60], { stroke: "var(--line)", "stroke-width": 1 }),
      rectangle(a, { fill: COLORS.blue, "fill-opacity": 0.16 }),
      rectangle(b, { fill: COLORS.orange, "fill-opacity": 0.2 }),
      meet ? h("path", { d: lines.join(""), stroke: "currentColor", "stroke-width": 1.5 }) : null,
      rectangle(a, { stroke: COLORS.blue, "stroke-width": 3 }),
      rectangle(b, { stroke: COLORS.orange, "stroke-width": 3, "stroke-dasharray": "9 5" }),
      name(a, "A"), name(b, "B"),
    ];
  },
  panel({ state: { a, b }, shown, reference }) {
    const both = common(a, b), [w, k] = sides(both);
    const meet = both[2] > both[0] && both[3] > both[1];
    const overlap = meet ? areaOf(both) : 0, union = areaOf(a) + areaOf(b) - overlap;
    const area = (name, box) => h("td", {}, number(areaOf(box), `area of ${name} = width · height = ${sides(box).join(" · ")} = ${fixed(areaOf(box))}`, 1));
    return [
      h("p", {}, "box_iou(A, B) = ", h("span", { class: "cw-big" }, number(shown.iou,
        `intersection / union = ${fixed(overlap)} / ${fixed(union)} = ${union ? fixed(overlap / union, 4) : "0 / 0"}`
        + `\nyour box_iou gives ${fixed(shown.iou, 4)}`)),
      reference ? ` (${fixed(reference.iou, 3)})` : null,
      shown.iou >= 0.5 ? "  ≥ 0.5: a match" : "  < 0.5: no match"),
      h("table", { class: "cw-table" }, h("caption", {}, "By hand, to compare"),
        h("tbody", {},
          h("tr", {}, h("td", {}, "area of A"), area("A", a)),
          h("tr", {}, h("td", {}, "area of B"), area("B", b)),
          h("tr", {}, h("td", {}, "intersection, hatched"), h("td", {}, number(overlap, meet
            ? `from x = max(${fixed(a[0], 1)}, ${fixed(b[0], 1)}) to min(${fixed(a[2], 1)}, ${fixed(b[2], 1)}), from y = max(${fixed(a[1], 1)}, ${fixed(b[1], 1)}) to min(${fixed(a[3], 1)}, ${fixed(b[3], 1)}): ${w} · ${k}`
            : `width ${w}, height ${k}: where one is negative, the boxes do not meet, and nothing is shared`, 1))),
          h("tr", {}, h("td", {}, "union"), h("td", {}, number(union,
            `${fixed(areaOf(a))} + ${fixed(areaOf(b))} − ${fixed(overlap)}: the shared part was counted twice`, 1))))),
      h("p", {}, "A with itself: ", number(shown.itself, "a box shares all of itself: 1, or 0 where it has no area"),
        reference ? ` (${fixed(reference.itself, 3)})` : null, " · with no box at all: shape ",
        `[${shown.none.join(", ")}]`),
    ];
  },
  says: ({ a, b }, shown) => `Box A (${a.map((v) => fixed(v, 1)).join(", ")}) and box B (${b.map((v) => fixed(v, 1)).join(", ")}): box_iou gives ${fixed(shown.iou, 3)}.`,
});
