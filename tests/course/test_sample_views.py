"""Views of random samples of labels: how many of each, which ever, and whether equal."""

import pytest
import torch

from course.views import equal_samples, numbers_sampled, spread_of_samples

LABELS = torch.tensor([1, 1, 0, 0, 0, -1])


def samples(*rows):
    return [torch.tensor(row) for row in rows]


def test_the_numbers_of_each_kind_are_told():
    told = numbers_sampled((LABELS,), samples([1, -1, 0, 0, -1, -1], [-1, 1, -1, 0, 0, -1]))
    assert told == {"positives": 1, "negatives": 2, "labels that were another": 0}


def test_numbers_that_change_from_sample_to_sample_are_told_as_such():
    told = numbers_sampled((LABELS,), samples([1, -1, 0, 0, -1, -1], [-1, -1, 0, 0, -1, -1]))
    assert told["positives"] == "not the same number each time"
    assert told["negatives"] == 2


def test_labels_that_were_another_before_are_counted_apart():
    told = numbers_sampled((LABELS,), samples([0, 1, 0, -1, -1, 0]))
    assert told == {"positives": 1, "negatives": 1, "labels that were another": 2}


def test_what_is_never_and_what_is_always_drawn_is_told():
    told = spread_of_samples((LABELS,), samples([1, -1, 0, -1, -1, -1], [-1, 1, 0, 0, -1, -1]))
    assert told == {
        "all positives are drawn at times": True,
        "no positives are drawn each time": True,
        "all negatives are drawn at times": False,
        "no negatives are drawn each time": False,
    }


@pytest.mark.parametrize(("second", "equal"), [([1, -1, 0], True), ([-1, 1, 0], False)])
def test_whether_samples_are_equal_is_told(second, equal):
    labels = torch.tensor([1, 1, 0])
    told = equal_samples((labels,), samples([1, -1, 0], second))
    assert told == {"equal seeds give equal samples": equal}


@pytest.mark.parametrize(
    "value",
    [[None], [torch.zeros(2)], [torch.zeros(6)], [torch.tensor([0, 3])], [[1, 0, 1, 0, 0, -1]]],
)
@pytest.mark.parametrize("view", [numbers_sampled, spread_of_samples, equal_samples])
def test_what_is_no_sample_is_refused(view, value):
    with pytest.raises(ValueError, match="a sample of labels is one whole number for each"):
        view((LABELS,), value)
