"""The report of a class: one HTML file that needs nothing else, for instructors.

Whatever students wrote (names, messages of their exceptions) is text here and never markup: the
page's own script reads the feedback from a block of data and makes text nodes of it, and the
page's policy lets no other script run.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2

from autograder.class_summary import AssignmentSummary, Bin, mark_of, summarise
from autograder.console import plain, points, what_went_wrong, words
from autograder.course_folder import write_whole
from autograder.errors import UsageError
from autograder.record import COULD_NOT_RUN, ExerciseVerdict, SubmissionRecord

TEMPLATES = Path(__file__).parent / "templates"
SHORTEST_NAME = 3  # a shorter one is too common to be taken out of texts


def write_report(
    records: Sequence[SubmissionRecord],
    out: Path,
    title: str = "Report",
    anonymous: bool = False,
    names: Mapping[str, str] | None = None,
    secret: bytes | None = None,
) -> Path:
    """Write the report of `records` to `out` and return the path.

    `names` gives the name to show of a student's id. With `anonymous`, students are numbered in
    an order that the `secret` decides (the same secret, the same numbers; without one the numbers
    are new each time), and their ids and names are taken out of every message.
    """
    if not records:
        raise UsageError("records must hold at least one graded submission, got none: grade first")
    if anonymous:
        records, names = _without_names(records, names or {}, secret or secrets.token_bytes(32))
    style, script = ((TEMPLATES / f"report.{kind}").read_text() for kind in ("css", "js"))
    summaries = summarise(records)
    shared = _Shared()
    sections = [_section(i, summary, names or {}, shared) for i, summary in enumerate(summaries)]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    html = environment.get_template("report.html.j2").render(
        title=plain(title),
        sections=sections,
        style=style,
        script=script,
        policy=_policy(style, script),
        data=_data(sections, shared),
        points=points,
        words=words,
    )
    write_whole(out, html.encode("utf-8", "replace"))
    return out


def _policy(style: str, script: str) -> str:
    """Return a content security policy that allows this style and this script and nothing else."""
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, script)
    ]
    return f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'"


def _without_names(
    records: Sequence[SubmissionRecord], names: Mapping[str, str], secret: bytes
) -> tuple[list[SubmissionRecord], dict[str, str]]:
    """Return the records with numbers for students, in an order that tells nothing of names."""
    students = {record.student for record in records}
    order = sorted(
        students, key=lambda s: hmac.digest(secret, s.encode("utf-8", "replace"), "sha256")
    )
    digits = len(str(len(order)))
    numbers = {student: f"{i:0{digits}d}" for i, student in enumerate(order, start=1)}
    hidden = [
        _without_name(record, names.get(record.student, ""), numbers[record.student])
        for record in records
    ]
    return hidden, {number: f"Student {int(number)}" for number in numbers.values()}


def _digest(secret: bytes, student: str) -> bytes:
    return hmac.digest(secret, student.encode("utf-8", "replace"), "sha256")


def _without_name(record: SubmissionRecord, name: str, number: str) -> SubmissionRecord:
    known = {record.student, name, *re.split(r"[\W_]+", f"{record.student} {name}")}
    known = {part for part in known if len(part) >= SHORTEST_NAME}
    pattern = re.compile("|".join(map(re.escape, sorted(known, key=len, reverse=True))), re.I)

    def clean(text: str) -> str:
        return pattern.sub("(name)", text) if known else text

    exercises = tuple(
        replace(
            verdict,
            message=clean(verdict.message),
            cases=tuple(replace(case, message=clean(case.message)) for case in verdict.cases),
        )
        for verdict in record.exercises
    )
    return replace(
        record,
        student=number,
        exercises=exercises,
        reason=clean(record.reason),
        notes=tuple(map(clean, record.notes)),
    )


class _Shared:
    """Texts and verdicts of the feedback, each once: most are those of many students."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}
        self.verdicts: dict[ExerciseVerdict, int] = {}
        self._places: dict[str, int] = {}

    def text(self, text: str) -> int:
        """Return the place of a text, which is made safe to show."""
        if text not in self._places:
            self._places[text] = self.texts.setdefault(plain(text), len(self.texts))
        return self._places[text]

    def verdict(self, verdict: ExerciseVerdict) -> int:
        """Return the place of a verdict."""
        return self.verdicts.setdefault(verdict, len(self.verdicts))


