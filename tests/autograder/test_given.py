"""Functions of earlier notebooks: in the notebook, beside it, in the bundle, and while grading."""

import datetime
import inspect
import io
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from nbgrader.api import Gradebook

from autograder import exercises
from autograder.build import build
from autograder.checking import FIXED_SEED
from autograder.course_config import load_config
from autograder.course_folder import CourseFolder
from autograder.errors import BuildError
from autograder.executed_notebook import executed_notebook
from autograder.given import given_to, import_lines
from autograder.judging import Submission, Workers, judge_submission, tasks_of
from autograder.lesson import read_lesson
from autograder.model_answer import ModelAnswer
from autograder.plan import GIVEN, Plan
from autograder.release import release
from autograder.submission import cells_to_run, parse
from autograder.variants import hidden_cases
from course.cases import CaseSet, assess
from course.outcome import LocalSubject, observe
from tests.autograder.tiny_lesson import (
    ASSIGNMENT,
    LATER,
    LATER_LESSON,
    LATER_TOPIC,
    TOPIC,
    write_lesson,
    write_two_lessons,
)

TOPICS = {ASSIGNMENT: TOPIC, LATER: LATER_TOPIC}
ANSWER = "def best_overlap(a, b):\n    return box_iou(a, b).amax(1) if len(b) else a[:, 0] * 0"
IOU_LINES = """\
top_left = torch.maximum(a[:, None, :2], b[None, :, :2])
bottom_right = torch.minimum(a[:, None, 2:], b[None, :, 2:])
width, height = (bottom_right - top_left).clamp(min=0).unbind(dim=2)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("two")
    return build(root / "course", 1, lessons=write_two_lessons(root / "lessons"), topics=TOPICS)


@pytest.fixture
def course(built, tmp_path):
    """A built course of this test's own."""
    return CourseFolder(Path(shutil.copytree(built.root, tmp_path / "course")))


@pytest.fixture(autouse=True)
def both_topics(monkeypatch):
    monkeypatch.setattr(exercises, "TOPICS", (TOPIC, LATER_TOPIC))


@pytest.fixture
def workers(worker, monkeypatch):
    """The one worker of this process, which stays open."""
    ready = Workers()
    monkeypatch.setattr(ready, "_worker", worker)
    return ready


def released(course, assignment=LATER, step="release"):
    return course.root / step / assignment


def notebook(course, step="release"):
    return nbformat.read(released(course, step=step) / f"{LATER}.ipynb", as_version=4)


def given_cell(book):
    return next(cell for cell in book.cells if "given(" in cell.source)


def lesson(tmp_path, text):
    return read_lesson(write_lesson(tmp_path, text, LATER) / f"{LATER}.py")


def test_the_notebook_asks_for_the_function_in_a_locked_cell(built):
    cell = given_cell(notebook(built))
    assert cell.source == 'box_iou = given("box_iou")'
    assert cell.metadata.nbgrader.locked
    assert given_cell(notebook(built, "source")).source == cell.source


def test_several_functions_are_asked_for_in_one_cell(tmp_path):
    text = LATER_LESSON.replace('given="box_iou"', 'given="box_area, box_iou"')
    course = build(
        tmp_path / "course", 1, lessons=write_two_lessons(tmp_path / "l", text), topics=TOPICS
    )
    assert given_cell(notebook(course)).source == 'box_area, box_iou = given("box_area", "box_iou")'
    assert {path.name for path in (released(course) / "given").iterdir()} == {
        "box_area.py", "box_iou.py",
    }  # fmt: skip


def test_beside_the_notebook_lie_code_that_stands_alone_and_its_public_cases(built):
    for step in ("source", "release"):
        folder = released(built, step=step)
        names = {}
        exec((folder / "given" / "box_iou.py").read_text(), names)
        cases = CaseSet.from_bytes((folder / "cases" / "box_iou.cases").read_bytes())
        subject = LocalSubject(names["box_iou"])
        assert assess(cases, [observe(subject, case) for case in cases.cases]).passed
        assert {p.name for p in (folder / "given").iterdir()} == {"box_iou.py"}
        assert {p.name for p in (folder / "cases").iterdir()} == {
            "best_overlap.cases", "box_iou.cases", "questions.json",
        }  # fmt: skip
    assert b"SOLUTION" not in (folder / "given" / "box_iou.py").read_bytes()


