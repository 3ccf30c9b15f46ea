"""The rows of nbgrader's gradebook that belong to one submission.

The meaning of every column is that of nbgrader's SaveAutoGrades and AssignLatePenalties; what
people decided (manual scores and comments, extra credit, extensions) is never touched.
"""

import datetime
from typing import Any

from nbformat.notebooknode import NotebookNode
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.converters import Autograde
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import compute_checksum
from sqlalchemy import select
from sqlalchemy.orm import Session, load_only
from sqlalchemy.orm.attributes import set_committed_value

from autograder.errors import AutograderError
from autograder.executed_notebook import EDITABLE, MISSING, NO_RESPONSE, verdict_of
from autograder.executed_outputs import earned
from autograder.harmless import harmless_markdown
from autograder.plan import Plan
from autograder.record import SubmissionRecord

GRADED, COMMENTED = ("GradeCell", "TaskCell"), ("SolutionCell", "TaskCell")


class GradebookError(AutograderError):
    """nbgrader's gradebook or autograded/ cannot be written."""


def write_rows(
    session: Session,
    converter: Autograde,
    plan: Plan,
    judged: SubmissionRecord,
    notebook: NotebookNode,
    handed_in: datetime.datetime | None,
) -> None:
    """Write a submission's rows into the session; nothing is committed.

    `notebook` is the executed notebook, `converter` holds the configuration of late penalties.
    Without a time of handing in, the one that the gradebook knows stays.
    """
    submission = _submission(session, judged.student, plan.assignment)
    if handed_in:
        submission.timestamp = handed_in
    page = _submitted_notebook(session, submission, plan.assignment)
    scores, comments = _scores(plan, judged, notebook), _comments(plan, judged, notebook)
    for name, grade in _rows(session, page, Grade, GRADED).items():
        if name in scores:
            grade.auto_score = scores[name]
            grade.needs_manual_grade = grade.manual_score is not None or scores[name] is None
    for name, comment in _rows(session, page, Comment, COMMENTED).items():
        if name in comments:
            comment.auto_comment = comments[name]
    _penalise(converter, submission, page)


def _submission(session: Session, student: str, assignment: str) -> SubmittedAssignment:
    """Return the row of a submission, made (and its student's) if it is not there."""
    wanted = select(Assignment).options(load_only(Assignment.name, Assignment.duedate))
    row = session.scalar(wanted.where(Assignment.name == assignment))
    if row is None:
        raise GradebookError(
            f"assignment must be in the gradebook, got {assignment!r}, which is not there: "
            "run `autograder build` on this course again"
        )
    if session.get(Student, student) is None:
        session.add(Student(id=student))
    columns = load_only(SubmittedAssignment.timestamp, SubmittedAssignment.extension)
    found = select(SubmittedAssignment).options(columns).filter_by(assignment_id=row.id)
    submission = session.scalar(found.filter_by(student_id=student))
    if submission is None:
        submission = SubmittedAssignment(assignment_id=row.id, student_id=student)
        session.add(submission)
        session.flush()
    set_committed_value(submission, "assignment", row)  # else it is read once more for its due date
    return submission


def _submitted_notebook(
    session: Session, submission: SubmittedAssignment, name: str
) -> SubmittedNotebook:
    """Return the row of the submission's notebook; one for every notebook of the assignment."""
    notebooks = select(Notebook.name, Notebook.id).filter_by(assignment_id=submission.assignment_id)
    released = {name: notebook_id for name, notebook_id in session.execute(notebooks)}
    columns = load_only(SubmittedNotebook.notebook_id, SubmittedNotebook.late_submission_penalty)
    found = select(SubmittedNotebook).options(columns).filter_by(assignment_id=submission.id)
    pages = {page.notebook_id: page for page in session.scalars(found)}
    for notebook_id in released.values():
        if notebook_id not in pages:
            pages[notebook_id] = SubmittedNotebook(
                notebook_id=notebook_id, assignment_id=submission.id
            )
            session.add(pages[notebook_id])
    if name not in released:
        raise GradebookError(
            f"notebook must be in the gradebook, got {name!r}, which is not there: "
            "run `autograder build` on this course again"
        )
    session.flush()
    return pages[released[name]]


def _rows(
    session: Session, page: SubmittedNotebook, kind: type[Any], types: tuple[str, ...]
) -> dict[str, Any]:
    """Return the notebook's grades or comments by the name of their cell; missing ones are made."""
    cells = select(BaseCell.id, BaseCell.name).filter_by(notebook_id=page.notebook_id)
    names = session.execute(cells.where(BaseCell.type.in_(types))).all()
    columns = [getattr(kind, column.key) for column in kind.__table__.columns]
    found = select(kind).options(load_only(*columns)).filter_by(notebook_id=page.id)
    rows = {row.cell_id: row for row in session.scalars(found)}
    for cell_id, _ in names:
        if cell_id not in rows:
            rows[cell_id] = kind(cell_id=cell_id, notebook_id=page.id)
            session.add(rows[cell_id])
    return {name: rows[cell_id] for cell_id, name in names}


def _scores(plan: Plan, judged: SubmissionRecord, notebook: NotebookNode) -> dict[str, Any]:
    """Return the automatic points by cell; None asks for a person's."""
    scores: dict[str, float | None] = {
        check.grade_id: earned(verdict_of(check, judged), check.points) for check in plan.checks
    }
    cells = _cells(notebook)
    for written in plan.written:
        # nbgrader's rule: an answer that nobody wrote is worth nothing, without asking anybody
        scores[written.grade_id] = 0.0 if _is_untouched(cells[written.grade_id]) else None
    return scores


def _comments(plan: Plan, judged: SubmissionRecord, notebook: NotebookNode) -> dict[str, Any]:
    """Return what a student reads under each answer; None where there is nothing to say."""
    cells = _cells(notebook)
    messages = {verdict.exercise: verdict.message for verdict in judged.exercises}
    comments: dict[str, str | None] = {}
    for planned in plan.cells:
        if planned.kind not in EDITABLE:
            continue
        cell = cells.get(planned.grade_id)
        said = judged.reason or messages.get(planned.exercise, "")
        if cell and cell.metadata.get("course", {}).get("missing"):
            said = MISSING
        elif cell and _is_untouched(cell):
            said = NO_RESPONSE
        comments[planned.grade_id] = harmless_markdown(said) or None
    return comments


def _cells(notebook: NotebookNode) -> dict[str, NotebookNode]:
    named = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    return {cell.metadata.nbgrader.grade_id: cell for cell in named}


def _is_untouched(cell: NotebookNode) -> bool:
    return bool(cell.metadata.nbgrader.checksum == compute_checksum(cell))


def _penalise(
    converter: Autograde, submission: SubmittedAssignment, page: SubmittedNotebook
) -> None:
    """Set the penalty for a late submission by the plugin that nbgrader is configured with."""
    page.late_submission_penalty = None
    late = 0 if submission.assignment.duedate is None else submission.total_seconds_late
    if late > 0:
        penalties = AssignLatePenalties(parent=converter)
        penalties.init_plugin()
        penalty = penalties.plugin_inst.late_submission_penalty(
            submission.student_id, page.score, late
        )
        if penalty is not None:
            page.late_submission_penalty = penalties._check_late_penalty(page, penalty)
