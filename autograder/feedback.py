"""The feedback pages of a class: what `nbgrader generate_feedback` leaves, many times faster.

nbgrader's exporter and template make the pages. What it does again for every page is done once
here: templates are compiled once, grades are read in one go, and a cell that looks the same on
many pages (most do) is rendered once in a process. Pages are made by several processes.

A page is rendered, compared with the one that is there, and written where it differs.
"""

import json
import logging
import multiprocessing
import os
import re
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import nbformat.reader
from bs4 import BeautifulSoup
from nbformat import v4
from nbformat.notebooknode import NotebookNode, from_dict
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import find_all_files
from traitlets.config import Config

from autograder.book_files import permit, publish, refuse_unwritable, staged
from autograder.course_config import load_config
from autograder.course_folder import CourseFolder
from autograder.errors import AutograderError, UsageError
from autograder.feedback_marks import Marks, mark, read_marks
from autograder.gradebook import Books
from autograder.gradebook_faults import GradebookError, explained
from autograder.nbgrader_plugin import FEEDBACK_PREPROCESSORS, without_guides

FRAGMENTS = 4_000  # cells whose HTML a process keeps: some 2 kB each
FEW = 8  # pages that are made before other processes would have got going
SPACES = r"[ \n\t\f\r]"  # what may make a text that BeautifulSoup shortens to one of them
NO_ALT = "No description has been provided for this image"  # nbconvert's words

# The page without its cells, and a cell without its page.
SKELETON = "{% extends 'index.html.j2' %}{% block any_cell %}{{ resources.place }}{% endblock %}"
ONE_CELL = (
    "{% extends 'index.html.j2' %}{% block header %}{% endblock %}{% block footer %}{% endblock %}"
    "{% block body %}{{ resources.place }}{% for cell in nb.cells %}{% block any_cell scoped %}"
    "{{ super() }}{% endblock %}{% endfor %}{{ resources.place }}{% endblock %}"
)


class FeedbackError(AutograderError):
    """Some pages could not be made."""


@dataclass(frozen=True)
class Feedback:
    """The students whose pages were written, and those whose pages were up to date."""

    written: tuple[str, ...]
    kept: tuple[str, ...]


