"""The exercise `keypoint_loss`."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_TORCHVISION, STRICT
from autograder.exercises.mask_rcnn_heads.regions import logits, summed
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
from solutions.keypoints import keypoint_loss

GROUPS = (
    Group(
        "one bin of all",
        "A heat map is a choice among all its bins: softmax over the whole map, and the negative "
        "logarithm at the true bin.",
    ),
    Group(
        "keypoints that do not count",
        "Only valid keypoints count, in the sum and in the number that it is divided by.",
    ),
    Group("gradients", "Only the maps of valid keypoints learn.", edge=False),
    Group(
        "unequal regions",
        "The mean is over all valid keypoints of all regions, however they are spread.",
        edge=True,
    ),
    Group("56 x 56", "The loss takes maps as the head gives them, 56 x 56 bins.", edge=True),
    Group(
        "large logits",
        "The loss stays exact where logits are large: a softmax rounds to 0 there, so go from "
        "logits to the logarithm without it.",
        edge=True,
    ),
    Group(
        "none counts",
        "Where no keypoint is valid the loss is 0, and one can still call backward on it.",
        edge=True,
    ),
    Group("nothing at all", "Without regions, or without keypoints, the loss is 0.", edge=True),
    Group("types", "The loss has the dtype of the logits, float32 or float64.", True, STRICT),
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    types = _arguments(rng, [[True, False], [False, True]], 3)
    some = rng.permuted([[True, True, False]] * 2, axis=1)  # as many in each region
    spread = [[True, True, True, True], [False, True, False, False], [True, False, True, False]]
    return [
        Case("one bin of all", _arguments(rng, [[True, True, True], [True, True, True]], 4)),
        Case("one bin of all", _arguments(rng, [[True, True]], 5)),
        Case("keypoints that do not count", _arguments(rng, some, 4)),
        Case("keypoints that do not count", _arguments(rng, [[False, True], [False, False]], 3)),
        Case("gradients", _arguments(rng, [[True, False], [False, True]], 3), gradients=True),
        Case("unequal regions", _arguments(rng, spread, 3)),
        Case("56 x 56", _arguments(rng, [[True]], 56)),
        Case("large logits", _far_behind(rng)),
        Case("none counts", _arguments(rng, [[False, False]], 3), gradients=True),
        Case("nothing at all", _nothing(0, 2)),
        Case("nothing at all", _nothing(2, 0)),
        Case("types", types),
        Case("types", (types[0].double(), *types[1:])),
    ]


def _arguments(
    rng: np.random.Generator, valid: list[list[bool]] | np.ndarray, side: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return maps of side x side, a bin of each, and which count."""
    counts = torch.tensor(np.asarray(valid))
    bins = torch.tensor(rng.integers(0, side * side, size=counts.shape))
    return logits(rng, *counts.shape, side, side), bins, counts


