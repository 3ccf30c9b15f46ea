"""The exercise `mask_loss`."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_TORCHVISION, STRICT
from autograder.exercises.mask_rcnn_heads.regions import NO_LABELS, integers, logits, summed
from autograder.exercises.shared_mistakes import (
    detached,
    nan_of_nothing,
    no_graph_of_nothing,
    returns_float32,
    returns_float64,
    with_argument,
)
from course.cases import Group
from course.outcome import Case
from solutions.masks import mask_loss

LOGITS = (0,)  # the gradient of the targets is not looked at: they are data, and need none

GROUPS = (
    Group(
        "the true class's mask",
        "Only the channel of a region's own class is compared with the target, pixel by pixel: "
        "label l has channel l - 1.",
    ),
    Group(
        "positives among others",
        "Only regions of a class count; background and neutral regions enter neither the sum nor "
        "the number that it is divided by.",
    ),
    Group(
        "gradients",
        "Only the channel of the true class of a positive region learns: the gradient of all "
        "others is 0.",
    ),
    Group("28 x 28", "The loss takes the masks that the head gives, 28 x 28 pixels.", edge=True),
    Group(
        "large logits",
        "The loss stays exact where a logit is large: a sigmoid rounds to 0 or 1 there, so go from "
        "logits to the loss without it.",
        edge=True,
    ),
    Group(
        "no positives",
        "Where no region is positive the loss is 0, and one can still call backward on it.",
        edge=True,
    ),
    Group("no regions", "Without any region the loss is 0.", edge=True),
    Group("types", "The loss has the dtype of the logits, float32 or float64.", True, STRICT),
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant.

    The highest label does not occur in the first case, so that a channel for each label, counted
    from 0, gives a wrong number there and no error.
    """
    pair = _case(rng, "types", 3, [1, 3])
    return [
        _case(rng, "the true class's mask", 4, rng.permutation([1, 2, 3])),
        _case(rng, "the true class's mask", 3, [3, *rng.permutation([1, 2, 2])]),
        _case(rng, "positives among others", 3, rng.permutation([2, 0, 3, -1, 1, 0])),
        _case(rng, "positives among others", 3, [0, -1, int(rng.integers(1, 4)), 2, -1]),
        _case(rng, "gradients", 3, rng.permutation([1, 0, 3, -1]), side=3, gradients=True),
        _case(rng, "28 x 28", 2, [1, 2], side=28),
        _large(rng),
        _case(rng, "no positives", 2, [0, -1, 0], side=3, gradients=True),
        Case("no regions", (torch.zeros(0, 3, 4, 4), torch.zeros(0, 4, 4), NO_LABELS)),
        pair,
        Case("types", (pair.arguments[0].double(), pair.arguments[1].double(), pair.arguments[2])),
    ]


def _case(
    rng: np.random.Generator,
    group: str,
    classes: int,
    labels: list[int] | np.ndarray,
    *,
    side: int = 4,
    gradients: bool = False,
) -> Case:
    """Return masks of `side` x `side` pixels, with as many positive pixels in each row as drawn."""
    values = logits(rng, len(labels), classes, side, side)
    targets = torch.from_numpy(rng.random((len(labels), side, side)) < 0.4).float()
    asked = LOGITS if gradients else False
    return Case(group, (values, targets, integers(labels)), gradients=asked)


def _large(rng: np.random.Generator) -> Case:
    """Return logits of some hundreds, of which some are right and some are wrong."""
    case = _case(rng, "large logits", 2, [2, 1])
    values, targets, labels = case.arguments
    large = torch.where(values >= 0, 150.0, -150.0) + values
    large[:, :, 0, :2] = torch.tensor([150.0, -150.0])
    targets[:, 0, :2] = torch.tensor([0.0, 1.0])
    targets[:, 1, :2] = (large[[0, 1], [1, 0], 1, :2] > 0).float()
    return Case("large logits", (large, targets, labels))


def positives(logits: Tensor, targets: Tensor, labels: Tensor) -> int:
    """Return how many regions are positive."""
    return int((labels > 0).sum())


def counts(logits: Tensor, targets: Tensor, labels: Tensor) -> bool:
    """Return whether any region is positive."""
    return positives(logits, targets, labels) > 0


def _own(logits: Tensor, labels: Tensor, first: int = 1) -> Tensor:
    return logits[torch.arange(len(labels)), labels - first]


def _mean(total: Tensor, count: int) -> Tensor:
    return total.sum() / max(count, 1)


