"""The exercise `nearest_upsample`."""

import numpy as np
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.shared_mistakes import returns_float32, returns_float64
from autograder.exercises.transposed_conv.maps import (
    FACTOR_1,
    NO_UPSAMPLING,
    ONE_PIXEL,
    TYPES,
    odd_quarters,
    one_axis_only,
)
from course.cases import Group
from course.outcome import Case
from solutions.upsampling import bed_of_nails, bilinear_upsample, nearest_upsample

GROUPS = (
    Group("factor 2", "Each value is copied over a 2 x 2 block, so that neighbours stay together."),
    Group("larger factors", "Each value is copied over a block of factor x factor pixels."),
    ONE_PIXEL,
    FACTOR_1,
    TYPES,
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant.

    Types are tested where most answers have the right numbers: another fault keeps its name.
    """
    return [
        Case("factor 2", (odd_quarters(rng, 1, 2, 2), 2)),
        Case("factor 2", (odd_quarters(rng, 2, 3, 4), 2)),
        Case("larger factors", (odd_quarters(rng, 2, 2, 3), 3)),
        Case("larger factors", (odd_quarters(rng, 1, 3, 2), 4)),
        Case(ONE_PIXEL.name, (odd_quarters(rng, 2, 1, 3), 2)),
        Case(ONE_PIXEL.name, (odd_quarters(rng, 1, 3, 1), 2)),
        Case(ONE_PIXEL.name, (odd_quarters(rng, 3, 1, 1), 3)),
        Case(FACTOR_1.name, (odd_quarters(rng, 2, 3, 2), 1)),
        Case(TYPES.name, (odd_quarters(rng, 1, 1, 1), 2)),
        Case(TYPES.name, (odd_quarters(rng, 2, 1, 1).double(), 3)),
    ]


def _flat(x: Tensor, factor: int) -> Tensor:
    C, H, W = x.shape
    return x.reshape(-1).repeat_interleave(factor**2).reshape(C, H * factor, W * factor)


def _tiled_rows(x: Tensor, factor: int) -> Tensor:
    return x.repeat(1, factor, 1).repeat_interleave(factor, dim=2)


NEAREST_UPSAMPLE = Exercise(
    name="nearest_upsample",
    reference=nearest_upsample,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "tiled",
            "It sets whole copies of the map side by side: each value is repeated where it is, "
            "so that it fills a block.",
            lambda x, factor: x.repeat(1, factor, factor),
        ),
        Misconception(
            "rows_tiled",
            "It repeats the values of a row where they are, but sets the rows below one another "
            "again and again: each row is repeated before the next one comes.",
            _tiled_rows,
        ),
        Misconception(
            "repeated_in_one_line",
            "It repeats the values in one long line and then folds that: the copies of a value lie "
            "beside and below each other, so repeat along both axes.",
            _flat,
        ),
        Misconception(
            "corner_only",
            "It leaves zeros in the blocks, as a bed of nails does: each value fills its block.",
            bed_of_nails,
        ),
        Misconception(
            "interpolates",
            "It mixes neighbours: nearest neighbour copies values and makes no new ones.",
            bilinear_upsample,
        ),
        one_axis_only(nearest_upsample),
        returns_float32(nearest_upsample),
        returns_float64(nearest_upsample),
    ),
    forbidden=NO_UPSAMPLING,
)
