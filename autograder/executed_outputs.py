"""What stands under the cells of an executed notebook: displays of the sandbox, and verdicts."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from autograder.harmless import clean_picture, clean_text
from autograder.record import COULD_NOT_RUN, FAILED, CaseVerdict, CellRun, ExerciseVerdict
from course.check_table import prose

OUTPUTS_LIMIT = 60  # of one cell
DISPLAY_LIMIT = 20_000_000  # characters of all outputs of a notebook
MESSAGE_LIMIT = 2_000  # characters of one message in a table


def earned(verdict: ExerciseVerdict, points: float) -> float | None:
    """Return the points of a verdict, between 0 and `points`; None where nothing was judged."""
    score = verdict.score
    if verdict.verdict == COULD_NOT_RUN or score is None or not math.isfinite(score):
        return None
    return min(max(points * score, 0.0), points)


def outputs_by_index(runs: Iterable[CellRun]) -> dict[int | None, list[dict[str, Any]]]:
    """Return what each cell displayed in the sandbox, as outputs that can only be read."""
    room = DISPLAY_LIMIT
    shown: dict[int | None, list[dict[str, Any]]] = {}
    for run in runs:
        outputs = []
        for kind, text in run.outputs[:OUTPUTS_LIMIT]:
            room -= len(text)
            outputs += _output(kind, text) if room >= 0 else []
        shown[run.index] = outputs
    return shown


def _output(kind: str, text: str) -> list[dict[str, Any]]:
    """Return one output in a list, an empty one where it is of no kind that is safe to show."""
    match kind:
        case "stdout" | "stderr":
            return [{"output_type": "stream", "name": kind, "text": clean_text(text)}]
        case "error":
            lines = clean_text(text).splitlines()
            name, _, value = lines[-1].partition(": ") if lines else ("", "", "")
            error = {"ename": name, "evalue": value, "traceback": lines}
            return [{"output_type": "error", **error}]
        case "text/plain":
            return [_display({kind: clean_text(text)})]
        case "image/png":
            picture = clean_picture(text)
            return [_display({kind: picture})] if picture else []
    return []


def _display(data: dict[str, str]) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": data}


def verdict_outputs(verdict: ExerciseVerdict, points: float) -> list[dict[str, Any]]:
    """Return the outputs of a check cell: the verdict to read, and the points as a number."""
    shown = _display({"text/html": _verdict_html(verdict, points), "text/plain": _text(verdict)})
    score = earned(verdict, points)
    if score is None:
        return [shown]
    number = {"output_type": "execute_result", "execution_count": None}
    return [shown, {**number, "metadata": {}, "data": {"text/plain": repr(float(score))}}]


def _text(verdict: ExerciseVerdict) -> str:
    rows = [f"  {case.group}: {_words(case.verdict)} {case.message}" for case in verdict.cases]
    lines = [_words(verdict.verdict), verdict.message, *rows]
    return clean_text("\n".join(line.rstrip() for line in lines if line.strip()))


def _verdict_html(verdict: ExerciseVerdict, points: float) -> str:
    """Return the verdict as a small table; all text is escaped, and no formula is typeset."""
    score = earned(verdict, points)
    worth = "no score yet, a person must look" if score is None else _points(score, points)
    in_part = verdict.verdict == FAILED and bool(score)
    rows = "".join(
        f"<tr>{_data(case.group)}{_data(_words(case.verdict))}{_data(message)}</tr>"
        for case, message in zip(verdict.cases, _told_once(verdict.cases), strict=True)
    )
    table = f"<table>{rows}</table>" if rows else ""
    word = "passed in part" if in_part else _words(verdict.verdict)
    head = f"<p><strong>{word}</strong>: {worth}</p>"
    message = f"<p>{_prose(verdict.message)}</p>" if verdict.message else ""
    return f'<div class="tex2jax_ignore mathjax_ignore">{head}{message}{table}</div>'


def _points(score: float, points: float) -> str:
    """Return the score with the two decimals that nbgrader shows beside it."""
    return f"{round(score, 2):g} of {points:g} points"


def _told_once(cases: Sequence[CaseVerdict]) -> list[str]:
    """Return the cases' messages; one that was told before only says with which group."""
    first: dict[str, str] = {}
    told = []
    for case in cases:
        earlier = first.setdefault(case.message, case.group) if case.message else case.group
        told.append(case.message if earlier == case.group else f'the same as in "{earlier}"')
    return told


def _data(text: str) -> str:
    return f'<td style="text-align: left; padding-right: 1em">{_prose(text)}</td>'


def _prose(text: str) -> str:
    return prose(clean_text(text, MESSAGE_LIMIT))


def _words(verdict: str) -> str:
    return verdict.replace("_", " ")
