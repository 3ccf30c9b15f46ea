"""The exercise `localization_loss`."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import STRICT
from autograder.exercises.shared_mistakes import (
    detached,
    nan_of_nothing,
    no_graph_of_nothing,
    returns_float32,
    returns_float64,
    takes_probabilities,
)
from course.cases import Group
from course.outcome import Case
from solutions.losses import localization_loss

CLASSES = 3
CROSS_ENTROPY = partial(F.cross_entropy, reduction="none")

LOSS_GROUPS = (
    Group(
        "some images",
        "The loss is the mean cross-entropy plus the mean of the squared distances between box "
        "and target, the four squares of a box added up.",
    ),
    Group("box weight", "The second part, and no other, is multiplied by the weight."),
    Group("gradients", "The loss can be differentiated by logits and boxes.", edge=True),
    Group("one image", "A batch may hold a single image.", edge=True),
    Group("box weight 0", "With weight 0 only the cross-entropy is left.", edge=True),
    Group("exact boxes", "Boxes on their targets cost nothing.", edge=True),
    Group(
        "large logits",
        "However large the logits are, the loss is finite: take the logarithm of softmax in one "
        "step, since the exponential of a large number is infinite.",
        edge=True,
    ),
    Group(
        "no images",
        "The loss over no images is 0, never NaN, and backward can be called on it.",
        edge=True,
    ),
    Group("types", "The loss has the dtype of its inputs, float32 or float64.", True, STRICT),
)


def draw_localization_loss(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    exact, double = _batch(rng, 3), _batch(rng, 2)
    weight = float(rng.choice([0.25, 0.5]))
    return [
        Case("some images", _batch(rng, 5)),
        Case("some images", _batch(rng, 2)),
        Case("box weight", (*_batch(rng, 4), weight)),
        Case("box weight", (*_batch(rng, 2), float(rng.choice([3.0, 5.0])))),
        Case("gradients", (*_batch(rng, 4), 2.0), gradients=(0, 1)),
        Case("one image", _batch(rng, 1)),
        Case("box weight 0", (*_batch(rng, 3), 0.0)),
        Case("exact boxes", (exact[0], exact[3].clone(), *exact[2:])),
        Case("large logits", _far(rng)),
        Case("no images", _batch(rng, 0), gradients=(0, 1), view="has_a_graph"),
        Case("types", _batch(rng, 3)),
        Case(
            "types", tuple(item.double() if item.is_floating_point() else item for item in double)
        ),
    ]


def _batch(rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return logits, boxes, labels and targets; boxes in units of the image, so that neither part
    of the loss drowns the other."""
    logits = torch.tensor(rng.normal(scale=1.5, size=(count, CLASSES)), dtype=torch.float32)
    targets = rng.uniform(0.2, 0.8, size=(count, 4))
    boxes = targets + rng.uniform(0.1, 0.5, size=(count, 4)) * rng.choice([-1, 1], size=(count, 4))
    labels = torch.from_numpy(rng.integers(0, CLASSES, size=count))
    return logits, torch.from_numpy(boxes).float(), labels, torch.from_numpy(targets).float()


