"""The exercise `count_boxes`."""

from collections.abc import Callable
from functools import partial

import numpy as np

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import redraw
from course.cases import Group
from course.outcome import Case
from solutions.sliding_windows import count_boxes

Size = tuple[int, int]

BOX_GROUPS = (
    Group(
        "small images",
        "A side of n pixels holds n (n + 1) / 2 stretches of all lengths; every stretch of rows "
        "goes with every stretch of columns.",
    ),
    Group("one row or column", "In one row of n pixels there are n (n + 1) / 2 boxes.", edge=True),
    Group("one pixel", "One pixel holds one box.", edge=True),
    Group("the lecture's image", "It has tens of billions of boxes.", edge=True),
    Group(
        "very large images",
        "The number is exact however large it is: stay with whole numbers, since floats have "
        "16 digits, and use the formula, since a loop over all sizes takes too long.",
        edge=True,
    ),
)


def draw_boxes(rng: np.random.Generator) -> list[Case]:
    """Return the cases; last the one for which a loop over all sizes takes too long."""
    odd, even = 2 * int(rng.integers(3, 9)) + 1, 2 * int(rng.integers(3, 9))
    length = int(rng.integers(5, 30))
    sides = [2 * int(n) + 1 for n in rng.choice(np.arange(2, 8), size=2, replace=False)]
    return [
        Case("small images", ((2, 3),)),
        Case("small images", ((odd, even),)),
        Case("small images", ((even + 2, odd + 6),)),
        Case("small images", ((sides[0], sides[1]),)),
        Case("one row or column", ((1, length),)),
        Case("one row or column", ((length + 1, 1),)),
        Case("one pixel", ((1, 1),)),
        Case("the lecture's image", ((600, 800),)),
        Case("very large images", (redraw(partial(_large, rng), _inexact_in_floats),)),
    ]


def _large(rng: np.random.Generator) -> Size:
    return int(rng.integers(12_000, 16_000)), int(rng.integers(17_000, 21_000))


def _in_floats(image: Size) -> int:
    height, width = image
    return int(height * (height + 1) / 2 * (width * (width + 1) / 2))


def _inexact_in_floats(image: Size) -> bool:
    height, width = image
    others = (
        int(height * (height + 1) / 2 * width * (width + 1) / 2),
        int(height * (height + 1) * width * (width + 1) / 4),
        _in_floats(image),
    )
    return count_boxes(image) not in others


def _sides(side: Callable[[int], float], image: Size) -> float:
    return side(image[0]) * side(image[1])


def _squares(image: Size) -> int:
    return sum((image[0] - k + 1) * (image[1] - k + 1) for k in range(1, min(image) + 1))


def _sum(image: Size) -> int:
    return sum(n * (n + 1) // 2 for n in image)


def _pixels_in_a_line(image: Size) -> int:
    pixels = image[0] * image[1]
    return pixels * (pixels + 1) // 2


COUNT_BOXES = Exercise(
    name="count_boxes",
    reference=count_boxes,
    groups=BOX_GROUPS,
    draw=draw_boxes,
    misconceptions=(
        Misconception(
            "boxes_of_one_pixel",
            "It counts the pixels: boxes of all other sizes are missing.",
            partial(_sides, lambda n: n),
        ),
        Misconception(
            "squares_only",
            "It counts squares only: height and width of a box are chosen independently.",
            _squares,
        ),
        Misconception(
            "two_different_ends",
            "It leaves out the boxes that are one pixel wide or high: first and last column may be "
            "the same, so a side has n (n + 1) / 2 stretches and not n (n - 1) / 2.",
            partial(_sides, lambda n: n * (n - 1) // 2),
        ),
        Misconception(
            "whole_image_left_out",
            "It leaves out the longest stretch, the whole side: the box of the image's own size "
            "counts too.",
            partial(_sides, lambda n: n * (n + 1) // 2 - 1),
        ),
        Misconception(
            "every_end_twice",
            "It counts every stretch of a side in both directions: 1 + 2 + ... + n is n (n + 1) "
            "divided by 2.",
            partial(_sides, lambda n: n * (n + 1)),
        ),
        Misconception(
            "halved_once",
            "It divides by 2 once: height and width are both to be halved.",
            lambda image: image[0] * (image[0] + 1) * image[1] * (image[1] + 1) // 2,
        ),
        Misconception(
            "halves_the_side_first",
            "It halves the side before it multiplies, which cuts off half a pixel where the side "
            "is odd: n (n + 1) is always even, so multiply first.",
            partial(_sides, lambda n: n // 2 * (n + 1)),
        ),
        Misconception(
            "adds_rows_and_columns",
            "It adds the stretches of rows and of columns: every one goes with every other, so "
            "multiply.",
            _sum,
        ),
        Misconception(
            "pixels_in_a_line",
            "It counts stretches of the pixels in one long line: a box is a stretch of rows and a "
            "stretch of columns.",
            _pixels_in_a_line,
        ),
        Misconception(
            "rounded_by_floats",
            "The last digits of large numbers are lost, since it divides to a float on the way: "
            "floats have 16 digits, whole numbers as many as they need.",
            _in_floats,
        ),
    ),
)
