"""The exercise `dense_scores`."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import STRICT
from autograder.exercises.shared_mistakes import (
    after,
    returns_float32,
    returns_float64,
    sigmoid_for_softmax,
)
from autograder.exercises.sliding_windows.networks import brightness, network, sharpen
from course.cases import Group
from course.outcome import Case
from solutions.sliding_windows import dense_scores

DENSE_GROUPS = (
    Group(
        "every place",
        "Entry [row, col] has the probabilities of the classes at that place of the network's "
        "output; they add up to 1.",
    ),
    Group("one place", "An image of one window gives one entry: [1, 1, K].", edge=True),
    Group("one row or column", "With one row or column of places all axes stay.", edge=True),
    Group(
        "strides and padding",
        "Whatever the layers do, the result has an entry for each place of the output.",
        edge=True,
    ),
    Group("several channels", "The image may have any number of channels.", edge=True),
    Group("types", "The scores have the dtype of the image, float32 or float64.", True, STRICT),
)


def draw_dense_scores(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    k = int(rng.integers(3, 6))
    layers = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, k, (1, 2))]  # a window of 3 x 4
    rows, columns = (int(n) for n in rng.permutation([2, 6]))
    strided = [nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(2, stride=1)]
    colour = [nn.Conv2d(3, 3, 2), nn.Tanh(), nn.Conv2d(3, 2, 2, bias=False)]
    return [
        _case(rng, "every place", layers, (1, rows + 2, columns + 3)),
        _case(rng, "every place", layers, (1, 4 + 2, 7 + 3)),
        _case(rng, "one place", layers, (1, 3, 4)),
        _case(rng, "one row or column", layers, (1, 3, columns + 3)),
        _case(rng, "one row or column", layers, (1, rows + 2, 4)),
        _case(rng, "strides and padding", [*strided, nn.Conv2d(3, k, 1)], (1, 7, 10)),
        _case(rng, "several channels", colour, (3, 5, 4)),
        _case(rng, "types", layers, (1, 4, 6)),
        _case(rng, "types", layers, (1, 4, 6), torch.float64),
    ]


def _case(
    rng: np.random.Generator,
    group: str,
    layers: list[nn.Module],
    shape: tuple[int, int, int],
    dtype: torch.dtype = torch.float32,
) -> Case:
    """Return an image for a network whose last layer tells its places well apart."""
    drawn = network(rng, *layers).to(dtype)
    sharpen(drawn, 4)
    return Case(group, (drawn, brightness(rng, *shape).to(dtype)))


def _scored(
    network: nn.Module,
    image: Tensor,
    *,
    probabilities: Callable[[Tensor], Tensor] = lambda logits: logits.softmax(dim=0),
    arranged: Callable[[Tensor], Tensor] = lambda scores: scores.permute(1, 2, 0),
) -> Tensor:
    """Return the scores with one step changed by an option."""
    with torch.no_grad():
        logits = network(image[None])[0]  # [K, rows, cols]
    return arranged(probabilities(logits))


def _over_the_places(logits: Tensor) -> Tensor:
    return logits.flatten(1).softmax(dim=1).view_as(logits)


def _read_in_another_order(scores: Tensor) -> Tensor:
    classes, rows, columns = scores.shape
    return scores.reshape(rows, columns, classes)


DENSE_SCORES = Exercise(
    name="dense_scores",
    reference=dense_scores,
    groups=DENSE_GROUPS,
    draw=draw_dense_scores,
    misconceptions=(
        Misconception(
            "logits_for_probabilities",
            "It gives logits: apply softmax, so that the numbers of a place add up to 1.",
            partial(_scored, probabilities=lambda logits: logits),
        ),
        Misconception(
            "softmax_along_the_columns",
            "Softmax goes along the last axis of the output, which counts columns: the classes "
            "stand on the axis of the channels.",
            partial(_scored, probabilities=lambda logits: logits.softmax(dim=2)),
        ),
        Misconception(
            "softmax_along_the_rows",
            "Softmax goes along the rows, as if the axis of the batch were still there: it goes "
            "along the axis of the channels, where the classes are.",
            partial(_scored, probabilities=lambda logits: logits.softmax(dim=1)),
        ),
        Misconception(
            "softmax_over_the_places",
            "Softmax goes over all places, so that they compete with each other: it goes over the "
            "classes of each place.",
            partial(_scored, probabilities=_over_the_places),
        ),
        sigmoid_for_softmax(partial(_scored, probabilities=torch.sigmoid)),
        Misconception(
            "logarithms",
            "It gives the logarithms of the probabilities: they are asked for themselves.",
            partial(_scored, probabilities=lambda logits: logits.log_softmax(dim=0)),
        ),
        Misconception(
            "classes_first",
            "The classes are still on the first axis: the result is [rows, cols, K].",
            partial(_scored, arranged=lambda scores: scores),
        ),
        Misconception(
            "columns_before_rows",
            "Rows and columns are exchanged: turning all axes around gives [cols, rows, K], and "
            "asked for is [rows, cols, K].",
            partial(_scored, arranged=lambda scores: scores.permute(2, 1, 0)),
        ),
        Misconception(
            "read_in_another_order",
            "The shape is right but the numbers stand in wrong places: to reshape a tensor reads "
            "its numbers anew in their old order, it moves no axis.",
            partial(_scored, arranged=_read_in_another_order),
        ),
        Misconception(
            "batch_axis_kept",
            "The axis of the batch of one is still there: the result is [rows, cols, K].",
            after(dense_scores, lambda scores: scores[None]),
        ),
        Misconception(
            "best_class_only",
            "It gives the number of the best class at each place: the result has the probabilities "
            "of all classes.",
            after(dense_scores, lambda scores: scores.argmax(dim=2)),
        ),
        Misconception(
            "mean_of_all_places",
            "It averages over all places to one result for the image: each place is a window of "
            "its own.",
            after(dense_scores, lambda scores: scores.mean(dim=(0, 1))),
        ),
        returns_float32(dense_scores),
        returns_float64(dense_scores),
    ),
)
