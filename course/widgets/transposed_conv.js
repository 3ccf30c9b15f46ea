// Transposed convolution: copies of the kernel, one for each input value, and what they add up to.

const two = (state) => state.mode === "2D";
const inputOf = (state) => (two(state) ? state.map : [state.x]);
const kernelOf = (state) => (two(state) ? state.kernel : [state.weight]);
const nameOf = (state) => (two(state) ? "conv_transpose2d" : "conv_transpose1d");
const putInput = (state, rows) => (two(state) ? { map: rows } : { x: rows[0] });
const putKernel = (state, rows) => (two(state) ? { kernel: rows } : { weight: rows[0] });

/** The sides of the result by the definition, for a padding. */
function sidesOf(state, padding = state.padding, more = state.output_padding) {
  const rows = inputOf(state), k = kernelOf(state)[0].length;
  const side = (n) => (n - 1) * state.stride + k - 2 * padding + more;
  return two(state) ? [side(rows.length), side(rows[0].length)] : [1, side(rows[0].length)];
}

/** The state with paddings that leave something, and a matrix that is not too wide. */
function fitting(given) {
  const state = { ...given, x: [...given.x] };
  while (state.mode === "matrix" && state.x.length > 1 && sidesOf(state, 0, 0)[1] > 12) state.x.pop();
  const output_padding = Math.min(state.output_padding, state.stride - 1);
  const sides = sidesOf(state, 0, output_padding).slice(two(state) ? 0 : 1);
  const padding = Math.min(state.padding, Math.floor((Math.min(...sides) - 1) / 2));
  return { ...state, output_padding, padding: state.mode === "1D" ? state.padding : padding };
}

/** Rows cut or filled with `value` to a height and a width. */
function resized(rows, height, width, value) {
  return Array.from({ length: height }, (_, i) =>
    Array.from({ length: width }, (_, j) => rows[i]?.[j] ?? value));
}

/** The products that the definition adds up at a place of the untrimmed result. */
function terms(state, i, j) {
  const kernel = kernelOf(state), found = [];
  inputOf(state).forEach((row, r) => row.forEach((value, c) => {
    const weight = kernel[i - r * state.stride]?.[j - c * state.stride];
    if (weight !== undefined) found.push([value, weight, r, c]);
  }));
  return found;
}

const total = (products) => products.reduce((sum, [value, weight]) => sum + value * weight, 0);

function byHand(products) {
  if (!products.length) return "no copy reaches this place: 0";
  const said = products.map(([value, weight]) => `${fixed(value)} · ${fixed(weight)}`).join(" + ");
  return `${products.length === 1 ? "one copy" : `${products.length} copies`}: ${said} = ${fixed(total(products))}`;
}

/** Whether what is shown belongs to the state's mode: the answer to another may not be there yet. */
const fresh = (state, shown) => shown && two(state) === Boolean(shown.whole)
  && (state.mode === "matrix") === Boolean(shown.matrix);

/** The sum of the first copies, or with `counted` how many of them are not 0. */
function added(copies, step, counted = false) {
  return (copies[0] ?? []).map((row, i) => row.map((_, j) => copies.slice(0, step).reduce((sum, copy) => {
    const value = Number(copy[i]?.[j] ?? 0);
    return sum + (counted ? Number(value !== 0) : value);
  }, 0)));
}

const grid = (rows, at, options) => cells(rows, at, 1, { text: 2, size: 0.4, ...options });

/** Input or kernel: cells that are picked by a click; a `column` shows the values of x downwards. */
function editable(state, what, rows, at, { ui, chosen, column }) {
  const picked = pickedOf(state, ui), [i0, j0] = picked.at;
  return editableCells(rows, at, { size: 0.4, chosen,
    picked: picked.of !== what ? null : column ? [j0, i0] : [i0, j0],
    name: (i, j) => `${what}[${two(state) ? `${i}, ${j}` : column ? i : j}]`,
    pick: (i, j) => { ui.memory.picked = { of: what, at: column ? [j, i] : [i, j] }; ui.repaint(); },
    put: (i, j, value) => ui.memory.set(putCell(state, pickedOf(state, ui), value)) });
}

function pickedOf(state, ui) {
  const { of, at } = ui.memory.picked ?? { of: "x", at: [0, 0] };
  const rows = of === "x" ? inputOf(state) : kernelOf(state);
  return { of, at: [Math.min(at[0], rows.length - 1), Math.min(at[1], rows[0].length - 1)] };
}

