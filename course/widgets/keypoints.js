// Keypoints: each in its bin of the box's grid, a heat map for each, and what is read off.
//
// Bins, validity and decoded places come from the student's functions. The heat maps are made up
// from the bins by the same formula as in the kernel.

const WIDE = 128, HIGH = 100;
const MAP = { x: 136, y: 9, side: 62 };
const inked = (value) => (typeof value === "number" ? clamp(value, -20, WIDE + 20) : -20);

/** The logits of the heat map of one keypoint: a hill at its bin, a lower one at its mirror image. */
function heatMap(state, shown, p) {
  const n = state.size, bin = shown.bins[p], row = Math.floor(bin / n), column = bin % n;
  const width = 2 * Math.max(0.7, n / 14) ** 2;
  const hill = (i, j, at) => Math.exp(-((i - row) ** 2 + (j - at) ** 2) / width);
  return Array.from({ length: n }, (_, i) => Array.from({ length: n }, (__, j) => (shown.valid[p]
    ? state.sharp * Math.max(hill(i, j, column), state.doubt * hill(i, j, n - 1 - column)) : 0)));
}

function softmaxOf(rows) {
  const top = Math.max(...rows.flat()), powers = rows.map((row) => row.map((v) => Math.exp(v - top)));
  const sum = powers.flat().reduce((a, b) => a + b, 0);
  return powers.map((row) => row.map((v) => v / sum));
}

function binOf(state, bin) {
  return `(${Math.floor(bin / state.size)}, ${bin % state.size})`;
}

/** Where keypoint p belongs, by hand, beside what the function gives. */
function binWhy(state, shown, p) {
  const [x, y, v] = state.points[p], [x1, y1, x2, y2] = state.box, n = state.size;
  const gives = `your keypoint_targets gives bin ${shown.bins[p]}, ${shown.valid[p] ? "valid" : "not valid"}`;
  const head = `keypoint ${p} at (${fixed(x)}, ${fixed(y)}), v = ${fixed(v)}: `;
  if (v <= 0) return `${head}v = 0, nobody knows where it is: not valid, bin 0; ${gives}`;
  if (!(x2 > x1 && y2 > y1)) return `${head}the box has no area: not valid, bin 0; ${gives}`;
  if (x < x1 || x > x2 || y < y1 || y > y2) return `${head}outside of the box: not valid, bin 0; ${gives}`;
  const part = (at, low, high, what) => {
    const exact = ((at - low) / (high - low)) * n, cut = Math.min(Math.floor(exact), n - 1);
    return [cut, `${what} = (${fixed(at)} − ${fixed(low)}) / ${fixed(high - low)} · ${n} = ${fixed(exact, 3)}, so ${cut}${exact >= n ? " (the edge belongs to the last bin)" : ""}`];
  };
  const [column, byX] = part(x, x1, x2, "column"), [row, byY] = part(y, y1, y2, "row");
  return `${head}${byX}; ${byY}; bin ${row} · ${n} + ${column} = ${row * n + column}; ${gives}`;
}

function decodedWhy(state, shown, p) {
  const [x1, y1, x2, y2] = state.box, n = state.size, chances = softmaxOf(heatMap(state, shown, p)).flat();
  const best = chances.indexOf(Math.max(...chances)), row = Math.floor(best / n), column = best % n;
  const [x, y, chance] = shown.decoded[p];
  return `the largest logit of map ${p}, the first of equal ones, is in bin ${binOf(state, best)}: x = ${fixed(x1)} + ${column + 0.5} · ${fixed(x2 - x1)} / ${n} = ${fixed(x1 + ((column + 0.5) * (x2 - x1)) / n)}, y = ${fixed(y1)} + ${row + 0.5} · ${fixed(y2 - y1)} / ${n} = ${fixed(y1 + ((row + 0.5) * (y2 - y1)) / n)}; its softmax is ${fixed(chances[best], 3)}; your decode_keypoints gives (${fixed(x)}, ${fixed(y)}), ${fixed(chance, 3)}`;
}

function errorOf(state, decoded, p) {
  const [x, y] = decoded[p];
  return typeof x === "number" && typeof y === "number" ? Math.hypot(x - state.points[p][0], y - state.points[p][1]) : Infinity;
}

const pickedOf = (state) => Math.max(0, Math.min(state.picked, state.points.length - 1));

/** A heat map as grey cells, softmax of its logits, the largest white. */
function drawMap(state, shown, p, [x, y, side]) {
  const chances = softmaxOf(heatMap(state, shown, p)), top = Math.max(...chances.flat());
  const key = `keypoints ${state.size} ${shown.bins[p]} ${shown.valid[p]} ${state.sharp} ${state.doubt}`;
  const href = raster(chances, (v) => { const t = Math.round(255 * Math.sqrt(v / top)); return [t, t, t, 255]; }, key);
  return [h("image", { x, y, width: side, height: side, href, preserveAspectRatio: "none", style: "image-rendering: pixelated" }),
    rectangle([x, y, x + side, y + side], { stroke: "#777", "stroke-width": 1 })];
}

