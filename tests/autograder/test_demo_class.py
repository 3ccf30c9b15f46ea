"""The demo class: each student gets what the class was made for, and the demo says so."""

import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.class_summary import mark_of
from autograder.course_folder import CourseFolder
from autograder.demo import run
from autograder.demo.classes import CLASSES, NAMES
from autograder.demo.student import Student, hand_in, model_answers
from autograder.errors import BuildError, UsageError
from autograder.exercises import topics
from autograder.grading import judge_student
from autograder.judging import Workers
from autograder.record import COULD_NOT_RUN, FAILED, PASSED, ExerciseVerdict, SubmissionRecord

ASSIGNMENT = "03_nms"
STUDENTS = CLASSES[ASSIGNMENT]
EVERY = [(assignment, student) for assignment in CLASSES for student in CLASSES[assignment]]
# Untouched notebooks and model answers of all assignments are judged in test_every_lesson.py.
OWN_WORK = [
    (assignment, student)
    for assignment, student in EVERY
    if assignment == ASSIGNMENT or student.id not in ("amara_okafor", "anna_novak")
]


@pytest.fixture(scope="module")
def course(whole_course: CourseFolder, tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    """The course with all that the classes hand in."""
    root = tmp_path_factory.mktemp("demo") / "course-built"
    copied = CourseFolder(Path(shutil.copytree(whole_course.root, root)))
    run.write_classes(copied, CLASSES)
    return copied


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as workers:
        yield workers


def notebook(course: CourseFolder, step: str, assignment: str = ASSIGNMENT) -> bytes:
    return (course.root / step / assignment / f"{assignment}.ipynb").read_bytes()


def submitted(course: CourseFolder, student: Student) -> Path:
    return course.root / "submitted" / student.id / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"


def short(value: object) -> str:
    return value.id if isinstance(value, Student) else str(value)


@pytest.mark.parametrize(("assignment", "student"), OWN_WORK, ids=short)
def test_each_student_gets_the_foreseen_marks_and_misconceptions(
    course, workers, assignment, student
):
    record, _ = judge_student(course, assignment, student.id, workers)
    assert list(run.unforeseen([record])) == []
    assert (record.score is None) == (student.others == COULD_NOT_RUN)
    assert all(v.message for v in record.exercises if v.verdict != PASSED)


def test_every_assignment_has_a_class_with_right_wrong_and_untouched_work():
    assert CLASSES.keys() == topics().keys()
    for students in CLASSES.values():
        assert len(students) >= 6
        assert any(student.others == PASSED and not student.marks for student in students)
        assert sum(len(student.misconceptions) for student in students) >= 3
        assert "anna_novak" in {student.id for student in students}
    hostile_or_broken = [student for _, student in EVERY if student.damage is not bytes]
    assert len(hostile_or_broken) >= 4


def test_a_class_has_names_of_the_lesson_only():
    for assignment, student in EVERY:
        topic = topics()[assignment]
        graded = {item.name for item in (*topic.exercises, *topic.questions)}
        assert student.marks.keys() | student.misconceptions.keys() <= graded, student.name
        assert set(student.leaves_out) <= graded


def test_only_two_networks_are_trained():
    answers = [s for s in CLASSES["06_transposed_conv"] if s.expected_mark("build_fcn") == PASSED]
    assert len(answers) == 2


def test_a_wrong_box_iou_does_not_cost_the_points_of_what_builds_on_it(course, workers):
    record, _ = judge_student(course, ASSIGNMENT, "elif_demir", workers)
    verdicts = {verdict.exercise: verdict for verdict in record.exercises}
    assert verdicts["box_iou"].verdict == FAILED
    assert verdicts["nms"].score == 1.0
    assert verdicts["nms"].given_right == ("box_iou",)


def test_students_have_folders_of_their_own_with_plain_names():
    for students in CLASSES.values():
        assert len({student.id for student in students}) == len(students)
    assert len(set(NAMES.values())) == len(NAMES)
    assert all(re.fullmatch(r"[a-z_]+", student) for student in NAMES)


def test_a_student_fills_only_cells_that_the_lesson_has(course):
    for assignment, student in EVERY:
        cells = json.loads(notebook(course, "release", assignment))["cells"]
        names = {cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in cells}
        assert {*student.cells, *student.before} <= names, student.name


def test_the_model_answers_are_code_without_the_marks_of_the_source(course):
    for assignment, topic in topics().items():
        source = notebook(course, "source", assignment)
        answers = model_answers(course.plan(assignment), source)
        graded = {item.name for item in (*topic.exercises, *topic.questions)}
        assert answers.keys() == graded
        assert not any("### " in text for text in answers.values())
        assert all(f"def {e.name}" in answers[e.name] or f"class {e.name}" in answers[e.name]
                   for e in topic.exercises)  # fmt: skip


def test_handing_in_twice_gives_equal_bytes(course):
    released = notebook(course, "release")
    for student in STUDENTS:
        assert hand_in(student, released) == hand_in(student, released)


def test_who_leaves_an_answer_out_hands_its_cell_in_as_it_was(course):
    released = notebook(course, "release")
    student = Student("Some Body", {"nms": "mine"}, model=True, leaves_out=("box_iou", "nms"))
    answers = {"nms": "theirs", "box_iou": "theirs", "box_area": "theirs"}
    cells = json.loads(hand_in(student, released, answers))["cells"]
    texts = {cell["metadata"]["nbgrader"]["grade_id"]: "".join(cell["source"]) for cell in cells}
    assert (texts["nms"], texts["box_area"]) == ("mine", "theirs")
    assert 'NotAnswered("box_iou")' in texts["box_iou"]
    assert student.expected_mark("box_iou") == FAILED


def test_what_was_handed_in_stays_when_it_has_not_changed(course):
    path = submitted(course, STUDENTS[0])
    before = path.stat().st_mtime_ns
    run.write_classes(course, {ASSIGNMENT: STUDENTS})
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
    assert list(run.unforeseen(records)) == []
    right = records[0].exercises[0]
    wrong = replace(right, verdict=FAILED, score=0.0, misconception="worst_first")
    lines = list(run.unforeseen([replace(records[0], exercises=(wrong,))]))
    assert lines == ["Amara Okafor, nms: passed expected, got failed (worst_first)"]
    assert mark_of(wrong) == FAILED


@pytest.fixture
def quick(course, monkeypatch):
    """A demo whose building and grading are done already; nothing is handed in but 03_nms."""
    records = foreseen_records()
    graded = {ASSIGNMENT: records}
    monkeypatch.setattr(run, "build", lambda *_, **__: course)
    monkeypatch.setattr(run, "grade_class", lambda _, name, *__, **___: graded.get(name, []))
    return records


def test_the_demo_prints_the_class_writes_the_report_and_says_what_is_next(quick, tmp_path, capsys):
    assert run.run_demo(tmp_path) == 0
    told = capsys.readouterr().out
    assert "Amara Okafor" in told
    assert "report.html" in told
    assert "make lab" in told
    assert "formgrader" in told
    assert "Amara Okafor" in (tmp_path / "report.html").read_text()


def test_the_demo_fails_when_a_verdict_is_not_the_foreseen_one(quick, tmp_path, capsys):
    nms = replace(quick[0].exercises[0], verdict=FAILED, score=0.0)
    quick[0] = replace(quick[0], exercises=(nms,))
    assert run.run_demo(tmp_path) == 1
    assert "Not as foreseen: Amara Okafor, nms: passed expected" in capsys.readouterr().out


def test_a_course_of_another_lesson_is_put_aside_and_built_anew(tmp_path, monkeypatch, capsys):
    built: list[Path] = []

    def build_once_refused(out, **_):
        if (out / "submitted").exists():
            raise BuildError("a lesson with submissions must keep its cells")
        built.append(out)

    monkeypatch.setattr(run, "build", build_once_refused)
    for work in ("old", "older"):
        (tmp_path / "course-built" / "submitted" / work).mkdir(parents=True)
        run._built(tmp_path, run.open_console())
        assert (tmp_path / "course-before" / "submitted" / work).is_dir()
        assert "must keep its cells" in capsys.readouterr().out
    assert built == [tmp_path / "course-built"] * 2


def test_a_lesson_that_cannot_be_built_is_told_as_it_is(tmp_path, monkeypatch):
    def refuse(out, **_):
        raise BuildError("03_nms.py: a check without an exercise")

    monkeypatch.setattr(run, "build", refuse)
    with pytest.raises(BuildError, match="a check without an exercise"):
        run._built(tmp_path, run.open_console())


@pytest.fixture
def lab(monkeypatch):
    """What `open_lab` starts in place of JupyterLab, on bundles that are quickly made."""
    commands: list[list[str]] = []

    def bundle(_course, assignment, out, given_anyway):
        assert given_anyway
        out.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr(f"{assignment}/{assignment}.ipynb", "released")
        return out

    def note(command, cwd):
        commands.append(command)
        return 0

    monkeypatch.setattr(run, "build", lambda *_, **__: None)
    monkeypatch.setattr(run, "release", bundle)
    monkeypatch.setattr(subprocess, "call", note)
    return commands


def test_the_lab_opens_an_assignment_with_all_bundles_side_by_side(lab, tmp_path, capsys):
    assert run.open_lab(tmp_path) == 0
    assert {path.name for path in (tmp_path / "student").iterdir()} == CLASSES.keys()
    assert "--ServerApp.ip=127.0.0.1" in lab[0]
    assert lab[0][-1].endswith("/lab/tree/01_sliding_windows/01_sliding_windows.ipynb")
    assert run.open_lab(tmp_path, "05_rpn") == 0
    assert lab[1][-1].endswith("/lab/tree/05_rpn/05_rpn.ipynb")


def test_the_lab_keeps_the_work_of_last_time_and_adds_what_is_missing(lab, tmp_path, capsys):
    path = tmp_path / "student" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text("my work")
    assert run.open_lab(tmp_path) == 0
    assert path.read_text() == "my work"
    assert "with the work in it" in capsys.readouterr().out.replace("\n", " ")
    assert len(list((tmp_path / "student").iterdir())) == len(CLASSES)


def test_the_lab_names_the_assignments_that_it_can_open(tmp_path):
    with pytest.raises(UsageError, match=r"one of 01_sliding_windows, .* got '08_more'"):
        run.open_lab(tmp_path, "08_more")


def test_ctrl_c_leaves_the_lab_without_an_error(lab, tmp_path, monkeypatch):
    def interrupted(command, cwd):
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "call", interrupted)
    assert run.open_lab(tmp_path) == 0
