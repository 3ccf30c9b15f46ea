"""Verdicts on 03_nms through the sandbox: right styles, mistakes, impostors, and attacks on them."""

import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch

from autograder import variants
from autograder.checking import FIXED_SEED, PRELUDE
from autograder.errors import WorkerError
from autograder.exercises import find, topics
from autograder.judge import Judged, Task, judge
from autograder.model_answer import model_answer
from autograder.record import FAILED, PASSED
from autograder.sandbox import OPEN
from autograder.submission import RunCell
from autograder.worker import Worker
from course.cases import CaseSet, Group
from course.outcome import Case
from solutions.masks import MaskHead
from tests.autograder.sandboxed import exercise, judged

ANSWERS = Path(__file__).parent / "answers" / "03_nms"
RIGHT = sorted(ANSWERS.glob("right_*.py"))
TOPIC = topics()["03_nms"]
NAMES = [exercise.name for exercise in TOPIC.exercises]


@cache
def cases_of(name: str) -> CaseSet:
    exercise = find(name)[1]
    return variants.hidden_cases(exercise, FIXED_SEED, 0)


def tasks(*names: str) -> list[Task]:
    return [Task(find(name)[1], 1.0, cases_of(name)) for name in names]


def verdicts(worker: Worker, text: str, *names: str, given: tuple[str, ...] = ()) -> list[Judged]:
    judged, _ = judge(worker, [RunCell(PRELUDE, None), RunCell(text, 0)], tasks(*names), given)
    return judged


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: path.stem)
def test_every_right_style_gets_full_marks(worker, path):
    judged = verdicts(worker, path.read_text(), *NAMES)
    assert [(j.verdict.exercise, j.verdict.score, j.verdict.message) for j in judged] == [
        (name, 1.0, "") for name in NAMES
    ]


def test_a_class_is_judged_as_a_function_is(worker):
    groups = (Group("regions", "Each region gets masks of twice its size."),)

    def draw(rng):
        regions = torch.tensor(rng.normal(size=(2, 3, 4, 6)), dtype=torch.float32)
        return [Case("regions", (3, 5, 8), apply=(regions,), parameters=True, view="shapes")]

    definition = exercise(MaskHead, draw, groups)
    answer = model_answer("MaskHead", MaskHead)
    right = judged(worker, definition, PRELUDE, answer.code)
    assert (right.verdict.score, right.verdict.message) == (1.0, "")
    stub = judged(worker, definition, PRELUDE, answer.stub)
    assert (stub.verdict.score, stub.verdict.message) == (0.0, "Not answered yet.")
    wrong = judged(worker, definition, PRELUDE, answer.code.replace("stride=2", "stride=1"))
    assert wrong.verdict.score == 0.0


def test_the_right_styles_are_of_several_kinds():
    assert len(RIGHT) >= 5


IMPOSTORS = {
    "untouched": "raise NotAnswered('{name}')",
    "None": "return None",
    "echo of the first input": "return arguments[0]",
    "echo of the last input": "return arguments[-1]",
    "empty": "return torch.zeros(0)",
    "empty indices": "return torch.zeros(0, dtype=torch.int64)",
    "all indices": "return torch.arange(len(arguments[0]))",
    "zeros": "return torch.zeros(len(arguments[0]), len(arguments[1]))",
    "ones": "return torch.ones(len(arguments[0]))",
    "a string": "return 'passed'",
}


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_that_does_no_work_scores_nothing(worker, name):
    for body in IMPOSTORS.values():
        text = f"def {name}(*arguments, **named):\n    {body.format(name=name)}"
        (judged,) = verdicts(worker, text, name)
        assert (judged.verdict.verdict, judged.verdict.score) == (FAILED, 0.0), body


def test_an_unanswered_exercise_says_so(worker):
    (judged,) = verdicts(worker, "def nms(*a):\n    raise NotAnswered('nms')", "nms")
    assert judged.verdict.message == "Not answered yet."


def test_a_missing_function_is_explained_by_the_cell_that_stopped(worker):
    (judged,) = verdicts(worker, "def nms(boxes, scores, iou_threshold)\n    pass", "nms")
    assert "`nms` is not defined" in judged.verdict.message
    assert "SyntaxError" in judged.verdict.message


