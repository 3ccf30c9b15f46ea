"""A judged submission as the books will hold it: plain data, made without any gradebook.

The process that judged can make it, so that the one that writes the books has little left to do.
"""

from dataclasses import dataclass
from typing import Any

from autograder.executed_notebook import (
    EDITABLE,
    MISSING,
    NO_RESPONSE,
    notebook_content,
    notebook_text,
    verdict_of,
)
from autograder.executed_outputs import earned
from autograder.exercises import topics
from autograder.harmless import harmless_markdown
from autograder.plan import Plan, PlanCell
from autograder.record import SubmissionRecord


@dataclass(frozen=True)
class Prepared:
    """One submission of the books: the text of its executed notebook, and what its rows say.

    `scores` are automatic points by nbgrader's name of the cell, None where a person must give
    them; `comments` are what a student reads under each answer, None where nothing is said.
    """

    student: str
    assignment: str
    notebook: str
    scores: dict[str, float | None]
    comments: dict[str, str | None]


def prepare(plan: Plan, judged: SubmissionRecord, submitted: bytes | None) -> Prepared:
    """Return a judged submission as it will stand in the books; equal arguments, equal results.

    `submitted` are the bytes of the notebook that was judged, None where it could not be read.
    """
    content = notebook_content(plan, submitted, judged, marking_guides(plan.assignment))
    cells = {
        cell["metadata"]["nbgrader"]["grade_id"]: cell
        for cell in content["cells"]
        if "nbgrader" in cell["metadata"]
    }
    return Prepared(
        student=judged.student,
        assignment=plan.assignment,
        notebook=notebook_text(content),
        scores=_scores(plan, judged, cells),
        comments=_comments(plan, judged, cells),
    )


def marking_guides(assignment: str) -> dict[str, str]:
    """Return the marking guides of an assignment's written answers, by name."""
    topic = topics().get(assignment)
    return {answer.name: answer.guide for answer in topic.written} if topic else {}


def _scores(
    plan: Plan, judged: SubmissionRecord, cells: dict[str, dict[str, Any]]
) -> dict[str, float | None]:
    scores = {
        check.grade_id: earned(verdict_of(check, judged), check.points) for check in plan.checks
    }
    for written in plan.written:
        # nbgrader's rule: an answer that nobody wrote is worth nothing, without asking anybody
        scores[written.grade_id] = 0.0 if _is_untouched(written, cells) else None
    return scores


def _comments(
    plan: Plan, judged: SubmissionRecord, cells: dict[str, dict[str, Any]]
) -> dict[str, str | None]:
    messages = {verdict.exercise: verdict.message for verdict in judged.exercises}
    comments: dict[str, str | None] = {}
    for planned in plan.cells:
        if planned.kind not in EDITABLE:
            continue
        cell = cells.get(planned.grade_id)
        said = judged.reason or messages.get(planned.exercise, "")
        if cell and cell["metadata"].get("course", {}).get("missing"):
            said = MISSING
        elif cell and _is_untouched(planned, cells):
            said = NO_RESPONSE
        comments[planned.grade_id] = harmless_markdown(said) or None
    return comments


def _is_untouched(planned: PlanCell, cells: dict[str, dict[str, Any]]) -> bool:
    """Return whether an answer is as it was released: nbgrader compares checksums of the text."""
    return bool(cells[planned.grade_id]["source"] == planned.source)
