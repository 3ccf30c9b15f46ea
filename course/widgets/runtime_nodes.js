// Nodes of the page, kept in place where they can be; colours, numbers and texts.

const SVG = "http://www.w3.org/2000/svg";
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
    if (node.props.held) continue; // stays as it is
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
    else if (name === "key" || name === "value" || name === "held") continue;
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