const cross = (x, y, r) => `M${x - r} ${y - r}L${x + r} ${y + r}M${x - r} ${y + r}L${x + r} ${y - r}`;

export default widget({
  title: "Keypoints: into bins, and back",
  size: [200, 136],
  step: 0.5,
  handles: (state) => [
    ...boxHandles({ id: "box", name: "box", color: "blue", bounds: [WIDE, HIGH], least: 2,
      get: (s) => s.box, put: (s, box) => ({ ...s, box }) }),
    ...state.points.map((_, p) => ({ ...pointHandle({ id: `point${p}`, name: `keypoint ${p}`, color: "orange", bounds: [WIDE, HIGH],
      get: (s) => (s.points[p] ?? [0, 0]).slice(0, 2),
      put: (s, [x, y]) => ({ ...s, picked: p, points: s.points.map((old, q) => (q === p ? [x, y, old[2]] : old)) }) }) })),
  ],
  stage(look) {
    const { state, shown, reference, ui, unit, set } = look, n = state.size, k = pickedOf(state);
    if (shown.bins.length !== state.points.length) return [];
    const [x1, y1, x2, y2] = state.box, w = (x2 - x1) / n, t = (y2 - y1) / n;
    const grid = Array.from({ length: n - 1 }, (_, i) => `M${x1 + (i + 1) * w} ${y1}V${y2}M${x1} ${y1 + (i + 1) * t}H${x2}`).join("");
    const cellOf = (bin) => [x1 + (bin % n) * w, y1 + Math.floor(bin / n) * t, x1 + ((bin % n) + 1) * w, y1 + (Math.floor(bin / n) + 1) * t];
    const thumb = Math.min(23, 198 / Math.max(state.points.length, 1) - 3);
    const best = (p) => {
      const flat = heatMap(state, shown, p).flat();
      return flat.indexOf(Math.max(...flat));
    };
    return [
      rectangle([0, 0, WIDE, HIGH], { fill: "#fff", stroke: "#777", "stroke-width": 1 }),
      state.photo ? backdrop(ui.setup.face, [0, 0, WIDE, HIGH], 0.65) : null,
      h("path", { d: grid, stroke: "#fff", "stroke-width": n > 28 ? 0.6 : 2, fill: "none", "stroke-opacity": 0.7 }),
      h("path", { d: grid, stroke: "#333", "stroke-width": n > 28 ? 0.3 : 0.8, fill: "none" }),
      outlined(state.box, { stroke: COLORS.blue, "stroke-width": 3 }),
      state.points.map((_, p) => (shown.valid[p] ? [
        rectangle(cellOf(shown.bins[p]), { fill: COLORS.orange, "fill-opacity": p === k ? 0.65 : 0.35, stroke: "#111", "stroke-width": p === k ? 2.5 : 1.2 }),
        reference && reference.valid[p] && reference.bins[p] !== shown.bins[p] ? rectangle(cellOf(reference.bins[p]), { stroke: COLORS.purple, "stroke-width": 3, "stroke-dasharray": "5 3" }) : null] : null)),
      state.points.map(([x, y, v], p) => {
        const [dx, dy] = shown.decoded[p].map(inked), other = reference?.decoded[p];
        const moved = other && (Math.abs(inked(other[0]) - dx) > 1e-3 || Math.abs(inked(other[1]) - dy) > 1e-3);
        return h("g", {},
          shown.valid[p] ? [
            h("path", { d: `M${x} ${y}L${dx} ${dy}`, stroke: "#fff", "stroke-width": 4.5 }), h("path", { d: `M${x} ${y}L${dx} ${dy}`, stroke: "#111", "stroke-width": 2 }),
            h("path", { d: cross(dx, dy, 6 * unit), stroke: "#fff", "stroke-width": 6 }), h("path", { d: cross(dx, dy, 6 * unit), stroke: COLORS.red, "stroke-width": 3.5 }),
            moved ? h("path", { d: cross(inked(other[0]), inked(other[1]), 7 * unit), stroke: COLORS.purple, "stroke-width": 4, "stroke-dasharray": "4 2" }) : null] : null,
          h("circle", { cx: x, cy: y, r: 8.5 * unit, fill: v > 1 ? "#fff" : "none", stroke: "#fff", "stroke-width": 5 }),
          h("circle", { cx: x, cy: y, r: 8.5 * unit, fill: "none", stroke: "#111", "stroke-width": 2, "stroke-dasharray": v > 1 ? "none" : v > 0 ? "4 2" : "1 4" }),
          h("text", { x: x + 15 * unit, y: y - 13 * unit, class: "cw-in cw-onwhite", "font-size": 16 * unit, "font-weight": p === k ? 700 : 400 },
            `${p}${shown.valid[p] ? "" : " ✗"}${v > 0 ? "" : " ?"}`));
      }),
      state.points.length ? [
        label(MAP.x, MAP.y - 3, `map of keypoint ${k}, ${n} × ${n}`, 15 * unit, { "font-weight": 600 }),
        drawMap(state, shown, k, [MAP.x, MAP.y, MAP.side]),
        h("rect", { x: MAP.x + (best(k) % n) * (MAP.side / n), y: MAP.y + Math.floor(best(k) / n) * (MAP.side / n), width: MAP.side / n, height: MAP.side / n,
          fill: "none", stroke: COLORS.orange, "stroke-width": 3, "data-why": decodedWhy(state, shown, k) }),
        label(MAP.x, MAP.y + MAP.side + 6.5, shown.valid[k] ? `largest: bin ${best(k)} ${binOf(state, best(k))}` : "not valid: a map of zeros", 14 * unit),
        shown.valid[k] ? label(MAP.x, MAP.y + MAP.side + 12.5, `its probability: ${fixed(shown.decoded[k][2], 3)}`, 14 * unit) : null,
        state.points.map((_, p) => h("g", { onclick: () => set({ picked: p }), style: "cursor: pointer", "data-why": shown.valid[p] ? decodedWhy(state, shown, p) : binWhy(state, shown, p) },
          drawMap(state, shown, p, [1 + p * (thumb + 3), 110, thumb]),
          p === k ? rectangle([0.4 + p * (thumb + 3), 109.4, 1.6 + p * (thumb + 3) + thumb, 110.6 + thumb], { stroke: COLORS.orange, "stroke-width": 3 }) : null,
          label(1 + p * (thumb + 3), 107.5, `${p}${shown.valid[p] ? "" : " ✗"}`, 14 * unit)))] : null,
    ];
  },
  panel({ state, shown, reference, set }) {
    if (shown.bins.length !== state.points.length) return [];
    const n = state.size, k = pickedOf(state), [x1, y1, x2, y2] = state.box;
    const sizes = [4, 8, 14, 28, 56], counted = state.points.map((_, p) => p).filter((p) => shown.valid[p]);
    const mean = (from) => (counted.length ? counted.reduce((sum, p) => sum + errorOf(state, from.decoded, p), 0) / counted.length : 0);
    const beside = (now, other, tell) => (reference && JSON.stringify(now) !== JSON.stringify(other) ? ` (${tell(other)})` : "");
    return [
      choice({ name: "bins", value: n, options: (sizes.includes(n) ? sizes : [n, ...sizes]).map((size) => [size, `${size} × ${size}`]), set: (size) => set({ size }) }),
      h("p", {}, `A bin is ${fixed((x2 - x1) / n)} wide and ${fixed((y2 - y1) / n)} high: half of that is lost at worst. On average your functions lose `,
        number(mean(shown), `the mean distance from keypoint to cross, over the ${counted.length} valid ones: ${counted.map((p) => fixed(errorOf(state, shown.decoded, p), 2)).join(", ")}`, 2),
        reference ? ` (${fixed(mean(reference))})` : null, " pixels."),
      table("Dot: keypoint; cross: what comes back", ["", "v", "valid", "bin", "read off", "prob.", "lost"], state.points.map(([, , v], p) => {
        const [x, y, chance] = shown.decoded[p], valid = shown.valid[p], other = reference?.decoded[p];
        return { props: { "aria-current": p === k ? "true" : "false" }, cells: [
          String(p), fixed(v), [valid ? "✓" : "✗", beside(valid, reference?.valid[p], (one) => (one ? "✓" : "✗"))],
          [number(shown.bins[p], binWhy(state, shown, p), 0), beside(shown.bins[p], reference?.bins[p], String)],
          valid ? [number(`${fixed(x, 1)}, ${fixed(y, 1)}`, decodedWhy(state, shown, p)), beside([x, y], other?.slice(0, 2), (at) => at.map((one) => fixed(one, 1)).join(", "))] : "–",
          valid ? [fixed(chance), beside(chance, other?.[2], (one) => fixed(one))] : "–",
          valid ? number(errorOf(state, shown.decoded, p), "the distance from the keypoint to the cross, in pixels", 1) : "–"] };
      })),
      state.points[k] ? choice({ name: `v of keypoint ${k}`, value: state.points[k][2], options: [[2, "2: visible"], [1, "1: hidden"], [0, "0: unknown"]],
        set: (v) => set({ points: state.points.map((old, p) => (p === k ? [old[0], old[1], v] : old)) }) }) : null,
      slider({ name: "largest logit", value: state.sharp, min: 0, max: Math.max(20, state.sharp), step: 1, digits: 0, set: (sharp) => set({ sharp }) }),
      slider({ name: "second peak", value: state.doubt, min: 0, max: 1, step: 0.1, set: (doubt) => set({ doubt: Number(doubt.toFixed(1)) }), text: `× ${fixed(state.doubt, 1)}` }),
      toggle({ name: "photograph", value: state.photo, set: (photo) => set({ photo }) }),
    ];
  },
  says: (state, shown) => `Keypoints in ${state.size} x ${state.size} bins: ${shown.bins.map((bin, p) => (shown.valid[p] ? `bin ${bin}` : "not valid")).join(", ") || "none"}.`,
});