def test_names_that_a_file_does_not_define_are_answered_for_it(worker):
    nms = RIGHT_NMS_ALONE
    (judged,) = verdicts(worker, nms, "nms", given=("box_iou",))
    assert judged.verdict.verdict == PASSED
    (without,) = verdicts(worker, nms, "nms")
    assert "NameError" in without.verdict.message


RIGHT_NMS_ALONE = """
def nms(boxes, scores, iou_threshold):
    keep = []
    for i in scores.argsort(descending=True, stable=True).tolist():
        if not keep or box_iou(boxes[[i]], boxes[keep]).max() <= iou_threshold:
            keep.append(i)
    return torch.tensor(keep, dtype=torch.int64)
"""


# --- attacks on the verdict: what the student's process says decides nothing

ALWAYS_EQUAL = """
class Everything:
    def __eq__(self, other): return True
class Agreeable(torch.Tensor):
    shape = dtype = property(lambda self: Everything())
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True if function is torch.equal else super().__torch_function__(
            function, types, args, kwargs or {})
def nms(boxes, scores, iou_threshold):
    return torch.zeros(1, dtype=torch.int64).as_subclass(Agreeable)
"""
PATCHED = """
import torch, course.compare, course.cases
for name in ("equal", "allclose", "isclose"):
    setattr(torch, name, lambda *a, **k: torch.tensor(True))
torch.Tensor.__eq__ = lambda *a: torch.tensor(True)
torch.Tensor.all = lambda *a, **k: torch.tensor(True)
course.compare.difference = lambda *a, **k: None
course.cases.difference = lambda *a, **k: None
def nms(boxes, scores, iou_threshold):
    return torch.zeros(0, dtype=torch.int64)
"""
FRAMES = """
import sys
def nms(boxes, scores, iou_threshold):
    frame = sys._getframe()
    while frame is not None:
        for value in list(frame.f_locals.values()):
            expected = getattr(value, "expected", None)
            if isinstance(expected, tuple):
                for case, outcome in zip(value.cases, expected):
                    if torch.equal(case.arguments[0], boxes) and torch.equal(case.arguments[1], scores) \\
                            and case.arguments[2] == iou_threshold:
                        return outcome.value
        frame = frame.f_back
    return torch.zeros(0, dtype=torch.int64)
"""
COLLECTED = """
import gc
def nms(boxes, scores, iou_threshold):
    for value in gc.get_objects():
        if type(value).__name__ == "CaseSet" and value.exercise == "nms":
            for case, outcome in zip(value.cases, value.expected):
                if torch.equal(case.arguments[0], boxes) and torch.equal(case.arguments[1], scores) \\
                        and case.arguments[2] == iou_threshold:
                    return outcome.value
    return torch.zeros(0, dtype=torch.int64)
"""
REFERENCE = """
def nms(*arguments):
    from solutions.nms import nms
    return nms(*arguments)
"""
ATTACKS = {
    "a result that agrees with everything": ALWAYS_EQUAL,
    "patched comparisons": PATCHED,
    "the caller's frames": FRAMES,
    "the garbage collector": COLLECTED,
    "the reference itself": REFERENCE,
}
# What a grader that judges in the student's own process does.
IN_ONE_PROCESS = """
import sys, math, torch, numpy as np
from pathlib import Path
from autograder import variants
from autograder.checking import FIXED_SEED
from autograder.exercises import find
import course.cases, course.outcome
def examine():
    cases = variants.hidden_cases(find("nms")[1], FIXED_SEED, 0)
    names = dict(torch=torch, np=np, math=math)
    exec(Path(sys.argv[1]).read_text(), names)
    subject = course.outcome.LocalSubject(names["nms"])
    outcomes = [course.outcome.observe(subject, case) for case in cases.cases]
    return course.cases.assess(cases, outcomes).score
print(examine())
"""


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_on_the_verdict_earns_nothing_and_works_where_judge_and_judged_are_one(
    worker, tmp_path, attack
):
    (judged,) = verdicts(worker, ATTACKS[attack], "nms")
    assert (judged.verdict.verdict, judged.verdict.score) == (FAILED, 0.0)
    file = tmp_path / "attack.py"
    file.write_text(ATTACKS[attack])
    undefended = subprocess.run(
        [sys.executable, "-c", IN_ONE_PROCESS, str(file)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert undefended.stdout.strip() == "1.0", undefended.stderr[-2000:]


def test_telling_hidden_calls_from_public_ones_needs_the_right_answer_anyway(worker):
    """An answer by table: right on the public cases, nothing else."""
    text = """
import torch
from course.cases import CaseSet
def nms(boxes, scores, iou_threshold):
    return torch.zeros(0, dtype=torch.int64)
"""
    (judged,) = verdicts(worker, text, "nms")
    assert judged.verdict.score == 0


ODD_RESULTS = {
    "huge zero-stride": "torch.zeros(1).expand(10**12)",
    "sparse": "torch.eye(3).to_sparse()",
    "meta": "torch.zeros(3, device='meta')",
    "complex": "torch.zeros(3, dtype=torch.complex64)",
    "nested": "(lambda f: f(f, 500))(lambda f, n: [f(f, n - 1)] if n else [])",
    "itself": "(lambda a: (a.append(a), a)[1])([])",
    "long text": "'x' * 300_000_000",
    "NaN": "float('nan')",
    "a class": "type('X', (), {'__len__': lambda s: 10**9})()",
    "a dict with odd keys": "{1: 2, None: 3}",
    "surrogates": "'\\ud800'",
    "a giant int": "10 ** 100_000",
    "a generator function": "(i for i in range(3))",
    "a raising property": "type('Y', (torch.Tensor,), {'shape': property(lambda s: 1 / 0)})()",
}


@pytest.mark.parametrize("kind", ODD_RESULTS)
def test_an_odd_result_fails_that_exercise_alone(worker, kind):
    text = f"def box_area(boxes):\n    return {ODD_RESULTS[kind]}\n"
    text += (ANSWERS / "right_vectorised.py").read_text().replace("def box_area", "def own_area")
    text = text.replace("box_area(", "own_area(").replace(
        "def own_area(boxes):\n    return", "def box_area(boxes):\n    return", 1
    )
    area, iou = (one.verdict for one in verdicts(worker, text, "box_area", "box_iou"))
    assert (area.verdict, area.score) == (FAILED, 0.0)
    assert iou.verdict == PASSED, iou.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("while True: pass", "It did not finish"),
        ("import os; os._exit(0)", "The process ended"),
        ("import ctypes; ctypes.string_at(0)", "The process ended"),
        ("raise SystemExit", "The process ended"),
        ("raise KeyboardInterrupt", "The process ended"),
        ("return nms(boxes, scores, iou_threshold)", "RecursionError"),
        ("return 1 / 0", "It raised ZeroDivisionError (line"),
        ("raise ValueError(str(boxes))", "It raised ValueError (line"),
    ],
)
def test_an_abnormal_end_has_its_reason_and_the_rest_is_judged(worker, monkeypatch, body, message):
    from autograder import session

    monkeypatch.setattr(session, "CALL", session.Limits(cpu=1, wall=4))
    text = (ANSWERS / "right_vectorised.py").read_text()
    text += f"\ndef nms(boxes, scores, iou_threshold):\n    {body}\n"
    iou, nms, soft = (one.verdict for one in verdicts(worker, text, "box_iou", "nms", "soft_nms"))
    assert (nms.verdict, nms.score) == (FAILED, 0.0)
    assert message in nms.message
    assert "tensor(" not in nms.message  # an exception's own text could carry hidden inputs
    assert iou.verdict == soft.verdict == PASSED


