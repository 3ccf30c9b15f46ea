"""The cases of the exercise `anchor_grid`."""

import numpy as np

from course.cases import Group
from course.compare import Comparison
from course.outcome import Case

# Coordinates of some hundred pixels are off by 3e-5 in float32, and sums of them that come out
# near 0 as well; no mistake is smaller than a tenth of a pixel.
NEAR = Comparison(rtol=1e-4, atol=1e-3)
FLOAT32 = Comparison(rtol=1e-4, atol=1e-3, strict=True)

ANCHOR_GRID_GROUPS = (
    Group(
        "shapes at one position",
        "An anchor has the area of its size squared, and its height over its width is the ratio.",
        comparison=NEAR,
    ),
    Group(
        "centres",
        "The centre of the cell in row y and column x is at ((x + 0.5) * stride, (y + 0.5) * "
        "stride).",
        comparison=NEAR,
    ),
    Group(
        "order",
        "Positions come row by row. At each one come all its anchors: sizes are the outer loop, "
        "ratios the inner one.",
        comparison=NEAR,
    ),
    Group("one row or one column", "A feature map may have one row or one column.", True, NEAR),
    Group(
        "beyond the image",
        "An anchor at the border reaches beyond the image, and stays whole.",
        edge=True,
        comparison=NEAR,
    ),
    Group(
        "whole numbers",
        "Sizes and ratios may be whole numbers; the anchors' coordinates are not.",
        edge=True,
        comparison=NEAR,
    ),
    Group("strides", "The stride moves the centres; the shapes do not depend on it.", True, NEAR),
    Group(
        "no anchors",
        "Without positions, sizes or ratios the result is empty and has shape [0, 4].",
        edge=True,
    ),
    Group("types", "Anchors are float32.", True, FLOAT32),
)


def draw_anchor_grid(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""

    def sizes(count: int) -> list[float]:
        picked = rng.choice([20, 24, 32, 40, 48, 60, 64, 80], size=count, replace=False)
        return sorted(float(size) for size in picked)

    def ratios(count: int) -> list[float]:
        picked = rng.choice([0.25, 0.4, 0.5, 2.0, 2.5, 3.0], size=count, replace=False)
        return sorted(float(ratio) for ratio in picked)

    stride, longer = int(rng.choice([8, 16])), int(rng.integers(3, 5))
    grid = (2, longer)
    return [
        Case("shapes at one position", ((1, 1), 16, sizes(1), ratios(1))),
        Case("shapes at one position", ((1, 1), stride, sizes(2), [*ratios(1), 1.0])),
        Case("centres", (grid, 16, sizes(1), [1.0])),
        Case("centres", (grid[::-1], 8, sizes(1), ratios(1))),
        Case("order", ((2, 3), stride, sizes(2), [0.5, 1.0, 2.0])),
        Case("order", ((3, 2), stride, sizes(3), ratios(2)[::-1])),
        Case("one row or one column", ((1, int(rng.integers(3, 6))), 16, sizes(2), ratios(1))),
        Case("one row or one column", ((int(rng.integers(3, 6)), 1), 16, sizes(1), ratios(2))),
        Case("beyond the image", ((2, 2), 16, [float(rng.choice([128, 200, 256]))], ratios(2))),
        Case("whole numbers", ((1, 2), 8, [int(size) for size in sizes(2)], [1, 2])),
        Case("strides", ((2, 3), int(rng.choice([4, 10, 25])), sizes(1), ratios(2))),
        Case("strides", ((2, 2), 1, sizes(2), ratios(1))),
        Case("no anchors", ((0, 3), 16, sizes(1), [1.0])),
        Case("no anchors", ((2, 3), 16, [], [1.0])),
        Case("no anchors", ((2, 3), 16, sizes(2), [])),
        Case("types", ((1, 2), 16, sizes(1), ratios(1))),
    ]