def test_the_plan_names_whose_answers_are_given_and_what_they_need(built):
    plan = built.plan(LATER)
    assert plan.given == {"box_area": ASSIGNMENT, "box_iou": ASSIGNMENT}
    assert Plan.from_json(plan.to_json()) == plan
    assert built.plan(ASSIGNMENT).given == {}


def test_a_plan_from_before_functions_were_given_can_still_be_read(built):
    content = json.loads(built.plan(ASSIGNMENT).to_json())
    content["given"] = []
    for cell in content["cells"]:
        del cell["runs"]
    assert Plan.from_json(json.dumps(content)) == built.plan(ASSIGNMENT)


def test_the_code_for_grading_binds_the_given_names_and_no_others(built):
    (cell,) = [cell for cell in built.plan(LATER).cells if cell.kind == GIVEN]
    names = {"box_area": None}  # what a student calls so is none of its business
    exec(cell.runs, names)
    assert names.keys() == {"__builtins__", "box_area", "box_iou"}
    box = [[0.0, 0.0, 2.0, 2.0]]
    assert names["box_iou"](torch.tensor(box), torch.tensor(box)).tolist() == [[1.0]]


def test_a_changed_reference_of_a_given_function_is_a_new_release(built, tmp_path):
    area, iou = TOPIC.exercises
    changed = replace(TOPIC, exercises=(area, replace(iou, groups=(*iou.groups[:2], told(iou)))))
    lessons = write_two_lessons(tmp_path / "lessons")
    topics = {**TOPICS, ASSIGNMENT: changed}
    again = build(tmp_path / "course", 1, lessons=lessons, topics=topics)
    assert again.plan(LATER).release != built.plan(LATER).release


def told(iou):
    return replace(iou.groups[2], sentence="Another sentence.")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'given="box_iou"',
            'given="iou"',
            r"line 10: given must .* \(box_area, box_iou\), got 'iou'",
        ),
        ('given="box_iou"', 'given="best_overlap"', "must have one solution cell, got another"),
        ("check, given", "check", "line 10: the notebook must import given before a given cell"),
        ('given="box_iou"\n', 'given="box_iou"\nx = 1\n', "a given cell must be empty .* 'x = 1'"),
        (
            'given="box_iou"',
            'given="box_iou, "',
            "must be empty and name functions, got given='box_",
        ),
        ('given="box_iou"', 'given="box_iou, box_iou"', "box_iou must have one given cell"),
        ('# %% given="box_iou"', '# %% [markdown] given="box_iou"', "given cell must be code"),
        ('given="box_iou"', 'given="box_iou" points=1', "got one on a given cell"),
        (
            '# %% given="box_iou"',
            "# %%",
            "model answer of best_overlap must use only .* got box_iou",
        ),
    ],
)
def test_a_given_cell_that_is_not_what_it_must_be_is_refused(tmp_path, old, new, message):
    assert old in LATER_LESSON
    lessons = write_two_lessons(tmp_path / "lessons", LATER_LESSON.replace(old, new, 1))
    with pytest.raises(BuildError, match=message):
        build(tmp_path / "course", 1, lessons=lessons, topics=TOPICS)


def test_a_function_of_this_or_a_later_assignment_is_not_given(tmp_path):
    read = lesson(tmp_path, LATER_LESSON)
    for assignment in (LATER, "06_latest"):
        with pytest.raises(BuildError, match=f"got 'box_iou', which is of {assignment}; write it"):
            given_to(read, [replace(TOPIC, assignment=assignment)])


def test_an_answer_that_needs_more_than_exercises_is_not_given(tmp_path):
    _, iou = TOPIC.exercises
    alone = replace(TOPIC, exercises=(iou,))
    with pytest.raises(BuildError, match=r"box_iou must need only other exercises .* got box_area"):
        given_to(lesson(tmp_path, LATER_LESSON), [alone])


