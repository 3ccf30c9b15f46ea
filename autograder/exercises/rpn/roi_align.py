"""The exercise `roi_align`."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.rpn.regions import SCALED_IN_PLACE, Size, misreadings, scale_in_place
from autograder.exercises.rpn.roi_align_cases import ROI_ALIGN_GROUPS, draw_roi_align
from autograder.exercises.shared_mistakes import (
    changes_its_input,
    crashes_on_no_boxes,
    detached,
    returns_float32,
    returns_float64,
)
from solutions.roi import roi_align

Array = np.ndarray
Weights = Callable[[Array, int], Array]


def _evenly(count: int) -> Array:
    """Return the places of the points along a side, as shares of it."""
    return (np.arange(count) + 0.5) / count


def _blend(points: Array, low: Array, high: Array, share: Array, count: int) -> Array:
    """Return weights [points, count] that give cell `high` its share and `low` the rest."""
    weights, rows = np.zeros((len(points), count)), np.arange(len(points))
    weights[rows, low] += 1 - share
    weights[rows, high] += share
    return weights


def _clamped(points: Array, count: int) -> Array:
    inside = points.clip(0, count - 1)
    low = inside.astype(int)
    return _blend(points, low, np.minimum(low + 1, count - 1), inside - low, count)


def _bilinear(points: Array, count: int) -> Array:
    """Return what each cell contributes to each point, as torchvision has it."""
    return _clamped(points, count) * ((points >= -1) & (points <= count))[:, None]


def _zero_at_one_cell(points: Array, count: int) -> Array:
    return _clamped(points, count) * ((points > -1) & (points < count))[:, None]


def _zero_beyond_the_centres(points: Array, count: int) -> Array:
    return _clamped(points, count) * ((points >= 0) & (points <= count - 1))[:, None]


def _blends_with_zero(points: Array, count: int) -> Array:
    return (1 - abs(points[:, None] - np.arange(count))).clip(min=0)


def _exchanged(points: Array, count: int) -> Array:
    inside = points.clip(0, count - 1)
    low = inside.astype(int)
    weights = _blend(points, np.minimum(low + 1, count - 1), low, inside - low, count)
    return weights * ((points >= -1) & (points <= count))[:, None]


def _nearest_cell(points: Array, count: int) -> Array:
    return _bilinear(np.where(abs(points) < count + 9, np.floor(points + 0.5), points), count)


def _without_a_border(points: Array, count: int) -> Array:
    low = np.floor(points).astype(int)
    if (low + 1 >= count).any() or (low < -count).any():
        raise IndexError("no such cell")
    return _blend(points, low, low + 1, points - low, count)


def _mean(points: Tensor, weights: tuple[Array, Array]) -> Tensor:
    return points.mean(dim=(2, 4))


def _mean_of_those_inside(points: Tensor, weights: tuple[Array, Array]) -> Tensor:
    (h, r), w = points.shape[1:3], points.shape[3]
    rows, columns = ((side.sum(axis=1) > 0).astype(float) for side in weights)
    count = np.outer(rows.reshape(h, r).sum(axis=1), columns.reshape(w, r).sum(axis=1))
    return points.sum(dim=(2, 4)) / torch.from_numpy(count.clip(min=1)).to(points)


def align(
    features: Tensor,
    boxes: Tensor,
    size: Size,
    spatial_scale: float,
    sampling_ratio: int = 2,
    *,
    corners: Callable[[Array, float], Array] = lambda boxes, scale: boxes * scale - 0.5,
    places: Callable[[int], Array] = _evenly,
    weigh: Weights = _bilinear,
    reduce: Callable[[Tensor, tuple[Array, Array]], Tensor] = _mean,
) -> Tensor:
    """Return what RoI align gives; each option changes one step."""
    (C, H, W), (h, w), r = features.shape, size, sampling_ratio
    pooled = features.new_zeros((len(boxes), C, h, w))
    along_x, along_y = places(w * r), places(h * r)
    for n, (x1, y1, x2, y2) in enumerate(corners(boxes.double().numpy(), spatial_scale)):
        columns = weigh(x1 + (x2 - x1) * along_x, W)  # [w * r, W]
        rows = weigh(y1 + (y2 - y1) * along_y, H)  # [h * r, H]
        points = torch.from_numpy(rows).to(features) @ features  # [C, h * r, W]
        points = points @ torch.from_numpy(columns.T).to(features)  # [C, h * r, w * r]
        pooled[n] = reduce(points.reshape(C, h, r, w, r), (rows, columns))
    return pooled


def _whole_cells(boxes: Array, scale: float) -> Array:
    return np.floor(boxes * scale + 0.5) - 0.5


def _at_least_one_cell(boxes: Array, scale: float) -> Array:
    corner, end = np.split(boxes * scale - 0.5, 2, axis=1)
    return np.hstack([corner, np.maximum(end, corner + 1)])


def _both_cells(boxes: Array, scale: float) -> Array:
    return boxes * scale - 0.5 + [0, 0, 1, 1]


def _ratio_of_two(
    features: Tensor, boxes: Tensor, size: Size, scale: float, ratio: int = 2
) -> Tensor:
    return align(features, boxes, size, scale, 2)


def _one_point(features: Tensor, boxes: Tensor, size: Size, scale: float, ratio: int = 2) -> Tensor:
    return align(features, boxes, size, scale, 1)


def _adds(points: Tensor, weights: Any) -> Tensor:
    return points.sum(dim=(2, 4))


def _largest(points: Tensor, weights: Any) -> Tensor:
    return points.amax(dim=(2, 4))


ROI_ALIGN = Exercise(
    name="roi_align",
    reference=roi_align,
    groups=ROI_ALIGN_GROUPS,
    draw=draw_roi_align,
    misconceptions=(
        *misreadings(align),
        Misconception(
            "whole_cells",
            "It rounds the box to whole cells, as RoI pooling does: here nothing is rounded, "
            "which is what the aligned form is for.",
            partial(align, corners=_whole_cells),
        ),
        Misconception(
            "half_pixel_forgotten",
            "Everything is half a cell too far to the right and down: the centre of cell 0 lies at "
            "0.5, so take 0.5 from scaled coordinates before you use them as row and column.",
            partial(align, corners=lambda boxes, scale: boxes * scale),
        ),
        Misconception(
            "half_pixel_added",
            "It adds half a cell: the centre of cell 0 lies at 0.5, so take 0.5 away.",
            partial(align, corners=lambda boxes, scale: boxes * scale + 0.5),
        ),
        Misconception(
            "half_a_pixel_of_the_image",
            "It takes half a pixel away before it scales: it is half a cell of the feature map, so "
            "scale first.",
            partial(align, corners=lambda boxes, scale: (boxes - 0.5) * scale),
        ),
        Misconception(
            "at_least_one_cell",
            "It makes small boxes one cell large, as the older form did: here a box keeps its size "
            "however small it is.",
            partial(align, corners=_at_least_one_cell),
        ),
        Misconception(
            "one_cell_too_large",
            "It adds a cell to the width and the height, as RoI pooling does: here a box ends at "
            "its second corner.",
            partial(align, corners=_both_cells),
        ),
        Misconception(
            "one_point_a_bin",
            "It reads one point in the middle of each bin: there are sampling_ratio points in each "
            "direction, and the bin is their mean.",
            _one_point,
        ),
        Misconception(
            "ignores_the_sampling_ratio",
            "It reads two by two points whatever the sampling ratio is: use the argument.",
            _ratio_of_two,
        ),
        Misconception(
            "points_at_the_edges",
            "Its points lie at the beginning of their part of the bin: each lies in the middle of "
            "its part.",
            partial(align, places=lambda count: np.arange(count) / count),
        ),
        Misconception(
            "from_corner_to_corner",
            "It spreads the points from one edge of the box to the other, edges included: divide "
            "the box into equal parts, and take the middle of each.",
            partial(align, places=lambda count: np.linspace(0, 1, count)),
        ),
        Misconception(
            "max_for_mean",
            "It takes the largest of a bin's points: here a bin is their mean.",
            partial(align, reduce=_largest),
        ),
        Misconception(
            "sum_for_mean",
            "It adds up the points of a bin: divide by how many there are.",
            partial(align, reduce=_adds),
        ),
        Misconception(
            "nearest_cell",
            "It takes the cell that is nearest to a point: a point is blended from the four cells "
            "around it.",
            partial(align, weigh=_nearest_cell),
        ),
        Misconception(
            "weights_exchanged",
            "The weights of the cells around a point are exchanged: the nearer a cell, the more it "
            "counts.",
            partial(align, weigh=_exchanged),
        ),
        Misconception(
            "far_points_take_the_border",
            "Points far outside the map get the value at its border: further than one cell from "
            "the outermost centres a point is 0.",
            partial(align, weigh=_clamped),
        ),
        Misconception(
            "zero_beyond_the_centres",
            "A point is 0 as soon as it is beyond the centre of an outermost cell: up to one cell "
            "further it has the value at the border.",
            partial(align, weigh=_zero_beyond_the_centres),
        ),
        Misconception(
            "blends_with_zero",
            "Near the border it blends cells with zeros outside the map: a point up to one cell "
            "beyond the outermost centres has the value at the border, unweakened.",
            partial(align, weigh=_blends_with_zero),
        ),
        Misconception(
            "zero_at_one_cell",
            "A point exactly one cell beyond the outermost centres is 0: only those further away "
            "are.",
            partial(align, weigh=_zero_at_one_cell),
        ),
        Misconception(
            "mean_of_the_points_inside",
            "It divides by the number of points on the map: those outside are 0 and count in the "
            "mean like all others.",
            partial(align, reduce=_mean_of_those_inside),
        ),
        Misconception(
            "indexes_beyond_the_map",
            "It asks for cells that do not exist: near the border a point has no cell on one side, "
            "and the outermost cell takes its place.",
            partial(align, weigh=_without_a_border),
        ),
        detached(align),
        changes_its_input(align, scale_in_place, SCALED_IN_PLACE),
        crashes_on_no_boxes(align),
        returns_float32(align),
        returns_float64(align),
    ),
    forbidden={
        "torchvision": "torchvision.ops has this very function: here you write it.",
        "grid_sample": "it interpolates for you: here you write that.",
    },
)
