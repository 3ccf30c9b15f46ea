// Tasks: one scene as six tasks answer for it; a point that asks the answer what is there.

const KEEPS = {
  "classification": ["one word for the whole picture", "where it is, how many there are, and everything else"],
  "semantic segmentation": ["the class of every pixel, things and stuff",
    "which pixels belong together: things of one class that touch are one patch, and cannot be counted"],
  "detection": ["the class, the place and the rough size of each thing, one by one",
    "outlines, all stuff, and who is in front of whom"],
  "instance segmentation": ["each thing with its outline, one by one", "all stuff"],
  "panoptic segmentation": ["the class of every pixel, stuff as well, and to which thing it belongs", "what is hidden, and how things are posed"],
  "keypoints": ["named points of each thing, hidden ones too", "outlines and all stuff"],
};
const TURNS = ["blue", "orange", "purple", "green", "red", "sky"]; // of objects
const DASHES = ["", "9 4", "3 3", "12 3 3 3"];

const colorOf = (n) => COLORS[TURNS[n % TURNS.length]];
const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const finite = (box) => box.every((v) => typeof v === "number");
const spell = (box) => `(${box.map((v) => fixed(v, 1)).join(", ")})`;

/** The index of an object at a pixel, -1 where there is none. */
const objectAt = (shown, x, y) => parseInt(shown.instance[y][x], 36) - 1;
const titled = (object) => `${object.name} #${object.number}`;

/** What `make` gives for this scene, made once. */
function once(ui, kind, shown, make) {
  const key = `${kind}/${shown.semantic.join()}/${shown.instance.join()}`;
  if (Object.keys(ui.memory).length > 40) ui.memory = {};
  return (ui.memory[key] ??= make());
}

/** A picture of the scene's maps, one colour for each pixel. */
function mapImage(shown, kind, color) {
  const rows = shown.semantic.map((row, y) => [...row].map((c, x) => [Number(c), objectAt(shown, x, y)]));
  return raster(rows, color, `${kind}/${shown.semantic.join()}/${shown.instance.join()}`);
}

/** Lines between pixels that differ, as one path; `of(x, y)` is what is compared. */
function borders(shown, of) {
  const lines = [];
  shown.semantic.forEach((row, y) => [...row].forEach((_, x) => {
    if (x && of(x, y) !== of(x - 1, y)) lines.push(`M${x} ${y}v1`);
    if (y && of(x, y) !== of(x, y - 1)) lines.push(`M${x} ${y}h1`);
  }));
  return lines.join("");
}

/** What the answer of the state's task says about the point, in words. */
function answerAt(state, shown) {
  const [W, H] = extent(shown), [px, py] = state.point;
  const x = clamp(Math.floor(px), 0, W - 1), y = clamp(Math.floor(py), 0, H - 1);
  const object = shown.objects[objectAt(shown, x, y)], names = shown.categories;
  const category = names[Number(shown.semantic[y][x])];
  switch (state.task) {
    case "classification": return `“${shown.whole}”, as anywhere in the picture`;
    case "semantic segmentation": return `“${category}”${object ? "; which one, and how many there are, it does not know" : ""}`;
    case "instance segmentation": return object ? `“${titled(object)}”` : "nothing: there is no thing";
    case "panoptic segmentation": return object ? `“${titled(object)}”` : `“${category}”, which is not counted`;
    case "detection": {
      const inside = detected(shown).filter(({ box: [x1, y1, x2, y2] }) => x1 <= px && px < x2 && y1 <= py && py < y2);
      if (!inside.length) return "nothing: no box is there";
      return `in the box of ${inside.map(({ name }) => name).join(" and of ")}; whether the pixel belongs to it, it does not know`;
    }
    default: {
      const points = shown.objects.flatMap((each) => each.keypoints.map(([kx, ky, v], k) =>
        ({ each, k, v, far: Math.hypot(kx - px, ky - py) }))).filter(({ v }) => v > 0);
      if (!points.length) return "nothing: this picture has no keypoints";
      const near = points.reduce((a, b) => (b.far < a.far ? b : a));
      return `nearest is point ${near.k + 1} of ${titled(near.each)}, ${fixed(near.far, 1)} pixels away${near.v < 2 ? ", hidden by another thing" : ""}`;
    }
  }
}

/** The boxes of detection: the function's, where there is one. */
function detected(shown) {
  if (!shown.found) return shown.objects.map((object) => ({ box: object.box, name: titled(object) }));
  return shown.found.boxes.map((box, i) => ({ box, name: shown.found.names[i] }));
}

