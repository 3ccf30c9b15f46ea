"""The cases of the exercise `roi_pool`.

Corners keep clear of halves, except in the groups that are about halves. Boxes have few cells and
at most five bins a side: there all ways to compute the edges of bins agree.
"""

from typing import Any

import numpy as np

from autograder.exercises.drawing import NO_BOXES, STRICT
from autograder.exercises.rpn.regions import (
    HEIGHT,
    SCALE,
    WIDTH,
    Size,
    between,
    feature_map,
    in_pixels,
    placed,
)
from course.cases import Group
from course.outcome import Case

ROI_POOL_GROUPS = (
    Group(
        "corners on whole cells",
        "Scale the box to cells; the first and the last cell both belong to it. Each bin gives the "
        "largest of its cells, in every channel.",
    ),
    Group(
        "bins that share cells",
        "A bin begins in the cell in which its edge falls and ends with the last cell that it "
        "touches: neighbours share a cell where the edge is inside it.",
    ),
    Group("corners between cells", "Both corners are rounded to the nearest cell."),
    Group(
        "scales", "The spatial scale is given: a box in pixels times it is a box in cells.", True
    ),
    Group("halves", "A half is rounded away from zero: 2.5 to 3, 3.5 to 4.", edge=True),
    Group(
        "halves below zero", "A half is rounded away from zero: -0.5 to -1, -1.5 to -2.", edge=True
    ),
    Group("negative features", "The largest of negative features is negative.", edge=True),
    Group(
        "fewer cells than bins",
        "A box is at least one cell in size; with fewer cells than bins, bins share their cells.",
        edge=True,
    ),
    Group("one bin", "With one bin the result is the maximum over the whole box.", edge=True),
    Group(
        "boxes partly outside",
        "The bins are those of the whole box; only cells on the feature map count.",
        edge=True,
    ),
    Group("bins outside", "A bin that has no cell on the feature map is 0.", edge=True),
    Group("no boxes", "Without boxes the result is empty and has shape [0, C, h, w].", edge=True),
    Group("types", "The result has the dtype of the features, float32 or float64.", True, STRICT),
)


def draw_roi_pool(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""

    def case(group: str, boxes: Any, size: Size, scale: float = SCALE, low: float = 0.01) -> Case:
        return Case(group, (feature_map(rng, low), in_pixels(boxes, scale), size, scale))

    single = case("types", placed(rng, 4, 5, 2), (2, 2))
    double = (*(part.double() for part in single.arguments[:2]), *single.arguments[2:])
    features = feature_map(rng)
    return [
        case("corners on whole cells", placed(rng, 4, 6, 2), (2, 3)),
        case("corners on whole cells", placed(rng, 6, 4, 1), (3, 1)),
        case("bins that share cells", placed(rng, 5, 7, 2), (2, 3)),
        case("bins that share cells", placed(rng, 4, 5, 2), (3, 2)),
        case("corners between cells", between(rng, 3), (2, 3)),
        case("scales", placed(rng, 4, 5, 1, (8, 11)), (3, 2), float(rng.choice([0.0625, 0.125]))),
        case("scales", placed(rng, 5, 7, 1, (7, 9)), (2, 3), 1.0),
        case("halves", halves(rng), (2, 3)),
        case("halves below zero", halves(rng, -1), (2, 3)),
        case("negative features", placed(rng, 5, 7, 2), (2, 3), low=-1.5),
        case("fewer cells than bins", small(rng), (2, 3)),
        case("one bin", placed(rng, 3, 5, 2), (1, 1)),
        case("boxes partly outside", partly_outside(rng), (2, 3)),
        case("bins outside", outside(rng), (2, 3)),
        Case("no boxes", (features, NO_BOXES, (2, 3), SCALE)),
        single,
        Case("types", double),
    ]


def halves(rng: np.random.Generator, sign: int = 1) -> np.ndarray:
    """Return boxes with corners half-way between cells; below zero, only the first corner is."""
    choices = [0.5, 1.5, 2.5] if sign > 0 else [0.5, 1.5]
    corner = sign * np.stack([rng.permutation(choices)[:2] for _ in range(2)])
    return np.hstack([corner, rng.integers(4, 7, size=(2, 2)) + (0.5 if sign > 0 else 0)])


def small(rng: np.random.Generator) -> np.ndarray:
    """Return boxes of one cell, of no extent, and of one row."""
    corner = rng.integers(1, 6, size=(3, 2)) + 0.125
    sides = np.array([[0.25, 0.125], [0, 0], [1.125, 0.125]])
    return np.hstack([corner, corner + sides])


def partly_outside(rng: np.random.Generator) -> np.ndarray:
    """Return boxes over the upper left and the lower right corner; each bin has a cell inside."""
    a, b = rng.integers(1, 3, size=2)
    return np.array(
        [
            [-a, -b, 6 - a, 4 - b],
            [WIDTH - 7 + a, HEIGHT - 5 + b, WIDTH - 1 + a, HEIGHT - 1 + b],
        ]
    )


def outside(rng: np.random.Generator) -> np.ndarray:
    """Return boxes of which some bins, or all, have no cell."""
    a, b = rng.integers(4, 6, size=2)
    return np.array(
        [
            [-a, -b, 3, 4],
            [WIDTH - 4, HEIGHT - 4, WIDTH + a, HEIGHT + b],
            [WIDTH + a, 1, WIDTH + a + 5, 6],
            [-3 - a, -9 - b, -2, -3],
        ]
    )
