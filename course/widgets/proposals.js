// Proposals: regions merge step by step; the picture, the tree of mergers, and how similar they were.

const SCENE = [144, 96];
const PARTS = ["colour", "size", "fill"];

const inputs = (state, setup) => (state.scene ? setup.boxes : state.boxes);
const finite = (box) => box?.every((v) => typeof v === "number" && Math.abs(v) < 1e6);

/** Number of mergers that are shown as done. */
const stepOf = (state, shown) => clamp(state.step, 0, shown.rounds.length);

/** Regions after `step` rounds: those that are left, and the first regions in each region. */
function after(count, shown, step) {
  const members = [...Array(count).keys()].map((i) => [i]), alive = new Set(members.keys());
  shown.rounds.slice(0, step).forEach(({ pair }, k) => {
    members[count + k] = pair ? [...members[pair[0]], ...members[pair[1]]] : [];
    if (!pair) return;
    pair.forEach((i) => alive.delete(i));
    alive.add(count + k);
  });
  return { members, alive };
}

/**
 * A picture with each region that is left in the mean of its colours, where `now` is striped; and
 * for each region [x, y, length] of a long row of its pixels, where its number has room.
 */
function coloured(setup, { members, alive }, now, key) {
  const region = [], colours = [], rooms = [];
  for (const i of alive) {
    const total = members[i].reduce((sum, m) => sum + setup.pixels[m], 0);
    colours[i] = [0, 1, 2].map((c) => members[i].reduce((sum, m) => sum + setup.pixels[m] * setup.colours[m][c], 0) / total);
    for (const m of members[i]) region[m] = i;
  }
  const of = setup.segments.map((row) => [...row].map((digit) => region[parseInt(digit, 36)]));
  const cells = of.map((row, y) => row.map((i, x) => [i, x, y,
    (of[y + 1] && of[y + 1][x] !== i) || (row[x + 1] !== undefined && row[x + 1] !== i)]));
  const sums = [];
  of.forEach((row, y) => row.forEach((i) => { sums[i] = [(sums[i]?.[0] ?? 0) + y, (sums[i]?.[1] ?? 0) + 1]; }));
  of.forEach((row, y) => row.forEach((i, x) => {
    if (row[x - 1] === i) return;
    let end = x;
    while (row[end] === i) end += 1;
    const fit = Math.min(end - x, 24) - 0.4 * Math.abs(y - sums[i][0] / sums[i][1]); // wide, and near its middle
    if (!rooms[i] || fit > rooms[i][3]) rooms[i] = [(x + end) / 2, y + 0.5, end - x, fit];
  }));
  const url = raster(cells, ([i, x, y, edge]) => {
    if (edge) return [20, 20, 20, 255];
    const base = colours[i] ?? [128, 128, 128];
    const pale = i === now && (x + y) % 6 < 2;
    return [...base.map((c) => Math.round(pale ? 255 - (255 - c) * 0.2 : c)), 255];
  }, key);
  return { url, rooms };
}

/** Where the figure of the regions lies: [left, top, width, height]. */
function area(state, shown, ui) {
  if (state.scene) return [0, 0, ...SCENE];
  const all = [...inputs(state, ui.setup), ...shown.boxes].filter(finite);
  if (!all.length) return [0, 0, ...SCENE];
  const side = (k, pick) => pick(...all.map((box) => box[k]));
  const [x1, y1, x2, y2] = [side(0, Math.min), side(1, Math.min), side(2, Math.max), side(3, Math.max)];
  const margin = 0.06 * Math.max(x2 - x1, y2 - y1, 1);
  return [x1 - margin, y1 - margin, x2 - x1 + 2 * margin, Math.max(y2 - y1, 1) + 2 * margin];
}

