"""Odd submissions get what a fair instructor gives: nothing is lost to noise, no fault is a zero."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.notebooknode import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator

from autograder import session
from autograder.course_folder import CourseFolder
from autograder.demo.nms import STUDENTS
from autograder.demo.student import hand_in
from autograder.find_notebook import find_notebook
from autograder.grading import grade_class
from autograder.judging import Workers
from autograder.record import COULD_NOT_RUN, FAILED, PASSED, SubmissionRecord
from autograder.submission import Unreadable
from tests.autograder.nbgrader_commands import autograde, generate_feedback
from tests.autograder.odd_submissions import ASSIGNMENT, FILE, ODD, Kit, Odd
from tests.autograder.submissions import rows
from tests.shared_course import own_copy

CLASSMATE = "classmate"
# A page takes nbgrader more than half a second of computing: those whose content is unlike others'.
PAGES = (
    "broken_metadata", "cut_off", "emoji", "endless", "helper_beside", "in_markdown", "julia",
    "magics", "no_outputs", "noise", "nothing", "only_answers", "renamed_ids", "reversed", "surrogate",
    "to_nothing", "words_to_code", "zoë šimková 学生",
)  # fmt: skip


def parts(course: CourseFolder) -> Kit:
    released = (course.root / "release" / ASSIGNMENT / FILE).read_bytes()
    right = hand_in(STUDENTS[0], released)
    assert right is not None
    classmate = course.root / "submitted" / CLASSMATE / ASSIGNMENT
    return Kit(json.loads(released), json.loads(right), classmate)


@pytest.fixture(scope="module")
def course(
    nms_course: CourseFolder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CourseFolder]:
    """The course with all odd submissions handed in."""
    root = tmp_path_factory.mktemp("odd") / "course"
    made = own_copy(nms_course, root)
    kit = parts(made)
    kit.classmate.mkdir(parents=True)
    (kit.classmate / FILE).write_text(json.dumps(kit.right))
    for odd in ODD:
        folder = made.root / "submitted" / odd.student / ASSIGNMENT
        folder.mkdir(parents=True)
        odd.make(folder, kit)
    yield made
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def records(course: CourseFolder) -> dict[str, SubmissionRecord]:
    """All of them graded in one batch; what is endless is stopped earlier than usual."""
    with pytest.MonkeyPatch.context() as patch, Workers() as workers:
        patch.setattr(session, "CELL", session.Limits(cpu=4, wall=60))
        graded = grade_class(course, ASSIGNMENT, workers=workers)
        return {record.student: record for record in graded}


@pytest.fixture(scope="module")
def feedback(course: CourseFolder, records: dict[str, SubmissionRecord]) -> Path:
    """The folder of feedback pages, by nbgrader's own command."""
    for student in PAGES:
        code, log = generate_feedback(course.root, ASSIGNMENT, f"--student={student}")
        assert (code, "Traceback" in log) == (0, False)
    return course.root / "feedback"


def executed(course: CourseFolder, student: str) -> NotebookNode:
    path = course.root / "autograded" / student / ASSIGNMENT / FILE
    return nbformat.reads(path.read_text(), as_version=nbformat.NO_CONVERT)


