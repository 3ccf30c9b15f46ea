"use strict";
// Sorts, filters and opens the rows of a class. Every text becomes a text node, never markup.

const SYMBOLS = { passed: "✓", partly: "◐", failed: "✗", could_not_run: "?" };
const WORDS = { passed: "passed", partly: "in part", failed: "failed", could_not_run: "could not run" };
const { texts, sections } = JSON.parse(document.getElementById("feedback").textContent);

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
    for (const [group, verdict, text] of failed) {
      const says = texts[text] ? `: ${texts[text]}` : "";
      list.append(element("li", `${SYMBOLS[texts[verdict]] ?? "✗"} ${texts[group]}${says}`));
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
  cell.append(...feedback.exercises.map(exerciseFeedback));
  if (feedback.manual) {
    cell.append(element("p", `Answers to grade by hand: ${feedback.manual}`, "quiet"));
  }
  for (const note of feedback.notes) cell.append(element("p", `Note: ${note}`, "quiet"));
  row.append(cell);
  return row;
}

/** Wire up the table, the filters and the buttons of one assignment. */
function assignment(section) {
  const feedback = sections[Number(section.dataset.section)];
  const table = section.querySelector(".students");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const search = section.querySelector(".search");
  const filter = section.querySelector(".filter");
  const students = [...body.rows].map((row) => ({
    row,
    button: null,
    detail: null,
    text: row.textContent.toLowerCase(),
    mistakes: row.dataset.mistakes.split(" "),
    values: [...row.cells].map((cell) => cell.dataset.value),
  }));

  function open(student, wanted) {
    if (wanted && !student.detail) {
      student.detail = detailRow(feedback[Number(student.row.dataset.row)], heads.length);
    }
    if (wanted) student.row.after(student.detail);
    else student.detail?.remove();
    student.button.setAttribute("aria-expanded", String(wanted));
  }

  for (const student of students) {
    const cell = student.row.cells[0];
    student.button = element("button", cell.textContent);
    student.button.type = "button";
    student.button.setAttribute("aria-expanded", "false");
    student.button.onclick = () => open(student, student.button.getAttribute("aria-expanded") === "false");
    cell.replaceChildren(student.button);
  }

  function matches(student) {
    const [kind, which] = filter.value.split(" ");
    const columns = student.row.cells;
    switch (kind) {
      case "look": return student.values[1] === "";
      case "full": return student.values[1] !== "" && [...columns].slice(2, -1).every((c) => c.className === "passed");
      case "lost": return student.values[1] !== "" && [...columns].slice(2, -1).some((c) => c.className !== "passed");
      case "manual": return student.row.dataset.manual !== "0";
      case "exercise": return columns[2 + Number(which)].className !== "passed";
      case "mistake": return student.mistakes.includes(which);
    }
    return true;
  }

  function refresh() {
    const wanted = search.value.trim().toLowerCase();
    let shown = 0;
    for (const student of students) {
      const visible = student.text.includes(wanted) && matches(student);
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
    const number = head.dataset.kind === "number";
    students.sort((a, b) => {
      if (!number) {
        return sign * a.row.cells[column].textContent.localeCompare(b.row.cells[column].textContent, undefined, { numeric: true });
      }
      const [x, y] = [a.values[column], b.values[column]];
      if (x === "" || y === "") return (x === "") - (y === ""); // could not run: last, both ways
      return sign * (Number(x) - Number(y));
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

document.querySelectorAll("section.assignment").forEach(assignment);
