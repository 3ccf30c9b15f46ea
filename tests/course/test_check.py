"""`check` in a student's notebook: what it shows, and what it never says."""

import base64
import html
import json
import linecache
import time
from pathlib import Path

import pytest
import torch

from course import NotAnswered, check
from course.cases import CaseSet, Group, KnownMistake
from course.check import ALL_PASS, PublicCasesFailed, has_form
from course.check_table import Report, brief, call_text
from course.outcome import RAISED, VALUE, Case, Outcome, raised

BOXES = torch.tensor([[0.0, 0.0, 2.0, 3.0], [1.0, 1.0, 5.5, 2.1]])
WIDTH = Group("widths", "A width is right minus left.")
EMPTY = Group("no <boxes>", "No boxes have no widths.", edge=True)
RIGHT = "def width(boxes):\n    return boxes[:, 2] - boxes[:, 0]\n"
HEIGHT = "def width(boxes):\n    return boxes[:, 3] - boxes[:, 1]\n"
WRONG = "def width(boxes):\n    return boxes[:, 2] * 7.0\n"


def widths() -> CaseSet:
    cases = (Case("widths", (BOXES,)), Case("no <boxes>", (BOXES[:0],)))
    expected = tuple(Outcome(VALUE, c.arguments[0][:, 2] - c.arguments[0][:, 0]) for c in cases)
    heights = tuple(Outcome(VALUE, c.arguments[0][:, 3] - c.arguments[0][:, 1]) for c in cases)
    mistake = KnownMistake("height", "It measures the height.", heights)
    return CaseSet("width", (WIDTH, EMPTY), cases, expected, (mistake,))


def selection() -> CaseSet:
    boxes, group = BOXES.repeat(10, 1), Group("some", "The best box comes first.")
    case = Case("some", (boxes, torch.arange(20.0), 0.5))
    return CaseSet("nms", (group,), (case,), (Outcome(VALUE, torch.tensor([3, 1])),), ())


def overlaps() -> CaseSet:
    group = Group("pairs", "Each pair has one overlap.")
    case = Case("pairs", (BOXES, BOXES))
    return CaseSet("box_iou", (group,), (case,), (Outcome(VALUE, torch.eye(2)),), ())


