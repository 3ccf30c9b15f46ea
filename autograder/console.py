"""What the commands print: text made safe, tables of a class, the progress of grading."""

import io
import re
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from autograder.class_summary import PARTLY, AssignmentSummary, mark_of, summarise
from autograder.record import COULD_NOT_RUN, FAILED, PASSED, ExerciseVerdict, SubmissionRecord

# ESC or the one-byte CSI, then what a terminal would take for a command.
TERMINAL_COMMAND = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor, erase
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles, links
    r"|\x1b[ -/]*[0-~]?"
)
TURNS_TEXT_AROUND = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LONGEST = 2_000
WIDE = 110  # columns of a terminal in which a table has room for sentences
SYMBOLS = {PASSED: "✓", PARTLY: "◐", FAILED: "✗", COULD_NOT_RUN: "?"}
LETTERS = {PASSED: "+", PARTLY: "~", FAILED: "x", COULD_NOT_RUN: "?"}
STYLES = {PASSED: "green", PARTLY: "yellow", FAILED: "red", COULD_NOT_RUN: "bold magenta"}

Advance = Callable[[int, int, SubmissionRecord], None]


def open_console(file: TextIO | None = None) -> Console:
    """Return a console on `file` (standard output) that prints "?" for what it cannot encode."""
    file = file or sys.stdout
    if isinstance(file, io.TextIOWrapper):
        file.reconfigure(errors="replace")
    return Console(file=file)


def plain(text: str, longest: int = LONGEST) -> str:
    """Return `text` on one line, with nothing in it that a terminal or a browser would obey.

    Terminal commands, control characters and marks that reverse the direction of writing are
    left out, runs of white space become one space, and a lone surrogate becomes U+FFFD.
    """
    text = TERMINAL_COMMAND.sub("", text[: 4 * longest])
    text = " ".join(re.split(r"[\s\x00-\x20\x7f-\xa0]+", text)).strip()
    text = "".join(
        "\ufffd" if unicodedata.category(letter) == "Cs" else letter
        for letter in text
        if unicodedata.category(letter) != "Cc" and letter not in TURNS_TEXT_AROUND
    )
    return text if len(text) <= longest else text[: longest - 1] + "…"


def words(name: str) -> str:
    """Return a misconception's or a verdict's name as people write it."""
    return plain(name).replace("_", " ")


def points(value: float | None) -> str:
    """Return points with at most two decimals, and a dash where there are none."""
    return "—" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def print_table(
    records: Sequence[SubmissionRecord],
    console: Console | None = None,
    names: Mapping[str, str] | None = None,
) -> None:
    """Print a table of each assignment: student, score, a mark per exercise, what went wrong."""
    console = console or open_console()
    symbols = SYMBOLS if _takes_symbols(console) else LETTERS
    names = names or {}
    for summary in summarise(records):
        column = console.width >= WIDE
        console.print(plain(summary.assignment), style="bold", markup=False, highlight=False)
        console.print(_table(summary, names, symbols, reasons=column))
        console.print(_legend(symbols), style="dim")
        if not column:
            console.print()
            _print_reasons(summary, names, console)


def print_overview(
    records: Sequence[SubmissionRecord],
    console: Console | None = None,
    names: Mapping[str, str] | None = None,
) -> None:
    """Print one table of all assignments, a row for each student, and what went wrong below it."""
    console = console or open_console()
    names = names or {}
    summaries = summarise(records)
    frame = box.SIMPLE_HEAD if _takes_symbols(console) else box.ASCII
    table = Table(box=frame, pad_edge=False, collapse_padding=True)
    table.add_column("student", no_wrap=True, max_width=24, overflow="ellipsis")
    for summary in summaries:
        head = plain(summary.assignment).replace("_", "\n", 1).replace("_", "_\n")
        table.add_column(f"{head}\nof {points(summary.max_score)}", justify="right", no_wrap=True)
    for student in sorted({record.student for record in records}):
        rows = [r for summary in summaries for r in summary.records if r.student == student]
        scores = {record.assignment: _score(record) for record in rows}
        row = [scores.get(summary.assignment, Text("")) for summary in summaries]
        table.add_row(Text(plain(names.get(student, student), 60)), *row)
    console.print(table)
    console.print("?: a person must look. Nothing: not handed in.", style="dim", markup=False)
    for summary in summaries:
        console.print()
        console.print(plain(summary.assignment), style="bold", markup=False, highlight=False)
        _print_reasons(summary, names, console)


