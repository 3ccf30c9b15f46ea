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
from course.check_pictures import picture
from course.outcome import VALUE, Case, Outcome

MARKS = {True: "✓ passes", False: "✗ fails", None: "- did not run"}
MAX_NUMBERS = 12  # of a tensor, shown in a table
MAX_CALL = 2_000  # characters of a call that is shown whole

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
        png = picture(self.title, self.case, *self.outcomes)
        if png is None:
            return ""
        source = base64.b64encode(png).decode()
        alt = html.escape(f"The first call that went wrong, expected and got: {self.title}")
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
