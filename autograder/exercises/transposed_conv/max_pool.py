"""The exercise `max_pool`."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import STRICT
from autograder.exercises.shared_mistakes import returns_float32
from autograder.exercises.transposed_conv.maps import (
    OTHER_LIBRARIES,
    odd_quarters,
    positive_quarters,
)
from course.cases import Group
from course.outcome import Case
from solutions.upsampling import max_pool

Pooled = tuple[Tensor, Tensor]

GROUPS = (
    Group(
        "blocks of 2 x 2",
        "Of each block the largest value is kept, and its place in the whole map: row times the "
        "map's width plus column, counted anew in each channel.",
    ),
    Group("larger blocks", "Blocks of any size lie side by side and do not overlap."),
    Group(
        "values below zero",
        "Where all values are negative, the largest is the one nearest to 0.",
        edge=True,
    ),
    Group(
        "equal values", "Of equal values in a block the first counts, read row by row.", edge=True
    ),
    Group(
        "a remainder",
        "Rows and columns that fill no whole block are left out; places still count in the whole "
        "map.",
        edge=True,
    ),
    Group(
        "no whole block", "A map smaller than a block has no block: the results are empty.", True
    ),
    Group("size 1", "With blocks of one pixel every value is kept where it is.", edge=True),
    Group(
        "types",
        "Values have the dtype of the map, float32 or float64; places are int64.",
        True,
        STRICT,
    ),
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    ties = torch.from_numpy(rng.integers(1, 3, size=(2, 4, 6)) / 2).float()
    ties[:, :2, 2:4] = 1.0
    ties[:, 2:, :2] = torch.tensor([[0.5, 1.0], [1.0, 0.5]])
    return [
        Case("blocks of 2 x 2", (positive_quarters(rng, 1, 4, 4), 2)),
        Case("blocks of 2 x 2", (positive_quarters(rng, 2, 4, 6), 2)),
        Case("blocks of 2 x 2", (positive_quarters(rng, 3, 4, 2), 2)),
        Case("larger blocks", (positive_quarters(rng, 2, 6, 3), 3)),
        Case("larger blocks", (positive_quarters(rng, 1, 3, 9), 3)),
        Case("values below zero", (-positive_quarters(rng, 2, 4, 2), 2)),
        Case("equal values", (ties, 2)),
        Case("a remainder", (positive_quarters(rng, 2, 5, 7), 2)),
        Case("a remainder", (positive_quarters(rng, 1, 4, 5), 3)),
        Case("no whole block", (odd_quarters(rng, 2, 1, 4), 2)),
        Case("no whole block", (odd_quarters(rng, 1, 2, 2), 3)),
        Case("size 1", (positive_quarters(rng, 2, 2, 3), 1)),
        Case("types", (positive_quarters(rng, 1, 2, 4), 2)),
        Case("types", (positive_quarters(rng, 2, 4, 2).double(), 2)),
    ]


def _numbered(
    number: Callable[[Tensor, Tensor, Tensor, int], Tensor],
) -> Callable[[Tensor, int], Pooled]:
    """Return a pooling with other places: made from row [C, h, w], column, map and block size."""

    def pool(x: Tensor, size: int) -> Pooled:
        values, indices = max_pool(x, size)
        W = x.shape[2]
        return values, number(indices // W, indices % W, x, size)

    return pool


def _across_channels(rows: Tensor, columns: Tensor, x: Tensor, size: int) -> Tensor:
    C, H, W = x.shape
    return rows * W + columns + H * W * torch.arange(C)[:, None, None]


def _last_of_equals(x: Tensor, size: int) -> Pooled:
    _, H, W = x.shape
    whole = x[:, : H // size * size, : W // size * size]
    values, indices = max_pool(whole.flip(1, 2), size)
    width = whole.shape[2]
    rows = whole.shape[1] - 1 - torch.div(indices, max(width, 1), rounding_mode="floor")
    columns = width - 1 - indices % max(width, 1)
    return values.flip(1, 2), (rows * W + columns).flip(1, 2)


def _with_the_remainder(x: Tensor, size: int) -> Pooled:
    return F.max_pool2d(x, size, ceil_mode=True, return_indices=True)


def _starts_at_zero(x: Tensor, size: int) -> Pooled:
    values, indices = max_pool(x, size)
    return values.clamp(min=0), torch.where(values > 0, indices, 0)


def _only_whole(x: Tensor, size: int) -> Pooled:
    if x.shape[1] % size or x.shape[2] % size:
        raise RuntimeError("the shape is invalid")
    return max_pool(x, size)


def _crashes_on_no_block(x: Tensor, size: int) -> Pooled:
    if min(x.shape[1:]) < size:
        raise RuntimeError("an empty list has no maximum")
    return max_pool(x, size)


def _float_places(x: Tensor, size: int) -> Pooled:
    values, indices = max_pool(x, size)
    return values, indices.to(values.dtype)


MAX_POOL = Exercise(
    name="max_pool",
    reference=max_pool,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "places_in_the_block",
            "It numbers the places within a block, from 0 on in each: unpooling needs to know "
            "where in the whole map the value was.",
            _numbered(lambda rows, columns, x, size: rows % size * size + columns % size),
        ),
        Misconception(
            "number_of_the_block",
            "It gives the number of the block: wanted is the place of the largest value itself.",
            _numbered(
                lambda rows, columns, x, size: rows // size * (x.shape[2] // size) + columns // size
            ),
        ),
        Misconception(
            "corner_of_the_block",
            "It gives the place of the block's upper left corner: wanted is the place of the "
            "largest value itself.",
            _numbered(
                lambda rows, columns, x, size: (
                    rows // size * size * x.shape[2] + columns // size * size
                )
            ),
        ),
        Misconception(
            "width_of_the_pooled_map",
            "It multiplies the row by the width of the pooled map: places count in the map that "
            "came in.",
            _numbered(lambda rows, columns, x, size: rows * (x.shape[2] // size) + columns),
        ),
        Misconception(
            "column_by_column",
            "It counts column by column: places run along the rows, row times width plus column.",
            _numbered(lambda rows, columns, x, size: columns * x.shape[1] + rows),
        ),
        Misconception(
            "across_channels",
            "Its places go on counting from one channel to the next: each channel's plane begins "
            "at 0.",
            _numbered(_across_channels),
        ),
        Misconception(
            "moves_by_one",
            "Its windows move by one pixel and overlap: the blocks lie side by side.",
            lambda x, size: F.max_pool2d(x, size, stride=1, return_indices=True),
        ),
        Misconception(
            "last_of_equals",
            "Of equal values it takes the last: it is the first, read row by row.",
            _last_of_equals,
        ),
        Misconception(
            "starts_at_zero",
            "It starts to compare with 0, which no negative value exceeds: start with the block's "
            "first value.",
            _starts_at_zero,
        ),
        Misconception(
            "keeps_the_remainder",
            "It pools what is left over at the right and lower edge too: what fills no whole block "
            "is left out.",
            _with_the_remainder,
        ),
        Misconception(
            "fails_on_a_remainder",
            "It fails when the size does not divide height and width: leave the rest out first.",
            _only_whole,
        ),
        Misconception(
            "width_without_the_remainder",
            "After it has cut off the remainder it counts places with the new width: they count in "
            "the map that came in.",
            _numbered(lambda rows, columns, x, size: rows * (x.shape[2] // size * size) + columns),
        ),
        Misconception(
            "fails_without_a_block",
            "It fails when the map is smaller than a block: then both results are empty.",
            _crashes_on_no_block,
        ),
        Misconception(
            "float_places",
            "Its places are floats, which cannot index anything: they are int64.",
            _float_places,
        ),
        returns_float32(max_pool),
    ),
    forbidden={
        **OTHER_LIBRARIES,
        **dict.fromkeys(
            (
                "max_pool2d",
                "MaxPool2d",
                "max_pool2d_with_indices",
                "adaptive_max_pool2d",
                "AdaptiveMaxPool2d",
                "max_pool3d",
                "MaxPool3d",
            ),
            "it pools by itself, which is what you write here.",
        ),
    },
)