def test_imports_come_once_and_mean_one_thing():
    def needing(name, module, attribute):
        return ModelAnswer(name, "", "", "", {name: (module, attribute)}, frozenset([name]))

    answers = [
        needing("F", "torch.nn", "functional"),
        needing("np", "numpy", ""),
        needing("nn", "torch", "nn"),
        needing("nn", "torch", "nn"),
        needing("math", "math", ""),
    ]
    assert import_lines(answers).splitlines() == [
        "import math",
        "import numpy as np",
        "from torch import nn",
        "from torch.nn import functional as F",
    ]
    with pytest.raises(BuildError, match="F must mean one thing"):
        import_lines([*answers, needing("F", "torch", "functional")])


# The bundle.


def due(course, when):
    with Gradebook(f"sqlite:///{course.gradebook}") as books:
        books.update_or_create_assignment(ASSIGNMENT, duedate=when)


def bundle(course, tmp_path, **options):
    return release(course, LATER, tmp_path / "b.zip", topics=TOPICS, **options)


def test_a_bundle_with_answers_of_another_assignment_waits_until_that_is_due(course, tmp_path):
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    day = datetime.timedelta(days=1)
    with pytest.raises(
        BuildError,
        match=r"05_later must not give .* got box_area, box_iou of 03_tiny, which has no due date "
        r".*nbgrader db assignment add 03_tiny .*, or say --given-anyway",
    ):
        bundle(course, tmp_path)
    due(course, now + day)
    with pytest.raises(BuildError, match=rf"which is due {now + day:%Y-%m-%d %H:%M} UTC: release"):
        bundle(course, tmp_path)
    assert not (tmp_path / "b.zip").exists()
    due(course, now - day)
    assert bundle(course, tmp_path).exists()


def test_an_assignment_that_the_gradebook_does_not_have_is_not_due(course, tmp_path):
    plan = course.plan(LATER)
    course.set_release(replace(plan, given={"nms": "02_nowhere"}))
    with pytest.raises(BuildError, match="got nms of 02_nowhere, which has no due date"):
        bundle(course, tmp_path)


def test_a_bundle_holds_what_is_given_and_says_so(course, tmp_path):
    with zipfile.ZipFile(bundle(course, tmp_path, given_anyway=True)) as archive:
        names = set(archive.namelist())
        readme = archive.read(f"{LATER}/README.txt").decode()
    assert {f"{LATER}/given/box_iou.py", f"{LATER}/cases/box_iou.cases"} <= names
    assert "functions of earlier assignments" in readme
    plain = release(course, ASSIGNMENT, tmp_path / "first.zip", topics=TOPICS)
    with zipfile.ZipFile(io.BytesIO(plain.read_bytes())) as archive:
        assert "functions of earlier" not in archive.read(f"{ASSIGNMENT}/README.txt").decode()


@pytest.mark.parametrize(
    ("assignment", "text", "leaks"),
    [
        (LATER, IOU_LINES, False),
        (LATER, "x1, y1, x2, y2 = boxes.unbind(dim=1)\nreturn (x2 - x1) * (y2 - y1)", False),
        (LATER, "highest, _ = overlaps.max(dim=1)\nreturn highest", False),
        (LATER, inspect.getsource(LATER_TOPIC.exercises[0].reference), True),
        (ASSIGNMENT, IOU_LINES, True),
    ],
)
def test_lines_of_given_functions_are_no_leak_and_others_are(
    course, tmp_path, assignment, text, leaks
):
    path = released(course, assignment) / f"{assignment}.ipynb"
    book = nbformat.read(path, as_version=4)
    book.cells[1].source += f"\n{text}"
    nbformat.write(book, path)
    out = tmp_path / "b.zip"
    if leaks:
        with pytest.raises(BuildError, match="lines of the answer to"):
            release(course, assignment, out, given_anyway=True, topics=TOPICS)
    else:
        assert release(course, assignment, out, given_anyway=True, topics=TOPICS).exists()


def test_answers_of_whoever_runs_a_notebook_in_the_course_go_to_nobody(course, tmp_path):
    assert "own" in load_config(course.root).CourseDirectory.ignore
    for step in ("source", "release"):
        (released(course, step=step) / "own").mkdir()
        (released(course, step=step) / "own" / "best_overlap.py").write_text("1")
    with zipfile.ZipFile(bundle(course, tmp_path, given_anyway=True)) as archive:
        assert not [name for name in archive.namelist() if "own/" in name]


