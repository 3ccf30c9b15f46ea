"""nbgrader keeps the books: one submission's scores, comments and notebook, written at once.

`autograder grade` calls `record`, or has `prepare` done by the process that judged and calls
`Books.write`; stock `nbgrader autograde` reaches `Books.write_rows` through
autograder.nbgrader_plugin. All leave equal rows and equal files.

A submission is one transaction, and its files change right after it. Whatever a killed run leaves,
the next `grade` mends: it compares every submission's rows and files with what they must be,
writes what differs, and touches nothing else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy.exc import IntegrityError

from autograder.book_files import permit, publish, refuse_unwritable, staged
from autograder.course_config import load_config
from autograder.course_folder import CourseFolder
from autograder.gradebook_faults import (
    GradebookError,
    explained,
    refuse_missing,
    refuse_other_versions,
)
from autograder.gradebook_rows import Released, read_released, write_rows
from autograder.plan import Plan
from autograder.prepared import Prepared, prepare
from autograder.record import SubmissionRecord
from autograder.submitted_files import copy_submitted, read_timestamp

__all__ = ["Books", "GradebookError", "Prepared", "prepare", "record"]


@dataclass(frozen=True)
class Books:
    """A course's open gradebook, with the converter that holds nbgrader's configuration.

    One process at a time writes; what an assignment's rows are called is read once.
    """

    converter: Autograde
    gradebook: Gradebook
    _released: dict[str, Released] = field(default_factory=dict, repr=False)

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
        with explained(folders.db_url):
            refuse_missing(folders.db_url)
            refuse_other_versions(folders.db_url)
            gradebook = Gradebook(folders.db_url, folders.course_id)
        with gradebook:
            yield cls(converter, gradebook)

    def write(self, prepared: Prepared) -> None:
        """Write a prepared submission into the gradebook and autograded/, whole or not at all.

        Raises GradebookError, and changes nothing, where one of them cannot be written.
        """
        student, assignment = prepared.student, prepared.assignment
        destination = self.autograded(student, assignment)
        with explained(self.converter.coursedir.db_url), staged(destination) as folder:
            copy_submitted(self.submitted(student, assignment), folder)
            (folder / f"{assignment}.ipynb").write_text(prepared.notebook, "utf-8")
            permit(self.converter, folder)
            refuse_unwritable(destination)
            self.write_rows(prepared)
            publish(folder, destination)

    def write_rows(self, prepared: Prepared) -> None:
        """Write a submission's rows in one transaction."""
        with explained(self.converter.coursedir.db_url):
            try:
                self._write_rows(prepared)
            except IntegrityError:  # formgrader's button made the same rows meanwhile: now theirs
                self._write_rows(prepared)

    def _write_rows(self, prepared: Prepared) -> None:
        assignment = prepared.assignment
        handed_in = read_timestamp(self.submitted(prepared.student, assignment))
        with self.gradebook.engine.begin() as connection:  # rolled back where anything fails
            if assignment not in self._released:
                self._released[assignment] = read_released(connection, assignment)
            released = self._released[assignment]
            write_rows(connection, released, prepared, handed_in, self._penalty)

    def _penalty(self, student: str, score: float, seconds_late: float) -> float | None:
        """Return what the plugin that nbgrader is configured with takes off a late submission."""
        penalties = AssignLatePenalties(parent=self.converter)
        penalties.init_plugin()
        asked = penalties.plugin_inst.late_submission_penalty(student, score, seconds_late)
        if asked is None:
            return None
        return float(penalties._check_late_penalty(SimpleNamespace(score=score), asked))

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
    judged: SubmissionRecord,
    submitted: bytes | None,
    books: Books | None = None,
) -> None:
    """Prepare and write a judged submission; see `Books.write`.

    `submitted` are the bytes of the notebook that was judged, None where it could not be read.
    `books` are the open books of the course: pass them when recording many submissions.
    """
    if books is None:
        with Books.open(course) as own:
            return own.write(prepare(plan, judged, submitted))
    return books.write(prepare(plan, judged, submitted))