function putCell(state, { of, at }, value) {
  const rows = of === "x" ? inputOf(state) : kernelOf(state);
  const put = rows.map((row, i) => row.map((old, j) =>
    (i === at[0] && j === at[1] ? clamp(value, -1000, 1000) : old)));
  return of === "x" ? putInput(state, put) : putKernel(state, put);
}

const stepOf = (state, shown) => clamp(state.step, 0, shown.copies?.length ?? 0);

function stage1({ state, shown, reference, ui, unit }) {
  const x0 = 3.6, k = state.weight.length, step = stepOf(state, shown);
  const copies = shown.copies.map((copy) => [copy]), top = 2.1, size = 14 * unit;
  const sumAt = top + copies.length + 0.45, wholeAt = sumAt + 1.3;
  const high = Math.max(1, ...shown.result.flat().map((v) => Math.abs(Number(v)) || 0));
  const said = (x, y, text) => label(x, y, text, size);
  const inCopy = (n, j) => j >= n * state.stride && j < n * state.stride + k;
  const now = step - 1;
  return [
    said(0, 0.85, "kernel"), editable(state, "weight", [state.weight], [x0, 0.2], { ui }),
    said(1.95, 1.85, "x"), said(x0, 1.85, "a copy for each value:"),
    editable(state, "x", state.x.map((v) => [v]), [1.6, top], { ui, column: true, chosen: (i) => i === now }),
    copies.map((copy, n) => {
      const y = top + n;
      return h("g", { opacity: n < step ? 1 : 0.22 }, said(2.85, y + 0.65, "→"),
        grid(copy, [x0, y], { high, other: reference ? [reference.copies[n] ?? []] : undefined,
          hand: (_, j) => (inCopy(n, j) ? state.x[n] * state.weight[j - n * state.stride] : 0),
          text: (value, _, j) => (value === 0 && !inCopy(n, j) ? "" : fixed(value)),
          why: (value, _, j) => `place ${j} of the copy for x[${n}]: ${byHand(terms(state, 0, j).filter((term) => term[3] === n))}` + `; your conv_transpose1d, with all other values 0, gives ${fixed(value)}` }),
        n === now ? rectangle([x0 + n * state.stride, y, x0 + n * state.stride + k, y + 1],
          { stroke: COLORS.orange, "stroke-width": 4, "stroke-dasharray": "8 4", "pointer-events": "none" }) : null);
    }),
    said(0, sumAt + 0.65, step === copies.length ? "sum" : `sum of ${step}`),
    grid(added(copies, step), [x0, sumAt], { high,
      why: (value, _, j) => `${byHand(terms(state, 0, j).filter(([, , , c]) => c < step))}; the copies above add up to ${fixed(value)}` }),
    said(0, wholeAt + 0.65, "your result"),
    grid(shown.result, [x0, wholeAt], { high, other: reference?.result, hand: (_, j) => total(terms(state, 0, j)),
      why: (value, _, j) => `place ${j}: ${byHand(terms(state, 0, j))}; your conv_transpose1d gives ${fixed(value)}` }),
    shown.result[0].map((_, j) => h("text", { x: x0 + j + 0.5, y: wholeAt + 1.38, "font-size": 11 * unit,
      "text-anchor": "middle" }, j)),
    said(0, wholeAt + 1.38, "place"),
  ];
}

/** Where the parts of the figure in two dimensions begin. */
function places2(state, shown) {
  const n = state.map.length, m = state.map[0].length, k = state.kernel.length;
  const width = (shown.whole[0]?.length ?? 1) + state.output_padding;
  const height = shown.whole.length + state.output_padding;
  const canvas = Math.max(m, k, 3.2) + 0.9, result = canvas + width + 0.9;
  return { kernel: n + 2.1, canvas, result,
    right: result + Math.max(shown.result[0]?.length ?? 1, 4.4),
    bottom: 0.9 + Math.max(n + 1.2 + k, height + 0.8, shown.result.length) + 0.2 };
}

