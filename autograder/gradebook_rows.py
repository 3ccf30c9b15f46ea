"""The rows of nbgrader's gradebook that belong to one submission.

The meaning of every column is that of nbgrader's SaveAutoGrades and AssignLatePenalties; what
people decided (manual scores and comments, extra credit, extensions) is never touched, and a row
that says already what it is to say is not written.
"""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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
from sqlalchemy import Connection, Row, and_, bindparam, insert, or_, select, update

from autograder.gradebook_faults import GradebookError
from autograder.prepared import Prepared

ASSIGNMENTS, NOTEBOOKS, CELLS = Assignment.__table__, Notebook.__table__, BaseCell.__table__
STUDENTS, SUBMISSIONS = Student.__table__, SubmittedAssignment.__table__
PAGES, GRADES, COMMENTS = SubmittedNotebook.__table__, Grade.__table__, Comment.__table__
GRADED, COMMENTED = ("GradeCell", "TaskCell"), ("SolutionCell", "TaskCell")

# (student, points, seconds late) -> the points that are taken off, None for none
Penalty = Callable[[str, float, float], float | None]
Values = dict[str, Any]

OWN = and_(
    SUBMISSIONS.c.assignment_id == ASSIGNMENTS.c.id,
    SUBMISSIONS.c.student_id == bindparam("student"),
)
SUBMISSION = (  # without a submission there is the due date, and None for the rest
    select(
        ASSIGNMENTS.c.duedate, SUBMISSIONS.c.id, SUBMISSIONS.c.timestamp, SUBMISSIONS.c.extension
    )
    .select_from(ASSIGNMENTS.outerjoin(SUBMISSIONS, OWN))
    .where(ASSIGNMENTS.c.id == bindparam("assignment"))
)
# nbgrader's indexes begin with the released notebook and the released cell: without them the
# database would read the rows of the whole class for each submission.
OWN_PAGES = select(PAGES.c.id, PAGES.c.notebook_id, PAGES.c.late_submission_penalty).where(
    PAGES.c.notebook_id.in_(bindparam("notebooks", expanding=True)),
    PAGES.c.assignment_id == bindparam("submission"),
)
OWN_GRADES = select(
    GRADES.c.id, GRADES.c.cell_id, GRADES.c.auto_score, GRADES.c.manual_score,
    GRADES.c.needs_manual_grade,
).where(
    GRADES.c.cell_id.in_(bindparam("cells", expanding=True)),
    GRADES.c.notebook_id == bindparam("page"),
)  # fmt: skip
OWN_COMMENTS = select(COMMENTS.c.id, COMMENTS.c.cell_id, COMMENTS.c.auto_comment).where(
    COMMENTS.c.cell_id.in_(bindparam("cells", expanding=True)),
    COMMENTS.c.notebook_id == bindparam("page"),
)
# A person may give points at this very moment: the row itself says whether one has.
GRADE_AGAIN = (
    update(GRADES)
    .where(GRADES.c.id == bindparam("row"))
    .values(
        auto_score=bindparam("auto_score"),
        needs_manual_grade=or_(GRADES.c.manual_score.is_not(None), bindparam("unjudged")),
    )
)
COMMENT_AGAIN = (
    update(COMMENTS)
    .where(COMMENTS.c.id == bindparam("row"))
    .values(auto_comment=bindparam("auto_comment"))
)


@dataclass(frozen=True)
class Released:
    """What the gradebook knows of an assignment since it was built: ids by name."""

    assignment_id: str
    notebooks: Mapping[str, str]
    graded: Mapping[str, str]
    commented: Mapping[str, str]


def read_released(connection: Connection, assignment: str) -> Released:
    """Return the ids of an assignment, its notebooks and the cells of its one notebook."""
    found = connection.scalar(select(ASSIGNMENTS.c.id).where(ASSIGNMENTS.c.name == assignment))
    if found is None:
        raise _not_built("assignment", assignment)
    notebooks = select(NOTEBOOKS.c.name, NOTEBOOKS.c.id).where(NOTEBOOKS.c.assignment_id == found)
    known = {name: notebook for name, notebook in connection.execute(notebooks)}
    if assignment not in known:
        raise _not_built("notebook", assignment)
    cells = select(CELLS.c.name, CELLS.c.id, CELLS.c.type).order_by(CELLS.c.name)
    rows = connection.execute(cells.where(CELLS.c.notebook_id == known[assignment])).all()
    graded = {name: cell for name, cell, kind in rows if kind in GRADED}
    commented = {name: cell for name, cell, kind in rows if kind in COMMENTED}
    return Released(found, known, graded, commented)


def _not_built(what: str, name: str) -> GradebookError:
    return GradebookError(
        f"{what} must be in the gradebook, got {name!r}, which is not there: "
        "run `autograder build` on this course again"
    )