def _data(sections: Sequence[dict[str, Any]], shared: _Shared) -> str:
    """Return the feedback as JSON that is safe inside a script element."""
    feedback = [[row.pop("feedback") for row in section["rows"]] for section in sections]
    verdicts = [_feedback(verdict, shared) for verdict in shared.verdicts]
    content = {"texts": list(shared.texts), "verdicts": verdicts, "sections": feedback}
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _section(
    number: int, summary: AssignmentSummary, names: Mapping[str, str], shared: _Shared
) -> dict[str, Any]:
    """Return what the template shows of one assignment."""

    def name(student: str) -> str:
        return plain(names.get(student, student), 80)

    mistakes: dict[str, list[str]] = {}
    for i, misconception in enumerate(summary.misconceptions):
        for student in misconception.students:
            mistakes.setdefault(student, []).append(str(i))
    rows = [
        _row(record, name(record.student), summary, mistakes.get(record.student, ()), shared)
        for record in summary.records
    ]
    return {
        "id": f"assignment-{number}",
        "number": number,
        "summary": summary,
        "manual_pending": sum(record.manual_pending for record in summary.records),
        "unjudged": [(name(r.student), what_went_wrong(r)) for r in summary.unjudged],
        "histogram": _histogram(summary),
        "misconceptions": [
            {"count": len(m.students), "exercise": m.exercise, "name": words(m.name),
             "sentence": plain(m.sentence)}
            for m in summary.misconceptions
        ],
        "rows": rows,
    }  # fmt: skip


def _row(
    record: SubmissionRecord,
    name: str,
    summary: AssignmentSummary,
    mistakes: Sequence[str],
    shared: _Shared,
) -> dict[str, Any]:
    verdicts = {verdict.exercise: verdict for verdict in record.exercises}
    return {
        "name": name,
        "score": record.score,
        "max_score": record.max_score,
        "marks": [_mark(verdicts.get(exercise.name)) for exercise in summary.exercises],
        "wrong": what_went_wrong(record),
        "mistakes": " ".join(mistakes),
        "manual": record.manual_pending,
        "feedback": {
            "reason": plain(record.reason),
            "notes": [plain(note) for note in record.notes],
            "manual": record.manual_pending,
            "exercises": [shared.verdict(verdict) for verdict in record.exercises],
        },
    }


def _mark(verdict: ExerciseVerdict | None) -> dict[str, Any]:
    if verdict is None or verdict.score is None:
        return {"mark": COULD_NOT_RUN, "points": None}
    return {"mark": mark_of(verdict), "points": verdict.score * verdict.points}


def _feedback(verdict: ExerciseVerdict, shared: _Shared) -> list[Any]:
    """Return [exercise, mark, points, of, message, misconception, groups]."""
    earned = None if verdict.score is None else verdict.score * verdict.points
    groups = [
        [shared.text(case.group), shared.text(case.verdict), shared.text(case.message)]
        for case in verdict.cases
    ]
    return [
        shared.text(verdict.exercise),
        shared.text(mark_of(verdict)),
        points(earned),
        points(verdict.points),
        shared.text(verdict.message),
        shared.text(words(verdict.misconception or "")),
        groups,
    ]


# The histogram's plot, in units of its view box.
LEFT, RIGHT, TOP, BOTTOM = 14, 626, 34, 190


def _histogram(summary: AssignmentSummary) -> dict[str, Any]:
    """Return bars, edges of the bins and the median, placed in a view box of 640 x 240."""
    if not summary.bins:
        return {"bars": [], "edges": [], "median": None, "label": "no points can be had"}
    tallest = max(1, *(b.count for b in summary.bins))
    step = (RIGHT - LEFT) / len(summary.bins)

    def bar(i: int, b: Bin) -> dict[str, Any]:
        height = (BOTTOM - TOP) * b.count / tallest
        inner = f"{points(b.low)} to {points(b.high)}"
        return {
            "x": round(LEFT + i * step + 2, 1), "width": round(step - 4, 1),
            "y": round(BOTTOM - height, 1), "height": round(height, 1),
            "middle": round(LEFT + (i + 0.5) * step, 1), "count": b.count, "range": inner,
        }  # fmt: skip

    bars = [bar(i, b) for i, b in enumerate(summary.bins)]
    edges = [(round(LEFT + i * step, 1), b.low) for i, b in enumerate(summary.bins)]
    median = summary.median
    counted = ", ".join(f"{b['range']} points: {b['count']}" for b in bars if b["count"])
    return {
        "bars": bars,
        "edges": [*edges, (RIGHT, summary.max_score)],
        "median": median,
        "median_x": None if median is None else _place(median, summary, step),
        "label": f"Distribution of scores. {counted or 'nobody was judged'}.",
    }


def _place(score: float, summary: AssignmentSummary, step: float) -> float:
    """Return where a score stands on the axis; the last bin may be narrower than the others."""
    i = next(i for i, b in enumerate(summary.bins) if score <= b.high)
    b = summary.bins[i]
    return round(LEFT + step * (i + (score - b.low) / (b.high - b.low)), 1)
