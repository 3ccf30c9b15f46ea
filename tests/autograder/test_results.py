"""What is judged again when something changed: that, and what depends on it, and no more."""

from dataclasses import replace

import pytest

from autograder import exercises, grading
from autograder.build import build
from autograder.course_folder import CourseFolder
from autograder.demo.nms import STUDENTS
from autograder.demo.run import write_classes
from autograder.exercise import Exercise
from autograder.exercises import nms
from autograder.grading import NEWEST, grade_class, graded_records
from autograder.judge import Task
from autograder.judging import Job, Workers
from autograder.results import exercise_keys
from course.cases import Group
from course.outcome import Case
from tests.autograder.submissions import rows

ASSIGNMENT = "03_nms"
NAMES = ("box_area", "box_iou", "nms", "nms_per_class", "soft_nms")
CLASS = [s for s in STUDENTS if s.id in ("amara_okafor", "anna_novak", "hana_kobayashi")]


def exercise(name: str, uses: tuple[str, ...] = (), **forbidden: str) -> Exercise:
    return Exercise(
        name, lambda x: x, (Group("all", ""),), lambda rng: [Case("all", [1])], (), uses, forbidden
    )


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def test_a_key_changes_with_the_cases_and_with_those_of_the_exercises_that_are_used():
    tasks = [
        Task(exercise("a")),
        Task(exercise("b", ("a",))),
        Task(exercise("c", ("b",))),
        Task(exercise("d")),
    ]
    cases = {"a": b"1", "b": b"2", "c": b"3", "d": b"4"}
    keys = exercise_keys(tasks, cases)
    assert len(set(keys.values())) == 4
    assert changed(keys, exercise_keys(tasks, {**cases, "a": b"5"})) == {"a", "b", "c"}
    assert changed(keys, exercise_keys(tasks, {**cases, "c": b"5"})) == {"c"}
    told = [replace(tasks[0], definition=exercise("a", (), sort="write it yourself")), *tasks[1:]]
    assert changed(keys, exercise_keys(told, cases)) == {"a", "b", "c"}


def test_exercises_that_use_each_other_in_a_circle_have_keys():
    tasks = [Task(exercise("a", ("b",))), Task(exercise("b", ("a",)))]
    assert set(exercise_keys(tasks, {})) == {"a", "b"}


def with_changed(name: str) -> tuple:
    """Return the topics with the checks of one exercise changed: the sentence of a group."""
    topic = nms.TOPIC
    (old,) = [e for e in topic.exercises if e.name == name]
    groups = (replace(old.groups[0], sentence="Said better."), *old.groups[1:])
    new = replace(old, groups=groups)
    own = tuple(new if e.name == name else e for e in topic.exercises)
    return tuple(replace(t, exercises=own) if t is topic else t for t in exercises.TOPICS)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    """A small class, graded; its checks are the ones of before."""
    course = build(tmp_path_factory.mktemp("course") / "built", 1, [ASSIGNMENT])
    write_classes(course, {ASSIGNMENT: CLASS})
    grade_class(course, ASSIGNMENT)
    return course


def test_changed_checks_of_one_exercise_rerun_that_one_and_those_that_use_it(graded, monkeypatch):
    before, old = rows(graded), graded.plan(ASSIGNMENT).release
    records = {record.student: record for record in graded_records(graded, ASSIGNMENT)}
    monkeypatch.setattr(exercises, "TOPICS", with_changed("nms"))
    topics = {topic.assignment: topic for topic in exercises.TOPICS}
    build(graded.root, 1, [ASSIGNMENT], topics=topics, jobs=1)
    new = graded.plan(ASSIGNMENT).release
    assert new != old
    jobs: list[Job] = []
    monkeypatch.setattr(grading, "Job", lambda *parts: jobs.append(Job(*parts)) or jobs[-1])

    # By default each is judged on the cases of the release that it was made from: all is known.
    grade_class(graded, ASSIGNMENT)
    assert (jobs, rows(graded)) == ([], before)

    with Workers() as workers:
        again = grade_class(graded, ASSIGNMENT, release=NEWEST, workers=workers)
    assert {job.student for job in jobs} == set(records)
    questions = {q.name for q in nms.TOPIC.questions}
    for job in jobs:
        assert set(job.known) == questions | (set(NAMES) - {"nms", "nms_per_class"})
    for record in again:
        assert f"made from release {old!r}, judged on the cases of {new!r}" in record.notes
        assert record.score == records[record.student].score
    jobs.clear()
    grade_class(graded, ASSIGNMENT, release=NEWEST)
    assert jobs == []


def test_records_for_a_report_are_read_without_what_the_cells_displayed(graded):
    whole = {r.student: r.to_json() for r in grade_class(graded, ASSIGNMENT)}
    found = graded_records(graded, ASSIGNMENT)
    assert {record.student: record.to_json() for record in found} == whole
    (runs,) = [
        grading.judge_student(graded, ASSIGNMENT, student.id)[0].runs
        for student in CLASS
        if student.id == "hana_kobayashi"
    ]
    assert runs
