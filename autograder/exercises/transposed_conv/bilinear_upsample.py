"""The exercise `bilinear_upsample`."""

import numpy as np
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.shared_mistakes import returns_float32, returns_float64
from autograder.exercises.transposed_conv import interpolation as by
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
from solutions.upsampling import bilinear_upsample

GROUPS = (
    Group(
        "factor 2",
        "Each output pixel mixes the four pixels around the place that it looks at, pixel centres "
        "lying at halves; beyond the outermost centres the border's value goes on.",
    ),
    Group(
        "other factors",
        "With factor f, output pixel i looks at (i + 0.5) / f - 0.5 along each axis.",
    ),
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
        Case("other factors", (odd_quarters(rng, 1, 2, 3), 4)),
        Case("other factors", (odd_quarters(rng, 2, 3, 2), 3)),
        Case(ONE_PIXEL.name, (odd_quarters(rng, 2, 1, 3), 2)),
        Case(ONE_PIXEL.name, (odd_quarters(rng, 1, 3, 1), 2)),
        Case(ONE_PIXEL.name, (odd_quarters(rng, 3, 1, 1), 3)),
        Case(FACTOR_1.name, (odd_quarters(rng, 2, 3, 2), 1)),
        Case(TYPES.name, (odd_quarters(rng, 1, 1, 1), 2)),
        Case(TYPES.name, (odd_quarters(rng, 2, 1, 1).double(), 3)),
    ]


def _crashes_at_the_end(x: Tensor, factor: int) -> Tensor:
    if factor > 1:
        raise IndexError("the pixel after the last one")
    return x.clone()


BILINEAR_UPSAMPLE = Exercise(
    name="bilinear_upsample",
    reference=bilinear_upsample,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        by.puts_corners_on_corners(by.linear),
        Misconception(
            "no_half_pixel",
            "It looks at i / f: the map moves up and left by a part of a pixel. A pixel's centre "
            "lies half a pixel behind its edge, in the small map as in the large one.",
            by.interpolation(by.no_half_pixel, by.linear, by.repeats),
        ),
        Misconception(
            "extrapolates",
            "It goes on with the slope before the first row and column: the places there lie "
            "beyond the outermost centre, where the border's value goes on.",
            by.interpolation(by.half_pixel, by.linear_from_zero, by.repeats),
        ),
        Misconception(
            "wraps_around",
            "At the upper and left border it mixes in the opposite border: pixel -1 counts from "
            "the end. Limit the index to the map.",
            by.interpolation(by.half_pixel, by.linear, by.wraps),
        ),
        Misconception(
            "zeros_beyond_the_border",
            "It takes zeros beyond the border, so the border fades: the border's value goes on.",
            by.interpolation(by.half_pixel, by.linear, by.is_zero),
        ),
        Misconception(
            "fails_at_the_border",
            "It fails at the border, where a neighbour does not exist: there the outermost pixel "
            "stands for it.",
            _crashes_at_the_end,
        ),
        Misconception(
            "weights_exchanged",
            "The farther pixel weighs more: at 2.25, pixel 2 weighs 0.75 and pixel 3 weighs 0.25.",
            by.interpolation(by.within, by.linear_of_the_other, by.repeats),
        ),
        Misconception(
            "nearest",
            "It copies the nearest pixel: bilinear mixes the two nearest along each axis.",
            by.interpolation(by.half_pixel, by.nearest, by.repeats),
        ),
        one_axis_only(bilinear_upsample),
        returns_float32(bilinear_upsample),
        returns_float64(bilinear_upsample),
    ),
    forbidden=NO_UPSAMPLING,
)
