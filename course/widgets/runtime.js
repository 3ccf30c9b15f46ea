// The runtime that all widgets share; a widget's own module follows it and ends in
// `export default widget({...})`. The browser owns pointer, animation and drawing.
//
// A widget is {title, size, step, handles, stage, panel, says}: see `widget` below.

const SVG = "http://www.w3.org/2000/svg";
const STILL_RUNNING = 300; // ms until an unanswered question is called that
const INTERRUPT = 2600; // ms until interrupting the kernel is offered
const ANNOUNCE = 500; // ms of quiet before a screen reader is told
const COLORS = {
  blue: "#0072B2", orange: "#E69F00", green: "#009E73", red: "#D55E00",
  purple: "#CC79A7", sky: "#56B4E9", grey: "#808080", ink: "currentColor",
};

/** A node of the page to be: h("rect", {x: 1, onclick}, children...). Falsy children are left out. */
function h(tag, props, ...children) {
  const kept = children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false);
  return { tag, props: props ?? {}, children: kept };
}

const IN_SVG = new Set(["svg", "g", "rect", "circle", "line", "path", "text", "polygon", "polyline",
  "image", "defs", "pattern", "title", "ellipse", "clipPath", "tspan", "marker"]);

/** Make `parent`'s children what `nodes` say, keeping elements (and so the focus) where it can. */
function patch(parent, nodes) {
  nodes = [nodes].flat(Infinity).filter((n) => n !== null && n !== undefined && n !== false);
  const keyed = new Map();
  for (const child of parent.childNodes) if (child.__key !== undefined) keyed.set(child.__key, child);
  let at = parent.firstChild;
  for (const node of nodes) {
    if (typeof node !== "object") {
      const text = String(node);
      if (at && at.nodeType === 3) {
        if (at.data !== text) at.data = text;
        at = at.nextSibling;
      } else parent.insertBefore(document.createTextNode(text), at);
      continue;
    }
    const key = node.props.key;
    let element = key !== undefined ? keyed.get(key) : at;
    const fits = element && element.nodeType === 1 && element.__tag === node.tag
      && element.__key === key;
    if (!fits) {
      element = IN_SVG.has(node.tag) ? document.createElementNS(SVG, node.tag)
        : document.createElement(node.tag);
      element.__tag = node.tag;
      element.__key = key;
      element.__props = {};
    }
    if (element === at) at = at.nextSibling;
    else parent.insertBefore(element, at);
    setProps(element, node.props);
    patch(element, node.children);
    if ("value" in node.props) setValue(element, node.props.value);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function setValue(element, value) {
  const typing = element.tagName === "TEXTAREA" && element === element.getRootNode().activeElement;
  if (element.value !== String(value) && !typing) element.value = value;
}

function setProps(element, props) {
  const before = element.__props;
  for (const name in before) {
    if (name in props) continue;
    if (name.startsWith("on")) element[name] = null;
    else element.removeAttribute(name);
  }
  for (const name in props) {
    const value = props[name];
    if (name.startsWith("on")) element[name] = value;
    else if (name === "key" || name === "value") continue;
    else if (name === "checked" || name === "disabled" || name === "selected" || name === "open") {
      element[name] = Boolean(value);
    } else if (value === false || value === null || value === undefined) {
      element.removeAttribute(name);
    } else if (before[name] !== value) element.setAttribute(name, value);
  }
  element.__props = props;
}

// Numbers and the arithmetic behind them.

/** A number as text: at most `digits` after the point, no trailing zeros. */
function fixed(value, digits = 2) {
  if (typeof value !== "number") return String(value ?? "–");
  const text = value.toFixed(digits);
  return digits ? text.replace(/\.?0+$/, "").replace(/^-0$/, "0") : text;
}

/** A number in the panel; pointing at it or focusing it shows `why`, the arithmetic behind it. */
function number(value, why, digits = 3) {
  const text = typeof value === "number" ? value.toFixed(digits) : String(value ?? "–");
  return h("span", why ? { class: "cw-number", tabindex: "0", role: "note", "data-why": why,
    "aria-label": `${text}: ${why}` } : { class: "cw-number" }, text);
}

/** Text on the stage, `size` in units of the stage; props may have `data-why`. */
function label(x, y, text, size, props = {}) {
  return h("text", { x, y, class: "cw-halo", "font-size": size, ...props }, text);
}

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

// Parts of the panel. All are native controls, so that keyboard and single clicks work.

/** A slider with a button on each side; `set(value)` is called with the new number. */
function slider({ name, value, min, max, step, set, digits = 2, text }) {
  const put = (v) => set(clamp(Math.round(v / step) * step, min, max));
  const shown = text ?? fixed(value, digits);
  return h("div", { class: "cw-row", role: "group", "aria-label": name },
    h("span", { class: "cw-name" }, name),
    h("button", { type: "button", "aria-label": `${name}: less`, disabled: value <= min,
      onclick: () => put(value - step) }, "−"),
    h("input", { type: "range", min, max, step, value, "aria-label": name, "aria-valuetext": shown,
      oninput: (event) => put(Number(event.target.value)) }),
    h("button", { type: "button", "aria-label": `${name}: more`, disabled: value >= max,
      onclick: () => put(value + step) }, "+"),
    h("output", { class: "cw-value" }, shown));
}

/** A choice among few: a list to pick from. `options` are texts or [value, text]. */
function choice({ name, value, options, set }) {
  const pairs = options.map((option) => (Array.isArray(option) ? option : [option, option]));
  return h("label", { class: "cw-row" }, h("span", { class: "cw-name" }, name),
    h("select", { value, onchange: (event) => {
      set(pairs.find(([v]) => String(v) === event.target.value)[0]);
    } }, pairs.map(([v, text]) => h("option", { value: v, selected: v === value }, text))));
}

function toggle({ name, value, set }) {
  return h("label", { class: "cw-row cw-toggle" },
    h("input", { type: "checkbox", checked: value, onchange: (event) => set(event.target.checked) }),
    name);
}

function button(text, onclick, props = {}) {
  return h("button", { type: "button", onclick, ...props }, text);
}

/** A table; `head` is a row of texts, each other row may hold nodes. */
function table(caption, head, rows) {
  return h("table", { class: "cw-table" }, h("caption", {}, caption),
    h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, rows.map((row) => h("tr", row.props ?? {},
      (row.cells ?? row).map((cell) => h("td", {}, cell))))));
}

/**
 * Step through what is already there: buttons, a slider, Home and End on it, play and pause.
 * `ui.playing` belongs to the view; `count` steps are numbered 0 to count.
 */
function stepper({ name = "Step", at, count, set, ui, text }) {
  const go = (step) => set(clamp(step, 0, count));
  return h("div", { class: "cw-row cw-stepper", role: "group", "aria-label": name },
    button("|◀", () => go(0), { "aria-label": "to the start", disabled: at <= 0 }),
    button("◀", () => go(at - 1), { "aria-label": "back", disabled: at <= 0 }),
    button(ui.playing ? "Pause" : "Play", () => ui.play(count, go), {
      "aria-label": ui.playing ? "pause" : "play", class: "cw-play" }),
    button("▶", () => go(at + 1), { "aria-label": "forward", disabled: at >= count }),
    button("▶|", () => go(count), { "aria-label": "to the end", disabled: at >= count }),
    h("input", { type: "range", min: 0, max: count, step: 1, value: at, "aria-label": name,
      "aria-valuetext": text ?? `${at} of ${count}`,
      oninput: (event) => go(Number(event.target.value)) }),
    h("output", { class: "cw-value" }, text ?? `${at} / ${count}`));
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

/** White to blue for 0 to `high`; below 0 white to orange. */
function shade(value, high = 1) {
  const t = clamp(Math.abs(value) / (high || 1), 0, 1);
  const to = value < 0 ? [213, 94, 0] : [0, 114, 178];
  return [...to.map((c) => Math.round(255 + (c - 255) * t)), 255];
}

/**
 * A grid of numbers as cells: `rows` drawn at [x, y] with cells `cell` units wide. Options: `text`
 * (digits, or null for none), `high` (the number that gets full colour), `why(value, row, column)`,
 * `mark(row, column)` for props of single cells.
 */
function cells(rows, [x, y], cell, { text = 1, high, why, mark, fill } = {}) {
  const top = high ?? Math.max(1e-9, ...rows.flat().map((v) => Math.abs(v)));
  return h("g", { class: "cw-cells" }, rows.map((row, i) => row.map((value, j) => {
    const color = fill ? fill(value, i, j) : `rgb(${shade(value, top).slice(0, 3).join(",")})`;
    const dark = !fill && Math.abs(value) > 0.6 * top && value > 0;
    return h("g", { "data-why": why ? why(value, i, j) : undefined },
      h("rect", { x: x + j * cell, y: y + i * cell, width: cell, height: cell, fill: color,
        class: "cw-cell", ...(mark ? mark(i, j, value) : {}) }),
      text === null ? null : h("text", { x: x + (j + 0.5) * cell, y: y + (i + 0.5) * cell,
        class: dark ? "cw-in cw-light" : "cw-in", "font-size": Math.min(cell * 0.36, 15) },
        fixed(value, text)));
  })));
}

// The widget.

/**
 * `spec`:
 *   title        what the figure is called
 *   size(state, shown)     [width, height, left, top] of the stage in its own units, or an array
 *   step         how far an arrow key moves, in units of the stage
 *   handles(state, shown)  what can be dragged: see boxHandles and pointHandle
 *   stage({state, shown, reference, ui, unit})   nodes of the picture in units of the stage (strokes
 *                are in pixels); `unit` is about a pixel, for sizes of texts
 *   panel({state, shown, reference, set, ui})   nodes of controls and numbers beside it;
 *                `set({key: value})` changes the state
 *   says(state, shown)     one sentence for those who do not see the picture
 */
function widget(spec) {
  return { render({ model, el }) { return view(spec, model, el); } };
}

function view(spec, model, el) {
  const setup = model.get("setup");
  const local = new Set(setup.local);
  const known = (state) => JSON.stringify(Object.entries(state).filter(([k]) => !local.has(k)).sort());
  const root = document.createElement("section");
  root.className = "course-widget";
  root.setAttribute("aria-label", spec.title);
  el.append(root);

  let state = model.get("state"), answer = model.get("answer") ?? {}, good = null;
  let overlay = false, search = 0, asked = 0, askedAt = 0, selected = null, drag = null;
  let frame = 0, announceTimer = 0, timer = 0, note = "", pasted = null, closed = false, lastKnown = "";
  let whyOf = null, live = "";
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const ui = {
    playing: false, selected: () => selected, hover: null, memory: {}, setup,
    play(count, go) {
      ui.playing = !ui.playing;
      if (ui.playing && (spec.at?.(state) ?? state.step) >= count) go(0);
      tick(count, go);
    },
    repaint: () => paint(),
  };

  function tick(count, go) {
    clearTimeout(timer);
    if (!ui.playing) return paint();
    timer = setTimeout(() => {
      const at = spec.at?.(state) ?? state.step;
      if (at >= count) ui.playing = false;
      else go(at + 1);
      tick(count, go);
    }, calm ? 1200 : 700);
    paint();
  }

  /** Change the state; ask the kernel where its functions have a say. */
  function set(change) {
    state = { ...state, ...change };
    note = "";
    if (known(state) !== lastKnown) ask();
    else {
      model.set("state", state);
      model.save_changes();
      paint();
      announce();
    }
  }

  function ask(more = {}) {
    lastKnown = known(state);
    asked = Math.max(asked, model.get("asked")?.seq ?? 0) + 1;
    if (!askedAt) askedAt = performance.now();
    model.set("state", state);
    model.set("asked", { seq: asked, overlay, ...more });
    model.save_changes();
    root.dataset.asked = asked;
    setTimeout(paint, STILL_RUNNING + 10);
    setTimeout(paint, INTERRUPT + 10);
    paint();
  }

  model.on("change:answer", answered);
  model.on("change:state", restored);

  function answered() {
    answer = model.get("answer") ?? {};
    if (answer.seq >= asked) askedAt = 0;
    else askedAt = performance.now();
    if (answer.found) {
      note = answer.found.text;
      if (answer.found.state) {
        state = answer.found.state;
        lastKnown = known(state);
        model.set("state", state);
        model.save_changes();
        overlay = Boolean(setup.reference);
      }
    }
    if (answer.shown) good = answer;
    paint();
    announce();
  }

  function restored() {
    const put = model.get("state");
    if (JSON.stringify(put) === JSON.stringify(state)) return;
    state = put;
    if (known(state) !== lastKnown) ask();
    else paint();
  }

  function announce() {
    clearTimeout(announceTimer);
    announceTimer = setTimeout(() => {
      if (good) live = answer.trouble?.text ?? spec.says(state, good.shown);
      paint();
    }, ANNOUNCE);
  }

  // Pointer: one handle at a time, the movement counted from where it was taken.

  function toStage(event) {
    const svg = root.querySelector(".cw-stage");
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [point.x, point.y];
  }

  function handles() {
    return spec.handles ? spec.handles(state, good?.shown, ui).flat() : [];
  }

  function down(event) {
    const element = event.target.closest("[data-handle]");
    if (!element || event.button) return;
    const handle = handles().find((one) => one.id === element.dataset.handle);
    if (!handle) return;
    event.preventDefault();
    select(handle);
    drag = { id: handle.id, from: toStage(event), state, pointer: event.pointerId };
    event.currentTarget.setPointerCapture(event.pointerId);
    const focusable = root.querySelector(`[data-handle="${selected}"]`);
    focusable?.focus({ preventScroll: true });
    paint();
  }

  function moved(event) {
    if (!drag || event.pointerId !== drag.pointer) return;
    const [x, y] = toStage(event);
    const handle = handles().find((one) => one.id === drag.id);
    if (!handle) return;
    const next = handle.move(drag.state, x - drag.from[0], y - drag.from[1]);
    if (JSON.stringify(next) !== JSON.stringify(state)) set(next);
  }

  function up(event) {
    if (drag && event.pointerId === drag.pointer) drag = null;
    paint();
  }

  function select(handle) {
    selected = handle.pointerOnly ? handle.id.replace(/-\d\d$/, "") : handle.id;
  }

  // Keys stay in the widget: letters are the notebook's commands.

  function key(event) {
    const leaves = event.key === "Tab" || event.key === "Escape" || event.ctrlKey || event.metaKey
      || (event.shiftKey && event.key === "Enter");
    if (!leaves) event.stopPropagation();
    if (event.key === "Escape") whyOf = null;
    const id = event.target.dataset?.handle;
    const handle = id && handles().find((one) => one.id === id);
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!handle || !way || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const step = handle.step ?? spec.step ?? 1;
    const doing = event.shiftKey && handle.resize ? handle.resize : handle.move;
    set(doing(state, way[0] * step, way[1] * step));
  }

  function nudges() {
    const all = handles().filter((one) => !one.pointerOnly);
    if (!all.length) return null;
    const handle = all.find((one) => one.id === selected) ?? all[0];
    const step = handle.step ?? spec.step ?? 1;
    const go = (doing, dx, dy, text, name) => button(text, () => {
      selected = handle.id;
      set(doing(state, dx * step, dy * step));
    }, { "aria-label": `${handle.name}: ${name}`, "data-nudge": name });
    return h("div", { class: "cw-row cw-nudges", role: "group", "aria-label": "Move without dragging" },
      all.length > 1 ? h("select", { "aria-label": "What to move", value: handle.id,
        onchange: (event) => { selected = event.target.value; paint(); } },
        all.map((one) => h("option", { value: one.id, selected: one.id === handle.id }, one.name)))
        : h("span", { class: "cw-name" }, handle.name),
      handle.flat ? null : [go(handle.move, 0, -1, "↑", "up"), go(handle.move, 0, 1, "↓", "down")],
      go(handle.move, -1, 0, "←", "left"), go(handle.move, 1, 0, "→", "right"),
      handle.resize ? [go(handle.resize, 1, 0, "↔+", "wider"), go(handle.resize, -1, 0, "↔−", "narrower"),
        go(handle.resize, 0, 1, "↕+", "taller"), go(handle.resize, 0, -1, "↕−", "shorter")] : null);
  }

  // The arithmetic behind what one points at.

  function showWhy(event) {
    const element = event.target.closest?.("[data-why]");
    if (element === whyOf || drag) return;
    whyOf = element;
    paint();
  }

  // Interrupting needs the server's address, which Lab and Voila write into their page.

  async function interrupt() {
    const config = JSON.parse(document.getElementById("jupyter-config-data")?.textContent || "{}");
    const base = config.baseUrl ?? document.body.dataset.baseUrl ?? "/";
    const xsrf = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/)?.[1];
    const headers = { ...(xsrf ? { "X-XSRFToken": xsrf } : {}),
      ...(config.token ? { Authorization: `token ${config.token}` } : {}) };
    try {
      const reply = await fetch(`${base}api/kernels/${setup.kernel}/interrupt`, { method: "POST", headers });
      if (!reply.ok) throw new Error(String(reply.status));
    } catch {
      note = "Interrupt the kernel from the notebook's menu (Kernel, or Runtime).";
      paint();
    }
  }

  // Painting: at most once a frame.

  function paint() {
    if (!frame && !closed) frame = requestAnimationFrame(now);
  }

  function handleNodes() {
    const drawn = handles().map((handle) => {
      const props = { key: `handle-${handle.id}`, "data-handle": handle.id, class: "cw-handle",
        ...(handle.pointerOnly ? { "aria-hidden": "true" } : {
          tabindex: "0", role: "button", "data-lm-suppress-shortcuts": "1",
          "aria-roledescription": "movable", "data-selected": handle.id === selected ? "1" : "0",
          "aria-label": `${handle.name}: ${handle.value?.(state) ?? ""}. Arrow keys move it`
            + (handle.resize ? ", with Shift they resize it." : "."),
          onfocus: () => { if (selected !== handle.id) { selected = handle.id; paint(); } },
        }) };
      const { width } = stageSize();
      const grip = width / 60;
      if (handle.box) return h("g", props, rectangle(handle.box(state), { class: "cw-grab" }));
      const [x, y] = handle.at(state);
      return h("g", props,
        h("circle", { cx: x, cy: y, r: grip * 1.3, class: "cw-grab" }),
        h("circle", { cx: x, cy: y, r: grip * (handle.pointerOnly ? 0.35 : 0.6), class: "cw-knob",
          fill: COLORS[handle.color] }));
    });
    // Whole boxes lie below corners and points, so that those can be taken.
    return drawn.sort((a, b) => (a.children[0].tag === "rect" ? 0 : 1) - (b.children[0].tag === "rect" ? 0 : 1));
  }

  function stageSize() {
    const size = typeof spec.size === "function" ? spec.size(state, good?.shown, ui) : spec.size;
    return { width: size[0], height: size[1], left: size[2] ?? 0, top: size[3] ?? 0 };
  }

  function now() {
    frame = 0;
    const waited = askedAt ? performance.now() - askedAt : 0;
    const busy = askedAt > 0, slow = busy && waited >= STILL_RUNNING;
    const trouble = answer.trouble;
    const shown = good?.shown, reference = overlay ? good?.reference : null;
    const { width, height, left, top } = stageSize();
    const stale = Boolean(trouble || slow);
    const look = { state, shown, reference, set, ui, trouble, unit: width / 600 };
    const differs = overlay && shown && good.reference
      && JSON.stringify(rounded(shown)) !== JSON.stringify(rounded(good.reference));
    root.dataset.state = trouble ? "error" : busy ? "busy" : "ready";
    patch(root, [
      h("div", { class: "cw-head" },
        h("h3", { class: "cw-title" }, spec.title),
        Object.keys(setup.examples).length > 1 ? h("label", { class: "cw-examples" }, "Example ",
          h("select", { value: exampleName(), onchange: (event) => {
            const picked = setup.examples[event.target.value];
            if (picked) { ui.playing = false; set(picked); }
          } }, h("option", { value: "", selected: !exampleName() }, "your own"),
          Object.keys(setup.examples).map((name) =>
            h("option", { value: name, selected: name === exampleName() }, name)))) : null),
      h("div", { class: "cw-body" },
        h("div", { class: stale ? "cw-figure cw-stale" : "cw-figure", hidden: !shown && !spec.early },
          h("svg", { class: "cw-stage", viewBox: `${left} ${top} ${width} ${height}`,
            style: `max-width:${spec.width ?? 640}px`, role: "group",
            "aria-label": shown ? spec.says(state, shown) : spec.title,
            onpointerdown: down, onpointermove: moved, onpointerup: up, onpointercancel: up },
          h("g", { key: "stage", class: "cw-drawing" }, shown || spec.early ? spec.stage(look) : null),
          h("g", { key: "handles" }, shown || spec.early ? handleNodes() : null))),
        h("div", { class: "cw-panel" },
          h("div", { key: "panel" }, shown || spec.early ? spec.panel(look) : null),
          h("div", { key: "nudges" }, shown || spec.early ? nudges() : null))),
      h("p", { class: "cw-why", key: "why" }, whyOf?.isConnected ? whyOf.dataset.why : HINT),
      h("div", { class: "cw-status", key: "status" },
        trouble ? h("div", { class: "cw-trouble", role: "alert", key: "trouble" },
          h("strong", {}, trouble.kind === "waiting" ? "Not yet. " : "Your function: "), trouble.text,
          trouble.line ? h("code", {}, trouble.line) : null,
          shown ? h("span", {}, " The figure still shows the last result.") : null) : null,
        slow ? h("div", { class: "cw-slow", key: "slow" }, "Still running… ",
          waited >= INTERRUPT ? button("Interrupt", interrupt) : null) : null,
        answer.printed ? h("pre", { class: "cw-printed", key: "printed", tabindex: "0",
          "aria-label": "printed" }, answer.printed) : null,
        note ? h("p", { class: "cw-note", key: "note" }, note) : null,
        overlay && shown ? h("p", { class: "cw-overlay", key: "differs" }, differs
          ? "≠ The reference gives something else here: it is drawn dashed, or stands in brackets."
          : "= The reference gives the same here.") : null),
      h("div", { class: "cw-foot", key: "foot" },
        setup.reference ? toggle({ name: "lay the reference over it", value: overlay,
          set: (value) => { overlay = value; ask(); } }) : null,
        button(setup.reference ? "Find a disagreement" : "Try the public cases", () => {
          search += 1;
          ask({ search, overlay: Boolean(setup.reference) });
        }),
        h("details", { class: "cw-state" }, h("summary", {}, "State"),
          h("textarea", { rows: 3, spellcheck: "false", "aria-label": "State, to copy or to paste",
            value: pasted ?? JSON.stringify(state), oninput: (event) => { pasted = event.target.value; } }),
          button("Copy", () => navigator.clipboard?.writeText(JSON.stringify(state))),
          button("Restore", () => {
            try {
              ask({ put: JSON.parse(pasted ?? JSON.stringify(state)) });
              pasted = null;
            } catch (error) {
              note = `This is no state: ${error.message}`;
              paint();
            }
          }),
          button("Start again", () => { pasted = null; set(Object.values(setup.examples)[0]); }))),
      h("p", { class: "cw-live", "aria-live": "polite", key: "live" }, live),
    ]);
    root.dataset.seq = answer.seq ?? 0;
    root.dataset.painted = performance.now();
    if (shown) root.dataset.ready = "1";
  }

  function exampleName() {
    const own = known(state);
    return Object.keys(setup.examples).find((name) => known({ ...state, ...setup.examples[name] }) === own) ?? "";
  }

  root.addEventListener("keydown", key);
  root.addEventListener("pointerover", showWhy);
  root.addEventListener("focusin", showWhy);
  root.addEventListener("click", showWhy);
  if (answer.shown) {
    good = answer;
    lastKnown = known(state);
    asked = answer.seq;
  }
  paint();
  ask();
  return () => {
    closed = true;
    clearTimeout(timer);
    clearTimeout(announceTimer);
    cancelAnimationFrame(frame);
    model.off("change:answer", answered);
    model.off("change:state", restored);
  };
}

const HINT = "Point at a number to see the arithmetic behind it.";

/** The same numbers with four digits: what two displays are compared by. */
function rounded(value) {
  if (typeof value === "number") return Number(value.toFixed(4));
  if (Array.isArray(value)) return value.map(rounded);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.keys(value).sort().map((key) => [key, rounded(value[key])]));
  }
  return value;
}