@pytest.fixture(autouse=True)
def beside_the_cases(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    folder = tmp_path / "cases"
    folder.mkdir()
    for case_set in (widths(), selection(), overlaps()):
        (folder / f"{case_set.exercise}.cases").write_bytes(case_set.to_bytes())
    questions = {"colours": {"form": "a list of colours", "example": ["green"]}}
    (folder / "questions.json").write_text(json.dumps(questions))


@pytest.fixture
def run(monkeypatch):
    """Return a function that runs cells as one notebook and gives back what `check` showed."""

    def run_cells(*sources: str) -> list[Report]:
        shown: list[Report] = []
        monkeypatch.setattr("IPython.display.display", shown.append)
        names = {"check": check, "torch": torch, "NotAnswered": NotAnswered}
        for number, source in enumerate(sources):
            file = f"/tmp/ipykernel_1/{number}.py"
            lines = source.splitlines(keepends=True)
            linecache.cache[file] = (len(source), None, lines, file)
            exec(compile(source, file, "exec"), names)
        return shown

    return run_cells


def test_a_right_answer_reads_that_the_public_cases_pass_and_that_others_are_judged(run):
    (report,) = run(RIGHT, "assert check(width) is None")
    assert report.sentence == ALL_PASS
    assert "public cases" in repr(report)
    assert "Hidden cases are judged when you hand in." in report._repr_html_()
    assert "img" not in report._repr_html_().replace(".course-check img", "")


@pytest.mark.parametrize("source", [RIGHT, HEIGHT, WRONG])
def test_no_score_and_no_promise_is_shown(run, source):
    (report,) = run(source, "check(width)")
    for text in (repr(report), report._repr_html_().split("</style>")[1]):
        assert "all tests" not in text.lower()
        assert "score" not in text.lower()
        assert "%" not in text


def test_a_wrong_answer_shows_expected_beside_got_for_each_group(run):
    (report,) = run(WRONG, "check(width)")
    page = report._repr_html_()
    for text in ("[2, 4.5]", "[14, 38.5]", "✗ fails", "✓ passes"):
        assert text in page
        assert text in repr(report)


def test_a_known_mistake_is_named_by_its_sentence(run):
    (report,) = run(HEIGHT, "check(width)")
    assert report.sentence == "It measures the height."


def test_an_unknown_mistake_reads_the_sentence_of_the_first_failing_group(run):
    (report,) = run(WRONG, "check(width)")
    assert report.sentence == "A width is right minus left."


def test_an_error_names_the_exception_and_the_students_line(run):
    (report,) = run("def width(boxes):\n    return boxes[:, 9]\n", "check(width)")
    assert report.sentence.startswith("It raised IndexError (line 2 of width: return boxes[:, 9])")


def test_an_error_inside_a_library_names_the_students_line_that_led_there():
    source = "import json\ndef read():\n    return json.loads('{')\n"
    names: dict = {}
    linecache.cache["<ipython-input-3>"] = (len(source), None, source.splitlines(True), "x")
    exec(compile(source, "<ipython-input-3>", "exec"), names)
    with pytest.raises(ValueError, match="Expecting property name") as error:
        names["read"]()
    outcome = raised(error.value)
    assert outcome.kind == RAISED
    assert outcome.line == "line 3 of read: return json.loads('{')"


def test_an_error_whose_line_is_lost_still_has_its_number():
    names: dict = {}
    exec(compile("def f():\n    raise KeyError('x')", "<a cell that is gone>", "exec"), names)
    with pytest.raises(KeyError) as error:
        names["f"]()
    assert raised(error.value).line == "line 2 of f"


def test_a_result_of_the_wrong_type_is_told_before_what_the_exercise_is_about(run):
    (report,) = run("def width(boxes):\n    boxes[:, 2] - boxes[:, 0]\n", "check(width)")
    assert report.sentence == "The result must be a tensor: got None (is a `return` missing?)."


def test_results_of_another_length_are_shown_beside_what_was_expected(run):
    (report,) = run("def nms(*_):\n    return torch.tensor([3])", "check(nms)")
    row = report.rows[0]
    assert (row.wrong, row.expected, row.got) == ("the result has the wrong shape", "[3, 1]", "[3]")


def test_a_matrix_stands_in_rows(run):
    (report,) = run("def box_iou(a, b):\n    return torch.ones(2, 2)", "check(box_iou)")
    assert "<code>[[1, 0],\n [0, 1]]</code>" in report._repr_html_()
    assert "expected [[1, 0], [0, 1]]" in repr(report)


def test_results_that_look_alike_are_told_apart_in_words(run):
    (report,) = run("def width(boxes):\n    return torch.zeros(len(boxes), 0)", "check(width)")
    row = report.rows[1]
    assert row.wrong == "the result has the wrong shape: expected [0], got [0, 0]"
    assert row.expected == row.got == ""


def test_groups_that_fail_alike_are_told_once(run):
    (report,) = run("def width(boxes):\n    return 1 / 0\n", "check(width)")
    assert "ZeroDivisionError" in report.rows[0].wrong
    assert report.rows[1].wrong == 'the same as in "widths"'


def test_an_unwritten_exercise_is_not_answered_yet(run):
    stub = "def width(boxes):\n    raise NotAnswered('width')\n"
    (report,) = run(stub, "check(width)")
    assert report.sentence == "Not answered yet."
    assert not report.rows


def test_an_exercise_that_needs_an_unwritten_one_says_which(run):
    (report,) = run("def width(boxes):\n    raise NotAnswered('corners')\n", "check(width)")
    assert report.sentence == "Not answered yet. It needs `corners`, which is still to be written."


@pytest.mark.parametrize(
    "cells",
    [
        [RIGHT, "check('width')"],
        [RIGHT.replace("width", "mine") + "width = mine", "check(width)"],
        [RIGHT + "old = width\nwidth = lambda boxes: old(boxes)", "check(width)"],
        [RIGHT + "import functools\nwidth = functools.partial(width)", "check(width)"],
    ],
)
def test_the_exercise_is_found_by_name_renamed_and_decorated(run, cells):
    (report,) = run(*cells)
    assert report.title == "width"
    assert report.passed


def test_of_two_names_for_one_function_the_one_in_the_calling_line_is_checked(run):
    first, second = run(RIGHT + "nms = width", "check(nms)\ncheck(width)")
    assert (first.title, second.title) == ("nms", "width")


def test_missing_public_cases_are_named_with_the_cure(run):
    Path("cases/width.cases").unlink()
    (report,) = run(RIGHT, "check(width)")
    assert "cases/width.cases is not there" in report.sentence
    assert "Open the notebook in the folder" in report.sentence


def test_unreadable_public_cases_are_named_with_the_cure(run):
    Path("cases/width.cases").write_bytes(b"nothing")
    (report,) = run(RIGHT, "check(width)")
    assert "cases/width.cases cannot be read" in report.sentence


def test_without_questions_beside_the_notebook_exercises_are_checked_all_the_same(run):
    Path("cases/questions.json").unlink()
    (report,) = run(RIGHT, "check(width)")
    assert report.passed


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("check('width')", "There is no `width` yet: run the cell that defines it first."),
        ("width = 3\ncheck('width')", "`width` must be a function, got 3."),
        ("check(3)", "Give it an exercise's function or its name, as in check(nms)."),
    ],
)
def test_what_cannot_be_checked_is_told_with_the_cure(run, cell, sentence):
    (report,) = run(cell)
    assert report.sentence == sentence


