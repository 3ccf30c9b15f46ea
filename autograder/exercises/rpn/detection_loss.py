"""The exercise `detection_loss`."""

from collections.abc import Callable, Sequence
from functools import partial

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
from autograder.exercises.shared_mistakes import takes_probabilities
from course.cases import Group
from course.outcome import Case
from solutions.losses import detection_loss

GROUPS = (
    Group(
        "classes",
        "The class loss is the cross-entropy of the logits, averaged over all proposals that are "
        "not neutral, background among them.",
    ),
    Group(
        "the transform of the true class",
        "A positive proposal has one transform for each class, and only that of its true class is "
        "compared: label l has the row l - 1.",
    ),
    Group(
        "neutral proposals",
        "Neutral proposals, label -1, are in neither loss and in no number that is divided by.",
    ),
    Group("one class", "With one class every positive uses the only transform.", edge=True),
    Group(
        "no positive proposal",
        "Background has no box loss: without positives it is 0, and so is its gradient, which "
        "still reaches the transforms.",
        edge=True,
    ),
    Group(
        "only neutral proposals",
        "Where every proposal is neutral both losses are 0, and backward still works.",
        edge=True,
    ),
    Group(
        "no proposals",
        "Without proposals both losses are 0, and backward still works.",
        edge=True,
    ),
    Group(
        "large logits",
        "A logit of 800 is a lawful answer: it gives a large loss or none, never infinity or NaN.",
        edge=True,
    ),
    Group(
        "gradients",
        "Both losses can be differentiated with respect to logits and transforms.",
        edge=True,
    ),
    Group(
        "types",
        "The losses have the dtype of the logits, float32 or float64.",
        edge=True,
        comparison=STRICT,
    ),
)