def test_each_has_a_name_of_its_own_and_all_are_graded(
    records: dict[str, SubmissionRecord],
) -> None:
    assert len({odd.student for odd in ODD}) == len(ODD) >= 45
    assert set(records) == {CLASSMATE, *(odd.student for odd in ODD)}


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.student)
def test_an_odd_submission_gets_what_is_fair(
    records: dict[str, SubmissionRecord], odd: Odd
) -> None:
    record = records[odd.student]
    assert odd.unread in record.reason
    assert bool(record.reason) == bool(odd.unread)
    assert odd.note in "\n".join(record.notes)
    assert record.manual_pending == odd.waiting
    for verdict in record.exercises:
        expected, said = (PASSED, "")
        if odd.unread:
            expected, said = COULD_NOT_RUN, odd.unread
        elif verdict.exercise in odd.fails:
            expected, said = FAILED, odd.fails[verdict.exercise]
        elif verdict.exercise in odd.doubtful:
            expected, said = COULD_NOT_RUN, odd.doubtful[verdict.exercise]
        score = {PASSED: 1.0, FAILED: 0.0, COULD_NOT_RUN: None}[expected]
        found = (verdict.exercise, verdict.verdict, verdict.score)
        assert found == (verdict.exercise, expected, score), verdict.message
        assert said in verdict.message


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.student)
def test_its_executed_notebook_is_valid_and_says_why(
    course: CourseFolder, records: dict[str, SubmissionRecord], odd: Odd
) -> None:
    notebook = executed(course, odd.student)
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    opening = notebook.cells[0].source.replace("&lt;", "<")
    assert odd.unread in opening
    assert odd.note.replace("`", "") in opening.replace("`", "")
    names = [c.metadata.nbgrader.grade_id for c in notebook.cells if "nbgrader" in c.metadata]
    assert len(set(names)) == len(names)
    assert {f"check_{v.exercise}" for v in records[odd.student].exercises} <= set(names)


@pytest.mark.parametrize("student", PAGES)
def test_its_feedback_is_written(feedback: Path, student: str) -> None:
    (odd,) = [odd for odd in ODD if odd.student == student]
    html = (feedback / student / ASSIGNMENT / f"{ASSIGNMENT}.html").read_text()
    verdict = "could not run" if odd.unread or odd.doubtful else "passed"
    assert f"<strong>{verdict}</strong>" in html


def test_stock_autograde_leaves_the_same(
    course: CourseFolder,
    nms_course: CourseFolder,
    records: dict[str, SubmissionRecord],
    tmp_path: Path,
) -> None:
    """What was judged is at hand here: this is about the files that nbgrader finds and records."""
    sample = {
        "bom", "cut_off", "doubled", "helper_beside", "no_metadata", "nothing", "other_name", "pipe",
        "thief", "which", "worked_in_the_copy", "zoë šimková 学生", "directory", "unpacked_twice",
    }  # fmt: skip
    theirs = CourseFolder(tmp_path / "course")
    ignored = shutil.ignore_patterns("submitted", "autograded", "feedback", "gradebook.db")
    shutil.copytree(course.root, theirs.root, ignore=ignored)
    shutil.copy(nms_course.gradebook, theirs.gradebook)
    for student in (*sample, CLASSMATE):
        _copy_folder(course.root / "submitted" / student, theirs.root / "submitted" / student)
    code, log = autograde(theirs.root, ASSIGNMENT)
    assert (code, "Traceback" in log) == (0, False)
    chosen = {*sample, CLASSMATE}
    ours = {k: [row for row in v if row[0] in chosen] for k, v in rows(course).items()}
    assert rows(theirs) == ours
    for student in chosen:
        assert executed(theirs, student) == executed(course, student)


def _copy_folder(source: Path, target: Path) -> None:
    """Copy a student's folder, a pipe in it too."""
    for path in [source, *source.rglob("*")]:
        made = target / path.relative_to(source)
        if path.is_symlink():
            made.symlink_to(os.readlink(path))
        elif path.is_dir():
            made.mkdir(parents=True)
        elif path.is_fifo():
            os.mkfifo(made)
        else:
            shutil.copyfile(path, made)


def test_a_file_that_may_not_be_read_says_so(nms_course: CourseFolder) -> None:
    plan, user = nms_course.plan(ASSIGNMENT), os.geteuid()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / FILE).write_text("{}")
        (Path(folder) / FILE).chmod(0)
        if user == 0:
            os.seteuid(65534)  # root may read all
        try:
            with pytest.raises(Unreadable, match=r"cannot be read: Permission denied"):
                find_notebook(Path(folder), plan)
        finally:
            os.seteuid(user)
