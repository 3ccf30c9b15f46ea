"""Exercises with many right answers: random results and untrained modules, judged by a view."""

import pytest
import torch
from torch import nn

from autograder import variants
from autograder.errors import BuildError
from autograder.exercise import Misconception
from course import views
from course.cases import CaseSet, Group, assess
from course.compare import Comparison, difference
from course.outcome import NOT_TRIED, VALUE, Case, LocalSubject, Outcome, observe
from tests.autograder.sandboxed import exercise, judged

SEEDS = (3, 4, 4)
PICKS = Group("picks", "One of the indices is picked at random.")


def pick(count, generator):
    """Return one of `count` indices at random."""
    return torch.randint(count, (1,), generator=generator)


def always_first(count, generator):
    return torch.zeros(1, dtype=torch.int64)


def layer(width):
    """Return a layer of 3 channels in and `width` out."""
    return nn.Conv2d(3, width, 1)


def in_range_and_repeatable(arguments, value):
    first, second, again = (int(item) for item in value)
    in_range = all(0 <= n < arguments[0] for n in (first, second))
    return {"in range": in_range, "repeatable": second == again, "varies": first != second}


@pytest.fixture
def picking(monkeypatch):
    monkeypatch.setitem(views.VIEWS, "picking", in_range_and_repeatable)
    case = Case("picks", (1000, torch.Generator()), seeds=SEEDS, view="picking")
    known = Misconception("always_first", "It always picks the first.", always_first)
    return exercise(pick, lambda rng: [case], [PICKS], [known])


def test_a_random_function_is_called_with_each_seed_and_judged_by_what_its_view_says(picking):
    import numpy as np

    case_set = variants.draw(picking, np.random.default_rng(0))
    variants.validate(picking, case_set)
    assert case_set.expected[0].value == {"in range": True, "repeatable": True, "varies": True}
    outcome = observe(
        LocalSubject(lambda n, generator: pick(n, generator) * 0 + 7), picking.draw(0)[0]
    )
    assert (
        difference(outcome, case_set.expected[0], PICKS.comparison).detail
        == "expected True, got False"
    )
    assert CaseSet.from_bytes(case_set.to_bytes()).cases[0].seeds == SEEDS


def test_other_random_numbers_are_as_right_in_the_sandbox(picking, worker):
    right = "def pick(n, generator):\n    return torch.randperm(n, generator=generator)[:1]"
    assert judged(worker, picking, "import torch", right).verdict.score == 1
    wrong = "def pick(n, generator):\n    return torch.randperm(n)[:1]"
    found = judged(worker, picking, "import torch", wrong).verdict
    assert (found.score, found.misconception) == (0, None)
    assert "'repeatable' of the result is wrong" in found.message


def test_an_untrained_module_is_judged_by_its_shapes(worker):
    group = Group("shapes", "The layer has as many channels as it is asked for.")

    def draw(rng):
        return [
            Case("shapes", (5,), apply=(torch.zeros(2, 3, 4, 4),), parameters=True, view="shapes")
        ]

    definition = exercise(layer, draw, [group])
    code = "def layer(width):\n    return nn.Conv2d(3, {}, 1)"
    cells = "import torch\nfrom torch import nn", code.format("width")
    assert judged(worker, definition, *cells).verdict.score == 1
    assert judged(worker, definition, cells[0], code.format(4)).verdict.score == 0


def test_an_answer_that_is_right_by_doing_no_work_is_refused_behind_a_view_too(monkeypatch):
    import numpy as np

    monkeypatch.setitem(views.VIEWS, "nothing", lambda arguments, value: True)
    case = Case("picks", (9, torch.Generator()), seeds=SEEDS, view="nothing")
    lenient = exercise(pick, lambda rng: [case], [PICKS])
    with pytest.raises(BuildError, match="must score 0 in pick"):
        variants.validate(lenient, variants.draw(lenient, np.random.default_rng(0)))


def test_a_view_that_does_not_exist_is_refused_with_the_names_that_do():
    with pytest.raises(ValueError, match=r"view must be one of shapes.*, got 'shape'"):
        views.find("shape")


@pytest.mark.parametrize(
    "value", [None, 3, [torch.zeros(2)], {"outputs": [None, torch.zeros(0, 4)]}]
)
def test_shapes_takes_whatever_a_student_returns(value):
    assert "tensor" not in repr(views.shapes((), value))


def test_a_number_that_is_greater_is_as_good_where_at_least_is_asked_for():
    at_least = Comparison(at_least=True)

    def told(got):
        return difference(Outcome(VALUE, got), Outcome(VALUE, 0.5), at_least)

    assert told(0.5) is None
    assert told(0.9) is None
    assert str(told(0.25)) == "the result is too low: expected at least 0.5, got 0.25"
    assert told(float("nan")).kind == "nan"
    assert told(None).kind == "type"


def test_what_was_not_tried_agrees_with_anything():
    cases = (Case("picks", (1, None)),)
    case_set = CaseSet("pick", (PICKS,), cases, (Outcome(VALUE, 1),), ())
    assert assess(case_set, [Outcome(NOT_TRIED)]).passed
