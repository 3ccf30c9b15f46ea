"""Submissions of the tiny lesson recorded with invented verdicts."""

import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook

from autograder import course_config, exercises, grading
from autograder.course_folder import CourseFolder
from autograder.gradebook import record
from autograder.grading import read_submission
from tests.autograder.submissions import plan_of, verdicts
from tests.autograder.tiny_lesson import ASSIGNMENT, TOPIC

TIMESTAMP = "2026-01-02 03:04:05 UTC"
DUE = datetime(2026, 1, 1)


def own_copy(built: CourseFolder, folder: Path, patch: pytest.MonkeyPatch) -> CourseFolder:
    """Return a copy of the built course, with an invented judge and a home of its own."""
    shutil.copytree(built.root, folder / "course")
    patch.setattr(grading, "judge_student", judge)
    patch.setattr(exercises, "TOPICS", (TOPIC,))
    patch.setenv("HOME", str(folder / "home"))
    patch.setenv("JUPYTER_CONFIG_DIR", str(folder / "jupyter"))
    return CourseFolder.open(folder / "course")


def judge(course: CourseFolder, assignment: str, student: str, *_: Any) -> Any:
    """Return invented verdicts, and the bytes as the real judge does."""
    submission = read_submission(course, assignment, student)
    if submission.notebook is None:
        return verdicts(student, exercises=(), runs=(), reason=submission.reason), None
    return verdicts(student), submission.data


def keep(course: CourseFolder, student: str = "ada", **changes: Any) -> None:
    """Record a submission as `autograder grade` does."""
    judged, submitted = judge(course, ASSIGNMENT, student)
    record(course, plan_of(course), replace(judged, **changes), submitted)


def configure(course: CourseFolder, *lines: str) -> None:
    """Add an instructor's own settings."""
    text = "\n".join(["c = get_config()", *lines, ""])
    (course.root / course_config.LOCAL_FILE).write_text(text)


def gradebook(course: CourseFolder) -> Gradebook:
    """Return nbgrader's own view of the gradebook."""
    return Gradebook(f"sqlite:///{course.gradebook}", "")


def set_due(course: CourseFolder, due: datetime | None = DUE) -> None:
    """Set when the assignment is due."""
    with gradebook(course) as books:
        books.find_assignment(ASSIGNMENT).duedate = due
        books.db.commit()
