"""Drawing masks, regions and logits for cases, and mistakes that exercises on regions share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Misconception
from autograder.exercises.drawing import quarters

CLEAR = 1e-3  # no value that is compared with a threshold is nearer to it, ties apart
NO_LABELS = torch.zeros(0, dtype=torch.int64)
Size = tuple[int, int]


def integers(values: Any) -> Tensor:
    """Return an int64 tensor."""
    return torch.tensor(np.asarray(values), dtype=torch.int64)


def logits(rng: np.random.Generator, *shape: int, spread: float = 2.0) -> Tensor:
    """Return logits of two digits of both signs, float32."""
    return torch.tensor(np.round(rng.normal(size=shape) * spread, 2), dtype=torch.float32)


def blobs(rng: np.random.Generator, count: int, size: Size) -> Tensor:
    """Return masks [count, H, W], bool: an ellipse and a bar each, upright or level."""
    height, width = size
    y, x = np.mgrid[:height, :width] + 0.5
    masks = np.zeros((count, height, width), dtype=bool)
    for mask in masks:
        centre_y, centre_x = rng.uniform(0.35, 0.65, size=2) * size
        radius_y, radius_x = rng.uniform(0.15, 0.3, size=2) * size
        mask |= ((y - centre_y) / radius_y) ** 2 + ((x - centre_x) / radius_x) ** 2 <= 1
        if rng.random() < 0.5:
            mask |= (abs(x - centre_x) < 1.5) & (y > centre_y)
        else:
            mask |= (abs(y - centre_y) < 1.5) & (x > centre_x)
    return torch.from_numpy(masks)


def boxes_within(rng: np.random.Generator, count: int, size: Size) -> Tensor:
    """Return boxes in quarters that cover most of an image and lie in it, none of them square."""
    scale = np.array([size[1], size[0]])
    low = rng.uniform(0.02, 0.2, size=(count, 2)) * scale
    high = rng.uniform(0.75, 0.98, size=(count, 2)) * scale
    return quarters(np.hstack([low, high]))


def boxes_over_the_edge(rng: np.random.Generator, size: Size) -> Tensor:
    """Return three boxes: over the upper left corner of the image, the lower right one, and all."""
    height, width = size
    margins = rng.uniform(1.5, 4, size=(3, 4))
    places = [
        [0, 0, width * 0.7, height * 0.7],
        [width * 0.3, height * 0.3, width, height],
        [0, 0, width, height],
    ]
    outwards = np.array([[-1, -1, 0, 0], [0, 0, 1, 1], [-1, -1, 1, 1]])
    return quarters(np.array(places) + margins * outwards)


def xy_swapped(boxes: Tensor) -> Tensor:
    """Return boxes with x and y exchanged."""
    return boxes[:, [1, 0, 3, 2]]


def far_from(values: Tensor, threshold: float, by: float = CLEAR) -> bool:
    """Return whether no value lies so near to the threshold that rounding decides."""
    return bool(((values - threshold).abs() > by).all())


XY_SWAPPED = (
    "It exchanges x and y: a box is (x1, y1, x2, y2), and x counts columns and y rows, so x goes "
    "with the last axis."
)


def summed(loss: Callable[..., Tensor], count: Callable[..., float], what: str) -> Misconception:
    """A loss that is the sum over `what`, of which there are `count`, in the place of the mean."""

    def total(*arguments: Any) -> Tensor:
        return loss(*arguments) * count(*arguments)

    sentence = (
        f"It is the sum over all {what}: take the mean, or the loss grows with their number and "
        "drowns the others."
    )
    return Misconception("sum_for_mean", sentence, total)