@pytest.mark.parametrize("value", ["", "None", "...", "[None, None]", "{'a': None, 'b': [...]}"])
def test_a_question_without_an_answer_says_what_an_answer_looks_like(run, value):
    (report,) = run((f"colours = {value}\n" if value else "") + "check('colours')")
    assert report.sentence.startswith("Not answered yet. `colours` must be a list of colours")


def test_an_answer_of_the_wrong_form_is_told_the_form(run):
    (report,) = run("colours = 'green'\ncheck('colours')")
    assert report.sentence == (
        "`colours` must be a list of colours, for example ['green']; got 'green'."
    )


def test_a_question_never_says_whether_its_answer_is_right(run):
    first, second = run(
        "colours = ['red']\ncheck('colours')\ncolours = ['a', 'b']\ncheck('colours')"
    )
    assert first == second
    assert "Whether it is right is judged when you hand in." in first.sentence


@pytest.mark.parametrize(
    ("value", "example", "fits"),
    [
        (["a"], ["b", "c"], True),
        (("a",), ["b"], True),
        ([], ["b"], True),
        ("a", ["b"], False),
        ([1], ["b"], False),
        ([[1, 2]], [[3]], True),
        ([1, [2]], [[3]], False),
        (3, 4, True),
        (3.0, 4, False),
        (3, 4.0, True),
        (True, 4, False),
        (True, False, True),
        (1, False, False),
        ({"a": 1}, {"a": 2}, True),
        ({"b": 1}, {"a": 2}, False),
        ("x", "y", True),
    ],
)
def test_a_form_is_types_and_nesting(value, example, fits):
    assert has_form(value, example) is fits


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (WRONG + "check(width)", "width: A width is right minus left"),
        ("def width(boxes):\n    raise NotAnswered('width')\ncheck(width)", "width: Not answered"),
        ("check('colours')", "colours: Not answered"),
    ],
)
def test_validate_gets_an_error_and_run_all_does_not(run, monkeypatch, cell, message):
    run(cell)
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    with pytest.raises(PublicCasesFailed, match=message) as error:
        run(cell)
    assert error.value._render_traceback_() == [str(error.value)]