function stage2({ state, shown, reference, ui, unit }) {
  const step = stepOf(state, shown), size = Math.min(14 * unit, 0.5), top = 0.9, p = state.padding;
  const at = places2(state, shown), columns = state.map[0].length, k = state.kernel.length;
  const [row, column] = [Math.floor((step - 1) / columns), (step - 1) % columns];
  const counted = ui.memory.counted, whole = shown.whole, done = step === shown.copies.length;
  const sum = added(shown.copies, step, counted);
  const H = whole.length + state.output_padding, W = (whole[0]?.length ?? 0) + state.output_padding;
  const x0 = at.canvas, kept = [x0 + p, top + p, x0 + Math.max(W - p, p), top + Math.max(H - p, p)];
  const high = Math.max(1, ...sum.flat().map((v) => Math.abs(v) || 0));
  const hand = (i, j) => terms(state, i, j).filter(([, , r, c]) => r * columns + c < step);
  const cut = p > 0 ? [[x0, top, x0 + W, kept[1]], [x0, kept[3], x0 + W, top + H], [x0, kept[1], kept[0], kept[3]],
    [kept[2], kept[1], x0 + W, kept[3]]] : [];
  return [
    label(0, 0.6, "input x", size), editable(state, "x", state.map, [0, top], { ui,
      chosen: (i, j) => i === row && j === column }),
    label(0, at.kernel - 0.3, "kernel", size), editable(state, "weight", state.kernel, [0, at.kernel], { ui }),
    label(x0, 0.6, `${counted ? "how many copies" : "copies added up"}: ${step} of ${shown.copies.length}`, size),
    resized([], H, W, 0).map((line, i) => line.map((_, j) => (i < whole.length && j < whole[0].length ? null
      : h("rect", { x: x0 + j, y: top + i, width: 1, height: 1, fill: "none", stroke: "var(--soft)",
        "stroke-dasharray": "2 3", "data-why": "output padding: a place more at the lower and right ends, 0 since no copy reaches it" })))),
    grid(sum, [x0, top], { high, text: 2,
      hand: counted ? undefined : (i, j) => total(hand(i, j)),
      other: !counted && done ? reference?.whole : undefined,
      why: (value, i, j) => `row ${i}, column ${j}: ${byHand(hand(i, j))}; your copies ${counted ? `that are not 0: ${value}` : `add up to ${fixed(value)}`}`
        + (done ? `; your function, called on the whole input, gives ${fixed(whole[i]?.[j])}` : "") }),
    done ? whole.map((line, i) => line.map((value, j) => (counted || sameNumber(value, sum[i]?.[j]) ? null
      : label(x0 + j + 0.05, top + i + 0.95, `≠ ${fixed(value)}`, 0.24)))) : null,
    cut.map((box) => hatching(box, 0.3)),
    p ? label(x0, top + H + 0.5, `hatched: cut off by padding ${p}`, size) : null,
    p || state.output_padding ? rectangle(kept, { stroke: COLORS.blue, "stroke-width": 4, "pointer-events": "none" }) : null,
    step ? rectangle([x0 + column * state.stride, top + row * state.stride, x0 + column * state.stride + k, top + row * state.stride + k],
      { stroke: COLORS.orange, "stroke-width": 4, "stroke-dasharray": "8 4", "pointer-events": "none" }) : null,
    label(at.result, 0.6, `your result: ${shown.result.length} x ${shown.result[0]?.length ?? 0}`, size),
    grid(shown.result, [at.result, top], { other: reference?.result, hand: (i, j) => total(terms(state, i + p, j + p)),
      why: (value, i, j) => `row ${i}, column ${j}, before trimming row ${i + p}, column ${j + p}: ${byHand(terms(state, i + p, j + p))}; your conv_transpose2d gives ${fixed(value)}` }),
  ];
}

function placesM(state, shown) {
  const rows = shown.matrix.length, columns = shown.matrix[0]?.length ?? 1;
  const turned = Math.max(columns, 4) + 1, product = turned + Math.max(rows, state.x.length) + 0.9;
  return { turned, product, direct: product + 2.6, right: product + 6, top: 3.2 + state.padding,
    bottom: 3.2 + state.padding + Math.max(rows, columns, shown.result[0].length - state.padding) + 0.3 };
}

