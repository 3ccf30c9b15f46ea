// Mask: an object and a box, its target; what a head might say, and what is pasted back.
//
// Target and pasted mask come from the student's functions. By hand here: the places of cells and
// pixels, and the values between the four nearest, to compare.

const LETTERS = "ABCD";
const TITLE = 2.2, GAP = 4; // in pixels of the image

/** Where the four panels stand, in pixels of the image: two images on the left, two grids on the right. */
function layout({ masks, size }) {
  const H = masks[0].length, W = masks[0][0].length, side = Math.max(H, 0.6 * W), u = (W + GAP + side) / 70;
  const title = TITLE * u * 1.2, second = 2 * title + side, x = W + GAP * u;
  return { H, W, side, u, title, second, x, cell: side / size, width: x + side, height: second + side };
}

const set_ = (rows, y, x) => Number(rows[y]?.[x] ?? 0);

/** A value between the four nearest entries, entry (i, j) at (i, j); beyond the last ones it goes on. */
function between(rows, v, u) {
  const H = rows.length, W = rows[0].length;
  const y = clamp(v, 0, H - 1), x = clamp(u, 0, W - 1), i = Math.floor(y), j = Math.floor(x), b = y - i, a = x - j;
  const k = Math.min(i + 1, H - 1), l = Math.min(j + 1, W - 1);
  const terms = [[(1 - a) * (1 - b), set_(rows, i, j)], [a * (1 - b), set_(rows, i, l)], [(1 - a) * b, set_(rows, k, j)], [a * b, set_(rows, k, l)]]
    .filter(([weight]) => weight > 1e-9);
  return { value: terms.reduce((sum, [weight, t]) => sum + weight * t, 0),
    text: terms.map(([weight, t]) => `${fixed(weight, 3)} · ${fixed(t, 3)}`).join(" + ") };
}

/** How the target's cell (i, j) comes about. */
function cellWhy(state, shown, i, j) {
  const [x1, y1, x2, y2] = state.box, n = state.size;
  const gives = `your mask_targets gives ${fixed(set_(shown.target, i, j), 3)}`;
  if (state.match < 0) return `cell (${i}, ${j}): the box has no object, so 0; ${gives}`;
  const x = x1 + ((j + 0.5) / n) * (x2 - x1), y = y1 + ((i + 0.5) / n) * (y2 - y1);
  const { value, text } = between(state.masks[state.match], y - 0.5, x - 0.5);
  return `cell (${i}, ${j}) has its middle at x = ${fixed(x1)} + ${j + 0.5} / ${n} · ${fixed(x2 - x1)} = ${fixed(x)}, y = ${fixed(y)}; there the mask of ${LETTERS[state.match]} is ${text} = ${fixed(value, 3)} ${value >= 0.5 - 1e-6 ? "≥" : "<"} 0.5; ${gives}`;
}

/** How the pixel in column c and row r of the image is decided. */
function pixelWhy(state, shown, r, c) {
  const [x1, y1, x2, y2] = state.box, n = state.size, x = c + 0.5, y = r + 0.5;
  const gives = `your paste_masks gives ${set_(shown.pasted, r, c) ? "True" : "False"}`;
  const head = `pixel in row ${r}, column ${c}, centre (${fixed(x)}, ${fixed(y)}): `;
  if (!(x >= x1 && x < x2 && y >= y1 && y < y2)) return `${head}outside of the box, so False; ${gives}`;
  const u = ((x - x1) / (x2 - x1)) * n - 0.5, v = ((y - y1) / (y2 - y1)) * n - 0.5;
  const { value, text } = between(shown.said.map((row) => row.map((t) => t / 1000)), v, u);
  const near = Math.abs(value - state.threshold) < 1e-3;
  return `${head}u = (${fixed(x)} − ${fixed(x1)}) / ${fixed(x2 - x1)} · ${n} − 0.5 = ${fixed(u, 2)}, v = ${fixed(v, 2)}; the value there is ${text} = ${fixed(value, 3)} ${near ? "≈" : value > state.threshold ? ">" : "<"} ${fixed(state.threshold)}; ${gives}`;
}

/** One path with a square for each place of a grid at which `test` holds. */
function squares(rows, columns, test, [x, y], cell, inset = 0) {
  const parts = [], s = (1 - 2 * inset) * cell;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) if (test(i, j)) parts.push(`M${x + (j + inset) * cell} ${y + (i + inset) * cell}h${s}v${s}h${-s}z`);
  }
  return parts.join("");
}