def _score(record: SubmissionRecord) -> Text:
    """Return a record's points, or a question mark; green where nothing is missing."""
    if record.score is None:
        return Text("?", style=STYLES[COULD_NOT_RUN])
    passed = all(verdict.verdict == PASSED for verdict in record.exercises)
    mark = PASSED if passed else PARTLY if record.score else FAILED
    return Text(points(record.score), style=STYLES[mark])


def _print_reasons(summary: AssignmentSummary, names: Mapping[str, str], console: Console) -> None:
    """Print what went wrong below the table, where a column for it would be too narrow."""
    for record in summary.records:
        wrong = what_went_wrong(record)
        if wrong:
            name = Text(plain(names.get(record.student, record.student), 60), style="bold")
            console.print(name.append(f": {wrong}", style="not bold"))


def _takes_symbols(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")


def _table(
    summary: AssignmentSummary,
    names: Mapping[str, str],
    symbols: Mapping[str, str],
    reasons: bool,
) -> Table:
    frame = box.SIMPLE_HEAD if symbols is SYMBOLS else box.ASCII
    table = Table(box=frame, pad_edge=False, collapse_padding=True)
    table.add_column("student", no_wrap=True, max_width=24, overflow="ellipsis")
    table.add_column(f"score\nof {points(summary.max_score)}", justify="right", no_wrap=True)
    for exercise in summary.exercises:
        table.add_column(exercise.name.replace("_", "_\n"), justify="center", no_wrap=True)
    if reasons:
        table.add_column("what went wrong", overflow="fold")
    for record in summary.records:
        verdicts = {verdict.exercise: verdict for verdict in record.exercises}
        marks = [_mark(verdicts.get(e.name), symbols) for e in summary.exercises]
        name = Text(plain(names.get(record.student, record.student), 60))
        score = Text(points(record.score))
        wrong = [Text(what_went_wrong(record))] if reasons else []
        table.add_row(name, score, *marks, *wrong)
    return table


def _mark(verdict: ExerciseVerdict | None, symbols: Mapping[str, str]) -> Text:
    mark = COULD_NOT_RUN if verdict is None else mark_of(verdict)
    return Text(symbols[mark], style=STYLES[mark])


def _legend(symbols: Mapping[str, str]) -> str:
    meaning = {PASSED: "passed", PARTLY: "in part", FAILED: "failed"}
    legend = "   ".join(f"{symbols[mark]} {text}" for mark, text in meaning.items())
    return f"{legend}   {symbols[COULD_NOT_RUN]} could not run: a person must look"


def what_went_wrong(record: SubmissionRecord) -> str:
    """Return, on one line, the named misconceptions; else why the first exercise failed.

    Where nothing could be judged, the reason.
    """
    if record.score is None:
        unjudged = (v.message for v in record.exercises if v.score is None and v.message)
        return plain(record.reason or next(unjudged, "could not run"))
    wrong = [v for v in record.exercises if v.verdict != PASSED]
    named = [f"{plain(v.exercise)}: {words(v.misconception)}" for v in wrong if v.misconception]
    if not named and wrong:
        return plain(f"{wrong[0].exercise}: {wrong[0].message}", 240)
    return "; ".join(named)


@contextmanager
def grading_progress(console: Console | None = None) -> Iterator[Advance]:
    """Give a function to call with (done, total, record) after each submission.

    On a terminal it moves a bar with the rate and the time that is left; elsewhere (a log file)
    it prints a line at each tenth of the class.
    """
    console = console or open_console()
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (
        TextColumn("grading"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[last]}", style="dim"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=None, rate="", last="")
        start = time.monotonic()

        def advance(done: int, total: int, record: SubmissionRecord) -> None:
            rate = f"{done / max(time.monotonic() - start, 1e-3):.1f} a second"
            last = escape(plain(record.student, 24))
            progress.update(task, completed=done, total=total, rate=rate, last=last)

        yield advance


def _lines(console: Console) -> Advance:
    start = time.monotonic()

    def advance(done: int, total: int, record: SubmissionRecord) -> None:
        if done * 10 // total == (done - 1) * 10 // total:
            return
        spent = time.monotonic() - start
        left = spent / done * (total - done)
        console.print(f"graded {done} of {total}, about {left:.0f} s left", highlight=False)

    return advance
