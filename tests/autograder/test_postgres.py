"""The books in PostgreSQL: what is true of an SQLite file is true there."""

import csv
import threading
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook

from autograder.build import build
from autograder.course_folder import CourseFolder
from autograder.errors import BuildError
from autograder.gradebook import Books, GradebookError, prepare
from tests.autograder import tiny_lesson
from tests.autograder.judged_before import keep_verdicts
from tests.autograder.nbgrader_commands import autograde, export, generate_feedback
from tests.autograder.own_mounts import command
from tests.autograder.postgres import Server, programs, server
from tests.autograder.recorded import DUE, TIMESTAMP, configure, judge, keep, own_copy
from tests.autograder.submissions import answered, hand_in, plan_of, released, tiny_course, verdicts
from tests.autograder.tiny_lesson import ASSIGNMENT, LESSON

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # nbgrader's own
    pytest.mark.skipif(
        programs() is None,
        reason="PostgreSQL's server is not installed: apt-get install postgresql",
    ),
]
NAMES = count()
STUDENTS = ("ada", "bob", "cut", "late")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with server() as running:
        yield running


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    return tiny_course(tmp_path_factory.mktemp("books"))


@pytest.fixture
def url(postgres: Server) -> str:
    return postgres.database(f"grades_{next(NAMES)}")


