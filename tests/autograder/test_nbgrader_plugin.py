"""nbgrader's own commands and formgrader do what `autograder grade` does."""

import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert.exporters import NotebookExporter
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.converters.base import BaseConverter, NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder import course_config, executed_notebook, grading
from autograder.course_folder import CourseFolder
from autograder.gradebook import Books
from autograder.gradebook_faults import GradebookError
from autograder.nbgrader_plugin import JudgedAutograde
from tests.autograder.nbgrader_commands import autograde, generate_feedback, press_autograde
from tests.autograder.recorded import (
    TIMESTAMP,
    configure,
    gradebook,
    judge,
    keep,
    own_copy,
    set_due,
)
from tests.autograder.submissions import (
    SENTENCE,
    answered,
    autograded,
    grades,
    hand_in,
    released,
    rows,
    tiny_course,
    verdicts,
)
from tests.autograder.tiny_lesson import ASSIGNMENT

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # nbgrader's own
GUIDE = "One point for scale"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    return tiny_course(tmp_path_factory.mktemp("books"))


@pytest.fixture
def course(built: CourseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CourseFolder:
    return own_copy(built, tmp_path, monkeypatch)


def small_class(course: CourseFolder) -> list[str]:
    """Hand in what a class hands in: answers, a late one, broken ones, links, nothing."""
    configure(course, "c.LateSubmissionPlugin.penalty_method = 'zero'")
    set_due(course)
    emptied = answered(course)
    emptied.cells = emptied.cells[:3]
    contents = {
        "ada": answered(course),
        "bob": released(course),
        "cut": b'{"nbformat": 4, "cells": [',
        "dan": emptied,
        "empty": b"",
        "none": None,
        "old": b'{"nbformat": 9, "cells": []}',
    }
    for student, content in contents.items():
        hand_in(course, student, content, "2025-12-31 00:00:00 UTC")
    hand_in(course, "late", answered(course), TIMESTAMP)
    hand_in(course, "odd", answered(course), "no time")
    (course.root / "submitted" / "ada" / ASSIGNMENT / "mine.png").write_bytes(b"picture")
    thief = course.root / "submitted" / "thief" / ASSIGNMENT
    thief.mkdir(parents=True)
    for name in (f"{ASSIGNMENT}.ipynb", "timestamp.txt"):
        (thief / name).symlink_to(course.root / "submitted" / "ada" / ASSIGNMENT / name)
    return sorted([*contents, "late", "odd", "thief"])


def books_of(course: CourseFolder, students: list[str]) -> Any:
    return rows(course), {student: autograded(course, student) for student in students}


def test_both_ways_leave_equal_rows_and_equal_files(course: CourseFolder) -> None:
    students = small_class(course)
    code, log = autograde(course.root, ASSIGNMENT)
    assert (code, "error" in log.lower()) == (0, False)
    by_nbgrader = books_of(course, students)
    shutil.rmtree(course.root / "autograded")
    with gradebook(course) as books:
        for student in students:
            books.remove_submission(ASSIGNMENT, student)
    assert rows(course)["grade"] == []
    for student in students:
        keep(course, student)
    assert books_of(course, students) == by_nbgrader
    assert by_nbgrader[0]["grade"][0][0] == "ada"
    assert set(by_nbgrader[1]["thief"]) == {f"{ASSIGNMENT}.ipynb"}


def test_formgraders_button_leaves_the_same(course: CourseFolder) -> None:
    students = small_class(course)
    for student in students:
        keep(course, student)
    before = books_of(course, students)
    shutil.rmtree(course.root / "autograded")
    for student in students:
        assert press_autograde(course.root, ASSIGNMENT, student)["success"]
    assert books_of(course, students) == before


def test_nbgrader_grades_again_only_what_is_newer(course: CourseFolder) -> None:
    hand_in(course, "ada", answered(course), TIMESTAMP)
    hand_in(course, "odd", answered(course), "no time")
    autograde(course.root, ASSIGNMENT)
    _, log = autograde(course.root, ASSIGNMENT)
    assert log.count("Skipping existing assignment") == 2
    hand_in(course, "ada", answered(course), "2027-01-01 00:00:00 UTC")
    _, log = autograde(course.root, ASSIGNMENT)
    assert log.count("Updating existing assignment") == 1


def test_a_submission_that_the_judge_fails_on_does_not_end_the_batch(
    course: CourseFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(course: CourseFolder, assignment: str, student: str, *rest: Any) -> Any:
        if student == "ada":
            raise GradebookError("the disk is full")
        return judge(course, assignment, student)

    monkeypatch.setattr(grading, "judge_student", fail)
    for student in ("ada", "bob"):
        hand_in(course, student, answered(course))
    code, log = autograde(course.root, ASSIGNMENT)
    assert (code, "the disk is full" in log) == (1, True)
    assert (autograded(course), len(grades(course, "bob"))) == ({}, 4)


def test_an_assignment_without_submissions_is_said_by_nbgrader(course: CourseFolder) -> None:
    code, log = autograde(course.root, ASSIGNMENT)
    assert (code, "No notebooks were matched" in log) == (1, True)


def test_only_known_students_where_nbgrader_is_told_so(course: CourseFolder) -> None:
    configure(course, "c.Autograde.create_student = False")
    with gradebook(course) as books:
        books.add_student("ada")
    for student in ("ada", "bob"):
        hand_in(course, student, answered(course))
    code, log = autograde(course.root, ASSIGNMENT)
    assert (code, "No student with ID 'bob' exists" in log) == (1, True)
    assert {row[0] for row in rows(course)["grade"]} == {"ada"}


def test_nbgraders_own_copying_follows_links(course: CourseFolder) -> None:
    """The trap that JudgedAutograde closes: without it another's work is copied."""
    hand_in(course, "ada", answered(course))
    (course.root / "submitted" / "ada" / ASSIGNMENT / "ada.png").write_bytes(b"picture")
    hand_in(course, "thief", answered(course))
    thief = course.root / "submitted" / "thief" / ASSIGNMENT
    (thief / "stolen.png").symlink_to(course.root / "submitted" / "ada" / ASSIGNMENT / "ada.png")
    with Books.open(course) as books:
        BaseConverter.init_assignment(books.converter, ASSIGNMENT, "thief")
    assert autograded(course, "thief") == {"stolen.png": b"picture"}
    shutil.rmtree(course.root / "autograded")
    autograde(course.root, ASSIGNMENT)
    assert set(autograded(course, "thief")) == {f"{ASSIGNMENT}.ipynb"}


def convert(course: CourseFolder, converter: type[BaseConverter], config: Config) -> None:
    """Run one of nbgrader's converters with a configuration of the test's own."""
    config.CourseDirectory.assignment_id = ASSIGNMENT
    folders = CourseDirectory(config=config, root=str(course.root))
    with suppress(NbGraderException):
        converter(coursedir=folders, config=config).start()


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
def test_without_our_autograde_a_submission_without_a_notebook_has_no_row(
    course: CourseFolder,
) -> None:
    hand_in(course, "ada", answered(course))
    hand_in(course, "none", None)
    convert(course, Autograde, course_config.load_config(course.root))
    assert {row[0] for row in rows(course)["grade"]} == {"ada"}
    convert(course, JudgedAutograde, course_config.load_config(course.root))
    assert {row[0] for row in rows(course)["grade"]} == {"ada", "none"}


def test_without_our_exporter_an_unreadable_notebook_has_no_row(course: CourseFolder) -> None:
    hand_in(course, "cut", b"{")
    config = course_config.load_config(course.root)
    config.Autograde.exporter_class = NotebookExporter
    convert(course, JudgedAutograde, config)
    assert rows(course)["grade"] == []


def test_without_strip_guides_feedback_has_the_marking_guide(course: CourseFolder) -> None:
    hand_in(course, "ada", answered(course))
    keep(course)
    config = course_config.load_config(course.root)
    del config.GenerateFeedback["preprocessors"]
    convert(course, GenerateFeedback, config)
    assert GUIDE in feedback(course, "ada")


def test_without_harmless_markdown_a_script_reaches_the_feedback(
    course: CourseFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executed_notebook, "harmless_markdown", lambda text, *_: text)
    script = "<script>hit()</script>"
    hand_in(course, "ada", answered(course, why_union=script))
    keep(course)
    generate_feedback(course.root, ASSIGNMENT)
    assert script in feedback(course, "ada")


def feedback(course: CourseFolder, student: str) -> str:
    folder = course.root / "feedback" / student / ASSIGNMENT
    return (folder / f"{ASSIGNMENT}.html").read_text()


def test_feedback_has_the_verdicts_and_no_marking_guide(course: CourseFolder) -> None:
    students = small_class(course)
    for student in students:
        keep(course, student)
    code, log = generate_feedback(course.root, ASSIGNMENT)
    assert (code, "error" in log.lower()) == (0, False)
    assert feedback(course, "ada").count(SENTENCE) >= 2
    assert "(Score: 1.5 / 6.0)" in feedback(course, "ada")
    assert "the notebook is not valid JSON" in feedback(course, "cut")
    assert GUIDE in autograded(course)[f"{ASSIGNMENT}.ipynb"].decode()
    assert not any(GUIDE in feedback(course, student) for student in students)


def test_nothing_that_a_student_writes_acts_in_feedback(course: CourseFolder) -> None:
    script = "<script>hit()</script>"
    notebook = answered(course, why_union=script, box_area=f"'{script}'")
    notebook.cells += [
        nbformat.v4.new_markdown_cell(script),
        nbformat.v4.new_raw_cell(script),
        nbformat.v4.new_code_cell(f"'{script}'"),
    ]
    notebook.cells[-1].outputs = [
        nbformat.v4.new_output("display_data", {"text/html": script}),
        nbformat.v4.new_output("display_data", {"application/javascript": "hit()"}),
    ]
    notebook.metadata["title"] = script
    hand_in(course, "ada", notebook)
    judged = verdicts()
    hostile = replace(judged.exercises[0], message=script)
    shown = tuple((kind, script) for kind in ("stdout", "stderr", "error", "text/plain"))
    runs = (replace(judged.runs[0], outputs=shown),)
    keep(course, exercises=(hostile,), runs=runs, notes=(script,))
    generate_feedback(course.root, ASSIGNMENT)
    assert script not in feedback(course, "ada")
    assert feedback(course, "ada").count("&lt;script") >= 8