/** The tree of mergers: first regions below, each merger above its two; what is to come is pale. */
function tree(count, shown, step, reference, unit) {
  const { members, alive } = after(count, shown, shown.rounds.length);
  const leaves = [...alive].sort((a, b) => a - b).flatMap((i) => members[i]);
  const w = 136, k = 40, gap = w / Math.max(leaves.length, 1), levels = Math.max(shown.rounds.length, 1);
  const at = new Map(leaves.map((leaf, n) => [leaf, [4 + (n + 0.5) * gap, k]]));
  const lines = shown.rounds.map(({ pair }, r) => {
    if (!pair || !at.has(pair[0]) || !at.has(pair[1])) return null;
    const [[ax, ay], [bx, by]] = pair.map((i) => at.get(i)), y = k - ((r + 1) / (levels + 0.5)) * k;
    at.set(count + r, [(ax + bx) / 2, y]);
    const now = r === step - 1;
    return [h("path", { d: `M${ax} ${ay}V${y}H${bx}V${by}`, fill: "none", stroke: now ? COLORS.green : "currentColor",
      "stroke-width": now ? 4 : 2, "stroke-opacity": r < step ? 1 : 0.25, "stroke-dasharray": r < step ? "none" : "2 3" }),
    r < step ? label((ax + bx) / 2, y - 3 * unit, count + r, (now ? 15 : 12) * unit, { "text-anchor": "middle", "font-weight": now ? 700 : 400 }) : null];
  });
  return [lines, leaves.map((leaf) => label(at.get(leaf)[0], k + 15 * unit, leaf, 14 * unit, { "text-anchor": "middle" }))];
}

function why(shown, row) {
  const [i, j, total, ...parts] = row;
  const sum = parts.length ? `${PARTS.map((name, k) => `${name} ${fixed(parts[k], 3)}`).join(" + ")} = ` : "";
  return `similarity of ${i} and ${j}: ${sum}${fixed(total, 3)}`;
}

