// SlidingWindow: a window to drag over a picture; how many places it has, the scores of all of
// them by the loop and by one pass, and how often each of the two reads a pixel.

const SIDE = 290, GAP = 26, HEAD = 24; // of a panel, in units of the stage
const CLASSES = ["nothing", "bright", "dark"];

/** How many places there are along one side. */
const along = (image, window, stride) => Math.max(Math.floor((image - window) / stride) + 1, 0);

function geometry(state, shown) {
  const [H, W] = state.image, [h1, w1] = state.window;
  const grid = [along(H, h1, state.stride), along(W, w1, state.stride)];
  const fits = grid[0] * grid[1] > 0;
  const at = fits ? state.at.map((v, k) => clamp(v, 0, grid[k] - 1)) : [0, 0];
  const scored = Boolean(shown?.loop || shown?.dense);
  const side = scored ? SIDE : 420;
  const scale = side / Math.max(H, W, h1, w1);
  return { H, W, h1, w1, grid, fits, at, scored, scale, top: at[0] * state.stride, left: at[1] * state.stride,
    width: Math.max(W, w1) * scale, height: Math.max(H, h1) * scale };
}

/** Where the panels lie and how large the stage is. */
function layout(state, shown) {
  const g = geometry(state, shown);
  const cell = Math.min(SIDE / g.grid[1], Math.max(g.height, 150) / g.grid[0], 56);
  const second = Math.max(g.height, cell * g.grid[0]) + HEAD + 14;
  return { ...g, cell, second, size: g.scored ? [2 * SIDE + GAP, 2 * second + HEAD / 2] : [SIDE * 2 + GAP, g.height + HEAD] };
}

const range = (from, to) => Array.from({ length: Math.max(to - from, 0) }, (_, i) => from + i);

/** Slanted lines that fill a rectangle. */
function hatched([x1, y1, x2, y2]) {
  if (x2 <= x1 || y2 <= y1) return null;
  const tall = y2 - y1, lines = [];
  for (let x = x1 - tall; x < x2; x += 7) {
    const from = Math.max(x1, x), to = Math.min(x2, x + tall);
    lines.push(`M${from} ${y2 - (from - x)}L${to} ${y2 - (to - x)}`);
  }
  return [rectangle([x1, y1, x2, y2], { fill: "#fff", "fill-opacity": 0.55 }),
    h("path", { d: lines.join(""), stroke: "#8a3a00", "stroke-width": 1.5 })];
}

/** Rows and columns that are alike, as [first, last + 1] of each stretch. */
function stretches(items) {
  const found = [];
  items.forEach((item, i) => {
    if (i && item === items[i - 1]) found.at(-1)[1] = i + 1;
    else found.push([i, i + 1]);
  });
  return found;
}

/** How often each pixel was read: stretches of equal numbers as one block. */
function readsMap(g, part, [x, y], who) {
  const rows = stretches(part.reads.map((row) => row.join()));
  const columns = stretches(part.reads[0].map((_, j) => part.reads.map((row) => row[j]).join()));
  const top = Math.max(1, ...part.reads.flat());
  return rows.map(([r1, r2]) => columns.map(([c1, c2]) => {
    const count = part.reads[r1][c1], w = (c2 - c1) * g.scale, k = (r2 - r1) * g.scale;
    const size = Math.min(13, k * 0.62, w / (0.62 * String(count).length + 0.4));
    const pixels = `pixel${r2 - r1 > 1 || c2 - c1 > 1 ? "s" : ""} in row ${r1}${r2 - r1 > 1 ? ` to ${r2 - 1}` : ""}, column ${c1}${c2 - c1 > 1 ? ` to ${c2 - 1}` : ""}`;
    return h("g", { "data-why": `${pixels}: your ${who} gave ${r2 - r1 > 1 || c2 - c1 > 1 ? "each of them" : "it"} to the network ${count} time${count === 1 ? "" : "s"}` },
      h("rect", { x: x + c1 * g.scale, y: y + r1 * g.scale, width: w, height: k, class: "cw-cell",
        fill: `rgb(${shade(count, top).slice(0, 3).join(",")})` }),
      size >= 6.5 ? h("text", { x: x + c1 * g.scale + w / 2, y: y + r1 * g.scale + k / 2, "font-size": size,
        class: count > 0.6 * top ? "cw-in cw-light" : "cw-in" }, count) : null);
  }));
}

const apart = (a, b) => !(Math.abs(a - b) <= 1e-4) && a !== b;

