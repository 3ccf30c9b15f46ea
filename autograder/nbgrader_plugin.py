"""nbgrader's own commands and pages, with our judge and our books.

`CONFIG_LINES` belong in a course's nbgrader_config.py. With them stock `nbgrader autograde`,
formgrader's autograde button and `nbgrader generate_feedback` do what `autograder grade` does:

- `PlaceholderExporter` never opens a student's file. nbgrader's exporter reads the notebook, and
  one that is no notebook would end its submission without a grade.
- `JudgeSubmission` has the submission judged, or takes the stored verdicts, and puts the executed
  notebook in place; nbgrader's Execute, which trusts the student's kernel, is gone.
- `RecordGrades` writes the rows, by the function that `autograder grade` uses.
- `StripGuides` takes the marking guides out of the feedback.
- `install()` is for what no setting reaches: nbgrader skips a submission without a notebook,
  copies links that a student made, and fails on a timestamp that is no time. It puts
  `JudgedAutograde` where nbgrader's commands and formgrader find their Autograde.

nbgrader reads its configuration in every command and formgrader at every page, so that the judge
and torch are imported when something is graded, not before.
"""

import datetime
import fnmatch
import glob
import os
from pathlib import Path
from typing import Any

import nbformat
import nbgrader.apps.api
import nbgrader.apps.autogradeapp
from nbconvert.exporters import NotebookExporter
from nbconvert.preprocessors import Preprocessor
from nbformat import v4
from nbformat.notebooknode import NotebookNode
from nbgrader.api import MissingEntry
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets import Bool

from autograder.submitted_files import copy_submitted, read_timestamp

FEEDBACK_PREPROCESSORS = [
    "autograder.nbgrader_plugin.StripGuides",
    "nbgrader.preprocessors.GetGrades",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
CONFIG_LINES = """\
from autograder.nbgrader_plugin import install

install()
c.Autograde.exporter_class = "autograder.nbgrader_plugin.PlaceholderExporter"
c.Autograde.sanitize_preprocessors = []
c.Autograde.autograde_preprocessors = [
    "autograder.nbgrader_plugin.JudgeSubmission",
    "autograder.nbgrader_plugin.RecordGrades",
]
c.GenerateFeedback.preprocessors = [
    "autograder.nbgrader_plugin.StripGuides",
    "nbgrader.preprocessors.GetGrades",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
"""


class PlaceholderExporter(NotebookExporter):
    """Starts from an empty notebook, whatever the student's file is: the judge reads that."""

    def from_filename(
        self, filename: str, resources: Any = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        result: tuple[str, dict[str, Any]] = self.from_notebook_node(
            v4.new_notebook(), resources=resources, **kw
        )
        return result


class JudgeSubmission(Preprocessor):
    """Puts the executed notebook of the judged submission in place of the notebook."""

    enabled = Bool(True).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        from autograder.course_folder import CourseFolder
        from autograder.grading import judge_student
        from autograder.prepared import prepare

        converter, names = self.parent.parent, resources["nbgrader"]
        assignment, student = names["assignment"], names["student"]
        course = CourseFolder.open(Path(converter.coursedir.root))
        workers = getattr(converter, "workers", None)
        judged, submitted = judge_student(course, assignment, student, workers)
        plan = course.plan(assignment, judged.release or None)
        resources["prepared"] = prepare(plan, judged, submitted)
        return nbformat.reads(resources["prepared"].notebook, as_version=4), resources


class RecordGrades(Preprocessor):
    """Writes the rows of the submission that JudgeSubmission had judged."""

    enabled = Bool(True).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        from autograder.gradebook import Books

        with Books.of(self.parent.parent) as books:
            books.write_rows(resources["prepared"])
        return nb, resources


class StripGuides(Preprocessor):
    """Takes the marking guides out of a notebook that becomes feedback."""

    enabled = Bool(True).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        return without_guides(nb), resources


def without_guides(notebook: NotebookNode) -> NotebookNode:
    """Return a graded notebook without its marking guides."""
    kept = [cell for cell in notebook.cells if not cell.metadata.get("course", {}).get("guide")]
    notebook.cells = kept
    return notebook


class JudgedAutograde(Autograde):
    """nbgrader's Autograde for submissions that may lack a notebook or hold links."""

    notebooks: list[str]
    workers: Any = None  # kept warm for all submissions of one run

    def convert_notebooks(self) -> None:
        """Convert all submissions with one warm sandbox."""
        from autograder.judging import Workers

        with Workers() as self.workers:
            super().convert_notebooks()

    def init_notebooks(self) -> None:
        """Expect the assignment's one notebook in every submission, there or not."""
        assignment = self.coursedir.assignment_id
        folders = glob.glob(self._format_source(assignment, self.coursedir.student_id))
        if not folders or not fnmatch.fnmatch(assignment, self.coursedir.notebook_id):
            super().init_notebooks()  # says what is missing
            return
        self.assignments = {folder: [f"{folder}/{assignment}.ipynb"] for folder in folders}
        self.notebooks = []

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Take over what belongs to the submission; the recorder makes its rows."""
        if not self.create_student:
            self._refuse_unknown(student_id)
        destination = Path(self._format_dest(assignment_id, student_id))
        destination.mkdir(parents=True, exist_ok=True)
        copy_submitted(Path(self._format_source(assignment_id, student_id)), destination)

    def _refuse_unknown(self, student_id: str) -> None:
        with nbgrader.apps.api.Gradebook(self.coursedir.db_url, self.coursedir.course_id) as books:
            try:
                books.find_student(student_id)
            except MissingEntry:
                message = f"No student with ID '{student_id}' exists in the database"
                self.log.error(message)
                raise NbGraderException(message) from None


def existing_timestamp(coursedir: CourseDirectory, folder: str) -> datetime.datetime | None:
    """Return a submission's time, as CourseDirectory.get_existing_timestamp; None for no time."""
    found = read_timestamp(Path(folder))
    if found is None and os.path.lexists(os.path.join(folder, "timestamp.txt")):
        coursedir.log.warning("No time in %s/timestamp.txt: taken as not late", folder)
    return found


def install() -> None:
    """Have nbgrader's commands and formgrader use `JudgedAutograde` and safe timestamps."""
    nbgrader.apps.autogradeapp.Autograde = JudgedAutograde
    nbgrader.apps.api.Autograde = JudgedAutograde
    CourseDirectory.get_existing_timestamp = existing_timestamp
