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
    h("thead", {}, h("tr", {}, head.map((text) => (text ? h("th", { scope: "col" }, text) : h("td", {}))))),
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
