"""The exercise `bed_of_nails`."""

from collections.abc import Callable

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
from solutions.upsampling import bed_of_nails, nearest_upsample

GROUPS = (
    Group(
        "factor 2",
        "Each value stands in the upper left corner of a 2 x 2 block, with zeros beside and below.",
    ),
    Group("larger factors", "Each value stands in the upper left corner of its block of zeros."),
    ONE_PIXEL,
    FACTOR_1,
    TYPES,
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant.

    Types are tested where every answer has the right numbers: another fault keeps its name.
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
        Case(TYPES.name, (odd_quarters(rng, 1, 2, 3), 1)),
        Case(TYPES.name, (odd_quarters(rng, 1, 3, 2).double(), 1)),
    ]


def _at(place: Callable[[int], int]) -> Callable[[Tensor, int], Tensor]:
    """Return a bed of nails whose nails stand in row and column `place` of their blocks."""

    def nails(x: Tensor, factor: int) -> Tensor:
        steps = place(factor)
        return bed_of_nails(x, factor).roll((steps, steps), dims=(1, 2))

    return nails


def _nothing_after_the_last(x: Tensor, factor: int) -> Tensor:
    _, H, W = x.shape
    return bed_of_nails(x, factor)[:, : (H - 1) * factor + 1, : (W - 1) * factor + 1]


BED_OF_NAILS = Exercise(
    name="bed_of_nails",
    reference=bed_of_nails,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "in_the_lower_right",
            "It puts each value into the lower right corner of its block: it is the upper left.",
            _at(lambda factor: factor - 1),
        ),
        Misconception(
            "in_the_centre",
            "It puts each value into the centre of its block: it is the upper left corner.",
            _at(lambda factor: factor // 2),
        ),
        Misconception(
            "fills_the_block",
            "It copies the value over the whole block, which is nearest neighbour: in a bed of "
            "nails the rest is 0.",
            nearest_upsample,
        ),
        Misconception(
            "nothing_after_the_last",
            "It puts zeros between the values only: they follow the last row and column as well, "
            "so that height and width grow by the factor.",
            _nothing_after_the_last,
        ),
        Misconception(
            "one_zero_too_many",
            "It puts as many zeros between two values as the factor says: it is one less, since "
            "the value itself takes a place.",
            lambda x, factor: bed_of_nails(x, factor + 1) if factor > 1 else x,
        ),
        one_axis_only(bed_of_nails),
        returns_float32(bed_of_nails),
        returns_float64(bed_of_nails),
    ),
    forbidden=NO_UPSAMPLING,
)