def test_a_cell_that_ends_the_process_does_not_take_the_others_along(worker, monkeypatch):
    from autograder import session

    monkeypatch.setattr(session, "CELL", session.Limits(cpu=1, wall=4))
    cells = [
        RunCell(PRELUDE, None),
        RunCell("while True: pass", 0),
        RunCell((ANSWERS / "right_vectorised.py").read_text(), 1),
        RunCell("import os; os._exit(0)", 2),
    ]
    judged, runs = judge(worker, cells, tasks("box_iou", "nms"))
    assert [one.verdict.verdict for one in judged] == [PASSED, PASSED]
    said = {run.index: run.outputs[-1] for run in runs}
    assert "did not finish" in said[0][1]
    assert "ended the process" in said[2][1]


def test_a_fault_of_ours_is_never_a_students_zero(monkeypatch):
    """When known-good code fails too, the submission is not judged here."""
    with Worker() as broken:
        monkeypatch.setattr(Worker, "control", lambda self: False)
        text = "import os\ndef nms(*a): os._exit(0)"
        with pytest.raises(WorkerError, match="known-good code ended too"):
            verdicts(broken, text, "nms")


def test_without_a_sandbox_the_same_answers_get_the_same_verdicts():
    with Worker(OPEN) as unsafe:
        judged = verdicts(unsafe, RIGHT[0].read_text(), *NAMES)
    assert [one.verdict.score for one in judged] == [1.0] * len(NAMES)


