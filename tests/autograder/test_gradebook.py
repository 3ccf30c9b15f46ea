"""The books: rows as nbgrader keeps them, whole or not at all, and the same by both ways."""

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.converters.base import BaseConverter
from nbgrader.preprocessors import SaveAutoGrades

from autograder import course_config, exercises, grading
from autograder.course_folder import CourseFolder
from autograder.gradebook import Books, record
from autograder.gradebook_rows import GradebookError
from autograder.grading import read_submission
from autograder.record import COULD_NOT_RUN
from tests.autograder.nbgrader_commands import autograde, generate_feedback, press_autograde
from tests.autograder.submissions import (
    SENTENCE,
    answered,
    autograded,
    cell_of,
    comments,
    grades,
    hand_in,
    plan_of,
    released,
    rows,
    tiny_course,
    verdicts,
)
from tests.autograder.tiny_lesson import ASSIGNMENT, TOPIC

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # nbgrader's own
TIMESTAMP = "2026-01-02 03:04:05 UTC"
DUE = datetime(2026, 1, 1)
GUIDE = "One point for scale"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    return tiny_course(tmp_path_factory.mktemp("books"))


@pytest.fixture
def course(built: CourseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CourseFolder:
    """A copy of the built course, with an invented judge and a home of its own."""
    root = tmp_path / "course"
    shutil.copytree(built.root, root)
    monkeypatch.setattr(grading, "judge_student", judge)
    monkeypatch.setattr(exercises, "TOPICS", (TOPIC,))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    return CourseFolder.open(root)


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


def test_a_submission_leaves_its_scores_and_comments(course: CourseFolder) -> None:
    hand_in(course, "ada", answered(course))
    keep(course)
    assert grades(course) == {
        "check_box_area": (1.0, None, None, 0),
        "check_box_iou": (0.0, None, None, 0),
        "check_largest": (0.5, None, None, 0),
        "why_union": (None, None, None, 1),
    }
    assert comments(course) == {
        "box_area": (None, None),
        "box_iou": (SENTENCE, None),
        "largest": (None, None),
        "why_union": (None, None),
    }


def test_grades_are_those_that_nbgrader_reads_off_the_executed_notebook(
    course: CourseFolder,
) -> None:
    hand_in(course, "ada", answered(course))
    keep(course)
    ours = rows(course)["grade"]
    with closing(sqlite3.connect(course.gradebook)) as database:
        database.execute("UPDATE grade SET auto_score = 99, needs_manual_grade = 1")
        database.commit()
    notebook = nbformat.reads(autograded(course)[f"{ASSIGNMENT}.ipynb"].decode(), 4)
    names = {"notebook": ASSIGNMENT, "assignment": ASSIGNMENT, "student": "ada"}
    resources = {"nbgrader": {**names, "db_url": f"sqlite:///{course.gradebook}"}}
    SaveAutoGrades().preprocess(notebook, resources)
    assert rows(course)["grade"] == ours


def test_an_untouched_notebook_has_no_response_and_nothing_to_mark(course: CourseFolder) -> None:
    hand_in(course, "ada", released(course))
    keep(course)
    assert {text for text, _ in comments(course).values()} == {"No response."}
    assert grades(course)["why_union"] == (0.0, None, None, 0)


def test_a_deleted_answer_is_said_to_be_missing(course: CourseFolder) -> None:
    notebook = answered(course)
    for name in ("box_area", "why_union"):
        notebook.cells.remove(cell_of(notebook, name))
    hand_in(course, "ada", notebook)
    keep(course)
    said = comments(course)
    assert (
        said["box_area"]
        == said["why_union"]
        == (
            "This cell is missing from the submission.",
            None,
        )
    )
    assert grades(course)["why_union"] == (0.0, None, None, 0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "missing from the submission"),
        (b"", "is empty"),
        (b'{"nbformat": 4, "cells": [', "not valid JSON"),
        (b'{"nbformat": 9, "cells": []}', "format must be version 4"),
    ],
)
def test_an_unreadable_submission_waits_for_a_person_with_the_reason(
    course: CourseFolder, content: bytes | None, reason: str
) -> None:
    hand_in(course, "ada", content)
    keep(course)
    assert set(grades(course).values()) == {(None, None, None, 1)}
    assert all(reason in text for text, _ in comments(course).values())
    assert reason in autograded(course)[f"{ASSIGNMENT}.ipynb"].decode()


def test_what_could_not_run_has_no_score_and_waits_for_a_person(course: CourseFolder) -> None:
    hand_in(course, "ada", answered(course))
    failed = replace(verdicts().exercises[0], verdict=COULD_NOT_RUN, score=None, message="broken")
    keep(course, exercises=(failed,))
    assert grades(course)["check_box_area"] == (None, None, None, 1)
    assert grades(course)["check_box_iou"] == (None, None, None, 1)
    assert comments(course)["box_area"] == ("broken", None)


