"""The demo class: each student gets what the class was made for, and the demo says so."""

import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autograder import demo
from autograder.build import build
from autograder.class_summary import mark_of
from autograder.course_folder import CourseFolder
from autograder.demo_class import ASSIGNMENT, NAMES, STUDENTS, Student, hand_in
from autograder.errors import BuildError
from autograder.grading import Workers, judge_student
from autograder.record import COULD_NOT_RUN, FAILED, PASSED, ExerciseVerdict, SubmissionRecord


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    built = build(tmp_path_factory.mktemp("demo") / "course-built", variants=1)
    demo.write_class(built, STUDENTS)
    return built


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as workers:
        yield workers


def released(course: CourseFolder) -> bytes:
    return (course.root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes()


def submitted(course: CourseFolder, student: Student) -> Path:
    return course.root / "submitted" / student.id / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"


@pytest.mark.parametrize("student", STUDENTS, ids=lambda student: student.id)
def test_each_student_gets_the_foreseen_marks_and_misconceptions(course, workers, student):
    record, _ = judge_student(course, ASSIGNMENT, student.id, workers)
    assert list(demo.unforeseen([record])) == []
    assert (record.score is None) == (student.expected_mark("nms") == COULD_NOT_RUN)
    assert all(v.message for v in record.exercises if v.verdict != PASSED)


def test_a_wrong_box_iou_does_not_cost_the_points_of_what_builds_on_it(course, workers):
    record, _ = judge_student(course, ASSIGNMENT, "elif_demir", workers)
    verdicts = {verdict.exercise: verdict for verdict in record.exercises}
    assert verdicts["box_iou"].verdict == FAILED
    assert verdicts["nms"].score == 1.0
    assert verdicts["nms"].given_right == ("box_iou",)


def test_students_have_folders_of_their_own_with_plain_names():
    assert len(NAMES) == len(STUDENTS)
    assert all(re.fullmatch(r"[a-z_]+", student.id) for student in STUDENTS)


def test_a_student_fills_only_cells_that_the_lesson_has(course):
    notebook = json.loads(released(course))
    names = {cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in notebook["cells"]}
    for student in STUDENTS:
        assert {*student.cells, *student.before} <= names


def test_handing_in_twice_gives_equal_bytes(course):
    for student in STUDENTS:
        assert hand_in(student, released(course)) == hand_in(student, released(course))


def test_what_was_handed_in_stays_when_it_has_not_changed(course):
    path = submitted(course, STUDENTS[0])
    before = path.stat().st_mtime_ns
    demo.write_class(course, STUDENTS)
    assert path.stat().st_mtime_ns == before


def test_broken_submissions_are_broken_in_three_ways(course):
    by_id = {student.id: submitted(course, student) for student in STUDENTS}
    with pytest.raises(json.JSONDecodeError):
        json.loads(by_id["ruth_adler"].read_bytes())
    assert by_id["ivan_petrov"].read_bytes() == b""
    assert not by_id["leila_farahani"].exists()
    assert by_id["leila_farahani"].parent.is_dir()


def foreseen_records() -> list[SubmissionRecord]:
    kinds = {"passed": (PASSED, 1.0), "partly": (FAILED, 0.6), "failed": (FAILED, 0.0)}
    records = []
    for student in STUDENTS:
        verdict, score = kinds.get(student.expected_mark("nms"), (COULD_NOT_RUN, None))
        nms = ExerciseVerdict("nms", verdict, score, "", student.misconceptions.get("nms"))
        records.append(SubmissionRecord(student.id, ASSIGNMENT, (nms,)))
    return records


def test_a_verdict_that_is_not_foreseen_is_told():
    records = foreseen_records()
    assert list(demo.unforeseen(records)) == []
    right = records[0].exercises[0]
    wrong = replace(right, verdict=FAILED, score=0.0, misconception="worst_first")
    lines = list(demo.unforeseen([replace(records[0], exercises=(wrong,))]))
    assert lines == ["Amara Okafor, nms: passed expected, got failed (worst_first)"]
    assert mark_of(wrong) == FAILED


@pytest.fixture
def quick(course, monkeypatch):
    """A demo whose building and grading are done already."""
    records = foreseen_records()
    monkeypatch.setattr(demo, "build", lambda *_, **__: course)
    monkeypatch.setattr(demo, "grade_class", lambda *_, **__: records)
    return records


def test_the_demo_prints_the_class_writes_the_report_and_says_what_is_next(quick, tmp_path, capsys):
    assert demo.run_demo(tmp_path) == 0
    told = capsys.readouterr().out
    assert "Amara Okafor" in told
    assert "report.html" in told
    assert "make lab" in told
    assert "formgrader" in told
    assert "Amara Okafor" in (tmp_path / "report.html").read_text()


def test_the_demo_fails_when_a_verdict_is_not_the_foreseen_one(quick, tmp_path, capsys):
    nms = replace(quick[0].exercises[0], verdict=FAILED, score=0.0)
    quick[0] = replace(quick[0], exercises=(nms,))
    assert demo.run_demo(tmp_path) == 1
    assert "Not as foreseen: Amara Okafor, nms: passed expected" in capsys.readouterr().out


def test_a_course_of_another_lesson_is_put_aside_and_built_anew(tmp_path, monkeypatch, capsys):
    built: list[Path] = []

    def build_once_refused(out, **_):
        if (out / "submitted").exists():
            raise BuildError("a lesson with submissions must keep its cells")
        built.append(out)

    monkeypatch.setattr(demo, "build", build_once_refused)
    for work in ("old", "older"):
        (tmp_path / "course-built" / "submitted" / work).mkdir(parents=True)
        demo._built(tmp_path, demo.open_console())
        assert (tmp_path / "course-before" / "submitted" / work).is_dir()
        assert "must keep its cells" in capsys.readouterr().out
    assert built == [tmp_path / "course-built"] * 2


def test_a_lesson_that_cannot_be_built_is_told_as_it_is(tmp_path, monkeypatch):
    def refuse(out, **_):
        raise BuildError("03_nms.py: a check without an exercise")

    monkeypatch.setattr(demo, "build", refuse)
    with pytest.raises(BuildError, match="a check without an exercise"):
        demo._built(tmp_path, demo.open_console())


def test_the_lab_opens_the_students_bundle_on_this_machine_only(tmp_path, monkeypatch, capsys):
    commands: list[list[str]] = []

    def bundle(_course, assignment, out):
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr(f"{assignment}/{assignment}.ipynb", "released")
        return out

    def note(command, cwd):
        commands.append(command)
        return 0

    monkeypatch.setattr(demo, "build", lambda *_, **__: None)
    monkeypatch.setattr(demo, "release", bundle)
    monkeypatch.setattr(subprocess, "call", note)
    assert demo.open_lab(tmp_path) == 0
    notebook = tmp_path / "student" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    assert notebook.read_text() == "released"
    assert "--ServerApp.ip=127.0.0.1" in commands[0]
    notebook.write_text("my work")
    assert demo.open_lab(tmp_path) == 0
    assert notebook.read_text() == "my work"
    assert "with the work in it" in capsys.readouterr().out.replace("\n", " ")


def test_ctrl_c_leaves_the_lab_without_an_error(tmp_path, monkeypatch):
    def interrupted(command, cwd):
        raise KeyboardInterrupt

    (tmp_path / "student" / ASSIGNMENT).mkdir(parents=True)
    monkeypatch.setattr(subprocess, "call", interrupted)
    assert demo.open_lab(tmp_path) == 0