function stageM({ state, shown, reference, ui, unit }) {
  const at = placesM(state, shown), { matrix } = shown, size = Math.min(14 * unit, 0.42), top = at.top;
  const p = state.padding, length = sidesOf(state)[1], direct = shown.result[0];
  const [first, last] = [p, p + length];
  const hand = (i, j) => state.weight[j - i * state.stride + p] ?? 0;
  const turned = (matrix[0] ?? []).map((_, j) => matrix.map((row) => row[j]));
  const other = reference?.matrix;
  const why = (value, i, j) => `row ${i} holds the kernel from column ${i} · ${state.stride}${p ? ` − ${p}` : ""} = ${i * state.stride - p} on, so column ${j} has ${fixed(hand(i, j))}; your convolution_matrix gives ${fixed(value)}`;
  const text = (value) => (value === 0 ? "0" : fixed(value));
  return [
    label(0, 0.85, "kernel", size), editable(state, "weight", [state.weight], [2.2, 0.2], { ui }),
    label(0, top - 0.3, `matrix: ${matrix.length} x ${matrix[0]?.length ?? 0}`, size),
    grid(matrix, [0, top], { text, hand, why, other }),
    label(at.turned - 0.95, top - 0.85, "x →", size), editable(state, "x", [state.x], [at.turned, top - 1.5], { ui }),
    label(at.turned, top - 1.7, "transposed, times x", size),
    grid(turned, [at.turned, top], { text, why: (value, j, i) => why(value, i, j),
      other: other && turned.map((row, j) => row.map((_, i) => other[i]?.[j])) }),
    label(at.product - 0.7, top + 0.65, "=", size), label(at.product - 0.3, top - 0.3, "product", size),
    shown.product ? grid(shown.product.map((v) => [v]), [at.product, top], { other: reference?.product?.map((v) => [v]),
      hand: (i) => direct[i + p] ?? 0,
      why: (value, i) => `row ${i} of the transposed times x: ${matrix.map((row, n) => `${fixed(row[i])} · ${fixed(state.x[n])}`).join(" + ")} = ${fixed(value)}; conv_transpose1d gives ${fixed(direct[i + p] ?? 0)}` })
      : label(at.product - 0.3, top + 0.6, "does not fit", size),
    label(at.direct - 0.2, top - p - 0.3, "conv_transpose1d", size),
    grid(direct.map((v) => [v]), [at.direct, top - p], { other: reference?.result[0].map((v) => [v]),
      why: (value, i) => `your conv_transpose1d gives ${fixed(value)} at place ${i}${i < first || i >= last ? ": cut off by the padding" : ""}` }),
    direct.map((_, i) => (i < first || i >= last ? hatching([at.direct, top - p + i, at.direct + 1, top - p + i + 1], 0.3) : null)),
  ];
}

/** Whether equally many copies reach every place that lies away from the border. */
function evenness(state, shown) {
  const { stride } = state, k = state.kernel.length, counts = added(shown.copies, shown.copies.length, true);
  const inner = (line) => line.slice(k - 1, Math.max(line.length - k + 1, 0)), rows = inner(counts).map(inner);
  if (rows.length < stride || rows[0].length < stride) return "How many copies away from the border: here everything is border.";
  const found = [...new Set(rows.flat())].sort((a, b) => a - b).join(", ");
  return `Copies that are not 0, away from the border: ${found}. ${found.includes(",") ? "Uneven, a checkerboard" : "Even"}; the stride ${stride} ${k % stride ? "does not divide" : "divides"} the kernel's ${k}.`;
}

const whole = (name, value, min, max, set) => slider({ name, value, min, max, step: 1, digits: 0, set });

