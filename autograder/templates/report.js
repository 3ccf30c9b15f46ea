"use strict";
// Sorts, filters and opens the rows of a class. Every text becomes a text node, never markup.

const SYMBOLS = { passed: "✓", partly: "◐", failed: "✗", could_not_run: "?" };
const WORDS = { passed: "passed", partly: "in part", failed: "failed", could_not_run: "could not run" };
// What the students read, taken apart when the first row is opened.
let texts, verdicts, sections;
function readFeedback() {
  if (texts) return;
  ({ texts, verdicts, sections } = JSON.parse(document.getElementById("feedback").textContent));
}

const collator = new Intl.Collator(undefined, { numeric: true });

/** Return an element with a class and text. */
function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(text);
  return made;
}

/** Return the heading, the sentence and the groups of one exercise. */
function exerciseFeedback([name, mark, earned, of, message, misconception, groups]) {
  const part = document.createDocumentFragment();
  const symbol = SYMBOLS[texts[mark]];
  part.append(element("h4", `${symbol} ${texts[name]}: ${WORDS[texts[mark]]}, ${earned} of ${of}`));
  if (texts[message]) part.append(element("p", texts[message]));
  if (texts[misconception]) part.append(element("p", `Named misconception: ${texts[misconception]}`));
  const failed = groups.filter(([, verdict]) => texts[verdict] !== "passed");
  const passed = groups.filter(([, verdict]) => texts[verdict] === "passed");
  const names = (some) => some.map(([group]) => texts[group]).join(", ");
  if (failed.length && failed.every(([, , text]) => !texts[text] || text === message)) {
    part.append(element("p", `${symbol === "?" ? "?" : "✗"} ${names(failed)}`));
  } else if (failed.length) {
    const list = element("ul");
    const alike = new Map(); // groups that say the same stand on one line
    for (const item of failed) {
      const key = `${item[1]} ${item[2]}`;
      alike.set(key, [...(alike.get(key) ?? []), item]);
    }
    for (const items of alike.values()) {
      const [, verdict, text] = items[0];
      const says = texts[text] ? `: ${texts[text]}` : "";
      list.append(element("li", `${SYMBOLS[texts[verdict]] ?? "✗"} ${names(items)}${says}`));
    }
    part.append(list);
  }
  if (passed.length) part.append(element("p", `✓ ${names(passed)}`, "quiet"));
  return part;
}

/** Return the row that holds a student's feedback. */
function detailRow(feedback, columns) {
  const row = element("tr", "", "detail");
  const cell = element("td");
  cell.colSpan = columns;
  if (feedback.reason) cell.append(element("p", `Could not run: ${feedback.reason}`));
  cell.append(...feedback.exercises.map((verdict) => exerciseFeedback(verdicts[verdict])));
  if (feedback.manual) {
    cell.append(element("p", `Answers to grade by hand: ${feedback.manual}`, "quiet"));
  }
  for (const note of feedback.notes) cell.append(element("p", `Note: ${note}`, "quiet"));
  row.append(cell);
  return row;
}

/** Wire up the table, the filters and the buttons of one assignment. */
function assignment(section) {
  const table = section.querySelector(".students");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const search = section.querySelector(".search");
  const filter = section.querySelector(".filter");
  const students = [...body.rows].map((row) => ({ row, detail: null, text: null }));
  const byRow = new Map(students.map((student) => [student.row, student]));

  function open(student, wanted) {
    if (wanted && !student.detail) {
      readFeedback();
      const feedback = sections[Number(section.dataset.section)][Number(student.row.dataset.row)];
      student.detail = detailRow(feedback, heads.length);
    }
    if (wanted) student.row.after(student.detail);
    else student.detail?.remove();
    student.row.querySelector("button").setAttribute("aria-expanded", String(wanted));
  }

  body.onclick = ({ target }) => {
    const button = target.closest("th button");
    if (!button) return;
    open(byRow.get(button.closest("tr")), button.getAttribute("aria-expanded") === "false");
  };

  /** Return the points in a cell; NaN where nothing could be judged. */
  function number(row, column) {
    return Number.parseFloat(row.cells[column].textContent.replace(/^\D+/, ""));
  }

  function found(student, wanted) {
    student.text ??= student.row.textContent.toLowerCase();
    return student.text.includes(wanted);
  }

  function matches(student) {
    const [kind, which] = filter.value.split(" ");
    const judged = student.row.cells[1].className !== "could_not_run";
    const marks = [...student.row.cells].slice(2, -1);
    switch (kind) {
      case "look": return !judged;
      case "full": return judged && marks.every((cell) => cell.classList.contains("passed"));
      case "lost": return judged && marks.some((cell) => !cell.classList.contains("passed"));
      case "manual": return student.row.dataset.manual !== "0";
      case "exercise": return !marks[Number(which)].classList.contains("passed");
      case "mistake": return student.row.dataset.mistakes.split(" ").includes(which);
    }
    return true;
  }

  function refresh() {
    const wanted = search.value.trim().toLowerCase();
    let shown = 0;
    for (const student of students) {
      const visible = (!wanted || found(student, wanted)) && (!filter.value || matches(student));
      student.row.hidden = !visible;
      if (!visible && student.detail) open(student, false);
      shown += visible;
    }
    section.querySelector(".shown").textContent = `${shown} of ${students.length} students`;
  }

  function sort(column, head) {
    const descending = head.getAttribute("aria-sort") === "ascending";
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const sign = descending ? -1 : 1;
    const text = ({ row }) => row.cells[column].textContent;
    const keys = new Map(
      students.map((one) => [one, head.dataset.kind === "number" ? number(one.row, column) : text(one)]),
    );
    students.sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      if (head.dataset.kind === "text") return sign * collator.compare(x, y);
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y); // last, both ways
      return sign * (x - y);
    });
    body.append(...students.flatMap(({ row, detail }) => (detail?.isConnected ? [row, detail] : [row])));
  }

  heads.forEach((head, column) => {
    const button = element("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.onclick = () => sort(column, head);
    head.append(button);
  });
  search.oninput = refresh;
  filter.onchange = refresh;
  section.querySelector(".open-all").onclick = () => {
    for (const student of students) if (!student.row.hidden) open(student, true);
  };
  for (const button of section.querySelectorAll("[data-mistake]")) {
    button.onclick = () => {
      search.value = "";
      filter.value = `mistake ${button.dataset.mistake}`;
      refresh();
      filter.scrollIntoView({ block: "start" });
      filter.focus();
    };
  }
  section.querySelector(".controls").hidden = false;
  refresh();
}

// An assignment is wired up when it comes near the screen: most of a large report never does.
const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    assignment(target);
  }
}, { rootMargin: "100%" });
document.querySelectorAll("section.assignment").forEach((section) => near.observe(section));
