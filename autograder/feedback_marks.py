"""What the gradebook says of an assignment's submissions, for their feedback pages."""

from dataclasses import dataclass, field

from nbformat.notebooknode import NotebookNode
from nbgrader.api import (
    BaseCell,
    Comment,
    Grade,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.utils import is_grade, is_solution, is_task
from sqlalchemy import Connection, func, select

from autograder.gradebook_faults import GradebookError
from autograder.gradebook_rows import read_released


@dataclass
class Marks:
    """What the gradebook says of one submission: in all, and by the name of the cell."""

    score: float
    max_score: float
    late_penalty: float | None
    grades: dict[str, tuple[float, float]] = field(default_factory=dict)
    comments: dict[str, str | None] = field(default_factory=dict)


def mark(content: NotebookNode, marks: Marks) -> None:
    """Write scores and comments into the metadata of cells, as nbgrader's GetGrades."""
    for cell in content.cells:
        names = cell.metadata.get("nbgrader", {})
        try:
            if is_solution(cell) or is_task(cell):
                names["comment"] = marks.comments[names["grade_id"]]
            if is_grade(cell) or is_task(cell):
                names["score"], names["points"] = marks.grades[names["grade_id"]]
        except KeyError as error:
            raise GradebookError(
                f"cell {error} must be in the gradebook, got no row of it: "
                "run `autograder grade` again"
            ) from error


def read_marks(connection: Connection, assignment: str) -> dict[str, Marks]:
    """Return what the gradebook says of all submissions, by student."""
    notebook = read_released(connection, assignment).notebooks[assignment]
    students = SubmittedAssignment.student_id
    page, own = SubmittedNotebook, SubmittedNotebook.notebook_id == notebook
    joined = page.assignment_id == SubmittedAssignment.id
    # nbgrader's own sum reads all grades of the course for each page: here they are read once.
    sums = select(Grade.notebook_id, func.sum(Grade.score)).group_by(Grade.notebook_id)
    scores = {found: score for found, score in connection.execute(sums)}
    highest = connection.execute(select(Notebook.max_score).where(Notebook.id == notebook))
    max_score = highest.scalar_one()
    pages = select(students, page.id, page.late_submission_penalty).select_from(page)
    marks = {
        student: Marks(scores.get(found) or 0.0, max_score, penalty)
        for student, found, penalty in connection.execute(
            pages.join(SubmittedAssignment, joined).where(own)
        )
    }
    for kind, values in ((Grade, (Grade.score, Grade.max_score)), (Comment, (Comment.comment,))):
        rows = select(students, BaseCell.__table__.c.name, *values).select_from(kind)
        rows = rows.join(BaseCell.__table__, BaseCell.__table__.c.id == kind.cell_id)
        rows = rows.join(page, page.id == kind.notebook_id).join(SubmittedAssignment, joined)
        for student, name, *found in connection.execute(rows.where(own)):
            if kind is Grade:
                marks[student].grades[name] = (found[0], found[1])
            else:
                marks[student].comments[name] = found[0]
    return marks
