"""What the exercises on region features share: how their cases are drawn, and common mistakes.

Scales are powers of two and boxes lie on eighths of a cell, so that a box in cells of the feature
map is exact in float32 and whoever computes in float64 sees the very same box.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Misconception
from autograder.exercises.shared_mistakes import height_and_width_swapped, with_argument

Size = tuple[int, int]
SCALE = 0.5  # of the core cases: a box read as cells still lies on the feature map
HEIGHT, WIDTH, CHANNELS = 12, 16, 2

NO_SCALE = (
    "It takes the numbers of a box for cells of the feature map: they are pixels of the image, so "
    "multiply them by the spatial scale first."
)
DIVIDES = (
    "It divides by the spatial scale: that is features per pixel, 1/16 at stride 16, so multiply "
    "by it."
)
X_FIRST = (
    "Rows and columns are exchanged: a box begins with x, which counts columns, while a feature "
    "map has its rows first."
)
SCALED_IN_PLACE = "the boxes were turned from pixels into cells where they stood"


def feature_map(rng: np.random.Generator, low: float = 0.01) -> Tensor:
    """Return features [C, H, W] between `low` and `low` + 1, all different in a channel."""
    ranks = [rng.permutation(HEIGHT * WIDTH) for _ in range(CHANNELS)]
    values = low + np.array(ranks).reshape(CHANNELS, HEIGHT, WIDTH) / (HEIGHT * WIDTH)
    return torch.tensor(values, dtype=torch.float32)


def in_pixels(cells: Any, scale: float = SCALE) -> Tensor:
    """Return boxes, given in cells of the feature map, in pixels of the image."""
    return torch.tensor(np.asarray(cells) / scale, dtype=torch.float32).reshape(-1, 4)


def placed(
    rng: np.random.Generator, rows: int, columns: int, count: int, most: Size = (1, 1)
) -> np.ndarray:
    """Return boxes of so many cells; the first one is in a row and a column up to `most`."""
    y, x = (rng.integers(0, limit + 1, size=count) for limit in most)
    return np.stack([x, y, x + columns - 1, y + rows - 1], axis=1)


def between(rng: np.random.Generator, count: int, most: Size = (1, 1)) -> np.ndarray:
    """Return boxes whose corners lie between cells; half of the fractions are below a half."""
    whole = 1 + placed(rng, 4, 6, count, most)
    away = np.resize([-0.375, -0.25, 0.25, 0.375], (count, 4))
    return np.asarray(whole + rng.permuted(away, axis=1))


def misreadings(function: Callable[..., Tensor]) -> Sequence[Misconception]:
    """Return the mistakes in reading (features, boxes, size, spatial_scale)."""
    turned = with_argument(function, 1, lambda boxes: boxes[:, [1, 0, 3, 2]])
    return (
        Misconception("x_and_y_swapped", X_FIRST, turned),
        height_and_width_swapped(function, 2),
        Misconception("scale_forgotten", NO_SCALE, with_argument(function, 3, lambda _: 1.0)),
        Misconception(
            "divides_by_the_scale", DIVIDES, with_argument(function, 3, lambda scale: 1 / scale)
        ),
    )


def scale_in_place(features: Tensor, boxes: Tensor, size: Size, scale: float, *rest: Any) -> None:
    """Turn the boxes into cells where they stand."""
    boxes *= scale
