"""The books: rows as nbgrader keeps them, whole or not at all."""

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from autograder import gradebook_rows
from autograder.course_folder import CourseFolder
from autograder.gradebook import Books, record
from autograder.gradebook_faults import GradebookError
from autograder.record import COULD_NOT_RUN
from tests.autograder.recorded import (
    DUE,
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
from tests.autograder.tiny_lesson import ASSIGNMENT


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    return tiny_course(tmp_path_factory.mktemp("books"))


@pytest.fixture
def course(built: CourseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CourseFolder:
    return own_copy(built, tmp_path, monkeypatch)


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
        (None, "is missing"),
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


def test_recording_twice_writes_nothing(course: CourseFolder) -> None:
    configure(course, "c.LateSubmissionPlugin.penalty_method = 'zero'")
    set_due(course)
    hand_in(course, "ada", answered(course), TIMESTAMP)
    keep(course)

    def stands() -> list[object]:
        kept = sorted((course.root / "autograded").rglob("*"))
        files = [(path, path.stat().st_ino, path.stat().st_mtime_ns) for path in kept[1:]]
        return [course.gradebook.read_bytes(), files, autograded(course)]

    before = stands()
    keep(course)
    assert stands() == before
    hand_in(course, "ada", answered(course, largest="largest = 1"), TIMESTAMP)
    keep(course)
    assert stands()[2] != before[2]


def test_a_folder_that_others_wrote_is_as_if_it_were_new(course: CourseFolder) -> None:
    hand_in(course, "ada", answered(course), TIMESTAMP)
    keep(course)
    before = autograded(course)
    folder = course.root / "autograded" / "ada" / ASSIGNMENT
    (folder / "old.html").write_text("old")
    (folder / "pages").mkdir()
    (folder / "pages" / "old.html").write_text("old")
    (folder / "timestamp.txt").unlink()
    (folder / "timestamp.txt").symlink_to(folder / "old.html")
    (folder / f"{ASSIGNMENT}.ipynb").chmod(0o666)
    keep(course)
    assert autograded(course) == before
    assert {path.lstat().st_mode for path in folder.iterdir()} == {0o100444}


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


BY_THE_DAY = (
    "from nbgrader.plugins import BasePlugin",
    "class ByTheDay(BasePlugin):",
    "    def late_submission_penalty(self, student_id, score, total_seconds_late):",
    "        return score * 0.1 * total_seconds_late / 86_400",
    "c.AssignLatePenalties.plugin_class = ByTheDay",
)


def test_a_regrade_of_a_late_submission_counts_what_people_decided(course: CourseFolder) -> None:
    configure(course, *BY_THE_DAY)
    set_due(course)
    hand_in(course, "ada", answered(course), TIMESTAMP)
    days = 1 + (3 * 3600 + 4 * 60 + 5) / 86_400
    keep(course)
    assert penalty(course) == pytest.approx(1.5 * 0.1 * days)
    with gradebook(course) as books:
        books.find_grade("check_box_iou", ASSIGNMENT, ASSIGNMENT, "ada").manual_score = 2.0
        books.find_grade("why_union", ASSIGNMENT, ASSIGNMENT, "ada").extra_credit = 0.5
        books.find_submission_notebook(ASSIGNMENT, ASSIGNMENT, "ada").flagged = True
        books.db.commit()
    keep(course)
    assert penalty(course) == pytest.approx(3.5 * 0.1 * days)
    by_us = rows(course)
    with Books.open(course) as books:
        names = {"notebook": ASSIGNMENT, "assignment": ASSIGNMENT, "student": "ada"}
        resources = {"nbgrader": {**names, "db_url": f"sqlite:///{course.gradebook}"}}
        empty = nbformat.v4.new_notebook()
        AssignLatePenalties(parent=books.converter).preprocess(empty, resources)
    assert rows(course) == by_us
    with gradebook(course) as books:
        books.grant_extension(ASSIGNMENT, "ada", days=1)
    keep(course)
    assert penalty(course) == pytest.approx(3.5 * 0.1 * (days - 1))
    with gradebook(course) as books:
        assert books.find_submission_notebook(ASSIGNMENT, ASSIGNMENT, "ada").flagged
        assert books.find_submission(ASSIGNMENT, "ada").extension == timedelta(days=1)


def test_a_person_who_marks_while_a_row_is_written_again_is_still_asked(
    course: CourseFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(course, "ada", answered(course))
    keep(course)
    execute = gradebook_rows._execute

    def mark_first(connection: Connection, statement: Any, rows: list[Any]) -> None:
        if statement is gradebook_rows.GRADE_AGAIN:
            connection.execute(text("UPDATE grade SET manual_score = 1"))
        execute(connection, statement, rows)

    monkeypatch.setattr(gradebook_rows, "_execute", mark_first)
    better = replace(verdicts().exercises[1], score=0.5)
    keep(course, exercises=(verdicts().exercises[0], better, verdicts().exercises[2]))
    assert grades(course)["check_box_iou"] == (1.25, 1.0, None, 1)


def test_rows_that_formgrader_made_meanwhile_are_taken(
    course: CourseFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(course, "ada", answered(course))
    judged, submitted = judge(course, ASSIGNMENT, "ada")
    make = gradebook_rows._page

    def make_twice(connection: Connection, *rest: Any) -> Any:
        monkeypatch.setattr(gradebook_rows, "_page", make)
        raise IntegrityError("INSERT", {}, Exception("UNIQUE constraint failed"))

    monkeypatch.setattr(gradebook_rows, "_page", make_twice)
    record(course, plan_of(course), judged, submitted)
    assert len(grades(course)) == 4


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


def test_a_file_that_cannot_be_replaced_is_named_and_the_next_run_goes_on(
    course: CourseFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(course, "ada", released(course))
    keep(course)
    before = autograded(course)
    hand_in(course, "ada", answered(course))

    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(target))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        with pytest.raises(GradebookError, match=r"03_tiny.ipynb must be writable, got: Perm"):
            keep(course)
    assert autograded(course) == before
    assert len(list((course.root / "autograded" / "ada").iterdir())) == 1
    keep(course)
    assert "sides" in autograded(course)[f"{ASSIGNMENT}.ipynb"].decode()


def test_what_a_killed_run_left_is_cleared_away(course: CourseFolder) -> None:
    (course.root / "autograded" / "ada" / f".{ASSIGNMENT}.killed").mkdir(parents=True)
    hand_in(course, "ada", answered(course))
    keep(course)
    assert [path.name for path in (course.root / "autograded" / "ada").iterdir()] == [ASSIGNMENT]


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
    (folder / "submission_secret.txt").write_text("of the exchange")
    (folder / "page.html").write_text("<script>hit()</script>")
    (folder / "drawing.svg").write_text("<svg onload='hit()'/>")
    (folder / "large.png").write_bytes(bytes(6_000_000))
    (folder / "bob.png").symlink_to(
        course.root / "submitted" / "bob" / ASSIGNMENT / "timestamp.txt"
    )
    os.mkfifo(folder / "pipe.png")
    keep(course)
    kept_files = [f"{ASSIGNMENT}.ipynb", "mine.png", "submission_secret.txt", "timestamp.txt"]
    assert list(autograded(course)) == kept_files
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
