"""The exercise `rcnn_loss`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from autograder.exercise import Exercise, Misconception
from autograder.exercises.shared_mistakes import (
    after,
    changes_its_input,
    detached,
    nan_of_nothing,
    neutral_as_background,
    no_graph_of_nothing,
    takes_probabilities,
)
from course.cases import Group
from course.outcome import Case
from solutions.losses import rcnn_loss

GROUPS = (
    Group(
        "objects and background",
        "The class loss is the cross-entropy averaged over the proposals; the box loss is the "
        "smooth L1 distance added up over the positives, divided by the same number.",
    ),
    Group("neutral proposals", "A proposal with label -1 counts in neither loss and in no number."),
    Group(
        "gradients",
        "Both losses can be differentiated, and the gradients are those of the two formulas.",
    ),
    Group(
        "far and near transforms",
        "Smooth L1 is half the square of a difference up to 1, and from there on the difference "
        "minus a half.",
        edge=True,
    ),
    Group("no positives", "Without positives the box loss is 0, with gradients of 0.", edge=True),
    Group(
        "nothing counts",
        "Where every proposal is neutral both losses are 0, with gradients of 0: never NaN.",
        edge=True,
    ),
    Group("no proposals", "Without proposals both losses are 0, with empty gradients.", edge=True),
    Group("large logits", "Logits may be large: cross-entropy stays finite.", edge=True),
    Group("float64", "The inputs may be float64 as well.", edge=True),
)


def draw_rcnn_loss(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    return [
        Case("objects and background", _batch(rng, [2, 0, 1, 0, 3, 0], classes=3)),
        Case("objects and background", _batch(rng, [0, 1, 2, 2], classes=2)),
        Case("neutral proposals", _batch(rng, [-1, 3, 0, -1, 1, 0, 0, -1], classes=3)),
        Case("neutral proposals", _batch(rng, [2, -1, 0, 4, 0], classes=4)),
        Case("gradients", _batch(rng, [1, -1, 0, 2, 0], classes=2), gradients=True),
        Case("far and near transforms", _batch(rng, [1, 0, 2], classes=2, spread=4.0)),
        Case("far and near transforms", _batch(rng, [1, 0, 2], classes=2, spread=0.2)),
        Case("no positives", _batch(rng, [0, -1, 0, 0], classes=2), gradients=True),
        Case("nothing counts", _batch(rng, [-1, -1, -1], classes=2), gradients=True),
        Case("no proposals", _batch(rng, [], classes=3), gradients=True),
        Case("large logits", _batch(rng, [1, 0, 2, -1], classes=2, logits=200.0)),
        Case("float64", _batch(rng, [1, 0, 2, -1], classes=2, dtype=torch.float64)),
    ]


Batch = tuple[Tensor, Tensor, Tensor, Tensor]


def _batch(
    rng: np.random.Generator,
    labels: list[int],
    *,
    classes: int,
    spread: float = 1.6,
    logits: float = 2.0,
    dtype: torch.dtype = torch.float32,
) -> Batch:
    """Return the labels in random order with logits and transforms, all in steps of 1/64.

    Differences of transforms go up to `spread`, on both sides of 1 where that is more.
    """
    count = len(labels)
    order = rng.permutation(np.array(labels, dtype=np.int64))
    targets = rng.uniform(-1, 1, size=(count, 4))
    signs = rng.choice([-1, 1], size=(count, 4))
    shares = rng.permuted(np.tile([0.2, 0.45, 0.7, 1.0], (count, 1)), axis=1)

    def steps(values: np.ndarray) -> Tensor:
        return torch.tensor(np.round(values * 64) / 64, dtype=dtype)

    return (
        steps(rng.uniform(-logits, logits, size=(count, classes + 1))),
        steps(targets + spread * signs * shares),
        torch.from_numpy(order),
        steps(targets),
    )


def _smooth_l1(got: Tensor, wanted: Tensor) -> Tensor:
    return F.smooth_l1_loss(got, wanted, reduction="sum")


@dataclass(frozen=True)
class Loss:
    """The two losses with exchangeable steps.

    `share` divides a sum, given the number of proposals, of those that count and of positives.
    """

    boxes_of: Callable[[Tensor], Tensor] = lambda labels: labels > 0
    distance: Callable[[Tensor, Tensor], Tensor] = _smooth_l1
    class_share: Callable[[int, int, int], int] = lambda every, counted, positive: counted
    box_share: Callable[[int, int, int], int] = lambda every, counted, positive: counted

    def __call__(
        self, class_logits: Tensor, transforms: Tensor, labels: Tensor, targets: Tensor
    ) -> tuple[Tensor, Tensor]:
        counted, chosen = labels >= 0, self.boxes_of(labels)
        numbers = len(labels), int(counted.sum()), int((labels > 0).sum())
        class_loss = F.cross_entropy(class_logits[counted], labels[counted], reduction="sum")
        box_loss = self.distance(transforms[chosen], targets[chosen])
        return (
            class_loss / max(self.class_share(*numbers), 1),
            box_loss / max(self.box_share(*numbers), 1),
        )


right = Loss()


def _shifted(logits: Tensor, transforms: Tensor, labels: Tensor, targets: Tensor) -> Batch:
    return logits.roll(-1, dims=1), transforms, labels, targets


def _any_counts(logits: Tensor, transforms: Tensor, labels: Tensor, targets: Tensor) -> bool:
    return bool((labels >= 0).any())


def _any_positive(logits: Tensor, transforms: Tensor, labels: Tensor, targets: Tensor) -> bool:
    return bool((labels > 0).any())


def _no_box_graph(
    logits: Tensor, transforms: Tensor, labels: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor]:
    class_loss, box_loss = right(logits, transforms, labels, targets)
    return class_loss, box_loss if (labels > 0).any() else torch.zeros(())


def _nan_without_positives(
    logits: Tensor, transforms: Tensor, labels: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor]:
    """Average with a mean over the positives, scaled to the right number: 0 / 0 without any."""
    class_loss, box_loss = right(logits, transforms, labels, targets)
    return class_loss, box_loss if (labels > 0).any() else box_loss * float("nan")


def _overflows(
    logits: Tensor, transforms: Tensor, labels: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor]:
    _, box_loss = right(logits, transforms, labels, targets)
    counted = labels >= 0
    chances = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    picked = chances[counted, labels[counted]]
    return -picked.log().sum() / counted.sum().clamp(min=1), box_loss


RCNN_LOSS = Exercise(
    name="rcnn_loss",
    reference=rcnn_loss,
    groups=GROUPS,
    draw=draw_rcnn_loss,
    misconceptions=(
        neutral_as_background(right, at=2),
        Misconception(
            "neutral_in_the_number",
            "It divides by the number of all proposals: neutral ones do not count there either.",
            Loss(
                class_share=lambda every, counted, positive: every,
                box_share=lambda every, counted, positive: every,
            ),
        ),
        Misconception(
            "box_loss_over_positives",
            "It averages the box loss over the positives: divide by the number of all proposals "
            "that are not neutral, as in the class loss, so that few positives weigh no more.",
            Loss(box_share=lambda every, counted, positive: positive),
        ),
        Misconception(
            "mean_over_the_four_numbers",
            "It takes the mean of all the differences of the positives: add them up, and divide by "
            "the number of proposals that are not neutral.",
            Loss(box_share=lambda every, counted, positive: 4 * positive),
        ),
        Misconception(
            "box_loss_averaged_over_four",
            "It averages over the four numbers of a transform: they are added up.",
            Loss(box_share=lambda every, counted, positive: 4 * counted),
        ),
        Misconception(
            "sums_not_divided",
            "It adds up and does not divide: a batch of twice as many proposals would give twice "
            "the loss.",
            Loss(class_share=lambda *numbers: 1, box_share=lambda *numbers: 1),
        ),
        Misconception(
            "box_loss_not_divided",
            "It adds up the box loss and does not divide it: divide by the number of proposals "
            "that are not neutral.",
            Loss(box_share=lambda *numbers: 1),
        ),
        Misconception(
            "background_has_boxes",
            "It teaches background proposals a box as well: they have no object to move to, so "
            "only the positives enter the box loss.",
            Loss(boxes_of=lambda labels: labels >= 0),
        ),
        Misconception(
            "all_have_boxes",
            "It takes the boxes of all proposals into the box loss: only the positives have a "
            "target.",
            Loss(boxes_of=lambda labels: labels >= -1),
        ),
        Misconception(
            "neutral_has_boxes",
            "It takes neutral proposals into the box loss, as every label but 0: only labels "
            "above 0 belong to objects.",
            Loss(boxes_of=lambda labels: labels != 0),
        ),
        Misconception(
            "squared_distance",
            "It squares all differences: from 1 on, smooth L1 grows in proportion, so that one bad "
            "proposal does not decide everything.",
            Loss(distance=lambda got, wanted: ((got - wanted) ** 2).sum()),
        ),
        Misconception(
            "plain_l1",
            "It adds up the differences themselves: below 1 smooth L1 is half their square.",
            Loss(distance=lambda got, wanted: (got - wanted).abs().sum()),
        ),
        Misconception(
            "beta_of_the_proposal_network",
            "It changes from square to straight at 1/9: here that place, beta, is 1.",
            Loss(
                distance=lambda got, wanted: F.smooth_l1_loss(
                    got, wanted, reduction="sum", beta=1 / 9
                )
            ),
        ),
        takes_probabilities(right, 0, partial(torch.softmax, dim=1)),
        Misconception(
            "labels_shifted_by_one",
            "It takes the logit in column 0 for the first class: column 0 is the background, and "
            "label 1 is column 1.",
            lambda *batch: right(*_shifted(*batch)),
        ),
        Misconception(
            "boxes_first",
            "It returns the box loss before the class loss: the class loss comes first.",
            after(right, lambda result: result[::-1]),
        ),
        Misconception(
            "one_loss",
            "It adds both losses up: return the two, so that one can weigh and watch them.",
            after(right, sum),
        ),
        detached(right),
        nan_of_nothing(right, _any_counts),
        Misconception(
            "nan_without_positives",
            "Without positives the mean over them is 0 / 0 and gives NaN: add up, and divide by "
            "the number of proposals that are not neutral.",
            _nan_without_positives,
        ),
        no_graph_of_nothing(right, _any_counts),
        Misconception(
            "no_graph_without_positives",
            "Without positives the box loss is a constant 0, which gives its transforms no "
            "gradient: let the 0 come out of the transforms, as an empty sum of them does.",
            _no_box_graph,
        ),
        Misconception(
            "softmax_overflows",
            "It computes exp of the logits, which is infinite from 89 on: use a log-softmax or "
            "cross-entropy that takes off the largest logit first.",
            _overflows,
        ),
        changes_its_input(
            right,
            lambda logits, transforms, labels, targets: labels.clamp_(min=0),
            "neutral labels were overwritten",
        ),
    ),
)