def _far(rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return images with logits whose exponential no float holds; the first is a clear miss."""
    logits, boxes, labels, targets = _batch(rng, 3)
    logits = 200 * logits
    logits[0] = torch.tensor([-800.0, 800.0, 0.0])
    labels[0] = 0
    return logits, boxes, labels, targets


def _loss(
    logits: Tensor,
    boxes: Tensor,
    labels: Tensor,
    targets: Tensor,
    box_weight: float = 1.0,
    *,
    distance: Callable[[Tensor], Tensor] = lambda errors: (errors**2).sum(dim=1),
    named: Callable[[Tensor, Tensor], Tensor] = CROSS_ENTROPY,
    class_weight: Callable[[float], float] = lambda weight: 1.0,
    weight: Callable[[float], float] = lambda weight: weight,
    class_sum: bool = False,
    box_sum: bool = False,
) -> Tensor:
    """Return the loss with one step changed by an option."""
    count = max(len(logits), 1)
    class_loss = named(logits, labels).sum() / (1 if class_sum else count)
    box_loss = distance(boxes - targets).sum() / (1 if box_sum else count)
    return class_weight(box_weight) * class_loss + weight(box_weight) * box_loss


def _right_class(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.gather(1, labels[:, None])[:, 0]


def _overflows(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.exp().sum(dim=1).log() - _right_class(logits, labels)


def _smooth_l1(errors: Tensor) -> Tensor:
    return F.smooth_l1_loss(errors, torch.zeros_like(errors), reduction="none").sum(dim=1)


def _any_image(logits: Tensor, *rest: object) -> bool:
    return len(logits) > 0


LOCALIZATION_LOSS = Exercise(
    name="localization_loss",
    reference=localization_loss,
    groups=LOSS_GROUPS,
    draw=draw_localization_loss,
    misconceptions=(
        Misconception(
            "mean_of_the_four",
            "It averages over the four numbers of a box: the squared distance of two boxes is the "
            "sum of the four squares, four times as much.",
            partial(_loss, distance=lambda errors: (errors**2).mean(dim=1)),
        ),
        Misconception(
            "box_loss_summed",
            "It adds up the squared distances of all images: average over the batch, as the "
            "cross-entropy does.",
            partial(_loss, box_sum=True),
        ),
        Misconception(
            "class_loss_summed",
            "It adds up the cross-entropy of all images: average over the batch.",
            partial(_loss, class_sum=True),
        ),
        Misconception(
            "absolute_distance",
            "It adds up absolute errors, which is L1: here the errors are squared.",
            partial(_loss, distance=lambda errors: errors.abs().sum(dim=1)),
        ),
        Misconception(
            "smooth_l1",
            "It takes the smooth L1 loss of the box: later detectors use it, here the errors are "
            "squared.",
            partial(_loss, distance=_smooth_l1),
        ),
        Misconception(
            "root_of_the_distance",
            "It takes the root of the squared distance: the loss is the squared distance itself.",
            partial(_loss, distance=lambda errors: errors.norm(dim=1)),
        ),
        takes_probabilities(localization_loss, 0, partial(torch.softmax, dim=1)),
        Misconception(
            "no_softmax",
            "It takes minus the logit of the right class for its loss: cross-entropy is minus the "
            "logarithm of the probability that softmax makes of it.",
            partial(_loss, named=lambda logits, labels: -_right_class(logits, labels)),
        ),
        Misconception(
            "no_logarithm",
            "It takes 1 minus the probability of the right class: cross-entropy is minus the "
            "logarithm of that probability.",
            partial(
                _loss,
                named=lambda logits, labels: 1 - _right_class(logits.softmax(dim=1), labels),
            ),
        ),
        Misconception(
            "forgets_the_box",
            "Only the class enters the loss: a network that is trained with it never learns where "
            "the object is.",
            partial(_loss, weight=lambda weight: 0.0),
        ),
        Misconception(
            "forgets_the_class",
            "Only the box enters the loss: a network that is trained with it never learns what the "
            "object is.",
            partial(_loss, class_weight=lambda weight: 0.0),
        ),
        Misconception(
            "ignores_the_weight",
            "It takes 1 for the weight whatever is given: use the argument.",
            partial(_loss, weight=lambda weight: 1.0),
        ),
        Misconception(
            "weight_on_the_class",
            "It multiplies the cross-entropy by the weight: it belongs to the box.",
            partial(_loss, weight=lambda weight: 1.0, class_weight=lambda weight: weight),
        ),
        Misconception(
            "weight_on_both",
            "It multiplies the whole loss by the weight, which changes nothing between its two "
            "parts: only the box is weighted.",
            partial(_loss, class_weight=lambda weight: weight),
        ),
        Misconception(
            "overflows",
            "Large logits make the loss infinite or NaN, since their exponential has no place in a "
            "float: use a function that takes the logarithm of softmax in one step.",
            partial(_loss, named=_overflows),
        ),
        detached(localization_loss),
        nan_of_nothing(localization_loss, _any_image),
        no_graph_of_nothing(localization_loss, _any_image),
        returns_float32(localization_loss),
        returns_float64(localization_loss),
    ),
)