export default widget({
  title: "Transposed convolution: copies that add up",
  width: 760,
  size: (state, shown) => {
    if (!fresh(state, shown)) return [12, 8];
    if (state.mode !== "1D") {
      const at = (two(state) ? places2 : placesM)(state, shown);
      return [at.right, at.bottom];
    }
    const most = Math.max(shown.result[0].length, sidesOf(state, 0, 0)[1], 5);
    return [3.7 + most, 5.9 + shown.copies.length];
  },
  at: (state) => Math.min(state.step, inputOf(state).flat().length),
  stage(look) {
    const { state, shown } = look;
    if (!fresh(state, shown)) return null;
    return state.mode === "1D" ? stage1(look) : two(state) ? stage2(look) : stageM(look);
  },
  panel({ state, shown, reference, set, ui }) {
    ui.memory.set = (more) => set(fitting({ ...state, ...more }));
    const change = ui.memory.set, input = inputOf(state), kernel = kernelOf(state), k = kernel[0].length;
    const flat = two(state), matrix = state.mode === "matrix", picked = pickedOf(state, ui);
    const of = picked.of === "x" ? input : kernel, value = of[picked.at[0]][picked.at[1]];
    const fits = fresh(state, shown);
    const step = stepOf(state, shown), count = shown.copies?.length ?? 0;
    const row = Math.floor((step - 1) / input[0].length), column = (step - 1) % input[0].length;
    const n = flat ? input.length : input[0].length;
    const told = (side) => `(${side} − 1) · ${state.stride} + ${k}${matrix || flat ? ` − 2 · ${state.padding} + ${state.output_padding}` : ""}`;
    const sides = sidesOf(state, state.mode === "1D" ? 0 : state.padding, state.mode === "1D" ? 0 : state.output_padding);
    const shape = (rows) => (flat ? `${rows.length} x ${rows[0]?.length ?? 0}` : `${rows[0].length}`);
    return [
      choice({ name: "show", value: state.mode, options: ["1D", "2D", "matrix"], set: (mode) => change({ mode }) }),
      !fits || matrix ? null : [
        stepper({ name: "Copies", at: step, count, set: (to) => set({ step: to }), ui, text: `${step} / ${count}` }),
        h("p", { class: "cw-step" }, step === 0 ? "No copy has been laid down." : flat
          ? `x[${row}, ${column}] = ${fixed(input[row]?.[column])}: its copy begins at row ${row} · ${state.stride} = ${row * state.stride}, column ${column} · ${state.stride} = ${column * state.stride}.`
          : `x[${step - 1}] = ${fixed(state.x[step - 1])}: its copy begins at place ${step - 1} · ${state.stride} = ${(step - 1) * state.stride}.`)],
      whole("kernel size", k, 1, 5, (to) => change(putKernel(state, resized(kernel, flat ? to : 1, to, 1)))),
      whole("stride", state.stride, 1, 4, (stride) => change({ stride })),
      state.mode === "1D" ? null : [
        whole("padding", state.padding, 0, Math.max(state.padding, 3), (padding) => change({ padding })),
        whole("output padding", state.output_padding, 0, state.stride - 1, (output_padding) => change({ output_padding }))],
      whole(flat ? "input side" : "input length", n, 1, flat ? 4 : 6,
        (to) => change({ ...putInput(state, resized(input, flat ? to : 1, to, 1)), step: 99 })),
      slider({ name: `${picked.of}[${flat ? picked.at.join(", ") : picked.at[1]}]`, value, step: 1,
        min: Math.min(-10, value), max: Math.max(10, value), set: (to) => change(putCell(state, picked, to)) }),
      button("all ones", () => change({ ...putInput(state, resized([], input.length, input[0].length, 1)),
        ...putKernel(state, resized([], kernel.length, k, 1)) })),
      !fits || matrix ? null : h("p", {}, flat ? "Your result is " : "Your result has ",
        number(shape(shown.result), `by hand: ${flat ? `${told(input.length)} = ${sides[0]}, ${told(input[0].length)} = ${sides[1]}` : `${told(n)} = ${sides[1]}`}`),
        reference && shape(reference.result) !== shape(shown.result) ? ` (${shape(reference.result)})` : null,
        flat ? "; by hand " : " values; by hand ", flat ? `${sides[0]} x ${sides[1]}` : sides[1], "."),
      fits && flat ? [
        toggle({ name: "count copies instead of adding up", value: Boolean(ui.memory.counted),
          set: (on) => { ui.memory.counted = on; ui.repaint(); } }),
        h("p", {}, evenness(state, shown)),
        shown.times.length ? h("p", {}, "Two channels in, three out: ", shown.times.map((v, d) => [d ? ", " : "", number(v,
          `both input channels are x, and the kernels of output channel ${d} are ${d + 1} and ${10 * (d + 1)} times the kernel: ${11 * (d + 1)} times the one-channel sum; your conv_transpose2d gives ${fixed(v)} times`, 0),
        reference && !sameNumber(v, reference.times[d]) ? ` (${fixed(reference.times[d])})` : null]), " times the sum above.") : null] : null,
      fits && matrix ? h("p", {}, `The matrix takes ${shown.matrix[0]?.length ?? 0} values down to ${shown.matrix.length}; its transpose takes ${shown.matrix.length} up to ${shown.matrix[0]?.length ?? 0}.`,
        reference ? ` (reference: ${reference.matrix.length} x ${reference.matrix[0]?.length ?? 0})` : null) : null,
      alsoTried(shown.tried, reference?.tried),
    ];
  },
  says(state, shown) {
    if (state.mode === "matrix") return `convolution_matrix with stride ${state.stride} gives ${shown.matrix?.length} x ${shown.matrix?.[0]?.length ?? 0} numbers.`;
    const rows = shown.result ?? [[]], shape = two(state) ? `${rows.length} x ${rows[0]?.length ?? 0}` : rows[0].length;
    return `${nameOf(state)} with stride ${state.stride} makes ${shown.copies?.length ?? 0} values to ${shape}, beginning with ${(rows[0] ?? []).slice(0, 8).map((v) => fixed(v)).join(", ") || "none"}.`;
  },
});