function drawImage(state, place, y0, unit, inner) {
  const { H, W } = place, own = state.match;
  const centre = (mask) => {
    let [n, x, y] = [0, 0, 0];
    mask.forEach((row, i) => [...row].forEach((c, j) => { if (c === "1") { n += 1; x += j + 0.5; y += i + 0.5; } }));
    return n ? [x / n, y / n] : null;
  };
  return [
    rectangle([0, y0, W, y0 + H], { fill: "#fff", stroke: "#777", "stroke-width": 1 }),
    state.masks.map((mask, m) => h("path", { d: squares(H, W, (i, j) => mask[i][j] === "1", [0, y0], 1),
      fill: m === own ? "#8fd0b8" : "#d6d6d6", "fill-opacity": m === own || own < 0 ? 1 : 0.75 })),
    inner,
    state.masks.map((mask, m) => {
      const at = centre(mask);
      return at ? h("text", { x: at[0], y: y0 + at[1], class: "cw-in cw-onwhite", "font-size": 19 * unit, "font-weight": m === own ? 700 : 400 }, LETTERS[m]) : null;
    }),
  ];
}

/** A grid of cells on the right, with a rectangle over it that tells of the cell that is pointed at. */
function drawGrid(look, place, y0, fill, why, differs) {
  const { state, ui } = look, { x, side, cell } = place, n = state.size;
  const pointed = (event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(event.currentTarget.getScreenCTM().inverse());
    ui.memory.cell = [clamp(Math.floor((at.y - y0) / cell), 0, n - 1), clamp(Math.floor((at.x - x) / cell), 0, n - 1)];
    ui.repaint();
  };
  const [i, j] = (ui.memory.cell ?? [0, 0]).map((k) => Math.min(k, n - 1));
  return [
    h("image", { x, y: y0, width: side, height: side, href: fill, preserveAspectRatio: "none", style: "image-rendering: pixelated" }),
    differs ? h("path", { d: squares(n, n, differs, [x, y0], cell, 0.14), fill: "none", stroke: COLORS.purple, "stroke-width": 2 }) : null,
    rectangle([x, y0, x + side, y0 + side], { stroke: "#777", "stroke-width": 1 }),
    ui.memory.cell ? rectangle([x + j * cell, y0 + i * cell, x + (j + 1) * cell, y0 + (i + 1) * cell], { stroke: COLORS.orange, "stroke-width": 3 }) : null,
    rectangle([x, y0, x + side, y0 + side], { fill: "transparent", onpointermove: pointed, onpointerdown: pointed, "data-why": why(i, j),
      onpointerleave: () => { ui.memory.cell = null; ui.repaint(); } }),
  ];
}

