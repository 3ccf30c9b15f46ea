// BoxTransform: a proposal and a target to drag, the four numbers between them, and the way back.

const FRAME = [0, 0, 144, 96];
const LIMIT = Math.log(1000 / 16);
const NAMES = ["t_x", "t_y", "t_w", "t_h"];

/** Centre x, centre y, width and height of a box. */
const parts = ([x1, y1, x2, y2]) => [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1];

const drawable = (box) => box.every((v) => typeof v === "number" && Math.abs(v) < 1e5);
const texts = (values, digits) => values.map((v) => fixed(v, digits)).join(", ");
const list = (values, digits) => `(${texts(values, digits)})`;

/** The part of the plane with the picture and both boxes. */
function frame({ proposal, target }) {
  const all = [FRAME, proposal, target];
  return [0, 1, 2, 3].map((k) => Math[k < 2 ? "min" : "max"](...all.map((box) => box[k])));
}

/** The definition of number k of encode_boxes with the numbers of both boxes. */
function encoding(state, shown, k) {
  const p = parts(state.proposal), g = parts(state.target), side = p[2 + (k % 2)];
  const axis = "xywh"[k], by = k < 2
    ? `(g_${axis} − p_${axis}) / p_${k ? "h" : "w"} = (${fixed(g[k])} − ${fixed(p[k])}) / ${fixed(side)} = ${fixed((g[k] - p[k]) / side, 4)}`
    : `log(g_${axis} / p_${axis}) = log(${fixed(g[k])} / ${fixed(p[k])}) = log ${fixed(g[k] / p[k], 4)} = ${fixed(Math.log(g[k] / p[k]), 4)}`;
  return `${NAMES[k]} = ${by}\nyour encode_boxes gives ${fixed(shown.t[k], 4)}`;
}

/** What decode_boxes does with `t`, a centre and a size at a time. */
function decoding(state, shown) {
  const p = parts(state.proposal), t = shown.applied, b = drawable(shown.box) ? parts(shown.box) : [];
  const size = (k) => `${fixed(p[k])} · exp(${t[k] > LIMIT ? `${fixed(t[k])}, limited to ${fixed(LIMIT, 3)}` : fixed(t[k], 3)}) = ${fixed(p[k] * Math.exp(Math.min(t[k], LIMIT)))}`;
  return `centre (${fixed(p[0])} + ${fixed(p[2])} · ${fixed(t[0], 3)}, ${fixed(p[1])} + ${fixed(p[3])} · ${fixed(t[1], 3)}) = (${fixed(p[0] + p[2] * t[0])}, ${fixed(p[1] + p[3] * t[1])})`
    + `; width ${size(2)}; height ${size(3)}`
    + `\nyour decode_boxes gives centre ${list(b.slice(0, 2), 2)}, width ${fixed(b[2])}, height ${fixed(b[3])}`;
}

/** What the network sees of the proposal, warped to a square, and the target in it. */
function crop(state, ui, side, unit) {
  const [x1, y1, x2, y2] = state.proposal, [px, py, pw, ph] = parts(state.proposal);
  const [gx, gy] = parts(state.target);
  return h("g", {},
    h("svg", { x: 0, y: 0, width: side, height: side, viewBox: `${x1} ${y1} ${pw} ${ph}`,
      preserveAspectRatio: "none" },
    h("rect", { x: x1, y: y1, width: pw, height: ph, fill: "var(--tint)" }),
    backdrop(ui.setup.picture, FRAME, 1),
    outlined(state.target, { stroke: COLORS.orange, "stroke-width": 3, "stroke-dasharray": "9 5" }),
    h("line", { x1: px, y1: py, x2: gx, y2: gy, stroke: "#fff", "stroke-width": 5 }),
    h("line", { x1: px, y1: py, x2: gx, y2: gy, stroke: "#111", "stroke-width": 2 })),
    rectangle([0, 0, side, side], { stroke: COLORS.blue, "stroke-width": 3 }),
    h("circle", { cx: side / 2, cy: side / 2, r: 4 * unit, fill: COLORS.blue, stroke: "#fff" }),
    label(side / 2, -6 * unit, "the proposal, warped to one size", 15 * unit, { "text-anchor": "middle" }));
}