def _entropy(own: Tensor, targets: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(own, targets, reduction="none")


def _loss(
    logits: Tensor,
    targets: Tensor,
    labels: Tensor,
    *,
    keep: Callable[[Tensor], Tensor] = lambda labels: labels > 0,
    channel: Callable[[Tensor, Tensor], Tensor] = _own,
    entropy: Callable[[Tensor, Tensor], Tensor] = _entropy,
) -> Tensor:
    """Return the loss as the exercise does; each option changes one step."""
    kept = keep(labels)
    own, wanted = channel(logits[kept], labels[kept]), targets[kept]
    return _mean(entropy(own, wanted), own.numel())


def _over_all_regions(logits: Tensor, targets: Tensor, labels: Tensor) -> Tensor:
    found = _loss(logits, targets, labels)
    return found * positives(logits, targets, labels) / max(len(labels), 1)


def _all_channels(logits: Tensor, targets: Tensor, labels: Tensor) -> Tensor:
    kept = labels > 0
    chosen = logits[kept]
    return _mean(_entropy(chosen, targets[kept][:, None].expand_as(chosen)), chosen.numel())


def _others_are_empty(logits: Tensor, targets: Tensor, labels: Tensor) -> Tensor:
    kept = labels > 0
    chosen = logits[kept]
    wanted = F.one_hot(labels[kept] - 1, logits.shape[1])[:, :, None, None] * targets[kept][:, None]
    return _mean(_entropy(chosen, wanted.to(chosen)), chosen.numel())


def _chance(logits: Tensor, labels: Tensor) -> Tensor:
    return _own(logits.softmax(dim=1), labels)


def _entropy_of_chances(own: Tensor, targets: Tensor) -> Tensor:
    return F.binary_cross_entropy(own, targets, reduction="none")


def _most_likely(logits: Tensor, labels: Tensor) -> Tensor:
    return logits[torch.arange(len(labels)), logits.mean(dim=(2, 3)).argmax(dim=1)]


def _pixels(logits: Tensor, targets: Tensor, labels: Tensor) -> int:
    return max(positives(logits, targets, labels) * targets[0].numel() if len(targets) else 1, 1)


def _rounded(own: Tensor, targets: Tensor) -> Tensor:
    return _entropy_of_chances(own.sigmoid(), targets)


def _squared(own: Tensor, targets: Tensor) -> Tensor:
    return (own.sigmoid() - targets) ** 2


MASK_LOSS = Exercise(
    name="mask_loss",
    reference=mask_loss,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "softmax_over_classes",
            "It lets the classes compete for each pixel, by a softmax over the channels: which "
            "class a region has is the class head's business, so each mask has a sigmoid of its "
            "own.",
            partial(_loss, channel=_chance, entropy=_entropy_of_chances),
        ),
        Misconception(
            "label_for_channel",
            "It takes the channel with the number of the label: label 1 has channel 0, since "
            "there is no mask for the background.",
            partial(_loss, channel=partial(_own, first=0)),
        ),
        Misconception(
            "all_channels",
            "It compares the channels of all classes with the target: only that of the true class "
            "is asked.",
            _all_channels,
        ),
        Misconception(
            "other_classes_are_empty",
            "It teaches the channels of the other classes to be 0 everywhere: they are not "
            "compared with anything, or classes would compete after all.",
            _others_are_empty,
        ),
        Misconception(
            "most_likely_class",
            "It compares the channel with the highest logits: the true class chooses the channel, "
            "not the prediction.",
            partial(_loss, channel=_most_likely),
        ),
        Misconception(
            "background_counted",
            "It counts regions of background too, and picks a channel for them by a negative "
            "index: a region without an object has no mask to learn.",
            partial(_loss, keep=lambda labels: labels >= 0),
        ),
        Misconception(
            "neutral_counted",
            "It counts neutral regions, whose label is -1, as if they had an object: only labels "
            "from 1 up are positive.",
            partial(_loss, keep=lambda labels: labels != 0),
        ),
        Misconception(
            "mean_over_all_regions",
            "It divides by the number of all regions: the mean is over the pixels of the positive "
            "ones, so that a batch with few of them weighs a mask no less.",
            _over_all_regions,
        ),
        summed(_loss, _pixels, "pixels"),
        Misconception(
            "sum_over_the_pixels_of_a_region",
            "It adds up the pixels of a region and takes the mean over regions only: take the "
            "mean over the pixels as well.",
            lambda *arguments: (
                _loss(*arguments) * (arguments[1][0].numel() if len(arguments[1]) else 1)
            ),
        ),
        Misconception(
            "sigmoid_twice",
            "It applies the sigmoid twice: a loss that is made for logits applies its own.",
            with_argument(_loss, 0, torch.sigmoid),
        ),
        Misconception(
            "squared_error",
            "It takes the squared error of the probabilities: whether a pixel belongs to the "
            "object is a yes or no, so the loss is binary cross-entropy.",
            partial(_loss, entropy=_squared),
        ),
        Misconception(
            "sigmoid_rounds",
            "It takes the logarithm of a sigmoid: for large logits the sigmoid is rounded to 0 or "
            "1, and the loss of a bad mistake comes out too small, or not as a number at all.",
            partial(_loss, entropy=_rounded),
        ),
        detached(_loss),
        nan_of_nothing(_loss, counts),
        no_graph_of_nothing(_loss, counts),
        returns_float32(_loss),
        returns_float64(_loss),
    ),
    forbidden=NO_TORCHVISION,
)
