// Receptive field: a stack of layers, and what one of its outputs sees, down to the pixels.

const MOST = { layers: 8, kernel: 7, stride: 3, pixels: 80 };

/** How many inputs each level has, from the pixels up to the outputs of the last layer. */
function lengths(layers, outputs) {
  const found = [outputs];
  for (const [kernel, stride] of [...layers].reverse()) found.unshift((found[0] - 1) * stride + kernel);
  return found;
}

/** The levels with three outputs at the top, or with one where three would need too many pixels. */
function levels(layers) {
  const three = lengths(layers, 3);
  return three[0] <= MOST.pixels ? three : lengths(layers, 1);
}

const fits = (layers) => layers.length <= MOST.layers && lengths(layers, 1)[0] <= MOST.pixels;

/** Where a level's outputs lie above the pixels: [the first one's centre, the step between two]. */
function positions(layers) {
  const found = [[0.5, 1]];
  for (const [kernel, stride] of layers) {
    const [first, step] = found.at(-1);
    found.push([first + ((kernel - 1) / 2) * step, step * stride]);
  }
  return found;
}

/** What one output of level `top` looks at in each level, as sets of places. */
function cone(layers, top, output) {
  const seen = [new Set([output])];
  for (let n = top; n > 0; n--) {
    const [kernel, stride] = layers[n - 1], below = new Set();
    for (const j of seen[0]) for (let t = 0; t < kernel; t++) below.add(j * stride + t);
    seen.unshift(below);
  }
  return seen;
}

/** The first and the last pixel that has a way to the output, [0, -1] where none has. */
function reached(ways) {
  const places = ways.flatMap((way, i) => (way > 0 ? [i] : []));
  return places.length ? [places[0], places.at(-1)] : [0, -1];
}

const extent = (ways) => { const [first, last] = reached(ways); return last - first + 1; };

/** The definition's sum for the first layers, [text, value]. */
function byHand(layers) {
  let step = 1, sum = 1;
  const parts = ["1"];
  for (const [kernel, stride] of layers) {
    parts.push(`(${kernel} − 1) · ${step}`);
    sum += (kernel - 1) * step;
    step *= stride;
  }
  return [`${parts.join(" + ")} = ${sum}`, sum];
}

const topOf = (state) => clamp(state.seen_by, 0, state.layers.length);
const nameOf = ([kernel, stride]) => `kernel ${kernel}, stride ${stride}`;

/** A bracket from x1 to x2 that opens upwards, with a text under it. */
function bracket(x1, x2, y, unit, text, props) {
  return [h("path", { d: `M${x1} ${y - 7 * unit}V${y}H${x2}V${y - 7 * unit}`, fill: "none", "stroke-width": 3, ...props }),
    label((x1 + x2) / 2, y + 17 * unit, text, 14 * unit, { "text-anchor": "middle" })];
}

/** The stage's units are pixels of the image; a part at the left is for names. */
function frame(state) {
  const pixels = levels(state.layers)[0], across = Math.max(pixels, 9), width = across / 0.76, unit = width / 600;
  return { unit, width, pixels, left: width - across + (across - pixels) / 2, row: 58 * unit,
    ground: (34 + 58 * state.layers.length) * unit, height: (34 + 58 * state.layers.length + 136) * unit + 0.55 };
}

