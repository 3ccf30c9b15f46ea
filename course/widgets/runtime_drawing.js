// What stands on a stage: boxes and their handles, pictures and cells made of numbers.

// Boxes: (x1, y1, x2, y2).

/** A box on the stage: a rectangle of corners, nothing where one of them is infinite. */
function rectangle(box, props) {
  if (!box.every(Number.isFinite)) return null;
  const [x1, y1, x2, y2] = box;
  return h("rect", { x: x1, y: y1, width: Math.max(x2 - x1, 0), height: Math.max(y2 - y1, 0),
    fill: "none", ...props });
}

/** A box that stands out on a picture: its line lies on a wider one in the colour of the page. */
function outlined(box, props) {
  return [rectangle(box, { stroke: "var(--paper)", "stroke-width": (props["stroke-width"] ?? 1) + 3,
    "stroke-opacity": 0.8 }), rectangle(box, props)];
}

/** A picture given by its data URL that fills a box on the stage, paler than it is. */
function backdrop(url, [x1, y1, x2, y2], opacity = 0.75) {
  return h("image", { href: url, x: x1, y: y1, width: x2 - x1, height: y2 - y1, opacity,
    preserveAspectRatio: "none" });
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/**
 * Handles for one box: the whole of it, and its corners for a pointer. `get(state)` gives the box,
 * `put(state, box)` the new state; `bounds` = [width, height] keep it in the picture.
 */
function boxHandles({ id, name, get, put, bounds: [width, height], least = 4, color = "ink" }) {
  const kept = ([x1, y1, x2, y2]) => {
    const w = clamp(x2 - x1, least, width), k = clamp(y2 - y1, least, height);
    const x = clamp(x1, 0, width - w), y = clamp(y1, 0, height - k);
    return [x, y, x + w, y + k].map((v) => Math.round(v * 100) / 100);
  };
  const corner = (i, j) => ({
    id: `${id}-${i}${j}`, name: `${name}, corner`, pointerOnly: true, color,
    at: (state) => { const b = get(state); return [b[i], b[j]]; },
    move: (state, dx, dy) => {
      const b = [...get(state)];
      b[i] = i === 0 ? clamp(b[0] + dx, 0, b[2] - least) : clamp(b[2] + dx, b[0] + least, width);
      b[j] = j === 1 ? clamp(b[1] + dy, 0, b[3] - least) : clamp(b[3] + dy, b[1] + least, height);
      return put(state, b.map((v) => Math.round(v * 100) / 100));
    },
  });
  return [{
    id, name, color, box: get,
    value: (state) => get(state).map((v) => fixed(v, 1)).join(", "),
    move: (state, dx, dy) => {
      const [x1, y1, x2, y2] = get(state);
      const x = clamp(dx, -x1, width - x2), y = clamp(dy, -y1, height - y2);
      return put(state, kept([x1 + x, y1 + y, x2 + x, y2 + y]));
    },
    resize: (state, dx, dy) => {
      const [x1, y1, x2, y2] = get(state);
      return put(state, [x1, y1, clamp(x2 + dx, x1 + least, width), clamp(y2 + dy, y1 + least, height)]);
    },
  }, corner(0, 1), corner(2, 1), corner(0, 3), corner(2, 3)];
}

/** A handle that is a point, moved within `bounds`. */
function pointHandle({ id, name, get, put, bounds: [width, height], color = "ink" }) {
  return {
    id, name, color, at: get,
    value: (state) => get(state).map((v) => fixed(v, 1)).join(", "),
    move: (state, dx, dy) => {
      const [x, y] = get(state);
      return put(state, [clamp(x + dx, 0, width), clamp(y + dy, 0, height)]
        .map((v) => Math.round(v * 100) / 100));
    },
  };
}

// Pictures made of numbers.

/** A data URL of a picture: `color(value)` gives [r, g, b, a] of each number of `rows`. */
const raster = (() => {
  const kept = new Map();
  return (rows, color, key) => {
    const name = key ?? JSON.stringify(rows) + color;
    if (!kept.has(name)) {
      const canvas = document.createElement("canvas");
      canvas.width = rows[0]?.length || 1;
      canvas.height = rows.length || 1;
      const context = canvas.getContext("2d");
      const data = context.createImageData(canvas.width, canvas.height);
      rows.forEach((row, y) => row.forEach((value, x) => {
        data.data.set(color(value), 4 * (y * canvas.width + x));
      }));
      context.putImageData(data, 0, 0);
      if (kept.size > 60) kept.clear();
      kept.set(name, canvas.toDataURL());
    }
    return kept.get(name);
  };
})();

/** White to blue for 0 to `high`; below 0 white to orange. Infinities ("inf") get full colour. */
function shade(value, high = 1) {
  const t = typeof value === "number" ? clamp(Math.abs(value) / (high || 1), 0, 1) : 1;
  const to = value < 0 || value === "-inf" ? [213, 94, 0] : [0, 114, 178];
  return [...to.map((c) => Math.round(255 + (c - 255) * t)), 255];
}

/**
 * A grid of numbers as cells: `rows` drawn at [x, y] with cells `cell` units wide. Options: `text`
 * (digits, null for none, or a function of value, row, column), `high` (the number that gets full
 * colour), `why(value, row, column)`, `mark(row, column, value)` for props of single cells,
 * `props(row, column, value)` for those of the cell and its number together, `size` of the text in
 * cells and the `line` it stands on, `other`: rows of the reference, which are outlined and stand in brackets where they differ;
 * `hand(row, column)`: what the definition gives, of which ≠ tells where it differs.
 */
function cells(rows, [x, y], cell, { text = 1, high, why, mark, fill, props, other, hand, size = 0.36, line = 0.5 } = {}) {
  const top = high ?? Math.max(1e-9, ...rows.flat().map((v) => (Number.isFinite(v) ? Math.abs(v) : 0)));
  const told = typeof text === "function" ? text : (value) => fixed(value, text);
  const fit = (said) => Math.min(cell * size, 15, (cell * 1.4) / Math.max(said.length, 1));
  return h("g", { class: "cw-cells" }, rows.map((row, i) => row.map((value, j) => {
    const color = fill ? fill(value, i, j) : `rgb(${shade(value, top).slice(0, 3).join(",")})`;
    const dark = !fill && Math.abs(value) > 0.6 * top && value > 0;
    const wrong = hand && !sameNumber(value, hand(i, j));
    const off = other && other[i]?.[j] !== undefined && !sameNumber(value, other[i][j]);
    const said = text === null ? "" : String(told(value, i, j)), above = off ? line - 0.14 : line;
    const write = (words, at) => h("text", { x: x + (j + 0.5) * cell, y: y + (i + at) * cell,
      class: dark ? "cw-in cw-light" : "cw-in", "font-size": fit(words) }, words);
    const inner = (by) => [x + (j + by) * cell, y + (i + by) * cell, x + (j + 1 - by) * cell, y + (i + 1 - by) * cell];
    return h("g", { "data-why": why ? why(value, i, j) : undefined, ...(props ? props(i, j, value) : {}) },
      h("rect", { x: x + j * cell, y: y + i * cell, width: cell, height: cell, fill: color,
        class: "cw-cell", ...(mark ? mark(i, j, value) : {}) }),
      wrong ? [rectangle(inner(0.04), { stroke: COLORS.red, "stroke-width": 2.5, "stroke-dasharray": "2 2", "pointer-events": "none" }),
        h("text", { x: x + (j + 0.84) * cell, y: y + (i + 0.18) * cell, class: dark ? "cw-in cw-light" : "cw-in", "font-size": cell * 0.28 }, "≠")] : null,
      off ? rectangle(inner(0.08),
        { stroke: COLORS.purple, "stroke-width": 3, "stroke-dasharray": "5 3", "pointer-events": "none" }) : null,
      text === null ? null : write(said, above),
      off && text !== null ? write(`(${told(other[i][j], i, j)})`, line + 0.22) : null);
  })));
}

/** Whether two numbers show the same; infinities are texts. */
function sameNumber(a, b) {
  if (typeof a !== "number" || typeof b !== "number") return a === b;
  return Math.abs(a - b) <= 1e-4 * Math.max(1, Math.abs(b));
}

/**
 * Props of a cell that is a button: a click, Enter or Space picks it, the keys up and down change
 * it. `name` is what a screen reader says.
 */
function pickable({ name, picked, pick, change }) {
  return { class: "cw-pick", tabindex: "0", role: "button", "aria-label": name,
    "aria-pressed": picked ? "true" : "false", "data-lm-suppress-shortcuts": "1", onclick: pick,
    onkeydown: (event) => {
      const up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!up && event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      pick();
      if (up && change) change(up);
    } };
}

/**
 * Cells that are picked by a click and changed by keys: `picked` = [row, column] or null, and those
 * that are `chosen(row, column)` are outlined; `name(row, column)`, `pick(row, column)` and
 * `put(row, column, value)`. Other options are those of `cells`.
 */
function editableCells(rows, [x, y], { name, picked, pick, put, chosen, step = 1, cell = 1, ...options }) {
  const here = (i, j) => picked && picked[0] === i && picked[1] === j;
  const outline = (test, props) => rows.map((row, i) => row.map((_, j) => (test(i, j)
    ? rectangle([x + j * cell, y + i * cell, x + (j + 1) * cell, y + (i + 1) * cell], { "pointer-events": "none", ...props }) : null)));
  return [cells(rows, [x, y], cell, { text: 2,
    why: (value, i, j) => `${name(i, j)} = ${fixed(value)}: click it, then use its slider or the keys up and down`,
    props: (i, j, value) => pickable({ name: `${name(i, j)} = ${fixed(value)}`, picked: here(i, j),
      pick: () => pick(i, j), change: (by) => put(i, j, value + by * step) }), ...options }),
  chosen ? outline(chosen, { stroke: COLORS.orange, "stroke-width": 4, "stroke-dasharray": "8 4" }) : null,
  outline(here, { stroke: "#111", "stroke-width": 3 })];
}

/** A path of slanting lines over a box, `gap` units apart. */
function hatching([x1, y1, x2, y2], gap, props = {}) {
  const lines = [], height = y2 - y1;
  for (let x = x1 - height + gap / 2; x < x2; x += gap) {
    const from = Math.max(x1, x), to = Math.min(x2, x + height);
    if (to > from) lines.push(`M${from} ${y2 - (from - x)}L${to} ${y2 - (to - x)}`);
  }
  return h("path", { d: lines.join(""), stroke: COLORS.grey, "stroke-width": 1, fill: "none",
    "pointer-events": "none", ...props });
}

/** What else the functions were tried on: pairs of what it was and what went wrong, "" if nothing. */
function alsoTried(pairs, other) {
  if (!pairs.length) return null;
  const sign = (text) => (text ? "✗" : "✓");
  return h("ul", { class: "cw-tried", "aria-label": "Also tried" }, pairs.map(([what, text], i) => {
    const right = other?.[i]?.[1];
    return h("li", {}, `${sign(text)} ${what}${text ? `: ${text}` : ""}`,
      right !== undefined && right !== text ? ` (reference: ${sign(right)}${right ? ` ${right}` : ""})` : null);
  }));
}