const extent = (shown) => [shown.semantic[0].length, shown.semantic.length];

/** Text in the middle of a region. */
const centred = ([x, y], text, unit) => label(x, y + 5 * unit, text, 15 * unit, { "text-anchor": "middle", "font-weight": 600 });

function boxesDrawn(boxes, unit, [W, H]) {
  return boxes.filter(({ box }) => finite(box)).map(({ box, name }, i) => {
    const right = box[0] > 0.72 * W, below = box[1] < 18 * unit || (i % 2 === 0 && box[3] < H - 18 * unit);
    return [outlined(box, { stroke: colorOf(i), "stroke-width": 3.5, "stroke-dasharray": DASHES[i % DASHES.length] }),
      name === null ? null : label(right ? box[2] : box[0], below ? box[3] + 16 * unit : box[1] - 5 * unit, name, 15 * unit,
        { "font-weight": 600, "text-anchor": right ? "end" : "start" })];
  });
}

/** What a task puts out, drawn. */
function drawing(state, shown, unit, ui) {
  const [W, H] = extent(shown);
  const picture = (url) => h("image", { href: url, x: 0, y: 0, width: W, height: H, preserveAspectRatio: "none", style: "image-rendering: pixelated" });
  const colors = ui.setup.colors.map(rgb), alpha = state.behind ? 190 : 255;
  const colored = (color) => picture(once(ui, `${state.task}${alpha}`, shown, () => mapImage(shown, state.task + alpha, color)));
  const kept = (kind, of) => h("path", { d: once(ui, `lines ${kind}`, shown, () => borders(shown, of)), stroke: "#111", "stroke-width": 1.4, fill: "none" });
  const own = (n) => rgb(colorOf(n));
  switch (state.task) {
    case "classification": return h("text", { x: W / 2, y: H / 2 + 20 * unit, "text-anchor": "middle", class: "cw-halo",
      "font-size": 56 * unit, "font-weight": 700 }, `“${shown.whole}”`);
    case "semantic segmentation": return [
      colored(([c]) => [...colors[c], alpha]),
      kept("semantic", (x, y) => shown.semantic[y][x]),
      shown.spots.map(([c, spot]) => centred(spot, ui.setup.categories[c], unit))];
    case "panoptic segmentation": return [
      colored(([c, n]) => [...(n < 0 ? colors[c] : own(n)), alpha]),
      kept("panoptic", (x, y) => shown.semantic[y][x] + shown.instance[y][x]),
      shown.spots.filter(([c]) => !shown.objects.some(({ label: thing }) => thing === c)).map(([c, spot]) => centred(spot, ui.setup.categories[c], unit)),
      shown.objects.map((object) => centred(object.spot, titled(object), unit))];
    case "instance segmentation": return [
      colored(([, n]) => (n < 0 ? [0, 0, 0, 0] : [...own(n), alpha])),
      kept("instance", (x, y) => shown.instance[y][x]),
      shown.objects.map((object) => centred(object.spot, titled(object), unit))];
    case "detection": return boxesDrawn(detected(shown), unit, [W, H]);
    default: return [
      boxesDrawn(shown.objects.map(({ box }) => ({ box, name: null })), unit, [W, H]),
      shown.objects.map((object, n) => object.keypoints.map(([x, y, v], k) => (v > 0 ? h("g", {
        "data-why": `point ${k + 1} of ${titled(object)}: (${x}, ${y}, ${v}), ${v > 1 ? "2 for visible" : "1 for hidden by another thing"}` },
      h("circle", { cx: x, cy: y, r: 6 * unit, fill: v > 1 ? colorOf(n) : "var(--paper)", stroke: v > 1 ? "#111" : colorOf(n), "stroke-width": v > 1 ? 1.3 : 3 }),
      label(x + 8 * unit, y - 6 * unit, `${k + 1}${v > 1 ? "" : " hidden"}`, 13 * unit)) : null)))];
  }
}

/** The rows and columns of an object, for the arithmetic of its box. */
function spans(shown, n) {
  const xs = [], ys = [];
  shown.instance.forEach((row, y) => [...row].forEach((_, x) => {
    if (objectAt(shown, x, y) === n) {
      xs.push(x);
      ys.push(y);
    }
  }));
  const ends = (list) => [list.reduce((a, b) => Math.min(a, b)), list.reduce((a, b) => Math.max(a, b))];
  return [ends(xs), ends(ys)];
}

