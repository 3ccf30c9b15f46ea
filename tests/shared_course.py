"""Built courses that all processes of a test run share: built by whoever comes first, then read."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from autograder.build import build
from autograder.course_folder import CourseFolder

WHOLE = "whole"


def shared_course(factory: pytest.TempPathFactory, assignment: str = WHOLE) -> CourseFolder:
    """Return a course of one assignment or of all, one hidden variant each; for reading only."""
    top = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        top = top.parent  # of all processes of this run
    folder, done = top / f"course-{assignment}", top / f"course-{assignment}.done"
    with open(top / f"course-{assignment}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a build that failed
            build(folder, 1, None if assignment == WHOLE else [assignment])
            done.touch()
    return CourseFolder.open(folder)


def own_copy(course: CourseFolder, folder: Path) -> CourseFolder:
    """Return a copy of a course that may be written to."""
    shutil.copytree(course.root, folder)
    return CourseFolder.open(folder)
