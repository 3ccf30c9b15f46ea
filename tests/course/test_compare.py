"""When two results agree, value by value."""

import itertools

import pytest
import torch

from course.compare import Comparison, difference
from course.outcome import VALUE, Outcome

ODD = [0.0, -0.0, 1.0, 1.0005, 1.002, -1.0, 1e-6, 1e30, float("inf"), -float("inf"), float("nan")]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("comparison", [Comparison(), Comparison(1e-3, 0.0), Comparison(0.0, 2.0)])
def test_floats_agree_where_torch_says_that_they_are_close(dtype, comparison):
    for pair in itertools.product(ODD, ODD):
        a, b = torch.tensor(pair, dtype=dtype).split(1)
        close = torch.isclose(
            a.double(), b.double(), comparison.rtol, comparison.atol, equal_nan=True
        )
        found = difference(Outcome(VALUE, a), Outcome(VALUE, b), comparison)
        assert (found is None) == bool(close), pair


def test_a_wrong_element_is_named_with_both_values_and_how_many_there_are():
    expected = torch.tensor([[1.0, float("inf")], [3.0, float("nan")]])
    got = expected.clone()
    got[1, 0] = 4.0
    found = difference(Outcome(VALUE, got), Outcome(VALUE, expected), Comparison())
    assert str(found) == "the result has 1 wrong of 4: element [1, 0] expected 3, got 4"


def test_integers_agree_whatever_their_size():
    def found(a, b):
        return difference(Outcome(VALUE, torch.tensor(a)), Outcome(VALUE, b), Comparison())

    assert found([1, 2], torch.tensor([1, 2], dtype=torch.int32)) is None
    assert found([1, 3], torch.tensor([1, 2], dtype=torch.int32)).kind == "value"
    assert found([2**60 + 1], torch.tensor([2**60])).kind == "value"
