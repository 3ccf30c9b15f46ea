"""What an instructor sees in an appeal: the failing cases and no others, whole and readable."""

import io

import pytest
import torch
from rich.console import Console
from torch import nn

from autograder import show
from autograder.plan import Plan
from autograder.record import FAILED, PASSED, ExerciseVerdict
from course.cases import CaseSet, Group
from course.outcome import NOT_FINISHED, RAISED, VALUE, Case, Outcome

BOXES = torch.tensor([[0.0, 0.0, 10.0, 10.0], [1.5, 0.0, 11.0, 10.0], [50.0, 50.0, 60.0, 60.0]])
SCORES = torch.tensor([0.5, 0.9, 0.25])
FAILING = ExerciseVerdict("nms", FAILED, 0.6, "Look at the order.", "worst_first", points=4.0)


def cases(*arguments, expected):
    groups = (Group("order", "Best first."),)
    listed = tuple(Case("order", a) for a in arguments)
    return CaseSet("nms", groups, listed, tuple(Outcome(VALUE, e) for e in expected), ())


def printed(renderable):
    out = io.StringIO()
    Console(file=out, width=100).print(renderable)
    return out.getvalue()


def one_case(got, count=3):
    wanted = torch.tensor([1, 2])
    arguments = (BOXES.repeat(count // 3, 1), SCORES.repeat(count // 3), 0.5)
    return printed(show.render(FAILING, cases(arguments, expected=[wanted]), [got]))


def test_a_failing_case_shows_inputs_got_and_expected():
    text = one_case(Outcome(VALUE, torch.tensor([1, 0])))
    assert "nms: partly, 2.4 of 4" in text
    assert "Look at the order." in text
    assert "misconception: worst first" in text
    assert "expected: int64 [2]: [1, 2]" in text
    assert "got: int64 [2]: [1, 0]" in text
    assert "iou_threshold: 0.5" in text


def test_boxes_and_their_scores_stand_in_one_table():
    lines = [line.split() for line in one_case(Outcome(VALUE, None)).splitlines()]
    assert ["x1", "y1", "x2", "y2", "scores"] in lines
    assert ["1", "1.5", "0", "11", "10", "0.9"] in lines


def test_a_case_that_passes_is_not_shown():
    right = torch.tensor([1, 2])
    both = cases((BOXES, SCORES, 0.5), (BOXES, SCORES, 0.25), expected=[right, right])
    outcomes = [Outcome(VALUE, right), Outcome(VALUE, right[:1])]
    text = printed(show.render(FAILING, both, outcomes))
    assert "case 2 of 2" in text
    assert "case 1 of 2" not in text
    passed = ExerciseVerdict("nms", PASSED, 1.0)
    text = printed(show.render(passed, both, [Outcome(VALUE, right)] * 2))
    assert text.split() == ["nms:", "passed,", "1", "of", "1"]


def test_many_boxes_are_abbreviated():
    text = one_case(Outcome(VALUE, None), count=30)
    assert "... 18 more boxes" in text
    assert len(text.splitlines()) < 30


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (Outcome(RAISED, error="IndexError", detail="too far", line="line 3 of nms"),
         "got: raised IndexError: too far (line 3 of nms)"),
        (Outcome(NOT_FINISHED), "got: did not finish"),
        (Outcome("died"), "got: the process ended"),
        (Outcome("not answered", error="nms"), "got: not answered"),
        (Outcome(VALUE, torch.tensor([1, 2]), changed=True), "got: the input was changed"),
    ],
)  # fmt: skip
def test_whatever_a_call_did_is_said(outcome, text):
    assert text in one_case(outcome)


def test_cases_that_were_not_run_are_counted():
    right = torch.tensor([1, 2])
    three = cases(*[(BOXES, SCORES, 0.5)] * 3, expected=[right] * 3)
    text = printed(show.render(FAILING, three, [Outcome(NOT_FINISHED)]))
    assert "2 more cases were not run after this." in text
    assert "No case was run." in printed(show.render(FAILING, three, []))


def test_nothing_of_a_student_reaches_the_terminal_as_a_command():
    hostile = "\x1b[2J[red]x[/red]\x07"
    text = one_case(Outcome(RAISED, error="E", detail=hostile))
    assert "[red]x[/red]" in text
    text += one_case(Outcome(VALUE, {"a" + hostile: hostile}))
    assert "\x1b" not in text
    assert "\x07" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (torch.tensor(2.5), "float32 []: 2.5"),
        (torch.zeros(0, 4), "float32 [0, 4]: []"),
        (torch.ones(2, 2), "float32 [2, 2]: [[1, 1], [1, 1]]"),
        (torch.arange(40), "... 24 more]"),
        ((torch.tensor([True]), 0.125), "(bool [1]: [True], 0.125)"),
        (list(range(20)), "14, 15, ... 4 more]"),
        (torch.ones(2).numpy(), "numpy float32 [2]"),
        (nn.ReLU(), "ReLU()"),
        ({"boxes": None}, "{boxes: None}"),
    ],
)
def test_each_kind_of_value_is_described_on_one_line(value, text):
    described = show.describe(value)
    assert text in described
    assert "\n" not in described


def test_show_prints_every_exercise_of_a_submission(monkeypatch, tmp_path):
    right = torch.tensor([1, 2])
    judged = [(FAILING, cases((BOXES, SCORES, 0.5), expected=[right]), (Outcome(VALUE, None),))]
    submission = type("Submission", (), {"plan": Plan("03_nms", "abc123", ())})
    monkeypatch.setattr(show, "read_submission", lambda *_: submission)
    monkeypatch.setattr(show, "outcomes_of", lambda *_: judged)
    out = io.StringIO()
    show.show(tmp_path, "03_nms", "ada\x1b[2J", console=Console(file=out, width=100))
    text = out.getvalue()
    assert text.startswith("ada, 03_nms, release abc123\n")
    assert "not for students" in text
    assert "got: None" in text