def _far_behind(rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return maps in which the true bin is some hundreds below others."""
    maps, bins, valid = _arguments(rng, [[True, True, True]], 3)
    maps = torch.where(maps >= 0, 150.0, 0.0) + maps
    maps[0, :, 1] += 150.0  # in each map, whatever was drawn
    maps[0, range(3), bins[0] // 3, bins[0] % 3] = -100.0
    return maps, bins, valid


def _nothing(regions: int, keypoints: int) -> tuple[Tensor, Tensor, Tensor]:
    empty = torch.zeros(regions, keypoints)
    return torch.zeros(regions, keypoints, 4, 4), empty.long(), empty.bool()


def counted(logits: Tensor, bins: Tensor, valid: Tensor) -> int:
    """Return how many keypoints count."""
    return int(valid.sum())


def any_counts(logits: Tensor, bins: Tensor, valid: Tensor) -> bool:
    """Return whether any keypoint counts."""
    return bool(valid.any())


def _entropy(maps: Tensor, bins: Tensor) -> Tensor:
    return F.cross_entropy(maps.flatten(1), bins, reduction="none")


def _loss(
    logits: Tensor,
    bins: Tensor,
    valid: Tensor,
    *,
    entropy: Callable[[Tensor, Tensor], Tensor] = _entropy,
    divide_by: Callable[[Tensor], int] = lambda valid: int(valid.sum()),
    everywhere: bool = False,
) -> Tensor:
    """Return the loss as the exercise does; each option changes one step."""
    kept = torch.ones_like(valid) if everywhere else valid
    return entropy(logits[kept], bins[kept]).sum() / max(divide_by(kept), 1)


def _one_hot(maps: Tensor, bins: Tensor) -> Tensor:
    return F.one_hot(bins, maps.shape[1:].numel()).to(maps)


def _each_bin(maps: Tensor, bins: Tensor) -> Tensor:
    flat = maps.flatten(1)
    wanted = _one_hot(maps, bins)
    entropy = F.binary_cross_entropy_with_logits(flat, wanted, reduction="none")
    return entropy.mean(dim=1)


def _squared(maps: Tensor, bins: Tensor) -> Tensor:
    error = (maps.flatten(1).softmax(dim=1) - _one_hot(maps, bins)) ** 2
    return error.mean(dim=1)


def _column_by_column(maps: Tensor, bins: Tensor) -> Tensor:
    return _entropy(maps.transpose(1, 2), bins)


def _row_only(maps: Tensor, bins: Tensor) -> Tensor:
    return -maps.log_softmax(dim=2).flatten(1).gather(1, bins[:, None])[:, 0]


def _together(maps: Tensor, bins: Tensor) -> Tensor:
    """Return the losses where all maps share one softmax."""
    flat = maps.flatten(1)
    shared = flat.flatten().log_softmax(dim=0).reshape(flat.shape)
    return -shared.gather(1, bins[:, None])[:, 0]


def _rounded(maps: Tensor, bins: Tensor) -> Tensor:
    return -maps.flatten(1).softmax(dim=1).gather(1, bins[:, None])[:, 0].log()


def _mean_of_means(logits: Tensor, bins: Tensor, valid: Tensor) -> Tensor:
    terms = [
        _loss(one[None], bin_[None], seen[None])
        for one, bin_, seen in zip(logits, bins, valid, strict=True)
        if seen.any()
    ]
    return torch.stack(terms).mean() if terms else _loss(logits, bins, valid)


KEYPOINT_LOSS = Exercise(
    name="keypoint_loss",
    reference=keypoint_loss,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "sigmoid_for_each_bin",
            "It asks each bin by itself, with a sigmoid: a keypoint lies in exactly one bin, so "
            "the bins compete, in a softmax over the whole map.",
            partial(_loss, entropy=_each_bin),
        ),
        Misconception(
            "softmax_over_rows",
            "Its softmax runs over each row of the map by itself: all bins of a map compete, so "
            "flatten it first.",
            partial(_loss, entropy=_row_only),
        ),
        Misconception(
            "maps_compete",
            "One softmax runs over the maps of all keypoints together: each keypoint has a choice "
            "of its own.",
            partial(_loss, entropy=_together),
        ),
        Misconception(
            "column_by_column",
            "It flattens maps column by column: bins count row by row.",
            partial(_loss, entropy=_column_by_column),
        ),
        Misconception(
            "squared_error",
            "It takes the squared error of the heat map: the map is a choice of one bin, so the "
            "loss is cross-entropy.",
            partial(_loss, entropy=_squared),
        ),
        Misconception(
            "all_keypoints_counted",
            "It counts keypoints that are not valid too, and teaches the network to find them in "
            "bin 0.",
            partial(_loss, everywhere=True),
        ),
        Misconception(
            "mean_over_all_keypoints",
            "It leaves out keypoints that are not valid but divides by the number of all: the mean "
            "is over those that count.",
            partial(_loss, divide_by=lambda valid: valid.numel()),
        ),
        Misconception(
            "mean_of_the_regions_means",
            "It takes a mean for each region and then the mean of these: a region with one visible "
            "keypoint would count as much as one with seventeen.",
            _mean_of_means,
        ),
        summed(_loss, counted, "keypoints"),
        takes_probabilities(_loss, 0, lambda maps: maps.flatten(2).softmax(dim=2).view_as(maps)),
        Misconception(
            "softmax_rounds",
            "It takes the logarithm of a softmax: where another bin is far ahead the softmax is "
            "rounded to 0, and the loss becomes infinite.",
            partial(_loss, entropy=_rounded),
        ),
        detached(_loss),
        nan_of_nothing(_loss, any_counts),
        no_graph_of_nothing(_loss, any_counts),
        returns_float32(_loss),
        returns_float64(_loss),
    ),
    forbidden=NO_TORCHVISION,
)