# While grading.


def judged(course, workers, change=lambda book: None, answer=ANSWER):
    """Judge the release with an answer and a change."""
    book = notebook(course)
    next(c for c in book.cells if c.source.startswith("def best_overlap")).source = answer
    change(book)
    plan, data = course.plan(LATER), json.dumps(book).encode()
    submission = Submission("ada", plan, data, parse(data))
    (exercise,) = LATER_TOPIC.exercises
    cases = {exercise.name: hidden_cases(exercise, FIXED_SEED, 0)}
    record, _ = judge_submission(workers, submission, tasks_of(submission, cases))
    return record, data


def test_the_instructor_s_notebook_has_all_automatic_points(built, workers):
    data = (released(built, step="source") / f"{LATER}.ipynb").read_bytes()
    plan = built.plan(LATER)
    submission = Submission("source", plan, data, parse(data))
    cases = {"best_overlap": hidden_cases(LATER_TOPIC.exercises[0], FIXED_SEED, 0)}
    record, _ = judge_submission(workers, submission, tasks_of(submission, cases))
    assert [(v.exercise, v.score) for v in record.exercises] == [("best_overlap", 1), ("count", 1)]


def wrong_given(book):
    given_cell(book).source = "def box_iou(a, b):\n    return a * 0"


def without_given(book):
    book.cells.remove(given_cell(book))


def another_area(book):
    book.cells.insert(4, nbformat.v4.new_code_cell("def box_area(boxes):\n    return 'mine'"))


def another_import(book):
    book.cells[1].source = "from course import NotAnswered"


@pytest.mark.parametrize(
    "change", [lambda book: None, wrong_given, without_given, another_area, another_import]
)
def test_given_functions_come_from_the_build_whatever_the_submission_holds(built, workers, change):
    record, data = judged(built, workers, change)
    verdict = record.exercises[0]
    assert (verdict.score, verdict.message) == (1.0, "")
    shown = executed_notebook(built.plan(LATER), data, record, {})
    assert given_cell(shown).source == 'box_iou = given("box_iou")'
    assert given_cell(shown).outputs == []


def test_a_shortcut_inside_a_given_function_is_nobody_s_fault_and_a_student_s_own_is(
    built, workers
):
    cells = cells_to_run(parse(json.dumps(notebook(built)).encode()), built.plan(LATER))
    assert [cell.given for cell in cells if "maximum" in cell.source] == [True]
    own = "def best_overlap(a, b):\n    return torch.maximum(box_iou(a, b).amax(1), a[:, 0] * 0)"
    record, _ = judged(built, workers, answer=own)
    assert record.exercises[0].message.startswith("`maximum` must not be used here")


# In a student's hands.


def run(folder, name):
    """Run a notebook in its folder; return the texts that each cell displayed, by its source."""
    book = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(book, kernel_name="python3", resources=resources).execute()
    return {
        cell.source: "".join(
            out.get("text", "") or out.get("data", {}).get("text/plain", "")
            for out in cell.get("outputs", [])
        )
        for cell in book.cells
    }


def test_a_student_s_own_function_comes_along_to_the_next_notebook(course, tmp_path):
    home = tmp_path / "home"
    for assignment in (ASSIGNMENT, LATER):
        shutil.copytree(released(course, assignment, "source"), home / assignment)
    asked = 'box_iou = given("box_iou")'
    assert run(home / LATER, LATER)[asked] == "box_iou: the course's\n"
    shown = run(home / ASSIGNMENT, ASSIGNMENT)
    assert "All public cases pass" in shown["check(box_iou)"]
    assert {path.name for path in (home / ASSIGNMENT / "own").iterdir()} == {
        "box_area.py", "box_iou.py",
    }  # fmt: skip
    shown = run(home / LATER, LATER)
    assert shown[asked] == "box_iou: your own, from 03_tiny\n"
    assert "All public cases pass" in shown["check(best_overlap)"]
    names = {}
    exec((home / LATER / "own" / "best_overlap.py").read_text(), names)
    assert {"best_overlap", "box_iou"} <= names.keys()
    assert "box_area" not in names