/** The scores of one class, a cell for each window; `others` are outlined where they differ. */
function scoreMap(g, state, part, other, [x, y], set, who) {
  const k = CLASSES.indexOf(state.kind), s = state.stride;
  const rows = part.scores.map((row) => row.map((scores) => scores[k]));
  const differ = (i, j) => other && part.scores[i][j].some((v, n) => apart(v, other.scores[i][j][n]));
  const outline = rows.flatMap((row, i) => row.map((_, j) => (differ(i, j)
    ? h("rect", { x: x + j * g.cell + 2, y: y + i * g.cell + 2, width: g.cell - 4, height: g.cell - 4,
      fill: "none", stroke: COLORS.purple, "stroke-width": 2.5, "stroke-dasharray": "5 3" }) : null)));
  const color = (v) => (typeof v === "number" ? `rgb(${shade(v).slice(0, 3).join(",")})` : "#ddd");
  return [
    h("g", { class: "cw-cells" }, rows.map((row, i) => row.map((v, j) => {
      const all = part.scores[i][j], sum = all.reduce((a, b) => a + Number(b), 0);
      return h("g", { onclick: () => set({ at: [i, j] }), style: "cursor: pointer",
        "data-why": `${who}[${i}, ${j}]: the window with its top at ${i} · ${s} = ${i * s} and its left at ${j} · ${s} = ${j * s}\n`
          + CLASSES.map((name, n) => `${name} ${fixed(all[n], 3)}`).join(" + ") + ` = ${fixed(sum, 3)}`
          + (differ(i, j) ? `\nthe reference has ${other.scores[i][j].map((o) => fixed(o, 3)).join(", ")}` : "") },
      h("rect", { x: x + j * g.cell, y: y + i * g.cell, width: g.cell, height: g.cell, class: "cw-cell", fill: color(v) }),
      g.cell >= 19 ? h("text", { x: x + (j + 0.5) * g.cell, y: y + (i + 0.5) * g.cell, "font-size": Math.min(g.cell * 0.38, 14, (g.cell * 1.5) / fixed(v, 2).length),
        class: v > 0.6 ? "cw-in cw-light" : "cw-in" }, typeof v === "number" ? v.toFixed(2).replace(/^0/, "") : v) : null);
    }))),
    outline,
    h("rect", { x: x + g.at[1] * g.cell, y: y + g.at[0] * g.cell, width: g.cell, height: g.cell, fill: "none",
      stroke: COLORS.orange, "stroke-width": 4, "pointer-events": "none" }),
  ];
}

/** A handle on the picture that moves by whole pixels. */
function squareHandle(id, name, scale, height, width) {
  return {
    id, name, color: id === "bright" ? "orange" : "blue", step: scale,
    at: (state) => [(Math.min(state[id][0], width - 1) + 0.5) * scale, HEAD + (Math.min(state[id][1], height - 1) + 0.5) * scale],
    value: (state) => `column ${state[id][0]}, row ${state[id][1]}`,
    move: (state, dx, dy) => ({ ...state, [id]: [clamp(Math.round(Math.min(state[id][0], width - 1) + dx / scale), 0, width - 1),
      clamp(Math.round(Math.min(state[id][1], height - 1) + dy / scale), 0, height - 1)] }),
  };
}

function windowHandles(state, shown) {
  const g = geometry(state, shown), s = state.stride * g.scale;
  const box = (now) => {
    const p = geometry(now, shown);
    return [p.left * p.scale, HEAD + p.top * p.scale, (p.left + p.w1) * p.scale, HEAD + (p.top + p.h1) * p.scale];
  };
  const grown = (now, right, down) => ({ ...now,
    window: [clamp(now.window[0] + down, 2, 64), clamp(now.window[1] + right, 2, 64)] });
  return [
    { id: "window", name: "window", color: "orange", box, step: s,
      value: () => `row ${g.at[0]}, column ${g.at[1]} of the windows`,
      move: (now, dx, dy) => {
        const p = geometry(now, shown);
        const to = (k, d) => clamp(p.at[k] + Math.round(d / s), 0, Math.max(p.grid[k] - 1, 0));
        return { ...now, at: [to(0, dy), to(1, dx)] };
      },
      resize: (now, dx, dy) => grown(now, Math.round(dx / s), Math.round(dy / s)) },
    { id: "window-11", name: "window, corner", pointerOnly: true, color: "orange",
      at: (now) => box(now).slice(2),
      move: (now, dx, dy) => grown(now, Math.round(dx / g.scale), Math.round(dy / g.scale)) },
  ];
}

const bracket = (mine, other) => (other !== undefined && other !== null && String(mine) !== String(other) ? ` (${other})` : "");
const grouped = (digits) => String(digits).replace(/\B(?=(\d{3})+$)/g, ",");

