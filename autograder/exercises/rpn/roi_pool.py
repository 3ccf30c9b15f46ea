"""The exercise `roi_pool`."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.rpn.regions import SCALED_IN_PLACE, Size, misreadings, scale_in_place
from autograder.exercises.rpn.roi_pool_cases import ROI_POOL_GROUPS, draw_roi_pool
from autograder.exercises.shared_mistakes import (
    changes_its_input,
    crashes_on_no_boxes,
    returns_float32,
    returns_float64,
)
from solutions.roi import roi_pool

Bins = list[tuple[int, int]]
Corners = tuple[int, int, int, int]


def half_away(x: float) -> int:
    """Return the nearest whole number, of a half the one further from 0."""
    return int(math.copysign(math.floor(abs(x) + 0.5), x))


def _half_up(x: float) -> int:
    return math.floor(x + 0.5)


def _nearest(box: Sequence[float], rounds: Callable[[float], int] = half_away) -> Corners:
    x1, y1, x2, y2 = (rounds(side) for side in box)
    return x1, y1, x2, y2


def _outward(box: Sequence[float]) -> Corners:
    x1, y1, x2, y2 = box
    return math.floor(x1), math.floor(y1), math.ceil(x2), math.ceil(y2)


def _shared(cells: int, bins: int) -> Bins:
    """Return the first cell of each bin and the one after its last; an edge shares its cell."""
    return [(k * cells // bins, -(-(k + 1) * cells // bins)) for k in range(bins)]


# The next two leave boxes of fewer cells than bins to `_shared`: what an answer of their kind does
# there, whether it fails or returns 0, hangs on how it is written.
def _apart(cells: int, bins: int) -> Bins:
    if cells < bins:
        return _shared(cells, bins)
    return [(k * cells // bins, (k + 1) * cells // bins) for k in range(bins)]


def _equal(cells: int, bins: int) -> Bins:
    if cells < bins:
        return _shared(cells, bins)
    return [(k * (cells // bins), (k + 1) * (cells // bins)) for k in range(bins)]


def _inside(low: int, high: int, count: int) -> slice:
    return slice(max(low, 0), max(high, 0))


def _from_the_other_end(low: int, high: int, count: int) -> slice:
    return slice(low, high)


def _at_the_border(low: int, high: int, count: int) -> slice:
    first = min(max(low, 0), count - 1)
    return slice(first, max(high, first + 1))


def _largest(part: np.ndarray) -> Any:
    return part.max(axis=(1, 2))


def pool(
    features: Tensor,
    boxes: Tensor,
    size: Size,
    spatial_scale: float,
    *,
    corners: Callable[[Sequence[float]], Corners] = _nearest,
    last: int = 1,
    split: Callable[[int, int], Bins] = _shared,
    cut: Callable[[int, int, int], slice] = _inside,
    reduce: Callable[[np.ndarray], Any] = _largest,
    empty: float | None = 0.0,
    clips: bool = False,
) -> Tensor:
    """Return what RoI pooling gives; each option changes one step. `empty` None: it raises."""
    (h, w), array = size, features.numpy()
    C, H, W = array.shape
    pooled = np.zeros((len(boxes), C, h, w), dtype=array.dtype)
    for n, box in enumerate((boxes * spatial_scale).tolist()):
        x1, y1, x2, y2 = corners(box)
        if clips:
            x1, x2 = (min(max(x, 0), W - 1) for x in (x1, x2))
            y1, y2 = (min(max(y, 0), H - 1) for y in (y1, y2))
        columns = [cut(x1 + a, x1 + b, W) for a, b in split(max(x2 - x1 + last, 1), w)]
        for i, (a, b) in enumerate(split(max(y2 - y1 + last, 1), h)):
            rows = array[:, cut(y1 + a, y1 + b, H)]
            for j, column in enumerate(columns):
                part = rows[:, :, column]
                if part.size > 0:
                    pooled[n, :, i, j] = reduce(part)
                elif empty is None:
                    raise IndexError("a bin without cells has no maximum")
                else:
                    pooled[n, :, i, j] = empty
    return torch.from_numpy(pooled)


ROI_POOL = Exercise(
    name="roi_pool",
    reference=roi_pool,
    groups=ROI_POOL_GROUPS,
    draw=draw_roi_pool,
    misconceptions=(
        *misreadings(pool),
        Misconception(
            "mean_for_max",
            "It averages the cells of a bin: pooling takes the largest of them.",
            partial(pool, reduce=lambda part: part.mean(axis=(1, 2))),
        ),
        Misconception(
            "one_value_for_all_channels",
            "It takes one maximum over all channels: every channel is pooled by itself.",
            partial(pool, reduce=np.max),
        ),
        Misconception(
            "rounds_down",
            "It cuts the corners of a box down to whole cells: round them to the nearest cell.",
            partial(pool, corners=partial(_nearest, rounds=math.floor)),
        ),
        Misconception(
            "rounds_outward",
            "It rounds the first corner down and the last one up, so that the whole box is "
            "covered: both are rounded to the nearest cell.",
            partial(pool, corners=_outward),
        ),
        Misconception(
            "half_to_even",
            "It rounds a half to the even number, as Python and most libraries do: here a half "
            "goes away from zero, 2.5 to 3 and -0.5 to -1.",
            partial(pool, corners=partial(_nearest, rounds=round)),
        ),
        Misconception(
            "half_up",
            "It adds a half and rounds down, which takes -1.5 to -1: halves go away from zero, "
            "below zero too.",
            partial(pool, corners=partial(_nearest, rounds=_half_up)),
        ),
        Misconception(
            "last_cell_left_out",
            "It stops one cell too early: the cell in which the last corner lies belongs to the "
            "box, so from cell 2 to cell 5 there are four.",
            partial(pool, last=0),
        ),
        Misconception(
            "bins_do_not_overlap",
            "It rounds the end of a bin down, as it does its start: where an edge falls inside a "
            "cell, that cell belongs to the bins on both sides, so round the end up.",
            partial(pool, split=_apart),
        ),
        Misconception(
            "loses_the_remainder",
            "It gives every bin the same whole number of cells, so that the last cells of a box "
            "are in no bin: the bins cover the whole box, and share cells where they must.",
            partial(pool, split=_equal),
        ),
        Misconception(
            "starts_at_zero",
            "Its maximum starts at 0, so negative features come out as 0: the maximum of -3 and "
            "-1 is -1.",
            lambda *case: pool(*case).clamp(min=0),
        ),
        Misconception(
            "clips_the_box_first",
            "It cuts a box to the feature map before it divides it into bins: the bins are those "
            "of the whole box, and each is cut to the map by itself.",
            partial(pool, clips=True),
        ),
        Misconception(
            "negative_indices",
            "A box that begins outside the map has negative rows or columns, and in Python those "
            "count from the other end: cut each bin to the map before you index.",
            partial(pool, cut=_from_the_other_end, empty=None),
        ),
        Misconception(
            "border_for_an_empty_bin",
            "A bin outside the map gets the cell at the border: it has no cells, so it is 0.",
            partial(pool, cut=_at_the_border),
        ),
        Misconception(
            "minus_infinity_for_an_empty_bin",
            "A bin without cells keeps minus infinity, with which a maximum starts: it is 0.",
            partial(pool, empty=-math.inf),
        ),
        Misconception(
            "crashes_on_an_empty_bin",
            "It fails when a bin lies outside the map and has no cells to take a maximum of: such "
            "a bin is 0.",
            partial(pool, empty=None),
        ),
        changes_its_input(pool, scale_in_place, SCALED_IN_PLACE),
        crashes_on_no_boxes(pool),
        returns_float32(pool),
        returns_float64(pool),
    ),
    forbidden={
        "torchvision": "torchvision.ops has this very function: here you write it.",
        "adaptive_max_pool2d": "it cuts into bins and takes their maxima: here you write that.",
        "AdaptiveMaxPool2d": "it cuts into bins and takes their maxima: here you write that.",
    },
)