/** Why a box is what it is; it is asked of the objects in their order. */
function boxWhy(shown, i) {
  const object = shown.objects[i];
  const mine = `your instances_of gives ${spell(shown.found.boxes[i])}, ${shown.found.names[i]}`;
  if (!object) return `The map has ${shown.objects.length} things; ${mine}.`;
  const [[x1, x2], [y1, y2]] = spans(shown, i);
  return `${titled(object)} has pixels in columns ${x1} to ${x2} and rows ${y1} to ${y2}, to the outer edge of the last: (${x1}, ${y1}, ${x2 + 1}, ${y2 + 1})\n${mine}`;
}

export default widget({
  title: "One picture, six tasks",
  size: (state, shown) => (shown ? extent(shown) : [128, 96]),
  step: 1,
  handles: (state, shown) => (shown ? [{ ...pointHandle({ id: "point", name: "point", color: "orange", bounds: extent(shown),
    get: (now) => { const [W, H] = extent(shown); return [clamp(now.point[0], 0, W), clamp(now.point[1], 0, H)]; },
    put: (now, point) => ({ ...now, point }) }), step: Math.max(...extent(shown)) > 40 ? 2 : 0.5 }] : []),
  stage({ state, shown, reference, unit, ui }) {
    const [W, H] = extent(shown);
    const other = state.task === "detection" && reference?.found ? reference.found.boxes.filter((box, i) =>
      JSON.stringify([box, reference.found.labels[i]]) !== JSON.stringify([shown.found?.boxes[i], shown.found?.labels[i]])) : [];
    const x = clamp(state.point[0], 0, W), y = clamp(state.point[1], 0, H);
    return [
      state.behind ? h("g", { style: "image-rendering: pixelated" }, backdrop(shown.photo, [0, 0, W, H], 1)) : null,
      rectangle([0, 0, W, H], { stroke: "var(--line)", "stroke-width": 1 }),
      drawing(state, shown, unit, ui),
      other.map((box) => rectangle(box, { stroke: COLORS.purple, "stroke-width": 4, "stroke-dasharray": "4 6" })),
      [["var(--paper)", 4], ["currentColor", 1.5]].map(([stroke, width]) => h("path", { stroke, "stroke-width": width, fill: "none",
        d: `M${x - 24 * unit} ${y}H${x + 24 * unit}M${x} ${y - 24 * unit}V${y + 24 * unit}` })),
    ];
  },
  panel({ state, shown, reference, set, ui }) {
    const named = { ...shown, categories: ui.setup.categories }, [keeps, loses] = KEEPS[state.task];
    const theirs = reference?.found;
    return [
      choice({ name: "task", value: state.task, options: ui.setup.tasks, set: (task) => set({ task }) }),
      h("p", {}, h("strong", {}, "keeps: "), keeps, ".", h("br"), h("strong", {}, "loses: "), loses, "."),
      h("p", { class: "cw-step" }, "About the point it says: ", answerAt(state, named), "."),
      toggle({ name: "the picture behind the answer", value: state.behind, set: (behind) => set({ behind }) }),
      state.category.length ? null : slider({ name: "scene", value: state.seed, min: 0, max: Math.max(200, state.seed), step: 1, digits: 0,
        set: (seed) => set({ seed }) }),
      shown.found ? [
        h("p", {}, "Out of the panoptic map, instances_of gives:"),
        table("Detections", ["label", "box"],
          shown.found.boxes.map((box, i) => {
            const same = !theirs || JSON.stringify([theirs.boxes[i], theirs.names[i]]) === JSON.stringify([box, shown.found.names[i]]);
            return [shown.found.names[i], [number(spell(box), boxWhy(shown, i)),
              same ? "" : ` (${theirs.boxes[i] ? `${theirs.names[i]} ${spell(theirs.boxes[i])}` : "none"})`]];
          })),
        shown.found.boxes.length ? null : h("p", {}, "No boxes."),
        theirs && theirs.boxes.length > shown.found.boxes.length ? h("p", {}, `(and ${theirs.boxes.slice(shown.found.boxes.length)
          .map((box, i) => `${theirs.names[shown.found.boxes.length + i]} ${spell(box)}`).join(", ")})`) : null] : null,
    ];
  },
  says: (state, shown) => `A picture with ${shown.objects.map(({ name }) => name).join(", ") || "no objects"}, as ${state.task} answers for it.`,
});