def test_validate_gets_no_error_from_what_passes(run, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    width, colours = run(RIGHT, "check(width)\ncolours = ['red']\ncheck('colours')")
    assert width.passed
    assert colours.passed


def test_a_warning_of_the_answer_is_shown_but_not_on_stderr(run, capsys):
    noisy = "import sys\ndef width(boxes):\n    print('careful', file=sys.stderr)\n"
    run(noisy + "    return boxes[:, 2] - boxes[:, 0]\n", "check(width)")
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "careful" in printed.out


def test_what_a_student_wrote_is_escaped(run):
    hostile = "def width(boxes):\n    raise ValueError('<script>alert(1)</script>')\n"
    (report,) = run(hostile, "check(width)")
    page = report._repr_html_()
    assert "<script" not in page
    assert html.escape("<script>alert(1)</script>") in page
    assert "no &lt;boxes&gt;" in page


@pytest.mark.parametrize(
    "cells",
    [
        ["def nms(boxes, scores, t):\n    return torch.tensor([3, 2, 1])", "check(nms)"],
        ["def box_iou(a, b):\n    return torch.ones(2, 2)", "check(box_iou)"],
        [WRONG, "check(width)"],
    ],
)
def test_a_wrong_answer_about_boxes_has_a_picture_with_a_text(run, cells):
    (report,) = run(*cells)
    page = report._repr_html_()
    assert 'alt="The first call that went wrong' in page
    picture = page.split("base64,")[1].split('"')[0]
    assert base64.b64decode(picture).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "result",
    ["torch.tensor([99])", "torch.tensor([0.5])", "None", "1 / 0", "torch.tensor([-1])"],
)
def test_a_result_that_cannot_be_drawn_has_no_picture(run, result):
    (report,) = run(f"def nms(boxes, scores, t):\n    return {result}", "check(nms)")
    assert not report.passed
    assert "<img" not in report._repr_html_()


def test_there_is_no_picture_of_a_selection_that_is_right(run):
    two_parts = Outcome(VALUE, (torch.tensor([1]), torch.tensor([0.5])))
    case = Case("some", (BOXES, torch.ones(2)))
    case_set = CaseSet("soft", (Group("some", "Scores decay."),), (case,), (two_parts,), ())
    Path("cases/soft.cases").write_bytes(case_set.to_bytes())
    answer = "def soft(*_):\n    return torch.tensor([{}]), torch.tensor([0.9])\n"
    (right_boxes,) = run(answer.format(1), "check(soft)")
    (wrong_boxes,) = run(answer.format(0), "check(soft)")
    assert "<img" not in right_boxes._repr_html_()
    assert "<img" in wrong_boxes._repr_html_()


def test_the_first_failing_call_can_be_pasted_and_run(run):
    (report,) = run(WRONG, "check(width)")
    assert "width(torch.tensor([[0.0, 0.0, 2.0, 3.0]" in report._repr_html_()
    arguments = (torch.rand(3, 4), torch.zeros(0, 4), torch.tensor([1, 2]), 0.7, "a", [1.5])
    pasted = eval(call_text("", Case("any", arguments)), {"torch": torch})
    for given, read in zip(arguments, pasted, strict=True):
        assert type(given) is type(read)
        assert torch.equal(given, read) if isinstance(given, torch.Tensor) else given == read


def test_a_pasted_call_keeps_the_dtype():
    case = Case("any", (torch.rand(2, dtype=torch.float64), torch.zeros(0, dtype=torch.int64)))
    for given, read in zip(
        case.arguments, eval(call_text("", case), {"torch": torch}), strict=True
    ):
        assert given.dtype == read.dtype
        assert torch.equal(given, read)


def test_long_values_are_shown_by_their_shape():
    assert brief(torch.zeros(30, 4)) == "tensor of shape [30, 4]"
    assert brief((torch.tensor([1, 2]), [0.5])) == "([1, 2], [0.5])"


def test_a_warm_check_takes_less_than_a_tenth_of_a_second(run):
    cell = "def nms(boxes, scores, t):\n    return torch.tensor([3, 1])"
    times = []
    for _ in range(5):
        start = time.perf_counter()
        (report,) = run(cell, "check(nms)")
        assert "passes" in report._repr_html_()
        times.append(time.perf_counter() - start)
    assert min(times) < 0.1
