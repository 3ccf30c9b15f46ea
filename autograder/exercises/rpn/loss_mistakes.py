"""Mistakes that both stages' losses share.

Both take (scores, transforms, labels, target transforms) and return (class loss, box loss). Most
mistakes here are the right losses at another scale, and right where nothing counts: an answer that
also fails there is still recognised.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograder.exercise import Misconception
from autograder.exercises.shared_mistakes import (
    after,
    detached,
    nan_of_nothing,
    neutral_as_background,
    no_graph_of_nothing,
    returns_float32,
)

Loss = Callable[..., tuple[Tensor, Tensor]]
LABELS = 2  # where they stand among the arguments


def counts(labels: Tensor) -> tuple[int, int, int]:
    """Return how many labels there are, are not neutral, and are positive: each at least 1."""
    counted, positive = int((labels >= 0).sum()), int((labels > 0).sum())
    return max(len(labels), 1), max(counted, 1), max(positive, 1)


def something_counts(*arguments: Any) -> bool:
    """Return whether there is a label that is not neutral."""
    return bool((arguments[LABELS] >= 0).any())


def _rescaled(loss: Loss, factors: Callable[[int, int, int], tuple[float, float]]) -> Loss:
    """Return `loss` with its parts multiplied by the factors that the three counts give."""

    def scaled(*arguments: Any) -> tuple[Tensor, Tensor]:
        first, second = loss(*arguments)
        of_first, of_second = factors(*counts(arguments[LABELS]))
        return first * of_first, second * of_second

    return scaled


def _constant_without_positives(loss: Loss) -> Loss:
    def constant(*arguments: Any) -> tuple[Tensor, Tensor]:
        first, second = loss(*arguments)
        return first, second if (arguments[LABELS] > 0).any() else torch.zeros_like(second)

    return constant


def shared_by_both_losses(loss: Loss, example: str) -> tuple[Misconception, ...]:
    """Return the misconceptions; `example` is what each row belongs to, as "anchor"."""
    return (
        Misconception(
            "divides_by_everything",
            f"It divides by the number of all {example}s: neutral ones are in no loss, so they are "
            "not in the number that it is divided by either.",
            _rescaled(loss, lambda n, counted, _: (counted / n, counted / n)),
        ),
        Misconception(
            "box_loss_per_positive",
            f"It divides the box loss by the number of positive {example}s: both losses are "
            f"divided by the same number, that of all {example}s which are not neutral.",
            _rescaled(loss, lambda _, counted, positive: (1, counted / positive)),
        ),
        Misconception(
            "mean_of_the_box_errors",
            f"Its box loss is the mean over all numbers of the positive {example}s: add them up, "
            f"and divide by the number of {example}s that are not neutral.",
            _rescaled(loss, lambda _, counted, positive: (1, counted / positive / 4)),
        ),
        Misconception(
            "sums_only",
            "It adds up the losses and does not divide: then the step that is taken depends on "
            f"how many {example}s there happen to be.",
            _rescaled(loss, lambda _, counted, __: (counted, counted)),
        ),
        Misconception(
            "one_number",
            "It returns one number, the sum: return the two losses side by side, so that each can "
            "be watched and weighed.",
            after(loss, sum),
        ),
        Misconception(
            "box_loss_is_a_constant_without_positives",
            f"Where no {example} is positive its box loss is a constant, which backward cannot "
            "follow: let the 0 come out of the transforms, as an empty sum of them does.",
            _constant_without_positives(loss),
        ),
        neutral_as_background(loss, LABELS),
        nan_of_nothing(loss, something_counts),
        no_graph_of_nothing(loss, something_counts),
        detached(loss),
        returns_float32(loss),
    )