def draw_detection_loss(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    return [
        _case(rng, "classes", [0, 0, 1, 2, 3], 3, boxes_right=True),
        _case(rng, "the transform of the true class", [0, 0, 1, 2, 1], 3),  # none is the last class
        _case(rng, "the transform of the true class", [0, 0, 1, 2, 3, 4], 4),
        _case(rng, "neutral proposals", [0, 0, 1, 3, 2, -1, -1], 3),
        _case(rng, "one class", [0, 0, 1, 1], 1),
        _case(rng, "no positive proposal", [0, 0, 0, -1], 3, gradients=True),
        _case(rng, "only neutral proposals", [-1, -1], 2, gradients=True),
        _case(rng, "no proposals", [], 3, gradients=True),
        _large_logits(rng),
        _case(rng, "gradients", [0, 0, 1, 3, -1], 3, gradients=True),
        _case(rng, "types", [0, 1, 2, -1], 2),
        _case(rng, "types", [0, 1, 2, -1], 2, dtype=torch.float64),
    ]


def _case(
    rng: np.random.Generator,
    group: str,
    labels: Sequence[int],
    K: int,
    *,
    boxes_right: bool = False,
    gradients: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Case:
    """Return a case with these labels, in random order; `boxes_right`: no class's box is off.

    No proposal is recognised rightly, so that predicted and true class differ.
    """
    N = len(labels)
    shuffled = shuffled_labels(rng, labels)
    logits = numbers(rng, N, K + 1, reach=2)
    best = (shuffled + torch.from_numpy(rng.integers(1, K + 1, size=N))) % (K + 1)
    logits[torch.arange(N), best] = logits.amax(dim=1) + 0.25
    transforms = numbers(rng, N, K, 4)
    own = transforms[torch.arange(N), (shuffled - 1).clamp(min=0)]
    targets = targets_near(rng, own)
    if boxes_right:
        transforms = targets[:, None].repeat(1, K, 1)
    given = logits.to(dtype), transforms.to(dtype), shuffled, targets.to(dtype)
    if not gradients:
        return Case(group, given)
    view = "" if (shuffled >= 0).any() else "has_a_graph"  # whichever input a 0 hangs on
    return Case(group, given, gradients=OF_PREDICTIONS, view=view)


def _large_logits(rng: np.random.Generator) -> Case:
    """Return proposals of three classes of which two or three are taken for another one."""
    logits = torch.zeros(3, 3)
    sure = torch.tensor([[1, 2, 0], [2, 0, 1], [1, 0, 2]][int(rng.integers(3))])
    logits[torch.arange(3), sure] = float(rng.integers(800, 1000))
    transforms = numbers(rng, 3, 2, 4)
    targets = targets_near(rng, transforms[:, 0])
    return Case("large logits", (logits, transforms, torch.tensor([0, 1, 2]), targets))


def _with_boxes(
    error: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
) -> Callable[..., tuple[Tensor, Tensor]]:
    """Return the loss whose box part is `error` of its arguments, over the usual number."""

    def wrong(
        logits: Tensor, transforms: Tensor, labels: Tensor, targets: Tensor
    ) -> tuple[Tensor, Tensor]:
        class_loss = detection_loss(logits, transforms, labels, targets)[0]
        return class_loss, error(logits, transforms, labels, targets) / counts(labels)[1]

    return wrong


def _distance(got: Tensor, wanted: Tensor, beta: float = 1.0) -> Tensor:
    return F.smooth_l1_loss(got, wanted, reduction="sum", beta=beta)


def _row_l(logits: Tensor, transforms: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    positive = labels > 0
    return _distance(transforms[positive, labels[positive]], targets[positive])


def _background_too(logits: Tensor, transforms: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    counted = labels >= 0
    return _distance(transforms[counted, labels[counted] - 1], targets[counted])


def _predicted(logits: Tensor, transforms: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    positive = labels > 0
    return _distance(transforms[positive, logits[positive].argmax(dim=1) - 1], targets[positive])


def _all_classes(logits: Tensor, transforms: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    rows = transforms[labels > 0]
    return _distance(rows, targets[labels > 0][:, None].expand_as(rows))


def _first_class(logits: Tensor, transforms: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    return _distance(transforms[labels > 0, 0], targets[labels > 0])


def _own(transforms: Tensor, labels: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    positive = labels > 0
    return transforms[positive, labels[positive] - 1], targets[positive]


def _no_background(
    logits: Tensor, transforms: Tensor, labels: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor]:
    positive = labels > 0
    entropy = F.cross_entropy(logits[positive], labels[positive], reduction="sum")
    box_loss = detection_loss(logits, transforms, labels, targets)[1]
    return entropy / counts(labels)[2], box_loss


def _logarithm_of_probability(
    logits: Tensor, transforms: Tensor, labels: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor]:
    counted = labels >= 0
    chosen = logits[counted].softmax(dim=1)[torch.arange(int(counted.sum())), labels[counted]]
    box_loss = detection_loss(logits, transforms, labels, targets)[1]
    return -chosen.log().sum() / counts(labels)[1], box_loss


DETECTION_LOSS = Exercise(
    name="detection_loss",
    reference=detection_loss,
    groups=GROUPS,
    draw=draw_detection_loss,
    misconceptions=(
        takes_probabilities(detection_loss, 0, partial(torch.softmax, dim=1)),
        Misconception(
            "row_l_for_label_l",
            "It takes row l for label l: background has no transform, so class 1 has row 0, and "
            "label l the row l - 1.",
            _with_boxes(_row_l),
        ),
        Misconception(
            "background_has_a_box_loss",
            "Its box loss counts background as well, with the row that label 0 happens to point "
            "to: background has no object to move to, and no box loss.",
            _with_boxes(_background_too),
        ),
        Misconception(
            "transform_of_the_predicted_class",
            "It compares the transform of the class that the logits name: the label says which "
            "transform has to learn, also where the prediction is wrong.",
            _with_boxes(_predicted),
        ),
        Misconception(
            "transforms_of_all_classes",
            "It compares the transforms of all classes with the target: only that of the true "
            "class has anything to learn from this object.",
            _with_boxes(_all_classes),
        ),
        Misconception(
            "transform_of_the_first_class",
            "It compares the first transform whatever the class is: each label has its own row.",
            _with_boxes(_first_class),
        ),
        Misconception(
            "beta_of_the_rpn",
            "Its smooth L1 has the RPN's beta of 1/9: in the second stage beta is 1.",
            _with_boxes(lambda _, *boxes: _distance(*_own(*boxes), beta=1 / 9)),
        ),
        Misconception(
            "classes_of_positives_only",
            "Its class loss looks at positive proposals only: background is a class to learn too, "
            "or nothing is ever called background.",
            _no_background,
        ),
        Misconception(
            "logarithm_of_the_probability",
            "It takes the logarithm of a probability that was rounded to 0, so a logit of 800 "
            "gives infinity or NaN: compute the cross-entropy from the logits themselves.",
            _logarithm_of_probability,
        ),
        *shared_by_both_losses(detection_loss, "proposal"),
    ),
)
