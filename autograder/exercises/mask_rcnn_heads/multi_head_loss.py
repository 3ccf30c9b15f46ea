"""The exercise `multi_head_loss`."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_TORCHVISION
from autograder.exercises.shared_mistakes import detached
from course.cases import Group
from course.outcome import Case
from solutions.losses import multi_head_loss

HEADS = ("objectness", "class", "box", "mask", "keypoint")
Losses = dict[str, Tensor]
Weights = dict[str, float]

GROUPS = (
    Group(
        "weighted sum", "The loss of a network with several heads is the weighted sum of theirs."
    ),
    Group(
        "missing weights",
        "A head whose weight is not given counts once, with weight 1.",
    ),
    Group(
        "gradients",
        "Every head learns: the gradient of each loss is its weight.",
    ),
    Group("no weights", "Without any weight the loss is the plain sum.", edge=True),
    Group("order of the weights", "Losses and weights belong together by name.", edge=True),
    Group("weight 0", "A weight of 0 is a weight: that head does not count.", edge=True),
    Group("weights to spare", "A weight for a head that has no loss here changes nothing.", True),
    Group("no heads", "Without any loss the sum is 0.", edge=True),
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    losses = _losses(rng, 3)
    first, second, third = losses
    turned = dict(reversed(_weights(rng, losses).items()))
    return [
        Case("weighted sum", (losses, _weights(rng, losses))),
        Case("weighted sum", _whole(rng, 5)),
        Case("missing weights", (losses, _weights(rng, [second]))),
        Case("missing weights", (losses, _weights(rng, [third, first]))),
        Case("gradients", _whole(rng, 2), gradients=True),
        Case("no weights", (_losses(rng, 4), {})),
        Case("order of the weights", (losses, turned)),
        Case("weight 0", (losses, {**_weights(rng, losses), second: 0.0})),
        Case("weights to spare", (_losses(rng, 2), _weights(rng, HEADS[:3]))),
        Case("no heads", ({}, _weights(rng, HEADS[:2]))),
    ]


def _losses(rng: np.random.Generator, count: int) -> Losses:
    """Return different losses of the first heads."""
    values = rng.choice(np.arange(20, 300), size=count, replace=False) / 100
    return {n: torch.tensor(float(v)) for n, v in zip(HEADS, values, strict=False)}


def _weights(rng: np.random.Generator, names: Any) -> Weights:
    """Return different weights, none of which is 1."""
    values = rng.choice([0.25, 0.5, 0.75, 1.5, 2.0, 3.0, 4.0], size=len(names), replace=False)
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def _whole(rng: np.random.Generator, count: int) -> tuple[Losses, Weights]:
    losses = _losses(rng, count)
    return losses, _weights(rng, losses)


def _sum(losses: Losses, weights: Weights) -> Tensor:
    total = torch.zeros(())
    for name, loss in losses.items():
        total = total + weights.get(name, 1.0) * loss
    return total


def _missing_is_nothing(losses: Losses, weights: Weights) -> Tensor:
    return _sum(losses, {**dict.fromkeys(losses, 0.0), **weights})


def _mean(losses: Losses, weights: Weights) -> Tensor:
    return _sum(losses, weights) / max(len(losses), 1)


def _over_the_weights(losses: Losses, weights: Weights) -> Tensor:
    whole = sum(weights.get(name, 1.0) for name in losses)
    return _sum(losses, weights) / whole if whole else _sum(losses, weights)


def _without_weights(losses: Losses, weights: Weights) -> Tensor:
    return _sum(losses, {})


def _needs_every_weight(losses: Losses, weights: Weights) -> Tensor:
    return _sum(losses, {name: weights[name] for name in losses})


def _needs_every_loss(losses: Losses, weights: Weights) -> Tensor:
    whole = {**dict.fromkeys(losses, 1.0), **weights}
    return _sum({name: losses[name] for name in whole}, whole)


def _by_position(losses: Losses, weights: Weights) -> Tensor:
    return _sum(losses, dict(zip(losses, weights.values(), strict=False)))


def _zero_is_missing(losses: Losses, weights: Weights) -> Tensor:
    return _sum(losses, {name: weight or 1.0 for name, weight in weights.items()})


MULTI_HEAD_LOSS = Exercise(
    name="multi_head_loss",
    reference=multi_head_loss,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "missing_weight_is_0",
            "A head without a weight does not count at all: its weight is 1, so that a new head "
            "learns before anybody thinks of a weight for it.",
            _missing_is_nothing,
        ),
        Misconception(
            "missing_weight_fails",
            "It fails where a head has no weight: such a head counts with weight 1.",
            _needs_every_weight,
        ),
        Misconception(
            "mean_for_sum",
            "It divides by the number of heads: it is a sum, or each new head would make all "
            "others learn less.",
            _mean,
        ),
        Misconception(
            "weights_made_to_add_up",
            "It divides by the sum of the weights: they are taken as they are.",
            _over_the_weights,
        ),
        Misconception("ignores_the_weights", "It adds up without the weights.", _without_weights),
        Misconception(
            "by_position",
            "It pairs losses and weights in the order in which they stand: they belong together by "
            "name.",
            _by_position,
        ),
        Misconception(
            "weight_0_is_missing",
            "It takes a weight of 0 for a missing one: 0 switches a head off.",
            _zero_is_missing,
        ),
        Misconception(
            "weight_to_spare_fails",
            "It fails where a weight is given for a head that has no loss: go through the losses, "
            "and look up their weights.",
            _needs_every_loss,
        ),
        detached(_sum),
    ),
    forbidden=NO_TORCHVISION,
)
