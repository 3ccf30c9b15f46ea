"""The exercise `bicubic_upsample`."""

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
from course.compare import Comparison
from course.outcome import Case
from solutions.upsampling import bicubic_upsample

A = -0.75
# Sixteen products of both signs cancel: float32 leaves a few millionths of the largest value, 5.
CLOSE = Comparison(rtol=1e-4, atol=1e-4)

GROUPS = (
    Group(
        "factor 2",
        "Each output pixel mixes the four nearest pixels along each axis by the cubic weights with "
        "a = -0.75; a pixel beyond the border is a copy of the border's.",
        comparison=CLOSE,
    ),
    Group(
        "other factors",
        "With factor f, output pixel i looks at (i + 0.5) / f - 0.5 along each axis.",
        comparison=CLOSE,
    ),
    Group(ONE_PIXEL.name, ONE_PIXEL.sentence, True, CLOSE),
    Group(FACTOR_1.name, FACTOR_1.sentence, True, CLOSE),
    Group(TYPES.name, TYPES.sentence, True, Comparison(CLOSE.rtol, CLOSE.atol, strict=True)),
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant.

    Types are tested where most answers have the right numbers: another fault keeps its name.
    """
    return [
        Case("factor 2", (odd_quarters(rng, 1, 4, 5), 2)),
        Case("factor 2", (odd_quarters(rng, 2, 2, 3), 2)),
        Case("other factors", (odd_quarters(rng, 1, 4, 2), 3)),
        Case("other factors", (odd_quarters(rng, 1, 2, 3), 4)),
        Case(ONE_PIXEL.name, (odd_quarters(rng, 2, 1, 4), 2)),
        Case(ONE_PIXEL.name, (odd_quarters(rng, 1, 3, 1), 2)),
        Case(ONE_PIXEL.name, (odd_quarters(rng, 3, 1, 1), 3)),
        Case(FACTOR_1.name, (odd_quarters(rng, 2, 3, 2), 1)),
        Case(TYPES.name, (odd_quarters(rng, 1, 1, 1), 2)),
        Case(TYPES.name, (odd_quarters(rng, 2, 1, 1).double(), 3)),
    ]


def _clipped(x: Tensor, factor: int) -> Tensor:
    return bicubic_upsample(x, factor).clamp(x.min(), x.max())


BICUBIC_UPSAMPLE = Exercise(
    name="bicubic_upsample",
    reference=bicubic_upsample,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "a_is_minus_half",
            "Its weights are those of a = -0.5, another curve of the same family: here a is -0.75.",
            by.interpolation(by.half_pixel, by.cubic(-0.5), by.repeats),
        ),
        Misconception(
            "near_weights_everywhere",
            "It uses the first formula for all four pixels: from distance 1 on the second holds.",
            by.interpolation(by.half_pixel, by.cubic_near_only(A), by.repeats),
        ),
        Misconception(
            "two_neighbours",
            "It mixes two pixels along each axis, which is bilinear: bicubic takes four.",
            by.interpolation(by.half_pixel, by.linear, by.repeats),
        ),
        Misconception(
            "no_half_pixel",
            "It looks at i / f: the map moves up and left by a part of a pixel. Pixel centres lie "
            "at halves.",
            by.interpolation(by.no_half_pixel, by.cubic(A), by.repeats),
        ),
        by.puts_corners_on_corners(by.cubic(A)),
        Misconception(
            "position_limited_to_the_map",
            "It limits the place that an output pixel looks at to the map, as bilinear may: here "
            "the place stays where it is, and pixels beyond the border are copies of the border's.",
            by.interpolation(by.within, by.cubic(A), by.repeats),
        ),
        Misconception(
            "zeros_beyond_the_border",
            "It takes zeros beyond the border: pixels there are copies of the border's.",
            by.interpolation(by.half_pixel, by.cubic(A), by.is_zero),
        ),
        Misconception(
            "leaves_out_what_is_beyond",
            "It leaves pixels beyond the border out and scales the other weights up: they are "
            "copies of the border's.",
            by.interpolation(by.half_pixel, by.cubic(A), by.is_zero, renormalise=True),
        ),
        Misconception(
            "mirrors_at_the_border",
            "It mirrors the map at its border: pixels beyond are copies of the border's.",
            by.interpolation(by.half_pixel, by.cubic(A), by.mirrors),
        ),
        Misconception(
            "clipped",
            "It clips the result to the range of the input: cubic interpolation may overshoot, and "
            "here it stays so.",
            _clipped,
        ),
        one_axis_only(bicubic_upsample),
        returns_float32(bicubic_upsample),
        returns_float64(bicubic_upsample),
    ),
    forbidden=NO_UPSAMPLING,
)