@pytest.fixture
def on_file(built: CourseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CourseFolder:
    """A course whose gradebook is an SQLite file, with a class that handed in."""
    course = own_copy(built, tmp_path, monkeypatch)
    hand_in(course, "ada", answered(course), "2025-12-31 00:00:00 UTC")
    hand_in(course, "bob", released(course))
    hand_in(course, "cut", b"{")
    hand_in(course, "late", answered(course), TIMESTAMP)
    configure(course, "c.LateSubmissionPlugin.penalty_method = 'zero'")
    return course


@pytest.fixture
def course(on_file: CourseFolder, url: str, tmp_path: Path) -> CourseFolder:
    """The same course, built into an empty database of PostgreSQL."""
    configure(
        on_file,
        "c.LateSubmissionPlugin.penalty_method = 'zero'",
        f"c.CourseDirectory.db_url = {url!r}",
    )
    build_again(on_file, tmp_path)
    return on_file


def build_again(course: CourseFolder, tmp_path: Path, lesson: str = LESSON) -> None:
    lessons = tiny_lesson.write_lesson(tmp_path / "lessons", lesson)
    build(course.root, 1, lessons=lessons, topics={ASSIGNMENT: tiny_lesson.TOPIC})


def set_due(url: str) -> None:
    with Gradebook(url) as books:
        books.find_assignment(ASSIGNMENT).duedate = DUE
        books.db.commit()


def contents(url: str) -> list[Any]:
    """Return what nbgrader reads in a gradebook, without its random ids."""
    with Gradebook(url) as books:
        found = []
        for submission in books.assignment_submissions(ASSIGNMENT):
            (page,) = submission.notebooks
            found.append(
                [
                    submission.student_id, submission.timestamp, submission.extension,
                    submission.score, submission.max_score, submission.needs_manual_grade,
                    page.late_submission_penalty, page.flagged, page.failed_tests,
                    sorted(
                        (g.name, repr((g.auto_score, g.manual_score, g.needs_manual_grade)))
                        for g in page.grades
                    ),
                    sorted((c.name, repr((c.auto_comment, c.manual_comment))) for c in page.comments),
                ]
            )  # fmt: skip
        return sorted(found, key=lambda one: str(one[0]))


def test_grade_leaves_what_it_leaves_in_a_file(
    on_file: CourseFolder, url: str, tmp_path: Path
) -> None:
    file = f"sqlite:///{on_file.gradebook}"
    set_due(file)
    keep_verdicts(on_file, STUDENTS)
    assert command("grade", str(on_file.root), ASSIGNMENT)[0] == 0
    configure(
        on_file,
        "c.LateSubmissionPlugin.penalty_method = 'zero'",
        f"c.CourseDirectory.db_url = {url!r}",
    )
    build_again(on_file, tmp_path)
    set_due(url)
    assert command("grade", str(on_file.root), ASSIGNMENT)[0] == 0
    assert contents(url) == contents(file)
    assert [row[0] for row in contents(url)] == list(STUDENTS)
    assert [row[6] for row in contents(url)] == [None, None, None, 1.5]


def test_nbgraders_own_commands_work_on_it(course: CourseFolder, url: str) -> None:
    set_due(url)
    for student in STUDENTS:
        keep(course, student)
    by_us = contents(url)
    code, log = autograde(course.root, ASSIGNMENT, "--force")
    assert (code, "error" in log.lower()) == (0, False)
    assert contents(url) == by_us
    assert generate_feedback(course.root, ASSIGNMENT)[0] == 0
    page = (course.root / "feedback" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.html").read_text()
    assert "(Score: 1.5 / 6.0)" in page
    assert export(course.root)[0] == 0
    with (course.root / "grades.csv").open() as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert scores == {"ada": 1.5, "bob": 1.5, "cut": 0.0, "late": 0.0}


def test_a_regrade_keeps_what_people_decided(course: CourseFolder, url: str) -> None:
    set_due(url)
    keep(course, "late")
    with Gradebook(url) as books:
        marked = books.find_grade("why_union", ASSIGNMENT, ASSIGNMENT, "late")
        marked.manual_score, marked.extra_credit, marked.needs_manual_grade = 1.5, 0.5, False
        books.find_comment("box_iou", ASSIGNMENT, ASSIGNMENT, "late").manual_comment = "Nearly."
        books.grant_extension(ASSIGNMENT, "late", days=3)
        books.db.commit()
    keep(course, "late", exercises=verdicts().exercises[:1])
    (row,) = contents(url)
    assert row[2:5] == [timedelta(days=3), 3.0, 6.0]
    assert row[6] is None
    assert ("why_union", "(None, 1.5, True)") in row[9]
    assert ("check_largest", "(None, None, True)") in row[9]
    assert "Nearly." in dict(row[10])["box_iou"]


def test_somebody_who_reads_all_the_time_stops_nothing(course: CourseFolder, url: str) -> None:
    done, seen = threading.Event(), []

    def read() -> None:
        with Gradebook(url) as books:  # formgrader's page of all submissions, and no commit
            while not done.is_set():
                seen.append(len(books.submission_dicts(ASSIGNMENT)))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with Books.open(course) as books:
            for _ in range(3):
                for student in STUDENTS:
                    judged, submitted = judge(course, ASSIGNMENT, student)
                    books.write(prepare(plan_of(course), judged, submitted))
    finally:
        done.set()
        reader.join()
    assert seen
    assert len(contents(url)) == 4


def test_building_again_keeps_what_was_handed_in(
    course: CourseFolder, url: str, tmp_path: Path
) -> None:
    keep(course)
    before = contents(url)
    build_again(course, tmp_path, LESSON.replace("# # Boxes", "# # Other boxes"))
    assert contents(url) == before
    with Gradebook(url) as books:
        cell = books.find_source_cell("cell_000", ASSIGNMENT, ASSIGNMENT)
        assert cell.source.startswith("# Other boxes")


def test_a_lesson_that_is_refused_changes_nothing(
    course: CourseFolder, url: str, tmp_path: Path
) -> None:
    keep(course)
    before = contents(url), (course.root / "source").stat().st_mtime_ns
    text = (
        LESSON.replace("# # Boxes", "# # Other boxes")
        + '\n# %% question="spare" points=1\nspare = 1\n'
    )
    with pytest.raises(BuildError):
        build_again(course, tmp_path, text)
    assert (contents(url), (course.root / "source").stat().st_mtime_ns) == before
    with Gradebook(url) as books:
        cell = books.find_source_cell("cell_000", ASSIGNMENT, ASSIGNMENT)
        assert not cell.source.startswith("# Other boxes")


def test_a_server_that_is_down_is_named_and_the_same_command_goes_on(
    course: CourseFolder, url: str, postgres: Server
) -> None:
    keep_verdicts(course, STUDENTS)
    postgres.stop()
    try:
        code, said = command("grade", str(course.root), ASSIGNMENT)
    finally:
        postgres.start()
    assert code == 3
    assert "grader:***@/grades_" in said
    assert "must be reachable, got: conne" in said
    assert "Traceback" not in said
    assert command("grade", str(course.root), ASSIGNMENT)[0] == 0
    assert len(contents(url)) == 4


def test_a_server_that_ends_meanwhile_is_named(course: CourseFolder, postgres: Server) -> None:
    judged, submitted = judge(course, ASSIGNMENT, "ada")
    prepared = prepare(plan_of(course), judged, submitted)
    with Books.open(course) as books:
        books.write(prepared)
        postgres.stop()
        try:
            with pytest.raises(GradebookError, match=r"\*\*\*@.* must be reachable, got: "):
                books.write(prepared)
        finally:
            postgres.start()
        books.write(prepared)
