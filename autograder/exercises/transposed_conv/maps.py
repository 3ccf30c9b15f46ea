"""Drawing maps for cases, and what the exercises on maps have in common."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Misconception
from autograder.exercises.drawing import NO_TORCHVISION, STRICT
from course.cases import Group

Upsample = Callable[[Tensor, int], Tensor]

TYPES = Group("types", "The result has the dtype of the input, float32 or float64.", True, STRICT)
FACTOR_1 = Group("factor 1", "With factor 1 nothing is enlarged: the map comes out as it is.", True)
ONE_PIXEL = Group(
    "one row, one column, one pixel",
    "A map may have a single row or column, or be one pixel only: it is enlarged like any other.",
    edge=True,
)

OTHER_LIBRARIES = {
    **NO_TORCHVISION,
    "skimage": "skimage has this very function: here you write it.",
    "scipy": "scipy has this very function: here you write it.",
}
NO_UPSAMPLING = {
    **OTHER_LIBRARIES,
    **dict.fromkeys(
        (
            "interpolate",
            "Upsample",
            "upsample",
            "upsample_nearest",
            "upsample_bilinear",
            "UpsamplingNearest2d",
            "UpsamplingBilinear2d",
            "grid_sample",
        ),
        "it enlarges maps by itself, which is what you write here.",
    ),
}


def odd_quarters(rng: np.random.Generator, *shape: int) -> Tensor:
    """Return numbers that all differ, of both signs, none 0, in random order.

    They are odd numbers of quarters: sums of a few products of them are exact in float32.
    """
    count = math.prod(shape)
    steps = 2 * (rng.permutation(count) - count // 2) + 1
    return torch.tensor(steps / 4, dtype=torch.float32).reshape(shape)


def positive_quarters(rng: np.random.Generator, *shape: int) -> Tensor:
    """Return positive numbers that all differ, in random order."""
    numbers = odd_quarters(rng, *shape)
    return numbers - numbers.min() + 0.25


def one_axis_only(function: Upsample) -> Misconception:
    """An answer that enlarges along the columns' axis and leaves the rows as they are."""
    sentence = (
        "It enlarges along one axis only: both the height and the width grow by the factor, and "
        "every channel is enlarged alike."
    )
    return Misconception(
        "one_axis_only", sentence, lambda x, factor: function(x, factor)[:, ::factor]
    )


def same_dtype(function: Callable[..., Any], dtype: torch.dtype) -> Callable[..., Any]:
    """Return `function` computed in `dtype`, with a result in the dtype of its first argument."""
    return lambda x, *rest: function(x.to(dtype), *rest).to(x.dtype)
