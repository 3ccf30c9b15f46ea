"""How a check looks: a small table in a notebook, lines of text in a terminal."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course.cases import Assessment, CaseSet, GroupResult
from course.outcome import VALUE, Case, Outcome, same

MARKS = {True: "✓ passes", False: "✗ fails", None: "- did not run"}
MAX_NUMBERS = 12  # of a tensor, shown in a table
MAX_CALL = 2_000  # characters of a call that is shown whole
MAX_PICTURE_BOXES = 60

# JupyterLab's own rules for tables and code are stronger than a class; hence !important.
STYLE = """<style>
.course-check {max-width: 75em; line-height: 1.4; overflow-x: auto;}
.course-check > div {border-left: 4px solid #888; padding-left: 0.7em; margin: 0.3em 0;}
.course-check > .fails {border-color: var(--jp-error-color1, #d55e00);}
.course-check > .passes {border-color: var(--jp-success-color1, #009e73);}
.course-check table {border-collapse: collapse; margin: 0.5em 0 !important; color: inherit;}
.course-check :is(th, td) {text-align: left !important; vertical-align: top !important;
  padding: 0.25em 1em 0.25em 0 !important; border-bottom: 1px solid #8886 !important;
  background: none !important; color: inherit;}
.course-check td:first-child {white-space: nowrap;}
.course-check td:nth-child(3) {min-width: 9em;}
.course-check .mark {white-space: nowrap; font-weight: 600;}
.course-check :is(code, pre) {background: none !important; color: inherit !important;
  padding: 0 !important; white-space: pre-wrap;}
.course-check img {max-width: 100%; margin-top: 0.5em;}
</style>"""


@dataclass(frozen=True)
class Row:
    """One group of cases: its name, whether it passed (None: it did not run), what was wrong."""

    group: str
    passed: bool | None
    wrong: str = ""
    expected: str = ""
    got: str = ""


@dataclass(frozen=True, repr=False)
class Report:
    """What `check` displays. `outcomes` are the expected and the actual one of the case shown."""

    title: str
    sentence: str
    rows: tuple[Row, ...] = ()
    passed: bool = False
    case: Case | None = None
    outcomes: tuple[Outcome, Outcome] | None = None

    def __repr__(self) -> str:
        width = max((len(row.group) for row in self.rows), default=0)
        lines = [f"{self.title}: public cases" if self.rows else self.title, self.sentence]
        for row in self.rows:
            lines.append(f"  {MARKS[row.passed]:<13} {row.group:<{width}}  {row.wrong}".rstrip())
            if row.expected:
                lines += [f"      expected {row.expected}", f"      got      {row.got}"]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        state = "waits" if not self.rows else "passes" if self.passed else "fails"
        return (
            f'{STYLE}<div class="course-check"><div class="{state}">'
            f"<strong><code>{html.escape(self.title)}</code></strong>"
            f"{': public cases' if self.rows else ''}<br>{prose(self.sentence)}"
            f"{self._table()}{self._call()}{self._picture()}</div></div>"
        )

    def _table(self) -> str:
        if not self.rows:
            return ""
        columns = ["cases", "result"]
        if not self.passed:
            columns.append("what was wrong")
        if any(row.expected for row in self.rows):
            columns += ["expected", "got"]
        heads = "".join(f'<th scope="col">{column}</th>' for column in columns)
        body = "".join(_html_row(row, len(columns)) for row in self.rows)
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"

    def _call(self) -> str:
        if self.case is None:
            return ""
        text = call_text(self.title, self.case)
        if len(text) > MAX_CALL:
            return ""
        return (
            "<details><summary>The first call that went wrong, to try yourself</summary>"
            f"<pre>{html.escape(text)}</pre></details>"
        )

    def _picture(self) -> str:
        if self.case is None or self.outcomes is None:
            return ""
        png = picture(self.case, *self.outcomes)
        if png is None:
            return ""
        source = base64.b64encode(png).decode()
        alt = html.escape(f"Boxes of the first call that went wrong: {self.title}")
        return f'<div><img alt="{alt}" src="data:image/png;base64,{source}"></div>'


def group_rows(
    case_set: CaseSet, assessment: Assessment, outcomes: Sequence[Outcome]
) -> tuple[Row, ...]:
    """Return a row for each group, with expected beside got where both are values."""
    rows: list[Row] = []
    first_told: dict[str, str] = {}
    for result in assessment.groups:
        row = _row(result, case_set, outcomes)
        if row.wrong and not row.expected:
            told = first_told.setdefault(row.wrong, row.group)
            row = row if told == row.group else replace(row, wrong=f'the same as in "{told}"')
        rows.append(row)
    return tuple(rows)


def _row(result: GroupResult, case_set: CaseSet, outcomes: Sequence[Outcome]) -> Row:
    name, found, at = result.group.name, result.difference, result.case
    if not result.ran:
        return Row(name, None)
    if found is None or at is None:
        return Row(name, True)
    if found.kind not in ("value", "shape", "nan") or outcomes[at].kind != VALUE:
        return Row(name, False, str(found))
    pair = case_set.expected[at].value, outcomes[at].value
    expected, got = (brief(value) for value in pair)
    if "tensor of shape" in expected or expected == got:  # too long to show, or nothing to see
        return Row(name, False, str(found))
    return Row(name, False, found.text, expected, got)


def _html_row(row: Row, columns: int) -> str:
    lines = (text.replace("], [", "],\n [") for text in (row.expected, row.got))  # a matrix by rows
    values = [f"<code>{html.escape(text)}</code>" if text else "" for text in lines]
    cells = [html.escape(row.group), MARKS[row.passed], prose(row.wrong), *values][:columns]
    marks = ["", ' class="mark"', "", "", ""]
    return f"<tr>{''.join(f'<td{m}>{c}</td>' for m, c in zip(marks, cells, strict=False))}</tr>"


def prose(text: str) -> str:
    """Return escaped text; pairs of backticks mark code."""
    parts = html.escape(text).split("`")
    if len(parts) % 2 == 0:
        return "`".join(parts)
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def brief(value: Any) -> str:
    """Return a short text of a value; long tensors by their shape."""
    match value:
        case Tensor() if value.numel() > MAX_NUMBERS:
            return f"tensor of shape {list(value.shape)}"
        case Tensor():
            return _numbers(value.tolist())
        case tuple():
            return f"({', '.join(map(brief, value))})"
        case list():
            return f"[{', '.join(map(brief, value))}]"
    return f"{value!r}"[:120]


def call_text(name: str, case: Case) -> str:
    """Return the call as code that a student can paste into a cell."""
    return f"{name}({', '.join(map(_code, case.arguments))})"


def _code(value: Any) -> str:
    if not isinstance(value, Tensor):
        return f"{value!r}"
    if value.numel() == 0:
        return f"torch.zeros({tuple(value.shape)}, dtype={value.dtype})"
    usual = value.dtype in (torch.float32, torch.int64, torch.bool)
    dtype = "" if usual else f", dtype={value.dtype}"
    return f"torch.tensor({_exact(value.numpy())}{dtype})"


def _exact(value: Any) -> str:
    """Return the shortest text that reads back as the same numbers."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"[{', '.join(map(_exact, value))}]"
    return str(value)


def _numbers(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_numbers, value))}]"
    return f"{value:.4g}" if isinstance(value, float) else f"{value}"


def picture(case: Case, expected: Outcome, got: Outcome) -> bytes | None:
    """Return a PNG of the boxes of a case, expected beside got, or None where there is none.

    Pictured are results that select boxes (indices into the first argument), areas of boxes and
    overlaps of pairs of boxes. Where only another part of the result is wrong, there is none.
    """
    if got.kind != VALUE or not case.arguments or not _are_boxes(case.arguments[0]):
        return None
    right, wrong = (_first(outcome.value) for outcome in (expected, got))
    if not isinstance(right, Tensor) or not isinstance(wrong, Tensor) or same(right, wrong):
        return None
    if right.dtype == torch.int64 and right.ndim == 1 == wrong.ndim:
        return _picture_of_selection(case.arguments[0], right, wrong)
    if right.shape == wrong.shape and right.is_floating_point():
        return _picture_of_measure(case, right, wrong)
    return None


def _are_boxes(value: Any) -> bool:
    return (
        isinstance(value, Tensor)
        and value.ndim == 2
        and value.shape[1] == 4
        and 0 < len(value) <= MAX_PICTURE_BOXES
    )


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list | tuple) and value else value


def _picture_of_selection(candidates: Tensor, right: Tensor, wrong: Tensor) -> bytes | None:
    from course import draw  # matplotlib takes a while to import, and most checks need none

    indices = wrong.tolist()
    if not all(isinstance(i, int) and 0 <= i < len(candidates) for i in indices):
        return None
    left, other = draw.panels("expected (in this order)", "got", **draw.around(candidates))
    draw.selected(left, candidates, right.tolist())
    draw.selected(other, candidates, indices)
    return draw.png(left)


def _picture_of_measure(case: Case, right: Tensor, wrong: Tensor) -> bytes | None:
    from course import draw  # as above

    differs = ~torch.isclose(wrong.double(), right.double(), 1e-4, 1e-5)
    if not differs.any():
        return None
    at = tuple(int(i) for i in differs.nonzero()[0])
    chosen = [
        case.arguments[axis][i] for axis, i in enumerate(at) if _are_boxes(case.arguments[axis])
    ]
    if len(chosen) != len(at):
        return None
    place = ", ".join(map(str, at))
    title = f"element [{place}]: expected {right[at]:.4g}, got {wrong[at]:.4g}"
    ax = draw.panels(title, **draw.around(torch.stack(chosen)))
    names = [f"{'ab'[axis]}[{i}]" if len(at) > 1 else f"boxes[{i}]" for axis, i in enumerate(at)]
    draw.boxes(ax, torch.stack(chosen), names, colors=("blue", "red")[: len(at)])
    return draw.png(ax)
