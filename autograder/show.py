"""For appeals: the hidden inputs of each failing case, what came back, what was expected.

For instructors only: what is printed here are hidden cases.
"""

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from torch import Tensor, nn

from autograder.class_summary import mark_of
from autograder.console import open_console, plain, points, words
from autograder.course_folder import CourseFolder
from autograder.exercise import Exercise
from autograder.exercises import find
from autograder.grading import outcomes_of, read_submission
from autograder.record import PASSED, ExerciseVerdict
from course.cases import CaseSet
from course.compare import difference
from course.outcome import NOT_ANSWERED, NOT_FINISHED, RAISED, VALUE, Case, Outcome

MOST_ROWS = 12
MOST_NUMBERS = 16
MOST_TEXT = 400
CORNERS = ("x1", "y1", "x2", "y2")


def show(
    course: CourseFolder,
    assignment: str,
    student: str,
    tier: str | None = None,
    console: Console | None = None,
) -> None:
    """Judge a submission again and print every case that fails, with its hidden inputs."""
    console = console or open_console()
    release = read_submission(course, assignment, student).plan.release
    judged = outcomes_of(course, assignment, student, tier)
    console.print(Text(f"{plain(student)}, {assignment}, release {release}", style="bold"))
    console.print("These are hidden cases: not for students.", style="dim")
    for verdict, case_set, outcomes in judged:
        console.print()
        console.print(render(verdict, case_set, outcomes))


def render(
    verdict: ExerciseVerdict, case_set: CaseSet, outcomes: Sequence[Outcome]
) -> RenderableType:
    """Return the verdict of one exercise and each of its failing cases."""
    head = Text(f"{verdict.exercise}: {words(mark_of(verdict))}", style="bold")
    earned = None if verdict.score is None else verdict.score * verdict.points
    head.append(f", {points(earned)} of {points(verdict.points)}", style="not bold")
    parts: list[RenderableType] = [head]
    if verdict.message:
        parts.append(Text(f"  {plain(verdict.message)}"))
    if verdict.misconception:
        parts.append(Text(f"  misconception: {words(verdict.misconception)}"))
    if verdict.verdict != PASSED and not outcomes:
        parts.append(Text("  No case was run."))
    failing = list(_failing(case_set, outcomes))
    names = argument_names(verdict.exercise)
    for number, case, got, expected, why in failing:
        title = f"case {number + 1} of {len(case_set.cases)}, {case.group}: {plain(why)}"
        shown = Group(
            Text(title, style="underline"),
            _arguments(case, names),
            _outcome("expected", expected),
            _outcome("got", got),
        )
        parts.append(Padding(shown, (1, 0, 0, 2)))
    unasked = len(case_set.cases) - len(outcomes)
    if failing and unasked:
        parts.append(Text(f"  {unasked} more cases were not run after this."))
    return Group(*parts)


def _failing(
    case_set: CaseSet, outcomes: Sequence[Outcome]
) -> Iterator[tuple[int, Case, Outcome, Outcome, str]]:
    for number, (case, got) in enumerate(zip(case_set.cases, outcomes, strict=False)):
        expected = case_set.expected[number]
        why = difference(got, expected, case_set.comparison(case))
        if why:
            yield number, case, got, expected, str(why)


def argument_names(exercise: str) -> list[str]:
    """Return the names of an exercise's arguments, in order."""
    _, definition = find(exercise)
    assert isinstance(definition, Exercise)
    return list(inspect.signature(definition.reference).parameters)


def _arguments(case: Case, names: Sequence[str]) -> RenderableType:
    """Return the arguments by name; boxes and what belongs to each box stand in one table."""
    named = dict(zip(names, case.arguments, strict=False))
    together = _with_boxes(named)
    parts: list[RenderableType] = []
    if together:
        parts.append(_table(together))
    parts += [_value(name, value) for name, value in named.items() if name not in together]
    parts += [_value(f"input {i + 1} of the result", x) for i, x in enumerate(case.apply)]
    return Group(*parts)


