// The figure itself: its state, what it asks the kernel, pointer and keys, painting. A widget's own
// module follows this one and ends in `export default widget({...})`. `view` is one long function:
// everything in it shares the state of one figure on the page.

const STILL_RUNNING = 300; // ms until an unanswered question is called that
const INTERRUPT = 2600; // ms until interrupting the kernel is offered
const ANNOUNCE = 500; // ms of quiet before a screen reader is told

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
  root.dataset.widget = setup.name;
  el.append(root);

  let state = model.get("state"), answer = model.get("answer") ?? {}, good = null;
  let overlay = false, mistake = "", search = 0, asked = 0, askedAt = 0, selected = null, drag = null;
  let frame = 0, announceTimer = 0, timer = 0, note = "", pasted = null, closed = false, lastKnown = "";
  let whyOf = null, live = "";
  const states = new Map(); // what was asked about, by its number
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const ui = {
    playing: false, selected: () => selected, memory: {}, setup,
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
    if (known(state) !== lastKnown || answer.trouble) ask();
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
    states.set(asked, state);
    model.set("asked", { seq: asked, overlay, mistake, ...more });
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
    if (answer.shown) {
      good = { ...answer, state: answer.found?.state ?? states.get(answer.seq) ?? state };
      for (const seq of states.keys()) if (seq < answer.seq) states.delete(seq);
    }
    if (!closed) {
      cancelAnimationFrame(frame);
      now(); // not in the next frame: an answer is what one waits for
    }
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
          tabindex: "0", role: "button", "data-step": handle.step ?? spec.step ?? 1, "data-lm-suppress-shortcuts": "1",
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
    // A drag is followed at once; what changes more than numbers in place waits for its answer.
    const held = busy && !slow && !drag && !inPlace(state, good?.state);
    const look = { shown, reference, set, ui, trouble, unit: width / 600 };
    const drawn = (nodes) => {
      if (!shown && !spec.early) return null;
      if (drag || !busy || slow || inPlace(state, good?.state)) {
        try {
          return nodes({ ...look, state });
        } catch (error) {
          if (!good || state === good.state) throw error;
        }
      }
      return nodes({ ...look, state: good.state }); // the last figure that fits together
    };
    const picture = held ? null : drawn(spec.stage);
    const differs = overlay && shown && good.reference
      && JSON.stringify(rounded(shown)) !== JSON.stringify(rounded(good.reference));
    root.dataset.state = trouble ? "error" : busy ? "busy" : "ready";
    patch(root, [
      h("div", { class: "cw-head" },
        h("h2", { class: "cw-title" }, spec.title),
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
            style: `max-width:var(--course-stage-width, ${spec.width ?? 640}px)`, role: "group",
            "aria-label": shown ? spec.says(state, shown) : spec.title,
            onpointerdown: down, onpointermove: moved, onpointerup: up, onpointercancel: up },
          h("g", { key: "stage", class: "cw-drawing", held }, picture),
          h("g", { key: "handles", held }, held || (!shown && !spec.early) ? null : handleNodes()))),
        h("div", { class: "cw-panel" },
          h("div", { key: "panel", held }, held ? null : drawn(spec.panel)),
          h("div", { key: "nudges" }, shown || spec.early ? nudges() : null))),
      h("p", { class: "cw-why", key: "why" }, whyOf?.isConnected ? whyOf.dataset.why : HINT),
      h("div", { class: "cw-status", key: "status" },
        trouble ? h("div", { class: "cw-trouble", role: "alert", key: "trouble" },
          h("strong", {}, { waiting: "Not yet. ", state: "This state: ", figure: "Sorry, " }[trouble.kind] ?? "Your function: "), trouble.text,
          trouble.line ? h("code", {}, trouble.line) : null,
          shown && (held || picture) ? h("span", {}, " The figure still shows the last result.") : null) : null,
        slow ? h("div", { class: "cw-slow", key: "slow" }, "Still running… ",
          waited >= INTERRUPT ? button("Interrupt", interrupt) : null) : null,
        answer.printed ? h("pre", { class: "cw-printed", key: "printed", tabindex: "0",
          "aria-label": "printed" }, answer.printed) : null,
        mistake ? h("p", { class: "cw-note", key: "mistake" }, h("strong", {}, "A known mistake. "),
          setup.mistakes[mistake]) : null,
        note ? h("p", { class: "cw-note", key: "note" }, note) : null,
        overlay && shown ? h("p", { class: "cw-overlay", key: "differs" }, differs
          ? "≠ The reference gives something else here: it is drawn dashed, or stands in brackets."
          : "= The reference gives the same here.") : null),
      h("div", { class: "cw-foot", key: "foot" },
        Object.keys(setup.mistakes).length ? choice({ name: "Show", value: mistake,
          options: [["", "the right one"], ...Object.keys(setup.mistakes)],
          set: (value) => { mistake = value; overlay = Boolean(value); ask(); } }) : null,
        setup.reference ? toggle({ name: "lay the reference over it", value: overlay,
          set: (value) => { overlay = value; ask(); } }) : null,
        setup.given ? button(setup.reference ? "Find a disagreement" : "Try the public cases", () => {
          search += 1;
          ask({ search, overlay: Boolean(setup.reference) });
        }) : null,
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
    good = { ...answer, state };
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

/** Whether two states differ in numbers within lists alone: then one figure fits both. */
function inPlace(a, b, within = false) {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, i) => inPlace(item, b[i], true));
  }
  if (a && b && typeof a === "object" && typeof b === "object") {
    return Object.keys(a).every((key) => inPlace(a[key], b[key], within));
  }
  return a === b || (within && typeof a === "number" && typeof b === "number");
}

/** The same numbers with four digits: what two displays are compared by. */
function rounded(value) {
  if (typeof value === "number") return Number(value.toFixed(4));
  if (Array.isArray(value)) return value.map(rounded);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.keys(value).sort().map((key) => [key, rounded(value[key])]));
  }
  return value;
}
