"""Submissions of the tiny lesson, invented verdicts on them, and the rows that they leave."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.build import build
from autograder.course_folder import CourseFolder
from autograder.plan import Plan
from autograder.record import (
    FAILED,
    PASSED,
    CaseVerdict,
    CellRun,
    ExerciseVerdict,
    SubmissionRecord,
)
from tests.autograder import tiny_lesson
from tests.autograder.tiny_lesson import ASSIGNMENT

ANSWERS = {
    "box_area": "def box_area(boxes):\n    sides = boxes[:, 2:] - boxes[:, :2]\n"
    "    return sides[:, 0] * sides[:, 1]",
    "box_iou": "def box_iou(a, b):\n    raise ValueError('not today')",
    "largest": "largest = 2",
    "why_union": "A union is at least as large as each of its parts.",
}
SENTENCE = "IoU is the shared area over the union."
ROWS = """
    SELECT s.id, a.name, sub.timestamp, n.name, page.late_submission_penalty, c.name, {columns}
    FROM {table} AS r
    JOIN base_cell AS c ON c.id = r.cell_id
    JOIN submitted_notebook AS page ON page.id = r.notebook_id
    JOIN notebook AS n ON n.id = page.notebook_id
    JOIN submitted_assignment AS sub ON sub.id = page.assignment_id
    JOIN assignment AS a ON a.id = sub.assignment_id
    JOIN student AS s ON s.id = sub.student_id
    ORDER BY 1, 2, 4, 6
"""


def tiny_course(folder: Path, variants: int = 1) -> CourseFolder:
    """Build the tiny lesson as a course."""
    lessons = tiny_lesson.write_lesson(folder / "lessons")
    topics = {ASSIGNMENT: tiny_lesson.TOPIC}
    return build(folder / "course", variants, lessons=lessons, topics=topics)


def released(course: CourseFolder) -> NotebookNode:
    """Return the release notebook."""
    path = course.root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    return nbformat.read(path, as_version=4)


def cell_of(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    """Return the one cell that nbgrader knows by this name."""
    found = [
        c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id
    ]
    (cell,) = found
    return cell


def answered(course: CourseFolder, **sources: str) -> NotebookNode:
    """Return the release with answers: right ones but for box_iou, or the given ones."""
    notebook = released(course)
    for name, source in {**ANSWERS, **sources}.items():
        cell_of(notebook, name).source = source
    return notebook


def notebook_bytes(notebook: NotebookNode) -> bytes:
    """Return a notebook as Jupyter saves it."""
    return json.dumps(notebook).encode()


def hand_in(
    course: CourseFolder,
    student: str,
    content: NotebookNode | bytes | None,
    timestamp: str | None = None,
) -> bytes | None:
    """Put a submission (None: a folder without notebook) into submitted/; return its bytes."""
    folder = course.root / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes | None) else notebook_bytes(content)
    if data is not None:
        (folder / f"{ASSIGNMENT}.ipynb").write_bytes(data)
    if timestamp is not None:
        (folder / "timestamp.txt").write_text(timestamp)
    return data


def verdicts(student: str = "ada", **changes: Any) -> SubmissionRecord:
    """Return the verdicts that `answered` deserves."""
    cases = (
        CaseVerdict("overlapping", FAILED, SENTENCE),
        CaseVerdict("no boxes", FAILED, "It raised ValueError: not today"),
    )
    exercises = (
        ExerciseVerdict("box_area", PASSED, 1.0, points=1.0),
        ExerciseVerdict("box_iou", FAILED, 0.0, SENTENCE, "negative_sides", cases, points=2.5),
        ExerciseVerdict("largest", PASSED, 1.0, points=0.5),
    )
    runs = (CellRun(2, (("stdout", "I ran\n"),)),)
    record = {"exercises": exercises, "runs": runs, "manual_pending": 1, **changes}
    return SubmissionRecord(student, ASSIGNMENT, **record)


def plan_of(course: CourseFolder) -> Plan:
    """Return the plan of the built lesson."""
    return course.plan(ASSIGNMENT)


def rows(course: CourseFolder) -> dict[str, list[tuple[Any, ...]]]:
    """Return the gradebook's rows without their random ids."""
    columns = {
        "grade": "r.auto_score, r.manual_score, r.extra_credit, r.needs_manual_grade",
        "comment": "r.auto_comment, r.manual_comment",
    }
    with closing(sqlite3.connect(course.gradebook)) as database:
        return {
            table: database.execute(ROWS.format(table=table, columns=names)).fetchall()
            for table, names in columns.items()
        }


def grades(course: CourseFolder, student: str = "ada") -> dict[str, tuple[Any, ...]]:
    """Return (auto_score, manual_score, extra_credit, needs_manual_grade) by cell."""
    return {row[5]: row[6:] for row in rows(course)["grade"] if row[0] == student}


def comments(course: CourseFolder, student: str = "ada") -> dict[str, tuple[Any, ...]]:
    """Return (auto_comment, manual_comment) by cell."""
    return {row[5]: row[6:] for row in rows(course)["comment"] if row[0] == student}


def autograded(course: CourseFolder, student: str = "ada") -> dict[str, bytes]:
    """Return the files in a student's autograded folder."""
    folder = course.root / "autograded" / student / ASSIGNMENT
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