def test_a_message_cannot_act_in_feedback(course: CourseFolder) -> None:
    hand_in(course, "ada", answered(course))
    hostile = replace(verdicts().exercises[0], message="It raised <script>hit()</script>")
    keep(course, exercises=(hostile,))
    assert comments(course)["box_area"][0] == "It raised &lt;script>hit()&lt;/script>"


def test_recording_twice_changes_nothing(course: CourseFolder) -> None:
    hand_in(course, "ada", answered(course), TIMESTAMP)
    keep(course)
    before = rows(course), autograded(course)
    keep(course)
    assert (rows(course), autograded(course)) == before


def test_a_regrade_keeps_what_people_decided(course: CourseFolder) -> None:
    hand_in(course, "ada", answered(course))
    keep(course)
    with gradebook(course) as books:
        marked = books.find_grade("why_union", ASSIGNMENT, ASSIGNMENT, "ada")
        marked.manual_score, marked.extra_credit, marked.needs_manual_grade = 1.5, 0.5, False
        books.find_comment("box_iou", ASSIGNMENT, ASSIGNMENT, "ada").manual_comment = "Nearly."
        books.find_assignment(ASSIGNMENT).duedate = DUE
        books.grant_extension(ASSIGNMENT, "ada", days=3)
        books.db.commit()
    keep(course)
    assert grades(course)["why_union"] == (None, 1.5, 0.5, 1)  # 1: as nbgrader, look again
    assert comments(course)["box_iou"] == (SENTENCE, "Nearly.")
    with gradebook(course) as books:
        assert books.find_submission(ASSIGNMENT, "ada").extension == timedelta(days=3)


def test_a_regrade_sets_what_the_grader_decides(course: CourseFolder) -> None:
    hand_in(course, "ada", b"{")
    keep(course)
    hand_in(course, "ada", answered(course))
    keep(course)
    assert grades(course)["check_box_area"] == (1.0, None, None, 0)
    assert comments(course)["box_area"] == (None, None)


def penalty(course: CourseFolder, student: str = "ada") -> float | None:
    with gradebook(course) as books:
        page = books.find_submission_notebook(ASSIGNMENT, ASSIGNMENT, student)
        found: float | None = page.late_submission_penalty
        return found


def set_due(course: CourseFolder, due: datetime | None = DUE) -> None:
    with gradebook(course) as books:
        books.find_assignment(ASSIGNMENT).duedate = due
        books.db.commit()


def test_a_late_submission_has_the_configured_penalty_unless_extended(
    course: CourseFolder,
) -> None:
    configure(course, "c.LateSubmissionPlugin.penalty_method = 'zero'")
    set_due(course)
    hand_in(course, "ada", answered(course), TIMESTAMP)
    keep(course)
    assert penalty(course) == 1.5
    with gradebook(course) as books:
        books.grant_extension(ASSIGNMENT, "ada", days=3)
    keep(course)
    assert penalty(course) is None


@pytest.mark.parametrize(("asked", "given"), [(0.25, 0.25), (-1, 0), (99, 1.5), (None, None)])
def test_a_penalty_of_a_plugin_stays_between_nothing_and_the_score(
    course: CourseFolder, asked: float | None, given: float | None
) -> None:
    configure(
        course,
        "from nbgrader.plugins import BasePlugin",
        "class Penalty(BasePlugin):",
        "    def late_submission_penalty(self, student_id, score, total_seconds_late):",
        f"        return {asked}",
        "c.AssignLatePenalties.plugin_class = Penalty",
    )
    set_due(course)
    hand_in(course, "ada", answered(course), TIMESTAMP)
    keep(course)
    assert penalty(course) == given


def test_an_extension_without_a_due_date_is_no_fault(course: CourseFolder) -> None:
    hand_in(course, "ada", answered(course), TIMESTAMP)
    keep(course)
    set_due(course)
    with gradebook(course) as books:
        books.grant_extension(ASSIGNMENT, "ada", days=3)
    set_due(course, None)
    keep(course)
    assert penalty(course) is None


@pytest.mark.parametrize("text", ["no time", "", "9" * 5000, "2026-99-99"])
def test_a_timestamp_that_is_no_time_leaves_the_known_one(course: CourseFolder, text: str) -> None:
    hand_in(course, "ada", answered(course), TIMESTAMP)
    keep(course)
    hand_in(course, "ada", answered(course), text)
    keep(course)
    assert {row[2] for row in rows(course)["grade"]} == {"2026-01-02 03:04:05.000000"}


