"""The exercise `count_positions`."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from autograder.exercise import Exercise, Misconception
from course.cases import Group
from course.outcome import Case
from solutions.sliding_windows import count_positions

Size = tuple[int, int]

POSITION_GROUPS = (
    Group(
        "every pixel",
        "A box of height h has H - h + 1 rows to begin in; columns alike, and every row goes with "
        "every column.",
    ),
    Group(
        "larger strides",
        "From the first position on count whole steps in each direction: the number of steps "
        "that still fit, plus one.",
    ),
    Group(
        "steps that do not come out even",
        "A last step that would leave the image is not taken: round down, before the one is added.",
    ),
    Group("default stride", "Without a stride the box moves by one pixel.", edge=True),
    Group("as large as the image", "A box as large as the image has one position.", edge=True),
    Group(
        "one side too large",
        "A box that is higher or wider than the image has no position.",
        edge=True,
    ),
    Group("both sides too large", "A box that is too large has no position.", edge=True),
    Group(
        "too large by less than a step",
        "A box that is too large has no position, also where the stride is larger than what it "
        "is too large by.",
        edge=True,
    ),
)


def draw_positions(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    image, box = _image(rng), _box(rng)
    step = int(rng.integers(2, 5))
    rows, columns = (int(n) for n in rng.choice(np.arange(2, 9), size=2, replace=False))
    even = (box[0] + rows * step, box[1] + columns * step)
    odd = int(rng.integers(4, 7))
    rest = (even[0], even[1], odd)
    larger = (image[0] + 5, image[1] + 7)
    return [
        Case("every pixel", (image, box, 1)),
        Case("every pixel", (_image(rng), _box(rng), 1)),
        Case("larger strides", (even, box, step)),
        Case("larger strides", ((28, 28), (14, 14), 2)),
        _remainder(rng, 4),
        _remainder(rng, 5),
        Case("default stride", (image, box)),
        Case("as large as the image", (image, image, 1)),
        Case("as large as the image", (rest[:2], rest[:2], odd)),
        Case("one side too large", (image, (image[0] + 3, box[1]), 1)),
        Case("one side too large", (image, (box[0], image[1] + 1), 1)),
        Case("both sides too large", (image, larger, 1)),
        Case("too large by less than a step", (image, (image[0] + 1, box[1]), 3)),
        Case("too large by less than a step", (image, (box[0], image[1] + 2), 4)),
    ]


def _image(rng: np.random.Generator) -> Size:
    height, width = rng.choice(np.arange(20, 60), size=2, replace=False)
    return int(height), int(width)


def _box(rng: np.random.Generator) -> Size:
    height, width = rng.choice(np.arange(5, 15), size=2, replace=False)
    return int(height), int(width)


def _remainder(rng: np.random.Generator, stride: int) -> Case:
    """Return a case in which one pixel or two are left over in each direction."""
    box = _box(rng)
    steps = rng.choice(np.arange(2, 9), size=2, replace=False)
    left = rng.permutation([1, 2]) if stride < 5 else rng.permutation([2, 3])
    image = tuple(int(b + stride * s + r) for b, s, r in zip(box, steps, left, strict=True))
    return Case("steps that do not come out even", (image, box, stride))


Along = Callable[[int, int, int], float]


def _along(image: int, box: int, stride: int) -> int:
    return (image - box) // stride + 1


def _count(
    image: Size,
    box: Size,
    stride: int = 1,
    *,
    along: Along = _along,
    join: Callable[[float, float], float] = lambda rows, columns: max(rows, 0) * max(columns, 0),
) -> float:
    """Return the product of the numbers of rows and columns, one step changed by an option."""
    return join(along(image[0], box[0], stride), along(image[1], box[1], stride))


def _sizes_mixed(image: Size, box: Size, stride: int = 1) -> float:
    return _count(image, (box[1], box[0]), stride)


def _stride_in_one_direction(image: Size, box: Size, stride: int = 1) -> float:
    rows, columns = _along(image[0], box[0], stride), _along(image[1], box[1], 1)
    return max(rows, 0) * max(columns, 0)


def _divides_the_product(image: Size, box: Size, stride: int = 1) -> float:
    return _count(image, box, 1) // stride


COUNT_POSITIONS = Exercise(
    name="count_positions",
    reference=count_positions,
    groups=POSITION_GROUPS,
    draw=draw_positions,
    misconceptions=(
        Misconception(
            "first_position_forgotten",
            "It counts the steps and forgets the position before the first step: a box as large as "
            "the image fits once, so add 1.",
            partial(_count, along=lambda image, box, stride: (image - box) // stride),
        ),
        Misconception(
            "one_added_before_the_division",
            "It adds the 1 before it divides by the stride: first count whole steps, then add the "
            "first position.",
            partial(_count, along=lambda image, box, stride: (image - box + 1) // stride),
        ),
        Misconception(
            "rounds_up",
            "It rounds the number of steps up, so that the last box hangs over the edge: only "
            "whole steps inside the image count.",
            partial(_count, along=lambda image, box, stride: -(-(image - box) // stride) + 1),
        ),
        Misconception(
            "rounds_to_the_nearest",
            "It rounds the number of steps to the nearest whole number: half a step does not fit, "
            "so round down.",
            partial(
                _count,
                along=lambda image, box, stride: math.floor((image - box) / stride + 0.5) + 1,
            ),
        ),
        Misconception(
            "does_not_round",
            "It divides without rounding, so that parts of positions are counted: a number of "
            "positions is whole, and a part of a step does not count.",
            partial(_count, along=lambda image, box, stride: (image - box) / stride + 1),
        ),
        Misconception(
            "ignores_the_stride",
            "It moves the box by one pixel whatever the stride is: use the argument.",
            partial(_count, along=lambda image, box, stride: image - box + 1),
        ),
        Misconception(
            "stride_in_one_direction",
            "It moves by the stride downwards only: the box moves by it in both directions.",
            _stride_in_one_direction,
        ),
        Misconception(
            "divides_the_product",
            "It divides the number of all positions by the stride once: rows and columns are both "
            "fewer, and each has its own rounding.",
            _divides_the_product,
        ),
        Misconception(
            "tiles",
            "It counts boxes side by side: positions may overlap, and the next one is only a "
            "stride away.",
            partial(_count, along=lambda image, box, stride: image // box),
        ),
        Misconception(
            "adds_rows_and_columns",
            "It adds the rows and the columns: every row goes with every column, so multiply.",
            partial(_count, join=lambda rows, columns: max(rows, 0) + max(columns, 0)),
        ),
        Misconception(
            "sizes_mixed",
            "It compares the height of one with the width of the other: sizes are (height, width), "
            "of the image and of the box.",
            _sizes_mixed,
        ),
        Misconception(
            "does_not_look_whether_it_fits",
            "It counts also where the box does not fit, and gives negative numbers, or a positive "
            "one from two negative factors: where it does not fit the answer is 0.",
            partial(_count, join=lambda rows, columns: rows * columns),
        ),
        Misconception(
            "looks_at_the_product_only",
            "Two negative factors have a positive product, so that a box larger than the image in "
            "both directions is counted: look at rows and columns before you multiply.",
            partial(_count, join=lambda rows, columns: max(rows * columns, 0)),
        ),
        Misconception(
            "rounds_towards_zero",
            "A box that is too large by less than a step gets a position: part of a negative step "
            "was cut off towards 0. Look whether the box fits before you divide, or round down.",
            partial(_count, along=lambda image, box, stride: int((image - box) / stride) + 1),
        ),
    ),
)