/** How many times as wide a box becomes, for t_w from -6 to 6; both axes logarithmic. */
function growth(state, shown, reference, [w, k], unit) {
  const x = (t) => ((t + 6) / 12) * w, y = (v) => k / 2 - (clamp(Math.log(v), -6.2, 6.2) / 6.2) * (k / 2);
  const path = (values) => values.map((v, i) => (v > 0 && typeof v === "number"
    ? `${i && values[i - 1] > 0 ? "L" : "M"}${x(-6 + i / 4)} ${y(v)}` : "")).join("");
  const at = shown.applied[2], there = shown.growth[Math.round((clamp(at, -6, 6) + 6) * 4)];
  const ticks = [[1, "1"], [62.5, "62.5"], [0.01, "0.01"]];
  return h("g", {},
    h("rect", { x: 0, y: 0, width: w, height: k, fill: "none", stroke: "var(--line)" }),
    ticks.map(([v, text]) => [
      h("line", { x1: 0, x2: w, y1: y(v), y2: y(v), stroke: "var(--line)", "stroke-dasharray": "2 4" }),
      label(-4 * unit, y(v) + 5 * unit, text, 14 * unit, { "text-anchor": "end" })]),
    [-4, 0, 4].map((t) => label(x(t), k + 17 * unit, t, 14 * unit, { "text-anchor": "middle" })),
    h("path", { d: path(shown.growth), fill: "none", stroke: "currentColor", "stroke-width": 2.5 }),
    reference ? h("path", { d: path(reference.growth), fill: "none", stroke: COLORS.purple,
      "stroke-width": 3, "stroke-dasharray": "8 4" }) : null,
    there > 0 ? h("circle", { cx: x(clamp(at, -6, 6)), cy: y(there), r: 6 * unit, fill: COLORS.green,
      stroke: "var(--paper)" }) : null,
    label(w / 2, -6 * unit, "times as wide, against t_w", 15 * unit, { "text-anchor": "middle" }));
}