def test_a_locked_gradebook_is_named_and_nothing_is_written(course: CourseFolder) -> None:
    configure(course, f"c.CourseDirectory.db_url = 'sqlite:///{course.gradebook}?timeout=0.1'")
    hand_in(course, "ada", answered(course))
    with closing(sqlite3.connect(course.gradebook)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(GradebookError, match=r"must be free to be .*database is locked"):
            keep(course)
        other.rollback()
    assert rows(course) == {"grade": [], "comment": []}
    assert not list((course.root / "autograded").glob("*/*"))


def test_a_gradebook_locked_in_between_is_named_and_nothing_is_written(
    course: CourseFolder,
) -> None:
    configure(course, f"c.CourseDirectory.db_url = 'sqlite:///{course.gradebook}?timeout=0.1'")
    hand_in(course, "ada", answered(course))
    judged, submitted = judge(course, ASSIGNMENT, "ada")
    with Books.open(course) as books, closing(sqlite3.connect(course.gradebook)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(GradebookError, match=r"free to be written.*then run this again"):
            record(course, plan_of(course), judged, submitted, books)
        other.rollback()
        assert not list((course.root / "autograded").glob("*/*"))
        record(course, plan_of(course), judged, submitted, books)
    assert len(grades(course)) == 4


def test_an_autograded_folder_that_cannot_be_replaced_stays(
    course: CourseFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(course, "ada", answered(course))
    keep(course)
    before = autograded(course)
    rename = os.rename

    def refuse(source: Path, target: Path) -> None:
        if target.name == ASSIGNMENT and not source.name.endswith(".old"):
            raise PermissionError(13, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(GradebookError, match="Permission denied"):
        keep(course)
    assert autograded(course) == before
    assert len(list((course.root / "autograded" / "ada").iterdir())) == 1


@pytest.mark.parametrize("table", ["assignment", "notebook"])
def test_a_gradebook_without_the_assignment_is_named(course: CourseFolder, table: str) -> None:
    with closing(sqlite3.connect(course.gradebook)) as database:
        database.execute(f"UPDATE {table} SET name = 'another'")
        database.commit()
    hand_in(course, "ada", answered(course))
    with pytest.raises(GradebookError, match=f"{table} must be in the gradebook, got '03_tiny'"):
        keep(course)


def test_the_gradebook_of_the_configuration_is_used(course: CourseFolder, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere.db"
    shutil.copy(course.gradebook, other)
    configure(course, f"c.CourseDirectory.db_url = 'sqlite:///{other}'")
    hand_in(course, "ada", answered(course))
    keep(course)
    assert rows(course)["grade"] == []
    with Gradebook(f"sqlite:///{other}", "") as books:
        assert books.find_submission(ASSIGNMENT, "ada").score == 1.5


def test_files_are_read_only_pictures_come_along_and_nothing_else(course: CourseFolder) -> None:
    hand_in(course, "bob", answered(course), TIMESTAMP)
    hand_in(course, "ada", answered(course), TIMESTAMP)
    folder = course.root / "submitted" / "ada" / ASSIGNMENT
    (folder / "mine.png").write_bytes(b"picture")
    (folder / "page.html").write_text("<script>hit()</script>")
    (folder / "drawing.svg").write_text("<svg onload='hit()'/>")
    (folder / "large.png").write_bytes(bytes(6_000_000))
    (folder / "bob.png").symlink_to(
        course.root / "submitted" / "bob" / ASSIGNMENT / "timestamp.txt"
    )
    os.mkfifo(folder / "pipe.png")
    keep(course)
    assert list(autograded(course)) == [f"{ASSIGNMENT}.ipynb", "mine.png", "timestamp.txt"]
    kept = course.root / "autograded" / "ada" / ASSIGNMENT
    assert {path.stat().st_mode & 0o777 for path in kept.iterdir()} == {0o444}


def test_files_are_writable_by_the_group_where_the_course_is_shared(course: CourseFolder) -> None:
    configure(course, "c.CourseDirectory.groupshared = True")
    hand_in(course, "ada", answered(course))
    keep(course)
    (path,) = (course.root / "autograded" / "ada" / ASSIGNMENT).iterdir()
    assert path.stat().st_mode & 0o777 == 0o664


def test_a_submission_folder_that_is_a_link_is_not_followed(course: CourseFolder) -> None:
    hand_in(course, "bob", answered(course))
    theirs = course.root / "submitted" / "bob" / ASSIGNMENT
    (theirs / "mine.png").write_bytes(b"picture")
    (course.root / "submitted" / "ada").mkdir()
    (course.root / "submitted" / "ada" / ASSIGNMENT).symlink_to(theirs)
    keep(course)
    assert list(autograded(course)) == [f"{ASSIGNMENT}.ipynb"]
    assert "sides" not in autograded(course)[f"{ASSIGNMENT}.ipynb"].decode()


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