export default widget({
  title: "Receptive field: what one output sees",
  width: 720,
  size: (state) => { const { width, height } = frame(state); return [width, height]; },
  at: topOf,
  stage({ state, shown, reference, set }) {
    const { layers } = state, top = topOf(state), { unit, pixels, left, row, ground, width } = frame(state);
    const count = levels(layers), places = positions(layers);
    const output = Math.floor((count[top] - 1) / 2), seen = cone(layers, top, output);
    const ways = shown.ways[top]?.length === pixels ? shown.ways[top] : null;
    const at = (n, j) => [left + places[n][0] + j * places[n][1], ground - n * row];
    const radius = Math.min(0.36, 8 * unit);
    const [first, last] = ways ? reached(ways) : [0, -1], middle = left + (first + last + 1) / 2;
    const field = shown.fields[top], size = Number(field), wide = clamp(Number.isFinite(size) ? size : 0, 0, 2 * width);
    const most = ways ? Math.max(...ways) : 1, under = ground + 0.55 + 30 * unit;
    const lines = (n, inside) => {
      const [kernel, stride] = layers[n - 1], parts = [];
      for (let j = 0; j < count[n]; j++) {
        if (inside !== Boolean(seen[n]?.has(j))) continue;
        for (let t = 0; t < kernel; t++) {
          const [x1, y1] = at(n, j), [x2, y2] = at(n - 1, j * stride + t);
          parts.push(`M${x1} ${y1}L${x2} ${y2 - (n === 1 ? 0.5 : 0)}`);
        }
      }
      return parts.join("");
    };
    return [
      layers.map((_, n) => [
        h("path", { d: lines(n + 1, false), fill: "none", stroke: COLORS.grey, "stroke-width": 0.6, opacity: 0.6 }),
        h("path", { d: lines(n + 1, true), fill: "none", stroke: COLORS.blue, "stroke-width": 2 })]),
      count.map((length, n) => {
        const name = n ? `layer ${n}: ${nameOf(layers[n - 1])}` : "pixels";
        const [, y] = at(n, 0);
        return h("g", pickable({ name: `Show what one output of ${name} sees`, picked: n === top, pick: () => set({ seen_by: n }) }),
          h("rect", { x: 0, y: y - 12 * unit, width: left - 4 * unit, height: 24 * unit, class: "cw-cell", fill: n === top ? COLORS.orange : "transparent",
            "fill-opacity": 0.3, stroke: "none" }),
          label(4 * unit, y + 4 * unit, `${n === top ? "▶ " : ""}${n ? `${n}: ${nameOf(layers[n - 1])}` : "pixels"}`, 11.5 * unit,
            { "font-weight": n === top ? 700 : 400 }),
          Array.from({ length }, (_, j) => {
            const [x] = at(n, j), inside = seen[n]?.has(j);
            const props = { fill: inside ? COLORS.blue : "var(--paper)", stroke: inside ? COLORS.blue : COLORS.grey, "stroke-width": inside ? 2 : 1 };
            return n ? h("circle", { cx: x, cy: y, r: radius * (inside ? 1 : 0.75), ...props })
              : h("rect", { x: x - 0.46, y: y - 0.46, width: 0.92, height: 0.92, ...props,
                ...(ways ? { "data-why": `pixel ${j}: ${ways[j] ? `its gradient is ${fixed(ways[j])}, as many ways lead from it to the output` : "its gradient is 0: the output does not depend on it"}` } : {}) });
          }));
      }),
      h("circle", { cx: at(top, output)[0], cy: at(top, output)[1], r: radius + 5 * unit, fill: "none", stroke: COLORS.orange, "stroke-width": 4,
        "pointer-events": "none" }),
      ways ? [
        ways.map((way, j) => (way > 0 ? h("rect", { x: left + j + 0.15, y: ground + 0.55, width: 0.7,
          height: (20 * unit * way) / most, fill: COLORS.sky, "pointer-events": "none" }) : null)),
        bracket(left + first, left + last + 1, under, unit, `the gradient reaches ${last - first + 1}`, { stroke: COLORS.blue }),
        bracket(middle - wide / 2, middle + wide / 2, under + 36 * unit, unit, `your receptive_field says ${fixed(field)} ${size === last - first + 1 ? "✓" : "✗"}`,
          { stroke: COLORS.orange, "stroke-dasharray": "7 4" }),
        reference && !sameNumber(field, reference.fields[top])
          ? bracket(middle - reference.fields[top] / 2, middle + reference.fields[top] / 2, under + 72 * unit, unit, `the reference (${fixed(reference.fields[top])})`,
            { stroke: COLORS.purple, "stroke-dasharray": "4 3" }) : null] : null,
    ];
  },
  panel({ state, shown, reference, set, ui }) {
    const { layers } = state, top = topOf(state), layer = layers[top - 1];
    const put = (kernel, stride) => layers.map((old, n) => (n === top - 1 ? [kernel, stride] : old));
    const change = (kernel, stride) => { if (fits(put(kernel, stride))) set({ layers: put(kernel, stride) }); };
    const largest = (from, most, made) => { let k = from; while (k < most && fits(made(k + 1))) k += 1; return k; };
    const more = [...layers.slice(0, top), [3, 1], ...layers.slice(top)];
    const ways = shown.ways[top] ?? [], field = shown.fields[top], true_ = extent(ways);
    const steps = positions(layers).map(([, step]) => step);
    const call = (n) => `receptive_field([${layers.slice(0, n).map(([k, s]) => `(${k}, ${s})`).join(", ")}])`;
    return [
      stepper({ name: "One output of layer", at: top, count: layers.length, set: (to) => set({ seen_by: to }), ui, text: top ? `layer ${top}` : "pixels" }),
      h("p", {}, "The gradient reaches ", h("span", { class: "cw-big" }, number(true_,
        `one output ${top ? `of layer ${top}` : "without layers"}, all weights 1: the pixels with a gradient that is not 0, from the first to the last`, 0)),
        " pixels; your receptive_field says ", h("span", { class: "cw-big" }, number(fixed(field),
          `by hand: ${byHand(layers.slice(0, top))[0]}\nyour ${call(top)} gives ${fixed(field)}`)),
        reference && !sameNumber(field, reference.fields[top]) ? ` (${fixed(reference.fields[top])})` : null, Number(field) === true_ ? " ✓" : " ✗"),
      layer ? [
        slider({ name: `kernel of layer ${top}`, value: layer[0], min: 1, max: largest(layer[0], MOST.kernel, (k) => put(k, layer[1])), step: 1, digits: 0,
          set: (kernel) => change(kernel, layer[1]) }),
        slider({ name: `stride of layer ${top}`, value: layer[1], min: 1, max: largest(layer[1], MOST.stride, (s) => put(layer[0], s)), step: 1, digits: 0,
          set: (stride) => change(layer[0], stride) })] : h("p", {}, "Without layers an output is a pixel."),
      h("div", { class: "cw-row" },
        button(top ? `Add a layer after ${top}` : "Add a first layer", () => set({ layers: more, seen_by: top + 1 }), { disabled: !fits(more) }),
        button(`Remove layer ${top}`, () => set({ layers: layers.filter((_, n) => n !== top - 1), seen_by: top - 1 }), { disabled: !layer })),
      table("Layer by layer", ["", "kernel", "stride", "adds", "gradient", "yours", ""], shown.fields.map((value, n) => {
        const own = layers[n - 1], right = extent(shown.ways[n] ?? []);
        if (n && !own) return { cells: [] };
        return { props: { "aria-current": n === top ? "true" : "false" }, cells: [
          n || "–", own ? own[0] : "–", own ? own[1] : "–",
          own ? number((own[0] - 1) * steps[n - 1], `(${own[0]} − 1) steps, each ${layers.slice(0, n - 1).map(([, s]) => s).join(" · ") || 1} = ${steps[n - 1]} pixels long, the product of the strides before it`, 0) : "–",
          number(right, `the pixels with a gradient that is not 0, from the first to the last: ${right}`, 0),
          [number(fixed(value), `by hand: ${byHand(layers.slice(0, n))[0]}\nyour ${call(n)} gives ${fixed(value)}`),
            reference && !sameNumber(value, reference.fields[n]) ? ` (${fixed(reference.fields[n])})` : null],
          Number(value) === right ? "✓" : "✗"] };
      })),
    ];
  },
  says(state, shown) {
    const top = topOf(state);
    return `After ${top} layers the gradient reaches ${extent(shown.ways[top] ?? [])} pixels; receptive_field says ${fixed(shown.fields[top])}.`;
  },
});