export default widget({
  title: "A mask: cut out as a target, and pasted back",
  size: (state) => {
    const { width, height } = layout(state);
    return [width, height];
  },
  step: 0.5,
  handles: (state) => {
    const { H, W, title, second } = layout(state);
    const over = [W / 12, H / 12]; // how far a box may reach beyond the image
    const own = boxHandles({ id: "box", name: "box", color: "blue", bounds: [W + 2 * over[0], H + 2 * over[1]], least: 2,
      get: (s) => s.box.map((side, n) => side + over[n % 2]),
      put: (s, box) => ({ ...s, box: box.map((side, n) => Number((side - over[n % 2]).toFixed(2))) }) });
    const at = (y0) => own.map((one) => ({ ...one,
      ...(one.box ? { box: (s) => s.box.map((v, n) => (n % 2 ? v + y0 : v)) }
        : { at: (s) => { const [x, y] = one.at(s); return [x - over[0], y - over[1] + y0]; } }) }));
    return [
      ...at(title),
      ...at(second).map((one, n) => ({ ...one, id: `box-9${n}`, pointerOnly: true })),
      { ...pointHandle({ id: "pixel", name: "pixel", color: "orange", bounds: [W, H], get: (s) => s.pixel, put: (s, pixel) => ({ ...s, pixel }) }),
        at: (s) => [s.pixel[0], s.pixel[1] + second], step: 1 },
    ];
  },
  stage(look) {
    const { state, shown, reference, unit } = look, place = layout(state), { H, W, title, second } = place;
    if (shown.said.length !== state.size || shown.pasted.length !== H || shown.pasted[0].length !== W) return [];
    const head = (x, y, text) => label(x, y - 0.32 * title, text, 15 * unit, { "font-weight": 600 });
    const [x1, y1, x2, y2] = state.box;
    const box = (y0) => rectangle([x1, y1 + y0, x2, y2 + y0], { stroke: COLORS.blue, "stroke-width": 3 });
    const own = state.match < 0 ? null : state.masks[state.match];
    const pasted = (i, j) => shown.pasted[i][j] === "1", true_ = (i, j) => own !== null && own[i][j] === "1";
    const signs = (test, d) => {
      const parts = [];
      for (let i = 0; i < H; i++) for (let j = 0; j < W; j++) if (test(i, j)) parts.push(`M${j + 0.5} ${second + i + 0.5}${d}`);
      return parts.join("");
    };
    const extra = (i, j) => pasted(i, j) && !true_(i, j), missed = (i, j) => true_(i, j) && !pasted(i, j);
    const grey = (value) => { const t = Math.round(255 * clamp(value, 0, 1)); return [t, t, t, 255]; };
    const numbers = (rows) => rows.map((row) => Array.from(row, Number));
    const c = clamp(Math.floor(state.pixel[0]), 0, W - 1), r = clamp(Math.floor(state.pixel[1]), 0, H - 1);
    return [
      head(0, title, "1  objects, and a box"),
      drawImage(state, place, title, unit, null), box(title),
      head(place.x, title, `2  its target, ${state.size} × ${state.size}`),
      drawGrid(look, place, title, raster(numbers(shown.target), grey), (i, j) => cellWhy(state, shown, i, j),
        reference ? (i, j) => set_(reference.target, i, j) !== set_(shown.target, i, j) : null),
      head(place.x, second, "3  what a head might say"),
      drawGrid(look, place, second, raster(shown.said, (v) => grey(v / 1000)), (i, j) => `cell (${i}, ${j}) of the made-up answer: ${fixed(shown.said[i][j] / 1000, 3)}, the target blurred ${state.soft} times`, null),
      head(0, second, `4  pasted: at least ${fixed(state.threshold)}`),
      drawImage(state, place, second, unit, [
        h("path", { d: squares(H, W, pasted, [0, second], 1), fill: COLORS.orange, "fill-opacity": 0.6 }),
        h("path", { d: signs(extra, "m-.3 0h.6m-.3-.3v.6"), stroke: "#111", "stroke-width": 1.3 }),
        h("path", { d: signs(missed, "m-.32 0h.64"), stroke: "#111", "stroke-width": 1.3 }),
        reference ? h("path", { d: squares(H, W, (i, j) => shown.pasted[i][j] !== reference.pasted[i]?.[j], [0, second], 1, 0.08), fill: "none", stroke: COLORS.purple, "stroke-width": 2, "stroke-dasharray": "4 2" }) : null,
      ]), box(second),
      rectangle([c, second + r, c + 1, second + r + 1], { stroke: "#111", "stroke-width": 2.5 }),
    ];
  },
  panel({ state, shown, reference, set }) {
    const { H, W } = layout(state);
    if (shown.said.length !== state.size || shown.pasted.length !== H) return [];
    const c = clamp(Math.floor(state.pixel[0]), 0, W - 1), r = clamp(Math.floor(state.pixel[1]), 0, H - 1);
    const ratio = (from) => (from.either ? from.both / from.either : 0);
    const ones = (rows) => rows.reduce((sum, row) => sum + Array.from(row, Number).reduce((a, b) => a + b, 0), 0);
    const count = state.size * state.size, sizes = [4, 7, 14, 28];
    return [
      choice({ name: "matched with", value: state.match, options: [[-1, "no object (−1)"], ...state.masks.map((_, m) => [m, `${LETTERS[m]} (${m})`])],
        set: (match) => set({ match }) }),
      choice({ name: "size", value: state.size, options: (sizes.includes(state.size) ? sizes : [state.size, ...sizes]).map((n) => [n, `${n} × ${n}`]),
        set: (size) => set({ size }) }),
      h("p", {}, "Target: ", number(ones(shown.target), `${fixed(ones(shown.target), 1)} of ${count} cells of your target are 1`, 0),
        reference ? ` (${fixed(ones(reference.target), 1)})` : null, ` of ${count} cells are 1`),
      h("p", {}, "A second box with match −1: ", number(shown.unmatched, "cells of its target that are not 0: a box without an object has zeros", 0),
        reference ? ` (${reference.unmatched})` : null, " cells are not 0"),
      slider({ name: "blur", value: state.soft, min: 0, max: 6, step: 1, digits: 0, set: (soft) => set({ soft }) }),
      slider({ name: "threshold", value: state.threshold, min: 0.05, max: 0.95, step: 0.05, set: (value) => set({ threshold: Number(value.toFixed(2)) }) }),
      h("p", {}, "IoU with the whole object ", h("span", { class: "cw-big" }, number(ratio(shown),
        `pixels in both / in either = ${shown.both} / ${shown.either}: the pasted mask and the matched object's own`)),
      reference ? ` (${fixed(ratio(reference), 3)})` : null),
      h("p", {}, "Orange: pasted. + pasted, but not the object; − the object, but not pasted."),
      h("p", {}, "The pixel that is framed: ", number(set_(shown.pasted, r, c) ? "True" : "False", pixelWhy(state, shown, r, c)),
        reference ? ` (${set_(reference.pasted, r, c) ? "True" : "False"})` : null),
      h("p", {}, pixelWhy(state, shown, r, c)),
    ];
  },
  says: (state, shown) => `Match ${state.match}, target ${state.size} x ${state.size}: pasted back, its IoU is ${(shown.either ? shown.both / shown.either : 0).toFixed(3)}.`,
});