export default widget({
  title: "From regions to proposals",
  size(state, shown, ui) {
    if (!shown) return [144, 150];
    const [x, y, w, k] = area(state, shown, ui);
    return [w, k + (w / 144) * 54, x, y];
  },
  stage({ state, shown, reference, ui }) {
    const setup = ui.setup, first = inputs(state, setup), count = first.length;
    const [x, y, w, k] = area(state, shown, ui), unit = w / 600, scale = w / 144;
    const step = stepOf(state, shown), now = after(count, shown, step), round = shown.rounds[step - 1];
    const boxOf = (i) => (i < count ? first[i] : shown.boxes[shown.boxes.length - shown.rounds.length + i - count]);
    const result = round && shown.boxes[shown.boxes.length - shown.rounds.length + step - 1];
    const other = reference && reference.boxes[reference.boxes.length - reference.rounds.length + step - 1];
    const name = (box, text, end, props = {}) => label(end ? box[2] - 4 * unit : box[0] + 4 * unit,
      end ? box[3] - 5 * unit : box[1] + 16 * unit, text, 16 * unit, { "font-weight": 700, "text-anchor": end ? "end" : "start", ...props });
    const middle = (box) => [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
    const drawn = state.scene && coloured(setup, now, round?.pair ? count + step - 1 : -1,
      `regions ${JSON.stringify(shown.rounds.slice(0, step).map(({ pair }) => pair))}`);
    const merged = (round?.pair ?? []).map((i) => [i, boxOf(i)]).filter(([, box]) => finite(box));
    return [
      drawn ? h("image", { href: drawn.url, x: 0, y: 0, width: 144, height: 96, preserveAspectRatio: "none",
        style: "image-rendering:pixelated" })
        : [...now.alive].map((i) => now.members[i].map((m) => rectangle(first[m], { fill: COLORS.grey,
          "fill-opacity": 0.15, stroke: COLORS.grey, "stroke-width": 1 }))),
      state.all ? shown.boxes.slice(0, shown.boxes.length - shown.rounds.length + step).filter(finite).map((box) =>
        rectangle(box, { stroke: "currentColor", "stroke-width": 1, "stroke-dasharray": "3 3" })) : null,
      merged.map(([, box], n) => outlined(box, { stroke: n ? COLORS.orange : COLORS.blue, "stroke-width": 3,
        "stroke-dasharray": n ? "8 4" : "none" })),
      finite(result) ? outlined([result[0] - 0.8 * scale, result[1] - 0.8 * scale, result[2] + 0.8 * scale, result[3] + 0.8 * scale],
        { stroke: COLORS.green, "stroke-width": 4 }) : null,
      finite(other) && finite(result) && other.some((v, n) => Math.abs(v - result[n]) > 0.01)
        ? rectangle(other, { stroke: COLORS.purple, "stroke-width": 3, "stroke-dasharray": "12 5" }) : null,
      drawn ? [...now.alive].map((i) => (drawn.rooms[i]?.[2] > 5 ? label(drawn.rooms[i][0], drawn.rooms[i][1] + 1.4, i, 14 * unit,
        { "text-anchor": "middle" }) : null)) : [...now.alive].filter((i) => finite(boxOf(i))).map((i) =>
        label(...middle(boxOf(i)), i, 20 * unit, { "text-anchor": "middle" })),
      merged.map(([i, box], n) => name(box, i, n)),
      h("g", { transform: `translate(${x} ${y + k + 7 * scale}) scale(${scale})` },
        tree(count, shown, step, reference, 144 / 600)),
    ];
  },
  panel({ state, shown, reference, set, ui }) {
    const count = inputs(state, ui.setup).length, total = shown.rounds.length, step = stepOf(state, shown);
    const round = shown.rounds[step - 1], next = shown.rounds[step];
    const listed = round ? round.listed : next ? next.listed : shown.left;
    const box = shown.boxes[shown.boxes.length - total + step - 1], other = reference?.rounds[step - 1];
    const best = round?.listed[0], pair = round?.pair;
    const text = (r) => (r?.pair ? `${r.pair[0]} and ${r.pair[1]}` : "no two regions");
    const listedAs = pair && listed.find(([i, j]) => i === pair[0] && j === pair[1]);
    return [
      stepper({ name: "mergers", at: step, count: total, set: (value) => set({ step: value }), ui,
        text: step ? `${step} / ${total}` : "start" }),
      !round ? h("p", {}, total ? "Nothing has merged yet." : "Nothing merges.")
        : h("p", { class: "cw-step" }, `Round ${step}: `, pair
          ? [h("strong", {}, `${pair[0]} and ${pair[1]}`), ` merge to region ${count + step - 1}. `]
          : "the box of this merger fits no two regions that are left. ",
        other && text(other) !== text(round) ? `(${text(other)}) ` : null,
        "Its box: ", number(`(${box.map((v) => fixed(v, 1)).join(", ")})`, pair
          ? `the smaller left and upper edge and the larger right and lower edge of ${pair.map((i) => `${i}: (${(i < count ? inputs(state, ui.setup)[i] : shown.boxes[shown.boxes.length - total + i - count]).map((v) => fixed(v, 1)).join(", ")})`).join(" and ")}`
          : "a merger's box must be the box around two neighbours"), ".",
        round.apart && pair ? " They are no neighbours!" : null,
        best && pair && listed.length && !(listedAs && listedAs[2] === best[2])
          ? ` But ${best[0]} and ${best[1]} are more similar: ${fixed(best[2], 3)}.` : null),
      table(round ? `Neighbours before round ${step}` : "Neighbours",
        ["", "similarity", ...(listed[0]?.length > 3 ? PARTS : [])], listed.map((row) => ({
          props: { "aria-current": pair && row[0] === pair[0] && row[1] === pair[1] ? "true" : "false" },
          cells: [`${row[0]} – ${row[1]}${pair && row[0] === pair[0] && row[1] === pair[1] ? " ←" : ""}`, number(row[2], why(shown, row)),
            ...row.slice(3).map((v) => fixed(v, 3))] }))),
      h("p", {}, "Boxes so far: ", number(String(count + step), `${count} first regions + ${step} mergers`), `; in the end group_regions returns ${shown.boxes.length}`,
        reference && reference.boxes.length !== shown.boxes.length ? ` (${reference.boxes.length})` : null, ".",
        shown.first ? null : " But the first of them are not those of the first regions.",
        shown.with_rows ? null : " With rows for sizes it merges otherwise.",
        shown.alone === 2 ? null : ` Of two regions that are no neighbours it makes ${shown.alone} boxes.`),
      toggle({ name: "all boxes so far", value: state.all, set: (all) => set({ all }) }),
      choice({ name: "similarity", value: state.by, options: ui.setup.rules.filter((rule) => state.scene || rule === state.by
        || (state.sizes[0]?.length ?? 1) > 1 || ![ui.setup.own, "common contents"].includes(rule)), set: (by) => set({ by }) }),
    ];
  },
  says: (state, shown) => `${shown.boxes.length - shown.rounds.length} first regions, ${shown.rounds.length} mergers: group_regions returns ${shown.boxes.length} boxes.`,
});
