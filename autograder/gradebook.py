"""nbgrader keeps the books: one submission's scores, comments and notebook, written at once.

`autograder grade` calls `record`; stock `nbgrader autograde` reaches `record_rows` through
autograder.nbgrader_plugin. Both leave equal rows and equal files.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader.api import Gradebook, InvalidEntry
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from autograder.course_config import load_config
from autograder.course_folder import CourseFolder
from autograder.executed_notebook import executed_notebook
from autograder.exercises import topics
from autograder.gradebook_rows import GradebookError, write_rows
from autograder.plan import Plan
from autograder.record import SubmissionRecord
from autograder.submitted_files import copy_submitted, read_timestamp


@dataclass(frozen=True)
class Books:
    """A course's open gradebook, with the converter that holds nbgrader's configuration."""

    converter: Autograde
    gradebook: Gradebook

    @classmethod
    @contextmanager
    def open(cls, course: CourseFolder) -> Iterator["Books"]:
        """Open the gradebook that the course's nbgrader_config.py names."""
        config = load_config(course.root)
        folders = CourseDirectory(config=config, root=str(course.root))
        with cls.of(Autograde(coursedir=folders, config=config)) as books:
            yield books

    @classmethod
    @contextmanager
    def of(cls, converter: Autograde) -> Iterator["Books"]:
        """Open the gradebook of a converter that nbgrader made."""
        folders = converter.coursedir
        with _explained("opened"):
            gradebook = Gradebook(folders.db_url, folders.course_id)
        with gradebook:
            yield cls(converter, gradebook)

    def folder(self, step: str, student: str, assignment: str) -> Path:
        """Return a student's folder of an assignment in submitted/ or autograded/."""
        return Path(self.converter.coursedir.format_path(step, student, assignment))

    def submitted(self, student: str, assignment: str) -> Path:
        """Return the folder of a submission."""
        return self.folder(self.converter.coursedir.submitted_directory, student, assignment)

    def autograded(self, student: str, assignment: str) -> Path:
        """Return the folder of a graded submission."""
        return self.folder(self.converter.coursedir.autograded_directory, student, assignment)


def record(
    course: CourseFolder,
    plan: Plan,
    record: SubmissionRecord,
    submitted: bytes | None,
    gradebook: Books | None = None,
) -> None:
    """Write a judged submission into nbgrader's gradebook and autograded/, whole or not at all.

    `submitted` are the bytes of the notebook that was judged, None where it could not be read.
    `gradebook` are the open books of the course: pass them when recording many submissions.
    Raises GradebookError, and changes nothing, where the gradebook cannot be written.
    """
    if gradebook is None:
        with Books.open(course) as books:
            return _record(books, plan, record, submitted)
    return _record(gradebook, plan, record, submitted)


def _record(books: Books, plan: Plan, judged: SubmissionRecord, submitted: bytes | None) -> None:
    notebook = executed_notebook(plan, submitted, judged, marking_guides(plan.assignment))
    destination = books.autograded(judged.student, plan.assignment)
    folder = destination.with_name(f".{destination.name}.{uuid.uuid4().hex}")
    for left in destination.parent.glob(f".{destination.name}.*"):  # by a run that was killed
        shutil.rmtree(left, ignore_errors=True)
    try:
        with _explained("written"):
            folder.mkdir(parents=True)
            copy_submitted(books.submitted(judged.student, plan.assignment), folder)
            (folder / f"{plan.assignment}.ipynb").write_text(notebook_text(notebook), "utf-8")
        record_rows(books, plan, judged, notebook)
        with _explained("written"):
            _replace(destination, folder)
            books.converter.set_permissions(plan.assignment, judged.student)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def notebook_text(notebook: NotebookNode) -> str:
    """Return a notebook as the text that nbgrader's own converter writes."""
    text: str = nbformat.writes(notebook, version=nbformat.current_nbformat)
    return text if text.endswith("\n") else text + "\n"


def _replace(destination: Path, folder: Path) -> None:
    """Put `folder` in the place of `destination`; where that fails, the old one stays."""
    old = folder.with_name(f"{folder.name}.old")
    if not destination.exists():
        os.rename(folder, destination)
        return
    os.rename(destination, old)
    try:
        os.rename(folder, destination)
    except OSError:
        os.rename(old, destination)
        raise
    shutil.rmtree(old)


def marking_guides(assignment: str) -> dict[str, str]:
    """Return the marking guides of an assignment's written answers, by name."""
    topic = topics().get(assignment)
    return {answer.name: answer.guide for answer in topic.written} if topic else {}


def record_rows(books: Books, plan: Plan, judged: SubmissionRecord, notebook: NotebookNode) -> None:
    """Write a submission's rows in one transaction; `notebook` is its executed notebook."""
    session: Session = books.gradebook.db()
    try:
        with _explained("written"):
            handed_in = read_timestamp(books.submitted(judged.student, plan.assignment))
            write_rows(session, books.converter, plan, judged, notebook, handed_in)
            session.commit()
    finally:
        books.gradebook.db.remove()  # what was not committed is rolled back


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, InvalidEntry, OSError) as error:
        cause = str(getattr(error, "orig", error)).splitlines()[0]
        raise GradebookError(
            f"the gradebook and autograded/ must be free to be {what}, got: {cause}; see that no "
            "other program holds them (formgrader, a second `grade`), then run this again"
        ) from error