def test_a_display_cell_runs_only_when_a_later_cell_needs_it(worker):
    shown = RunCell("shown = 1\nprint('shown')", 1, shows=True)
    right = (ANSWERS / "right_vectorised.py").read_text()
    cells = [RunCell(PRELUDE, None), shown, RunCell(right, 2)]
    _, runs = judge(worker, cells, tasks("box_iou"))
    assert 1 not in {run.index for run in runs}
    needing = [*cells, RunCell("print('needs', shown)", 3)]
    _, runs = judge(worker, needing, tasks("box_iou"))
    assert {run.index: run.outputs[0][1] for run in runs}[3] == "needs 1\n"


def test_questions_are_judged_as_data(worker):
    question = TOPIC.questions[0]
    task = Task(question)
    for source, verdict in (
        (f"{question.name} = {question.answer!r}", PASSED),
        (f"{question.name} = {tuple(question.answer)!r}", PASSED),
        (f"{question.name} = None", FAILED),
        (f"{question.name} = {question.example!r}", FAILED),
        ("x = 1", FAILED),
        (f"class A(list):\n    __eq__ = lambda *a: True\n{question.name} = A()", FAILED),
    ):
        judged, _ = judge(worker, [RunCell(source, 0)], [task])
        assert judged[0].verdict.verdict == verdict, source
    untouched = replace(task, untouched=True)
    judged, _ = judge(worker, [RunCell("x = 1", 0)], [untouched])
    assert judged[0].verdict.message == "Not answered yet."


LEAKS = {
    "an exception's name": "raise type(told, (Exception,), {})",
    "an unanswered exercise's name": "raise NotAnswered(told)",
    "a function's name": "def fail():\n        raise ValueError\n"
    "    fail.__code__ = fail.__code__.replace(co_name=told)\n    fail()",
    "a line's number": "def fail():\n        raise ValueError\n"
    "    fail.__code__ = fail.__code__.replace(co_firstlineno=int(told[1:6]))\n    fail()",
    "an exception's text": "raise ValueError(told)",
}


@pytest.mark.parametrize("channel", LEAKS)
def test_no_error_carries_hidden_inputs_into_the_feedback(worker, channel):
    """What is told of an error stands in the submission or is known beforehand."""
    told = "def box_area(boxes):\n    told = 'X' + '_'.join(str(int(v)) for v in boxes.flatten().abs()) + '0' * 9\n"
    (judged,) = verdicts(worker, f"{told}    {LEAKS[channel]}", "box_area")
    feedback = [judged.verdict.message, *(case.message for case in judged.verdict.cases)]
    assert not [text for text in feedback if re.search(r"X\d|line \d{3}|\d_\d", text)]
    assert judged.outcomes[0].kind in ("raised", "not answered")


def test_an_exception_of_the_submissions_own_is_told_by_name(worker):
    own = "class TooHard(Exception): pass\ndef box_area(boxes):\n    raise TooHard"
    (judged,) = verdicts(worker, own, "box_area")
    assert "It raised TooHard (line 3: raise TooHard)" in judged.verdict.message