def write_rows(
    connection: Connection,
    released: Released,
    prepared: Prepared,
    handed_in: datetime.datetime | None,
    penalty: Penalty,
) -> None:
    """Write a submission's rows; nothing is committed.

    Without a time of handing in, the one that the gradebook knows stays.
    """
    submission, late = _submission(connection, released, prepared.student, handed_in)
    page = _page(connection, released, submission, prepared.assignment)
    _write_grades(connection, released, page.id, prepared.scores)
    _write_comments(connection, released, page.id, prepared.comments)
    off = None
    if late > 0:
        earned = select(SubmittedNotebook.score).where(PAGES.c.id == page.id)
        off = penalty(prepared.student, connection.execute(earned).scalar_one(), late)
    if off != page.late_submission_penalty:
        changed = update(PAGES).where(PAGES.c.id == page.id)
        connection.execute(changed.values(late_submission_penalty=off))


def _submission(
    connection: Connection, released: Released, student: str, handed_in: datetime.datetime | None
) -> tuple[str, float]:
    """Return the id of a submission's row, made if it is not there, and the seconds it is late."""
    key = {"assignment": released.assignment_id, "student": student}
    row = connection.execute(SUBMISSION, key).one()
    late = _seconds_late(handed_in or row.timestamp, row.duedate, row.extension)
    if row.id is None:
        if connection.scalar(select(STUDENTS.c.id).where(STUDENTS.c.id == student)) is None:
            connection.execute(insert(STUDENTS).values(id=student))
        new = {"assignment_id": released.assignment_id, "student_id": student}
        made = connection.execute(insert(SUBMISSIONS).values(**new, timestamp=handed_in))
        assert made.inserted_primary_key is not None  # ids are drawn here, not by the database
        return made.inserted_primary_key[0], late
    if handed_in and row.timestamp != handed_in:
        changed = update(SUBMISSIONS).where(SUBMISSIONS.c.id == row.id)
        connection.execute(changed.values(timestamp=handed_in))
    return row.id, late


def _seconds_late(
    handed_in: datetime.datetime | None,
    due: datetime.datetime | None,
    extension: datetime.timedelta | None,
) -> float:
    if handed_in is None or due is None:
        return 0.0
    return max(0.0, (handed_in - due - (extension or datetime.timedelta())).total_seconds())


def _page(connection: Connection, released: Released, submission: str, name: str) -> Row[Any]:
    """Return the row of the submission's notebook; one for every notebook of the assignment."""
    notebooks = list(released.notebooks.values())
    found = OWN_PAGES, {"notebooks": notebooks, "submission": submission}
    pages = {page.notebook_id: page for page in connection.execute(*found)}
    missing = [one for one in notebooks if one not in pages]
    if missing:
        new = [{"notebook_id": one, "assignment_id": submission} for one in missing]
        connection.execute(insert(PAGES), new)
        pages = {page.notebook_id: page for page in connection.execute(*found)}
    return pages[released.notebooks[name]]


def _write_grades(
    connection: Connection, released: Released, page: str, scores: Mapping[str, float | None]
) -> None:
    own = {"page": page, "cells": list(released.graded.values())}
    rows = {row.cell_id: row for row in connection.execute(OWN_GRADES, own)}
    new, changed = [], []
    for name, cell in released.graded.items():
        score, row = scores.get(name), rows.get(cell)
        if row is None:
            values = {"auto_score": score, "needs_manual_grade": score is None}
            new.append({"cell_id": cell, "notebook_id": page, **values})
        elif name in scores:
            needs = row.manual_score is not None or score is None
            if (row.auto_score, row.needs_manual_grade) != (score, needs):
                changed.append({"row": row.id, "auto_score": score, "unjudged": score is None})
    _execute(connection, insert(GRADES), new)
    _execute(connection, GRADE_AGAIN, changed)


def _write_comments(
    connection: Connection, released: Released, page: str, comments: Mapping[str, str | None]
) -> None:
    own = {"page": page, "cells": list(released.commented.values())}
    rows = {row.cell_id: row for row in connection.execute(OWN_COMMENTS, own)}
    new, changed = [], []
    for name, cell in released.commented.items():
        said, row = comments.get(name), rows.get(cell)
        if row is None:
            new.append({"cell_id": cell, "notebook_id": page, "auto_comment": said})
        elif name in comments and row.auto_comment != said:
            changed.append({"row": row.id, "auto_comment": said})
    _execute(connection, insert(COMMENTS), new)
    _execute(connection, COMMENT_AGAIN, changed)


def _execute(connection: Connection, statement: Any, rows: list[Values]) -> None:
    if rows:
        connection.execute(statement, rows)
