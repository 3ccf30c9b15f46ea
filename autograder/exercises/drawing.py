"""Drawing boxes and scores for cases.

Coordinates are whole quarters of a pixel, so that float32 holds them exactly: an answer that works
in float64, or that moves the boxes of each class far apart, computes the very same overlaps.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from autograder.errors import BuildError
from course.compare import Comparison
from solutions.boxes import box_iou

MARGIN = 1e-4  # no IoU is nearer to a threshold than this, ties that are meant apart
REDRAWS = 1000
SPACING = 100  # pixels from one pile to the next: piles never touch
SIDES = (20, 40)
NO_BOXES = torch.zeros(0, 4)
STRICT = Comparison(strict=True)
NO_TORCHVISION = {"torchvision": "torchvision.ops has this very function: here you write it."}
T = TypeVar("T")


def redraw(make: Callable[[], T], fits: Callable[[T], bool]) -> T:
    """Return the first of many draws that fits."""
    for _ in range(REDRAWS):
        drawn = make()
        if fits(drawn):
            return drawn
    raise BuildError(f"a case must fit within {REDRAWS} draws, got none: loosen what it asks for")


def quarters(values: Any) -> Tensor:
    """Return numbers rounded to quarters of a pixel, float32."""
    return torch.tensor(np.round(np.asarray(values) * 4) / 4, dtype=torch.float32)


def random_boxes(
    rng: np.random.Generator,
    count: int,
    *,
    corner: tuple[float, float] = (5, 60),
    sides: tuple[float, float] = SIDES,
) -> Tensor:
    """Return `count` boxes whose corners and sides lie in the given ranges, in pixels."""
    top_left = rng.uniform(*corner, size=(count, 2))
    return quarters(np.hstack([top_left, top_left + rng.uniform(*sides, size=(count, 2))]))


def boxes_around(
    rng: np.random.Generator, count: int, centre: tuple[float, float] = (50, 50)
) -> Tensor:
    """Return boxes of different sizes that all hold `centre`, and so overlap each other."""
    left_up, right_down = rng.uniform(6, 30, size=(2, count, 2))
    return quarters(np.hstack([centre - left_up, centre + right_down]))


def pile(rng: np.random.Generator, count: int, corner: tuple[float, float]) -> Tensor:
    """Return boxes that all overlap, some much and some little, like the answers of a detector."""
    width, height = rng.uniform(*SIDES, size=2)
    x, y = corner
    jitter = rng.uniform(-0.3, 0.3, size=(count, 4)) * [width, height, width, height]
    return quarters(np.array([x, y, x + width, y + height]) + jitter)


def piles(rng: np.random.Generator, counts: Sequence[int]) -> Tensor:
    """Return several piles far from each other, all boxes in random order."""
    corners = _places(len(counts)) + 20
    drawn = [
        pile(rng, count, (x, y)) for count, (x, y) in zip(counts, corners.tolist(), strict=True)
    ]
    return shuffled(rng, torch.cat(drawn))


def boxes_apart(rng: np.random.Generator, count: int) -> Tensor:
    """Return boxes that do not overlap."""
    return random_boxes(rng, count, corner=(5, 50)) + _places(count).repeat(1, 2)


def _places(count: int) -> Tensor:
    """Return upper left corners of places on a grid, three in a row."""
    return torch.tensor([[SPACING * (i % 3), SPACING * (i // 3)] for i in range(count)]).float()


def chain(rng: np.random.Generator, count: int) -> Tensor:
    """Return boxes in a row: neighbours have IoU 0.54, the next but one 0.25."""
    side = 10.0 * rng.integers(2, 5)
    start = np.append(rng.integers(4, 20, size=2), [0, 0]).astype(float)
    start[2:] = start[:2] + side
    step = [0.3 * side, 0, 0.3 * side, 0] if rng.random() < 0.5 else [0, 0.3 * side] * 2
    return quarters(start + np.arange(count)[:, None] * np.array(step))


def pair_with_iou(rng: np.random.Generator, iou: float, x: float = 0) -> Tensor:
    """Return two boxes whose IoU is exactly `iou` (0.25, 0.5 or 0.75) in any arithmetic."""
    width, height = 4.0 * rng.integers(4, 10), float(rng.integers(10, 40))
    y = float(rng.integers(5, 30))
    return quarters([[x, y, x + width, y + height], [x, y, x + width * iou, y + height]])


def shuffled(rng: np.random.Generator, items: Tensor) -> Tensor:
    """Return the rows in random order."""
    return items[torch.from_numpy(rng.permutation(len(items)))]


def distinct_scores(rng: np.random.Generator, count: int, lowest: float = 0.05) -> Tensor:
    """Return different scores of two digits in [lowest, 1), in random order."""
    choices = np.arange(round(lowest * 100), 100)
    picked = rng.choice(choices, size=count, replace=False) / 100
    return torch.tensor(picked, dtype=torch.float32)


def falling_scores(rng: np.random.Generator, count: int) -> Tensor:
    """Return different scores, best first."""
    return distinct_scores(rng, count).sort(descending=True).values


def overlaps(boxes: Tensor) -> Tensor:
    """Return the IoU of every two of the boxes once, in float64."""
    above = torch.ones(len(boxes), len(boxes)).triu(diagonal=1) > 0
    return box_iou(boxes.double(), boxes.double())[above]


def overlap_table(boxes: Tensor) -> list[list[float]]:
    """Return the IoU of every box with every box, as lists that must not be changed.

    All misconceptions of an exercise ask for the same boxes, so the last answers are kept.
    """
    array = boxes.numpy()
    return _overlap_table(array.tobytes(), array.dtype.str)


@lru_cache(maxsize=64)
def _overlap_table(data: bytes, dtype: str) -> list[list[float]]:
    boxes = torch.from_numpy(np.frombuffer(data, dtype).reshape(-1, 4).copy())
    table: list[list[float]] = box_iou(boxes, boxes).tolist()
    return table


def clear_of(boxes: Tensor, iou_threshold: float) -> bool:
    """Return whether no IoU lies so near to the threshold that rounding decides."""
    return bool(((overlaps(boxes) - iou_threshold).abs() > MARGIN).all())