/** How the number of all boxes comes about, exact. */
function boxesWhy([height, width], mine) {
  const half = (n) => (BigInt(n) * BigInt(n + 1)) / 2n;
  return `${height} · ${height + 1} / 2 = ${half(height)} stretches of rows, ${width} · ${width + 1} / 2 = ${half(width)} of columns: `
    + `${half(height)} · ${half(width)} = ${grouped(half(height) * half(width))}\nyour count_boxes gives ${grouped(mine)}`;
}

export default widget({
  title: "A window slides over a picture",
  size: (state, shown) => layout(state, shown).size,
  handles: (state, shown) => {
    const { scale, H, W } = geometry(state, shown);
    return [windowHandles(state, shown), squareHandle("bright", "bright square", scale, H, W),
      squareHandle("dark", "dark square", scale, H, W)];
  },
  stage({ state, shown, reference, set }) {
    const g = layout(state, shown), { scale, grid } = g;
    const px = (x1, y1, x2, y2) => [x1 * scale, HEAD + y1 * scale, x2 * scale, HEAD + y2 * scale];
    const seenRight = g.fits ? (grid[1] - 1) * state.stride + g.w1 : 0;
    const seenDown = g.fits ? (grid[0] - 1) * state.stride + g.h1 : 0;
    const next = g.left + state.stride;
    const title = (x, y, text) => h("text", { x, y: y + 15, "font-size": 14.5, "font-weight": 600 }, text);
    const dot = Math.max(1.1, Math.min(2.6, (state.stride * scale) / 5));
    const url = raster(shown.image, (v) => [v * 255, v * 255, v * 255, 255], `sliding${state.image}/${state.bright}/${state.dark}`);
    const x2 = SIDE + GAP, y2 = g.second;
    return [
      title(0, 0, `the picture, ${g.H} × ${g.W}`),
      h("image", { href: url, x: 0, y: HEAD, width: g.W * scale, height: g.H * scale, preserveAspectRatio: "none",
        style: "image-rendering: pixelated" }),
      rectangle(px(0, 0, g.W, g.H), { stroke: "var(--line)", "stroke-width": 1 }),
      g.fits ? [hatched(px(seenRight, 0, g.W, g.H)), hatched(px(0, seenDown, Math.min(seenRight, g.W), g.H))] : null,
      grid[0] * grid[1] <= 1200 ? range(0, grid[0]).map((i) => range(0, grid[1]).map((j) =>
        h("circle", { cx: j * state.stride * scale, cy: HEAD + i * state.stride * scale, r: dot, fill: COLORS.sky,
          stroke: "#111", "stroke-width": 0.5 }))) : null,
      g.fits && g.at[1] + 1 < grid[1] ? rectangle(px(next, g.top, next + g.w1, g.top + g.h1),
        { stroke: COLORS.sky, "stroke-width": 2.5, "stroke-dasharray": "7 4" }) : null,
      rectangle(px(g.left, g.top, g.left + g.w1, g.top + g.h1),
        { stroke: g.fits ? COLORS.orange : COLORS.red, "stroke-width": 4, fill: COLORS.orange, "fill-opacity": 0.14 }),
      g.fits ? null : label(8, HEAD + g.height - 8, "the window does not fit", 15),
      shown.loop ? [
        title(x2, 0, `your loop: P(${state.kind}), ${grid[0]} × ${grid[1]} windows`),
        scoreMap(g, state, shown.loop, reference?.loop, [x2, HEAD], set, "sliding_window_scores"),
        title(0, y2, "how often your loop reads each pixel"),
        h("g", { key: "reads" }, readsMap(g, shown.loop, [0, y2 + HEAD], "loop")),
        rectangle([g.left * scale, y2 + HEAD + g.top * scale, (g.left + g.w1) * scale, y2 + HEAD + (g.top + g.h1) * scale],
          { stroke: COLORS.orange, "stroke-width": 3, "pointer-events": "none" })] : null,
      shown.dense ? [
        title(x2, shown.loop ? y2 : 0, `your one pass: P(${state.kind})`),
        scoreMap(g, state, shown.dense, reference?.dense, [x2, (shown.loop ? y2 : 0) + HEAD], set, "dense_scores")] : null,
    ];
  },
  panel({ state, shown, reference, set }) {
    const g = geometry(state, shown), s = state.stride;
    const change = (k, value) => set({ image: state.image.map((old, i) => (i === k ? value : old)) });
    const line = (name, size, window, count) => `${name}: (${size} − ${window}) // ${s} + 1 = ${size < window ? `less than 1, so 0` : count}`;
    const reads = (part) => part.reads.flat().reduce((a, b) => a + b, 0);
    const work = [["your loop", shown.loop, reference?.loop], ["your one pass", shown.dense, reference?.dense]].filter(([, part]) => part);
    const most = shown.loop && shown.dense ? Math.max(0, ...shown.loop.scores.flat(2).map((v, i) => {
      const gap = Math.abs(Number(v) - Number(shown.dense.scores.flat(2)[i]));
      return Number.isNaN(gap) ? Infinity : gap;
    })) : null;
    const restX = g.fits ? g.W - (g.grid[1] - 1) * s - g.w1 : 0, restY = g.fits ? g.H - (g.grid[0] - 1) * s - g.h1 : 0;
    const shared = Math.max(g.w1 - s, 0) * g.h1;
    return [
      h("p", {}, "count_positions = ", h("span", { class: "cw-big" }, number(grouped(shown.positions),
        `${line("rows", g.H, g.h1, g.grid[0])}\n${line("columns", g.W, g.w1, g.grid[1])}\n${g.grid[0]} · ${g.grid[1]} = ${g.grid[0] * g.grid[1]}; your count_positions gives ${shown.positions}`)),
      reference ? bracket(shown.positions, reference.positions) : "",
      ` places of a ${g.h1} × ${g.w1} window`, g.fits ? ", whose upper left corners are the dots" : ""),
      g.fits ? h("p", {}, "Here: row ", g.at[0], ", column ", g.at[1], " of the windows. ",
        g.grid[1] > 1 ? ["It shares ", number(`${shared} of ${g.h1 * g.w1}`,
          `the next window (dashed) begins ${s} pixels to the right: (${g.w1} − ${s}) · ${g.h1} = ${(g.w1 - s) * g.h1}${g.w1 < s ? ", negative, so none" : ""}`),
        " pixels with the next one (dashed). "] : "",
        restX || restY ? `In no window: ${restY} row${restY === 1 ? "" : "s"} at the bottom, ${restX} column${restX === 1 ? "" : "s"} at the right (hatched).` : "") : null,
      slider({ name: "stride", value: s, min: 1, max: Math.max(8, s), step: 1, digits: 0, set: (stride) => set({ stride }) }),
      slider({ name: "image height", value: g.H, min: 6, max: 64, step: 1, digits: 0, set: (v) => change(0, v) }),
      slider({ name: "image width", value: g.W, min: 6, max: 64, step: 1, digits: 0, set: (v) => change(1, v) }),
      g.scored ? choice({ name: "scores of", value: state.kind, options: CLASSES, set: (kind) => set({ kind }) })
        : g.fits && !shown.fits ? h("p", {}, "These are too many windows to score them here: make the image smaller or the stride larger.") : null,
      work.length ? table("What the network was given", ["", "calls", "pixels"], work.map(([name, part, other]) => [name,
        [number(part.calls, `the network was called ${part.calls} times`, 0), bracket(part.calls, other?.calls)],
        [number(grouped(reads(part)), name === "your loop"
          ? `${g.grid[0] * g.grid[1]} windows of ${g.h1} · ${g.w1} = ${g.h1 * g.w1} pixels: ${g.grid[0] * g.grid[1] * g.h1 * g.w1}; counted ${reads(part)}`
          : `the pixels that lie in some window, once each; counted ${reads(part)}`), bracket(reads(part), other && reads(other))]])) : null,
      most !== null ? h("p", {}, "Largest difference of the two maps: ", number(most < 1e-4 ? "0" : fixed(most, 3),
        most < 1e-4 ? "less than 0.0001: the same numbers, to the rounding" : "the pass must say of each window what the loop says of it"),
      reads(shown.dense) ? [". The loop reads ", number(`${fixed(reads(shown.loop) / reads(shown.dense), 1)} times`,
        `${reads(shown.loop)} / ${reads(shown.dense)}`), " as many pixels."] : ".") : null,
      shown.boxes ? table("Boxes of all sizes: count_boxes", ["image", "boxes"],
        [[state.image, "this one"], [[600, 800], "the lecture's"], [[13001, 19001], "from a satellite"]].map(([size, name], i) => [
          `${name}, ${size.join(" × ")}`,
          [number(grouped(shown.boxes[i]), boxesWhy(size, shown.boxes[i])),
            reference?.boxes ? bracket(grouped(shown.boxes[i]), grouped(reference.boxes[i])) : ""]])) : null,
    ];
  },
  says: (state, shown) => `A window of ${state.window.join(" x ")} in an image of ${state.image.join(" x ")}, stride ${state.stride}: count_positions gives ${shown.positions}.`,
});
