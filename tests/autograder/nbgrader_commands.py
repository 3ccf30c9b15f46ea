"""nbgrader's own commands, run in this process as its programs run them."""

import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbgrader.apps import AutogradeApp, ExportApp, GenerateFeedbackApp, NbGraderAPI
from nbgrader.apps.baseapp import NbGrader
from nbgrader.coursedir import CourseDirectory

from autograder.course_config import load_config


@contextmanager
def _inside(root: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(root)
    try:
        yield
    finally:
        os.chdir(before)


def run(app: type[NbGrader], root: Path, *arguments: str) -> tuple[int, str]:
    """Run one of nbgrader's programs in a course; return its exit code and what it logged."""
    with _inside(root):
        program = app()
        where = [] if app is ExportApp else ["--course-dir", str(root)]  # it knows no such option
        program.initialize([*where, *arguments])
        heard = io.StringIO()
        handler = logging.StreamHandler(heard)
        program.log.addHandler(handler)
        try:
            program.start()
        except SystemExit as ended:
            return int(ended.code or 0), heard.getvalue()
        finally:
            program.log.removeHandler(handler)
            program.reset()
    return 0, heard.getvalue()


def autograde(root: Path, assignment: str, *arguments: str) -> tuple[int, str]:
    """Run `nbgrader autograde`."""
    return run(AutogradeApp, root, assignment, *arguments)


def generate_feedback(root: Path, assignment: str, *arguments: str) -> tuple[int, str]:
    """Run `nbgrader generate_feedback`."""
    return run(GenerateFeedbackApp, root, assignment, *arguments)


def export(root: Path) -> tuple[int, str]:
    """Run `nbgrader export`, which writes grades.csv."""
    return run(ExportApp, root)


def press_autograde(root: Path, assignment: str, student: str) -> dict[str, str]:
    """Do what formgrader's autograde button does; return its answer."""
    config = load_config(root)
    folders = CourseDirectory(config=config)
    with _inside(root):
        answer: dict[str, str] = NbGraderAPI(folders, config=config).autograde(assignment, student)
    return answer
