"""The exercise `rpn_loss`."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import STRICT
from autograder.exercises.rpn.loss_cases import (
    OF_PREDICTIONS,
    numbers,
    shuffled_labels,
    targets_near,
)
from autograder.exercises.rpn.loss_mistakes import counts, shared_by_both_losses
from autograder.exercises.shared_mistakes import with_argument
from course.cases import Group
from course.outcome import Case
from solutions.losses import rpn_loss

GROUPS = (
    Group(
        "objectness",
        "The objectness loss is the binary cross-entropy of the logits, averaged over positive and "
        "negative anchors.",
    ),
    Group(
        "box transforms",
        "The box loss is smooth L1 with beta 1/9, added up over the four numbers of all positive "
        "anchors and divided by the number of anchors that are not neutral.",
    ),
    Group(
        "neutral anchors",
        "Neutral anchors, label -1, are in neither loss and in no number that is divided by.",
    ),
    Group("only positive anchors", "Without negatives both losses go on as usual.", edge=True),
    Group(
        "no positive anchor",
        "Without positives there is no box to learn: the box loss is 0, and so is its gradient, "
        "which still reaches the transforms.",
        edge=True,
    ),
    Group(
        "only neutral anchors",
        "Where every anchor is neutral both losses are 0, and backward still works.",
        edge=True,
    ),
    Group(
        "no anchors",
        "Without anchors both losses are 0, and backward still works.",
        edge=True,
    ),
    Group(
        "large logits",
        "A logit of 800 is a lawful answer: it gives a large loss or none, never infinity or NaN.",
        edge=True,
    ),
    Group(
        "gradients",
        "Both losses can be differentiated with respect to objectness and transforms.",
        edge=True,
    ),
    Group(
        "types",
        "The losses have the dtype of the logits, float32 or float64.",
        edge=True,
        comparison=STRICT,
    ),
)


def draw_rpn_loss(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    return [
        _case(rng, "objectness", [1, 1, 0, 0, 0], boxes_right=True),
        _case(rng, "box transforms", [1, 1, 1, 0, 0]),
        _case(rng, "neutral anchors", [1, 1, 0, 0, 0, -1, -1]),
        _case(rng, "neutral anchors", [1, 0, 0, -1, -1, -1, -1, -1]),
        _case(rng, "only positive anchors", [1, 1, 1]),
        _case(rng, "no positive anchor", [0, 0, 0, -1], gradients=True),
        _case(rng, "only neutral anchors", [-1, -1, -1], gradients=True),
        _case(rng, "no anchors", [], gradients=True),
        _large_logits(rng),
        _case(rng, "gradients", [1, 1, 0, 0, 0, -1], gradients=True),
        _case(rng, "types", [1, 1, 0, 0, -1]),
        _case(rng, "types", [1, 1, 0, 0, -1], dtype=torch.float64),
    ]


def _case(
    rng: np.random.Generator,
    group: str,
    labels: Sequence[int],
    *,
    boxes_right: bool = False,
    gradients: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Case:
    """Return a case with these labels, in random order; `boxes_right`: no box is off."""
    N = len(labels)
    objectness, transforms = numbers(rng, N, reach=3), numbers(rng, N, 4)
    targets = transforms.clone() if boxes_right else targets_near(rng, transforms)
    shuffled = shuffled_labels(rng, labels)
    given = objectness.to(dtype), transforms.to(dtype), shuffled, targets.to(dtype)
    if not gradients:
        return Case(group, given)
    view = "" if (shuffled >= 0).any() else "has_a_graph"  # whichever input a 0 hangs on
    return Case(group, given, gradients=OF_PREDICTIONS, view=view)


def _large_logits(rng: np.random.Generator) -> Case:
    """Return logits whose probabilities are 0 and 1 in float32 and float64 alike, half of them
    wrong."""
    objectness = torch.tensor([1.0, -1.0, 1.0, -1.0]) * float(rng.integers(800, 1000))
    transforms = numbers(rng, 4, 4)
    labels = torch.tensor([1, 1, 0, 0])
    return Case("large logits", (objectness, transforms, labels, targets_near(rng, transforms)))


def _wrong(
    objectness: Tensor,
    transforms: Tensor,
    labels: Tensor,
    targets: Tensor,
    *,
    beta: float = 1 / 9,
    squared: bool = False,
    boxes_of: int | None = 1,
    objects_only: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return the losses with one step changed.

    `boxes_of` is the lowest label whose boxes are compared, None for all labels but 0.
    """
    _, counted, positives = counts(labels)
    known = labels > 0 if objects_only else labels >= 0
    entropy = F.binary_cross_entropy_with_logits(
        objectness[known], labels[known].to(objectness), reduction="sum"
    )
    rows = labels != 0 if boxes_of is None else labels >= boxes_of
    got, wanted = transforms[rows], targets[rows]
    error = (
        ((got - wanted) ** 2).sum()
        if squared
        else F.smooth_l1_loss(got, wanted, reduction="sum", beta=beta)
    )
    return entropy / (positives if objects_only else counted), error / counted


def _logarithm_of_probability(
    objectness: Tensor, transforms: Tensor, labels: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor]:
    counted = labels >= 0
    p, y = objectness[counted].sigmoid(), labels[counted].to(objectness)
    entropy = -(y * p.log() + (1 - y) * (1 - p).log()).sum()
    box_loss = rpn_loss(objectness, transforms, labels, targets)[1]
    return entropy / counted.sum().clamp(min=1), box_loss


RPN_LOSS = Exercise(
    name="rpn_loss",
    reference=rpn_loss,
    groups=GROUPS,
    draw=draw_rpn_loss,
    misconceptions=(
        Misconception(
            "sigmoid_twice",
            "It applies the sigmoid twice: the cross-entropy of logits has its own, so hand it the "
            "logits as they come.",
            with_argument(rpn_loss, 0, torch.sigmoid),
        ),
        Misconception(
            "logarithm_of_the_probability",
            "It takes the logarithm of a probability that was rounded to 0 or 1, so a logit of 800 "
            "gives infinity or NaN: compute the cross-entropy from the logit itself.",
            _logarithm_of_probability,
        ),
        Misconception(
            "beta_one",
            "Its smooth L1 is square up to an error of 1, the default of most libraries: the RPN's "
            "is square up to beta = 1/9 and straight beyond.",
            lambda *case: _wrong(*case, beta=1.0),
        ),
        Misconception(
            "squared_error",
            "It adds up squared errors: smooth L1 is square only below beta and straight beyond, "
            "so that one box far off does not outweigh all others.",
            lambda *case: _wrong(*case, squared=True),
        ),
        Misconception(
            "boxes_of_negatives",
            "Its box loss counts negative anchors as well: an anchor on background has no object "
            "to move to, so only positives have a box loss.",
            lambda *case: _wrong(*case, boxes_of=0),
        ),
        Misconception(
            "boxes_of_neutrals",
            "Its box loss counts neutral anchors as well, since their label is not 0: positive "
            "means a label above 0.",
            lambda *case: _wrong(*case, boxes_of=None),
        ),
        Misconception(
            "objectness_of_positives_only",
            "Its objectness loss looks at positive anchors only: then a network that calls "
            "everything an object has no loss. Negatives belong to it.",
            lambda *case: _wrong(*case, objects_only=True),
        ),
        *shared_by_both_losses(rpn_loss, "anchor"),
    ),
)