def _with_boxes(named: dict[str, Any]) -> dict[str, Tensor]:
    """Return the boxes and the tensors with a number for each, where there is one set of boxes."""
    tensors = {name: value for name, value in named.items() if isinstance(value, Tensor)}
    boxes = [name for name, tensor in tensors.items() if _are_boxes(tensor)]
    if len(boxes) != 1 or not len(tensors[boxes[0]]):
        return {}
    count = len(tensors[boxes[0]])
    return {n: t for n, t in tensors.items() if n in boxes or t.shape == (count,)}


def _are_boxes(tensor: Tensor) -> bool:
    return tensor.ndim == 2 and tensor.shape[1] == 4 and tensor.is_floating_point()


def _table(columns: dict[str, Tensor]) -> Table:
    """Return a table with a row for each box."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", style="dim", justify="right")
    rows: list[list[str]] = []
    for name, tensor in columns.items():
        for part in CORNERS if tensor.ndim == 2 else (name,):
            table.add_column(part, justify="right")
        for i, row in enumerate(tensor[:MOST_ROWS].reshape(-1, 4 if tensor.ndim == 2 else 1)):
            if i == len(rows):
                rows.append([str(i)])
            rows[i] += [_number(value) for value in row.tolist()]
    for row in rows:
        table.add_row(*row)
    count = len(next(iter(columns.values())))
    if count > MOST_ROWS:
        table.caption = f"... {count - MOST_ROWS} more boxes"
    kinds = {str(tensor.dtype).removeprefix("torch.") for tensor in columns.values()}
    table.title = f"{', '.join(columns)} ({', '.join(sorted(kinds))})"
    table.title_justify = table.caption_justify = "left"
    table.title_style = table.caption_style = "dim"
    return table


def _outcome(label: str, outcome: Outcome) -> RenderableType:
    changed = Text(f"{label}: the input was changed") if outcome.changed else None
    if outcome.kind == VALUE:
        shown = _value(label, outcome.value)
        return Group(shown, changed) if changed else shown
    said = {
        RAISED: f"raised {outcome.error}: {outcome.detail}"
        + f" ({outcome.line})" * bool(outcome.line),
        NOT_ANSWERED: "not answered",
        NOT_FINISHED: "did not finish",
    }.get(outcome.kind, "the process ended")
    return Text(f"{label}: {plain(said, MOST_TEXT)}")


def _value(label: str, value: Any) -> RenderableType:
    if isinstance(value, Tensor) and _are_boxes(value) and len(value):
        return _table({label: value})
    return Text(f"{label}: {describe(value)}")


def describe(value: Any) -> str:
    """Return a value on one line, long ones abbreviated."""
    match value:
        case Tensor():
            kind = str(value.dtype).removeprefix("torch.")
            return f"{kind} {list(value.shape)}: {_numbers(value)}"
        case np.ndarray():
            return f"numpy {value.dtype} {list(value.shape)}"
        case tuple() | list():
            parts = [describe(part) for part in value[:MOST_NUMBERS]]
            more = [f"... {len(value) - MOST_NUMBERS} more"] * (len(value) > MOST_NUMBERS)
            opened, closed = "()" if isinstance(value, tuple) else "[]"
            return f"{opened}{', '.join([*parts, *more])}{closed}"
        case dict():
            return "{" + ", ".join(f"{plain(k)}: {describe(v)}" for k, v in value.items()) + "}"
        case nn.Module():
            return plain(str(value), MOST_TEXT)
        case float():
            return _number(value)
    return plain(repr(value), MOST_TEXT)


def _numbers(tensor: Tensor) -> str:
    if tensor.numel() > 1 and tensor.ndim > 1 and tensor.numel() <= 2 * MOST_NUMBERS:
        return "[" + ", ".join(_numbers(row) for row in tensor) + "]"
    numbers = [_number(number) for number in tensor.flatten()[:MOST_NUMBERS].tolist()]
    if tensor.ndim == 0:
        return numbers[0]
    more = [f"... {tensor.numel() - MOST_NUMBERS} more"] * (tensor.numel() > MOST_NUMBERS)
    return f"[{', '.join([*numbers, *more])}]"


def _number(value: float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
