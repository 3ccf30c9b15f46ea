"""The cases of the exercise `roi_align`.

No point lies where a value jumps, one cell outside the map, but in the group that is about it.
"""

from typing import Any

import numpy as np
import torch

from autograder.exercises.drawing import NO_BOXES, STRICT, redraw
from autograder.exercises.rpn.regions import (
    HEIGHT,
    SCALE,
    WIDTH,
    between,
    feature_map,
    in_pixels,
    placed,
)
from course.cases import Group
from course.outcome import Case

ROI_ALIGN_GROUPS = (
    Group(
        "features that count columns and rows",
        "The centre of the cell in column 3 has x = 3.5 on the map: where features count columns, "
        "a bin is the x of its own centre, less 0.5.",
    ),
    Group(
        "boxes between cells",
        "Nothing is rounded: a bin is the mean of its points, and a point is blended from the four "
        "cells around it.",
    ),
    Group("sampling ratio", "A bin has sampling_ratio points in each direction.", edge=True),
    Group(
        "scales", "The spatial scale is given: a box in pixels times it is a box in cells.", True
    ),
    Group("small boxes", "A box may be smaller than a cell, and keeps its size.", edge=True),
    Group("boxes without area", "All points of a box without area are the same.", edge=True),
    Group("one bin", "With one bin the result is the mean over the whole box.", edge=True),
    Group(
        "points near the border",
        "A point up to one cell beyond the outermost centres has the value at the border.",
        edge=True,
    ),
    Group(
        "points outside",
        "A point more than one cell beyond the outermost centres is 0, and counts in the mean.",
        edge=True,
    ),
    Group(
        "points just one cell outside",
        "A point exactly one cell beyond the outermost centres still has the value at the border.",
        edge=True,
    ),
    Group("no boxes", "Without boxes the result is empty and has shape [0, C, h, w].", edge=True),
    Group("gradients", "Gradients flow from each bin to the cells around its points.", edge=True),
    Group("types", "The result has the dtype of the features, float32 or float64.", True, STRICT),
)


def draw_roi_align(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""

    def case(group: str, boxes: Any, *options: Any, **more: Any) -> Case:
        scale, *ratio = options[1:] or (SCALE,)
        given = (feature_map(rng), in_pixels(boxes, scale), options[0], scale, *ratio)
        return Case(group, given, **more)

    ramp = torch.stack(
        [torch.arange(WIDTH).expand(HEIGHT, -1), torch.arange(HEIGHT)[:, None].expand(-1, WIDTH)]
    ).float()
    counted = in_pixels(1 + placed(rng, 5, 7, 2))
    single = case("types", between(rng, 1), (2, 2))
    double = (*(part.double() for part in single.arguments[:2]), *single.arguments[2:])
    features, box = feature_map(rng), in_pixels(between(rng, 1))
    return [
        Case("features that count columns and rows", (ramp, counted, (2, 3), SCALE)),
        case("boxes between cells", between(rng, 2), (2, 3)),
        case("boxes between cells", between(rng, 2), (3, 2)),
        case("sampling ratio", between(rng, 1), (2, 3), SCALE, 1),
        case("sampling ratio", between(rng, 1), (2, 1), SCALE, 3),
        case("scales", between(rng, 1, (6, 8)), (2, 3), float(rng.choice([0.0625, 0.125]))),
        case("scales", between(rng, 1, (6, 8)), (2, 3), 1.0, 2),
        case("small boxes", small(rng, 0.25, 0.75), (2, 3)),
        case("boxes without area", small(rng, 0, 0), (2, 2)),
        case("one bin", between(rng, 2), (1, 1)),
        case("points near the border", near_the_border(rng), (2, 3)),
        case("points outside", outside(rng), (2, 3)),
        case("points just one cell outside", one_cell_outside(rng), (1, 1)),
        Case("no boxes", (features, NO_BOXES, (2, 3), SCALE)),
        Case("gradients", (features[:1, :8, :9], box, (2, 2), SCALE), gradients=(0,)),
        single,
        Case("types", double),
    ]


def small(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Return boxes with sides from `low` to `high` of a cell, clear of the border."""
    corner = rng.integers(8, 64, size=(2, 2)) / 8
    return np.hstack([corner, corner + np.round(rng.uniform(low, high, size=(2, 2)) * 8) / 8])


def points_along(boxes: np.ndarray, axis: int, bins: int, ratio: int = 2) -> np.ndarray:
    """Return where the points of each box are on an axis, 0 or 1 for x or y, in cells [N, points].

    The centre of cell 0 is at 0.
    """
    first, last = boxes[:, [axis]] - 0.5, boxes[:, [axis + 2]] - 0.5
    return np.asarray(first + (last - first) * (np.arange(bins * ratio) + 0.5) / (bins * ratio))


def clear(points: np.ndarray, cells: int) -> bool:
    """Return whether no point is about one cell outside the map."""
    return bool(min(abs(points + 1).min(), abs(points - cells).min()) > 0.01)


def near_the_border(rng: np.random.Generator) -> np.ndarray:
    """Return boxes that reach up to half a cell beyond the upper left or the lower right corner."""
    beyond = rng.integers(1, 4, size=4) / 8
    inside = rng.integers(16, 40, size=4) / 8
    return np.array(
        [
            [-beyond[0], -beyond[1], inside[0], inside[1]],
            [WIDTH - inside[2], HEIGHT - inside[3], WIDTH + beyond[2], HEIGHT + beyond[3]],
        ]
    )


def outside(rng: np.random.Generator) -> np.ndarray:
    """Return boxes that reach far beyond two corners, and one that is outside altogether.

    In some bins of the first two, one point in a row counts and the other is 0, and some point is
    between the outermost centre and a cell beyond it.
    """

    def make() -> np.ndarray:
        a, b, c, d = rng.integers(8, 32, size=4) / 8
        return np.array(
            [
                [-a - 1, -b - 1, 4 + c, 4 + d],
                [WIDTH - 5 - c, HEIGHT - 5 - d, WIDTH + 2 + a, HEIGHT + 2 + b],
                [WIDTH + 3 + a, 2, WIDTH + 5 + a, 6],
            ]
        )

    def fits(boxes: np.ndarray) -> bool:
        x, y = points_along(boxes, 0, 3), points_along(boxes, 1, 2)
        if not (clear(x, WIDTH) and clear(y, HEIGHT)):
            return False
        counts = ((x >= -1) & (x <= WIDTH)).reshape(3, 3, 2).sum(axis=2)
        beyond = ((x > -1) & (x < 0)) | ((x > WIDTH - 1) & (x < WIDTH))
        return bool((counts[:2] == 1).any(axis=1).all() and beyond[:2].any(axis=1).all())

    return redraw(make, fits)


def one_cell_outside(rng: np.random.Generator) -> np.ndarray:
    """Return boxes of which every other point is exactly one cell beyond a side of the map.

    With one bin and two points in each direction, the points are one cell apart.
    """
    a, b, c, d = rng.integers(2, 8, size=4)
    return np.array(
        [
            [-1, a, 1, a + 2],
            [b, -1, b + 2, 1],
            [WIDTH - 1, c, WIDTH + 1, c + 2],
            [d, HEIGHT - 1, d + 2, HEIGHT + 1],
        ]
    )