export default widget({
  title: "The box transform, there and back",
  size(state) {
    const [x1, y1, x2, y2] = frame(state), scale = (x2 - x1) / 144;
    return [x2 - x1, y2 - y1 + 68 * scale, x1, y1];
  },
  step: 1,
  handles: () => [["proposal", "proposal P", "blue"], ["target", "target G", "orange"]].map(
    ([key, name, color]) => boxHandles({ id: key, name, color, bounds: [144, 96],
      get: (state) => state[key], put: (state, box) => ({ ...state, [key]: box }) })),
  stage({ state, shown, reference, ui }) {
    const { proposal: p, target: g } = state, all = frame(state), [x1, y1, x2, y2] = all;
    const scale = (x2 - x1) / 144, unit = (x2 - x1) / 600, small = 144 / 600;
    const [px, py] = parts(p), result = drawable(shown.box) ? shown.box : null;
    const name = (box, text, end) => label(end ? box[2] - 7 * unit : box[0] + 7 * unit,
      end ? box[3] - 8 * unit : box[1] + 20 * unit, text, 20 * unit,
      { "font-weight": 700, "text-anchor": end ? "end" : "start" });
    const way = (box, props) => {
      const [bx, by] = parts(box);
      return [h("line", { x1: px, y1: py, x2: bx, y2: by, ...props }),
        h("circle", { cx: bx, cy: by, r: 4 * unit, fill: "currentColor", stroke: "var(--paper)" })];
    };
    const outside = !result || result[2] < x1 || result[0] > x2 || result[3] < y1 || result[1] > y2
      || result[2] - result[0] > x2 - x1;
    return [
      h("svg", { x: x1, y: y1, width: x2 - x1, height: y2 - y1,
        viewBox: `${x1} ${y1} ${x2 - x1} ${y2 - y1}` },
        backdrop(ui.setup.picture, FRAME),
        outlined(g, { stroke: COLORS.orange, "stroke-width": 3, "stroke-dasharray": "9 5" }),
        outlined(p, { stroke: COLORS.blue, "stroke-width": 3 }),
        result ? [rectangle(result, { stroke: COLORS.green, "stroke-width": 3.5, "stroke-dasharray": "2 4" }),
          way(result, { stroke: "currentColor", "stroke-width": 2 })] : null,
        reference && drawable(reference.box) ? outlined(reference.box, { stroke: COLORS.purple,
          "stroke-width": 3, "stroke-dasharray": "12 5" }) : null,
        h("circle", { cx: px, cy: py, r: 4 * unit, fill: COLORS.blue, stroke: "var(--paper)" }),
        name(p, "P"), name(g, "G", true)),
      rectangle(all, { stroke: "var(--line)", "stroke-width": 1 }),
      outside ? label((x1 + x2) / 2, y2 - 8 * unit, `decode_boxes leads out of the picture: ${list(shown.box, 0)}`,
        16 * unit, { "text-anchor": "middle" }) : null,
      h("g", { transform: `translate(${x1} ${y2}) scale(${scale})` },
        h("g", { transform: "translate(6 11)" }, crop(state, ui, 50, small)),
        h("g", { transform: "translate(76 11)" }, growth(state, shown, reference, [64, 48], small))),
    ];
  },
  panel({ state, shown, reference, set }) {
    const own = (values, k) => (reference ? ` (${fixed(reference[values][k], 3)})` : null);
    const numbers = shown.applied.map((v) => clamp(typeof v === "number" ? v : 0, -8, 8));
    return [
      table("What leads from P (blue) to G (orange, dashed)", ["", "your encode_boxes", "by definition"],
        NAMES.map((name, k) => [name,
          [number(shown.t[k], encoding(state, shown, k)), own("t", k)],
          k < 2 ? `way of the centre / ${k ? "height" : "width"} of P` : `log of ${k === 2 ? "width" : "height"} of G / that of P`])),
      h("p", {}, "Decoded again it is ", h("span", { class: "cw-big" }, number(shown.error,
        `encode_boxes gives ${list(shown.t, 4)}; decode_boxes is applied to P with it: this is the largest difference of a coordinate from G, ${list(state.target, 2)}`)),
      reference ? ` (${Number(reference.error).toFixed(3)})` : null, " pixels off G."),
      h("p", {}, "The other way, from G to P: ", list(shown.back, 3),
        reference ? ` (reference: ${texts(reference.back, 3)})` : null),
      h("h3", { class: "cw-part", style: "margin:10px 0 2px" }, "Decode: move P by four numbers"),
      toggle({ name: "those of encode_boxes", value: state.follow,
        set: (follow) => set({ follow, by_hand: numbers.map((v) => Math.round(v * 20) / 20) }) }),
      NAMES.map((name, k) => slider({ name, value: numbers[k], min: -6, max: 6, step: 0.05,
        set: (value) => set({ follow: false,
          by_hand: numbers.map((v, j) => (j === k ? Number(value.toFixed(2)) : Number(v.toFixed(4)))) }) })),
      h("p", {}, "decode_boxes gives ", number(list(shown.box, 1), decoding(state, shown)),
        reference ? ` (reference: ${texts(reference.box, 1)})` : null, ", dotted green."),
    ];
  },
  says: (state, shown) => `Proposal ${list(state.proposal, 1)} and target ${list(state.target, 1)}: encode_boxes gives ${list(shown.t, 3)}; decoded again it is ${fixed(shown.error, 3)} pixels off the target.`,
});
