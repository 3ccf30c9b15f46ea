"""A class graded for real: equal books both ways, kept across kills, nothing run twice."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from autograder import grading, judging
from autograder.course_folder import CourseFolder
from autograder.demo.nms import STUDENTS
from autograder.demo.run import write_classes
from autograder.demo.student import hand_in
from autograder.errors import CourseError, UsageError, WorkerError
from autograder.grading import grade_class, judge_student, outcomes_of
from autograder.judging import Job, Workers
from autograder.record import COULD_NOT_RUN, SubmissionRecord
from autograder.sandbox import WARM
from autograder.session import Session
from autograder.worker import Worker
from tests.autograder.nbgrader_commands import autograde, generate_feedback
from tests.autograder.submissions import rows
from tests.shared_course import own_copy

ASSIGNMENT = "03_nms"
NAMES = {student.id: student.name for student in STUDENTS}


@pytest.fixture(scope="module")
def handed_in(nms_course: CourseFolder, tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    """The built course with the demo class's submissions; nothing is graded yet."""
    course = own_copy(nms_course, tmp_path_factory.mktemp("course") / "course-built")
    write_classes(course, {ASSIGNMENT: STUDENTS})
    return course


def copy_of(course: CourseFolder, folder: Path) -> CourseFolder:
    shutil.copytree(course.root, folder)
    return CourseFolder.open(folder)


@pytest.fixture(scope="module")
def graded(
    handed_in: CourseFolder, tmp_path_factory: pytest.TempPathFactory
) -> tuple[CourseFolder, list[SubmissionRecord]]:
    """The class graded by `autograder grade`."""
    course = copy_of(handed_in, tmp_path_factory.mktemp("graded") / "course")
    return course, grade_class(course, ASSIGNMENT)


def files(course: CourseFolder) -> dict[str, bytes]:
    top = course.root / "autograded"
    return {str(p.relative_to(top)): p.read_bytes() for p in top.rglob("*") if p.is_file()}


def some(course: CourseFolder, *students: str) -> None:
    """Leave only these students' submissions."""
    for folder in (course.root / "submitted").iterdir():
        if folder.name not in students:
            shutil.rmtree(folder)