def write_feedback(
    course: CourseFolder,
    assignment: str,
    students: Sequence[str] | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Feedback:
    """Write the feedback pages of an assignment, in `jobs` processes (None: one for each core).

    `progress` is told how many of how many are done. FeedbackError: some could not be made; the
    others are.
    """
    if jobs is not None and jobs < 1:
        raise UsageError(f"jobs must be at least 1, got {jobs}")
    course.plan(assignment)  # refuses one that was not built
    pages = Pages.of(course, assignment)
    graded = pages.graded()
    chosen = sorted(set(students)) if students else graded
    for student in chosen:
        if student not in graded:
            raise UsageError(
                f"{student!r} must have a graded submission of {assignment}, got none in "
                "autograded/: run `autograder grade` first"
            )
    if not chosen:
        raise UsageError(
            f"{assignment} must have graded submissions, got none in autograded/: "
            "run `autograder grade` first"
        )
    changed: dict[str, bool] = {}
    faults: dict[str, str] = {}
    for done, (student, result) in enumerate(_made(pages, chosen, jobs), start=1):
        if isinstance(result, str):
            faults[student] = result
        else:
            changed[student] = result
        if progress:
            progress(done, len(chosen))
    if faults:
        said = "; ".join(f"{student}: {faults[student]}" for student in sorted(faults))
        raise FeedbackError(f"{len(faults)} of {len(chosen)} pages could not be written: {said}")
    ordered = sorted(changed)
    return Feedback(
        written=tuple(student for student in ordered if changed[student]),
        kept=tuple(student for student in ordered if not changed[student]),
    )


def _made(
    pages: "Pages", students: Sequence[str], jobs: int | None
) -> Iterator[tuple[str, bool | str]]:
    """Give, for each student, whether the page changed, or why there is none."""
    jobs = min(jobs or len(os.sched_getaffinity(0)), len(students))
    if jobs == 1 or len(students) < FEW:
        for student in students:
            yield student, pages.write(student)
        return
    yield students[0], pages.write(students[0])  # the others find its cells rendered
    with _processes(pages, jobs) as pool:
        futures: dict[Future[bool | str], str] = {
            pool.submit(_write, student): student for student in students[1:]
        }
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise FeedbackError(
                "a process that makes pages must live to its end, got one that was ended; is "
                "there too little memory? Run this again with --jobs 1"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


_pages: "Pages | None" = None  # of a process that was forked to make some


@contextmanager
def _processes(pages: "Pages", jobs: int) -> Iterator[ProcessPoolExecutor]:
    global _pages
    _pages = pages
    context = multiprocessing.get_context("fork")  # all that is read and compiled goes along
    try:
        with ProcessPoolExecutor(jobs, context, initializer=_leave_ctrl_c_to_the_parent) as pool:
            yield pool
    finally:
        _pages = None


def _leave_ctrl_c_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _write(student: str) -> bool | str:
    assert _pages is not None
    return _pages.write(student)


class Pages:
    """All that the pages of an assignment have in common."""

    def __init__(
        self, converter: GenerateFeedback, assignment: str, marks: Mapping[str, Marks]
    ) -> None:
        self._converter = converter
        self._assignment = assignment
        self._marks = marks
        self._place = f"cell{secrets.token_hex(16)}"  # no student can know it
        self._exporter = converter.exporter_class(parent=converter, config=converter.config)
        self._exporter.register_preprocessor(FEEDBACK_PREPROCESSORS[-1])
        names = {"notebook": assignment, "score": 0, "max_score": 0, "late_penalty": 0}
        resources = {"nbgrader": names, "unique_key": assignment, "place": self._place}
        empty = v4.new_notebook(metadata={"language_info": {"name": "python"}})
        _, self._resources = self._exporter.from_notebook_node(empty, resources)
        self._skeleton = self._exporter.environment.from_string(SKELETON)
        self._one_cell = self._exporter.environment.from_string(ONE_CELL)
        self._cell_html = lru_cache(maxsize=FRAGMENTS)(self._rendered_cell)

    @classmethod
    def of(cls, course: CourseFolder, assignment: str) -> "Pages":
        """Return the pages of a course's assignment, with the marks as they stand now."""
        config = load_config(course.root)
        _refuse_own_settings(config)
        with Books.open(course) as books:
            url, engine = books.converter.coursedir.db_url, books.gradebook.engine
            with explained(url), engine.connect() as connection:
                marks = read_marks(connection, assignment)
        folders = CourseDirectory(config=config, root=str(course.root))
        with _quiet():
            return cls(GenerateFeedback(coursedir=folders, config=config), assignment, marks)

    def graded(self) -> list[str]:
        """Return the students with a graded submission."""
        pattern = Path(self._path(self._converter._input_directory, "*"))
        folders = sorted(self._root.glob(str(pattern.relative_to(self._root))))
        position = pattern.parts.index("*")
        found = [path for path in folders if (path / f"{self._assignment}.ipynb").is_file()]
        return [path.parts[position] for path in found]

    @property
    def _root(self) -> Path:
        return Path(self._converter.coursedir.root)

    def _path(self, step: str, student: str) -> str:
        path: str = self._converter.coursedir.format_path(step, student, self._assignment)
        return path

    def write(self, student: str) -> bool | str:
        """Write a student's page; return whether anything changed, or why it cannot be written."""
        try:
            with explained("feedback/"), _quiet():
                return self._write(student)
        except AutograderError as error:
            return str(error)

    def _write(self, student: str) -> bool:
        source = Path(self._path(self._converter._input_directory, student))
        destination = Path(self._path(self._converter._output_directory, student))
        page = self.html(student, (source / f"{self._assignment}.ipynb").read_text("utf-8"))
        with staged(destination) as folder:
            beside = [*self._converter.coursedir.ignore, "*.ipynb"]
            for name in find_all_files(str(source), beside):
                copy = folder / Path(name).relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(name, copy)
            (folder / f"{self._assignment}.html").write_text(page, "utf-8")
            permit(self._converter, folder)
            refuse_unwritable(destination)
            return publish(folder, destination)

    def html(self, student: str, notebook: str) -> str:
        """Return the page of a student's graded notebook."""
        marks = self._marks.get(student)
        if marks is None:
            raise GradebookError(
                f"the submission must be in the gradebook, got no {self._assignment} of "
                f"{student!r}: run `autograder grade` again"
            )
        try:
            content = without_guides(nbformat.reader.reads(notebook))
        except Exception as error:  # whatever an odd file provokes
            raise FeedbackError(
                f"{self._assignment}.ipynb in autograded/ must be a notebook, got "
                f"{type(error).__name__}: run `autograder grade` again"
            ) from error
        mark(content, marks)
        first, *parts = self._page(content, marks).split(self._place)
        cells = [self._cell_html(json.dumps(cell, sort_keys=True)) for cell in content.cells]
        both = zip(cells, parts, strict=True)
        return self._joined([first, *(piece for pair in both for piece in pair)])

    def _joined(self, pieces: Sequence[str]) -> str:
        """Join settled HTML; white space where pieces meet is one text, and settled as such."""

        def settle(found: re.Match[str]) -> str:
            space = found[1].replace(self._place, "")
            return f">{chr(10) if chr(10) in space else space[:1]}<"

        seam = re.compile(rf">((?:{SPACES}*{self._place})+{SPACES}*)<")
        return seam.sub(settle, self._place.join(pieces)).replace(self._place, "")

    def _page(self, content: NotebookNode, marks: Marks) -> str:
        penalty = marks.late_penalty or 0
        names = {
            **self._resources["nbgrader"],
            "score": marks.score - penalty,
            "max_score": marks.max_score,
            "late_penalty": penalty,
        }
        resources = {**self._resources, "nbgrader": names}
        return _settled(self._skeleton.render(nb=content, resources=resources).lstrip("\r\n"))

    def _rendered_cell(self, text: str) -> str:
        content = v4.new_notebook(cells=[from_dict(json.loads(text))])
        rendered = self._one_cell.render(nb=content, resources=self._resources)
        return _settled(rendered.split(self._place)[1])


def _settled(html: str) -> str:
    """Return HTML as nbconvert does: parsed and written again, with a text for every picture."""
    soup = BeautifulSoup(html, features="html.parser")
    for picture in soup.select("img:not([alt])") if "<img" in html else ():
        picture.attrs["alt"] = NO_ALT
    return str(soup)


def _refuse_own_settings(config: Config) -> None:
    """Refuse settings of the pages that only nbgrader itself follows."""
    own = config.GenerateFeedback.get("preprocessors", FEEDBACK_PREPROCESSORS)
    if list(own) != FEEDBACK_PREPROCESSORS or "HTMLExporter" in config:
        raise UsageError(
            "GenerateFeedback.preprocessors and HTMLExporter must be as build wrote them, got "
            "settings of your own in nbgrader_local.py: run `nbgrader generate_feedback` instead"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what nbconvert logs of every picture without a text."""
    log = logging.getLogger("traitlets")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