def jobs_of(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Return a list to which each job is added that is given out from now on."""
    jobs: list[Job] = []
    monkeypatch.setattr(grading, "Job", lambda *parts: jobs.append(Job(*parts)) or jobs[-1])
    return jobs


def test_grade_and_stock_autograde_leave_equal_books_for_the_whole_class(
    handed_in, graded, tmp_path
):
    """Stock nbgrader judges everything anew here: nothing of the first run is at hand."""
    ours, records = graded
    assert {record.student for record in records} == set(NAMES)
    theirs = copy_of(handed_in, tmp_path / "course")
    code, log = autograde(theirs.root, ASSIGNMENT)
    assert (code, "Traceback" in log) == (0, False)
    assert rows(theirs) == rows(ours)
    assert files(theirs) == files(ours)


def test_the_gradebook_holds_the_verdicts(graded):
    course, records = graded
    stored = {(row[0], row[5]): row[6] for row in rows(course)["grade"]}
    for record in records:
        for verdict in record.exercises:
            points = None if verdict.score is None else verdict.points * verdict.score
            assert stored[record.student, f"check_{verdict.exercise}"] == pytest.approx(points)


def test_feedback_of_every_submission_is_written_and_shows_the_verdict(graded, tmp_path):
    course = copy_of(graded[0], tmp_path / "course")
    code, _ = generate_feedback(course.root, ASSIGNMENT)
    assert code == 0
    for record in graded[1]:
        page = course.root / "feedback" / record.student / ASSIGNMENT / f"{ASSIGNMENT}.html"
        html = page.read_text()
        assert "<script>alert" not in html
        assert "Marking guide" not in html
        if record.reason:
            assert record.reason.split(":")[0] in html


def test_a_second_run_executes_nothing_and_changes_nothing(graded, monkeypatch):
    course, records = graded
    before = rows(course), files(course)

    def refuse(*_):
        raise AssertionError("judged again")

    monkeypatch.setattr(grading, "Job", refuse)
    again = grade_class(course, ASSIGNMENT)
    assert [record.to_json() for record in again] == [record.to_json() for record in records]
    assert (rows(course), files(course)) == before


def test_a_changed_submission_is_judged_again_and_only_that(graded, tmp_path, monkeypatch):
    course = copy_of(graded[0], tmp_path / "course")
    released = (course.root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes()
    changed = course.root / "submitted" / "amara_okafor" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    changed.write_bytes(released)
    judged = jobs_of(monkeypatch)
    records = grade_class(course, ASSIGNMENT)
    assert [job.student for job in judged] == ["amara_okafor"]
    assert next(r.score for r in records if r.student == "amara_okafor") == 0


def test_a_worker_that_fails_is_replaced_and_the_submission_judged(handed_in, monkeypatch):
    tries = []
    real = judging.judge

    def fail_once(worker, cells, tasks, known, doubting):
        tries.append(worker)
        if len(tries) == 1:
            raise WorkerError("the sandbox failed")
        return real(worker, cells, tasks, known=known, doubting=doubting)

    monkeypatch.setattr(judging, "judge", fail_once)
    with Workers() as workers:
        record, _ = judge_student(handed_in, ASSIGNMENT, "anna_novak", workers)
    assert len(tries) == 2
    assert tries[0] is not tries[1]
    assert (record.reason, record.score) == ("", 0)


@pytest.mark.parametrize("verb", ["run", "defined", "call"])
def test_a_process_that_was_killed_from_outside_costs_no_point(
    handed_in, graded, tmp_path, monkeypatch, verb
):
    course = copy_of(handed_in, tmp_path / "course")
    killed = []
    real = Session._request

    def request(self, message, limits):
        if message["verb"] == verb and not killed:
            killed.append(self._child.pid)
            os.kill(self._child.pid, signal.SIGKILL)
        return real(self, message, limits)

    monkeypatch.setattr(Session, "_request", request)
    with Workers() as workers:
        record, _ = judge_student(course, ASSIGNMENT, "mei_zhao", workers)
    assert killed
    (calm,) = (one for one in graded[1] if one.student == "mei_zhao")
    assert [v.to_json() for v in record.exercises] == [v.to_json() for v in calm.exercises]


def test_a_grader_that_keeps_failing_gives_no_zero_and_tries_again_next_time(
    handed_in, tmp_path, monkeypatch
):
    course = copy_of(handed_in, tmp_path / "course")
    some(course, "felix_moreau")
    monkeypatch.setattr(Worker, "control", lambda self: False)
    (record,) = grade_class(course, ASSIGNMENT)
    assert "the grader failed" in record.reason
    assert record.score is None
    assert {verdict.verdict for verdict in record.exercises} == {COULD_NOT_RUN}
    assert {row[6] for row in rows(course)["grade"] if row[5].startswith("check_")} == {None}
    monkeypatch.undo()
    (again,) = grade_class(course, ASSIGNMENT)
    assert again.reason == ""


def test_an_old_bundle_is_graded_against_its_own_release(handed_in, tmp_path):
    course = copy_of(handed_in, tmp_path / "course")
    plan = course.plan(ASSIGNMENT)
    submission = grading.read_submission(course, ASSIGNMENT, "amara_okafor")
    assert submission.plan.release == plan.release
    with pytest.raises(CourseError, match="unknown: build it again"):
        course.plan(ASSIGNMENT, "000000000000")


def test_an_appeal_sees_the_verdict_with_its_cases_and_outcomes(graded):
    course, records = graded
    shown = {v.exercise: (v, cases, outs) for v, cases, outs in outcomes_of(course, ASSIGNMENT, "hana_kobayashi")}  # fmt: skip
    verdict, cases, outcomes = shown["nms"]
    recorded = next(r for r in records if r.student == "hana_kobayashi")
    assert verdict == next(v for v in recorded.exercises if v.exercise == "nms")
    assert len(outcomes) == len(cases.cases)


def test_grading_nothing_says_where_submissions_belong(handed_in, tmp_path):
    course = copy_of(handed_in, tmp_path / "course")
    some(course)
    with pytest.raises(UsageError, match=r"submitted/STUDENT/03_nms/03_nms\.ipynb"):
        grade_class(course, ASSIGNMENT)
    with pytest.raises(UsageError, match=r"must be one that was built \(03_nms\), got '99_none'"):
        grade_class(course, "99_none")


def test_no_secret_of_a_course_reaches_a_students_process(handed_in, tmp_path):
    """A submission that looks for the course's secret and for other students' cases."""
    course = copy_of(handed_in, tmp_path / "course")
    some(course, "amara_okafor")
    path = course.root / "submitted" / "amara_okafor" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    secret = (course.private / "secret").read_text()
    search = f"""
import os
hits = []
for top in {[str(course.root), "/"]!r}:
    for folder, folders, names in os.walk(top):
        folders[:] = [f for f in folders if f not in ("proc", "sys", "dev")]
        hits += [n for n in names if n in ("secret", "gradebook.db") or n.endswith(".cases")]
        hits += [f for f in folders if f in ("solutions", "autograder")]
print("hits", hits, {secret[:8]!r} in str(os.environ))
"""
    content = json.loads(path.read_text())
    cell = {"cell_type": "code", "source": search, "metadata": {}, "outputs": []}
    content["cells"].append({**cell, "execution_count": None})
    path.write_text(json.dumps(content))
    with Workers(WARM) as workers:
        record, _ = judge_student(course, ASSIGNMENT, "amara_okafor", workers)
    assert record.runs[-1].outputs[-1] == ("stdout", "hits [] False\n")


def test_a_class_made_of_demo_students_is_handed_in_as_bytes(handed_in):
    released = (handed_in.root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes()
    assert (
        hand_in(STUDENTS[0], released)
        == (
            handed_in.root / "submitted" / STUDENTS[0].id / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        ).read_bytes()
    )


def test_only_written_answers_that_were_written_wait_for_a_person(graded):
    waiting = {record.student: record.manual_pending for record in graded[1]}
    assert waiting["anna_novak"] == 0  # untouched: the gradebook gives it 0 by itself
    written = {s.id for s in STUDENTS if any(name.startswith("why_") for name in s.cells)}
    assert written
    assert {waiting[name] for name in written} == {1}
