"""The exercise `anchor_grid`."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_TORCHVISION
from autograder.exercises.rpn.anchor_grid_cases import ANCHOR_GRID_GROUPS, draw_anchor_grid
from autograder.exercises.shared_mistakes import after, height_and_width_swapped
from solutions.rpn import anchor_grid

Size = tuple[int, int]
Shape = tuple[float, float]  # (width, height)


def _of_equal_area(size: float, ratio: float) -> Shape:
    return size / ratio**0.5, size * ratio**0.5


def _row_by_row(rows: int, columns: int) -> Iterable[tuple[int, int]]:
    return product(range(rows), range(columns))


def _column_by_column(rows: int, columns: int) -> Iterable[tuple[int, int]]:
    return ((y, x) for x in range(columns) for y in range(rows))


def _around(x: float, y: float, width: float, height: float) -> list[float]:
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def _in_middle(index: int, stride: float) -> float:
    return (index + 0.5) * stride


def _pairs(sizes: Sequence[float], ratios: Sequence[float]) -> Iterable[Shape]:
    return product(sizes, ratios)


def _sizes_inner(sizes: Sequence[float], ratios: Sequence[float]) -> Iterable[Shape]:
    return ((size, ratio) for ratio in ratios for size in sizes)


def grid(
    feature_size: Size,
    stride: int,
    sizes: Sequence[float],
    aspect_ratios: Sequence[float],
    *,
    shape: Callable[[float, float], Shape] = _of_equal_area,
    positions: Callable[[int, int], Iterable[tuple[int, int]]] = _row_by_row,
    centre: Callable[[int, float], float] = _in_middle,
    pairs: Callable[..., Iterable[tuple[float, float]]] = _pairs,
    box: Callable[[float, float, float, float], list[float]] = _around,
    shapes_outer: bool = False,
) -> Tensor:
    """Return anchors; each option changes one step."""
    shapes = [shape(size, ratio) for size, ratio in pairs(sizes, aspect_ratios)]
    places = [(centre(x, stride), centre(y, stride)) for y, x in positions(*feature_size)]
    if shapes_outer:
        anchors = [box(*place, *one) for one in shapes for place in places]
    else:
        anchors = [box(*place, *one) for place in places for one in shapes]
    return torch.tensor(anchors, dtype=torch.float32).reshape(-1, 4)


def _corners_turned(x: float, y: float, width: float, height: float) -> list[float]:
    x1, y1, x2, y2 = _around(x, y, width, height)
    return [y1, x1, y2, x2]


def _scaled(feature_size: Size, stride: int, sizes: Sequence[float], ratios: Any) -> Tensor:
    return grid(feature_size, stride, [size * stride for size in sizes], ratios)


def _clipped(feature_size: Size, stride: int, sizes: Any, ratios: Any) -> Tensor:
    height, width = feature_size
    limits = torch.tensor([width, height, width, height]) * stride
    return grid(feature_size, stride, sizes, ratios).clamp(min=0).minimum(limits)


def _keeps_its_axes(feature_size: Size, stride: int, sizes: Any, ratios: Any) -> Tensor:
    height, width = feature_size
    anchors = grid(feature_size, stride, sizes, ratios)
    return anchors.reshape(height, width, len(sizes) * len(ratios), 4)


def _crashes_on_nothing(*arguments: Any) -> Tensor:
    anchors = grid(*arguments)
    if len(anchors) == 0:
        raise RuntimeError("nothing to stack")
    return anchors


ANCHOR_GRID = Exercise(
    name="anchor_grid",
    reference=anchor_grid,
    groups=ANCHOR_GRID_GROUPS,
    draw=draw_anchor_grid,
    misconceptions=(
        Misconception(
            "corners_of_cells",
            "It centres anchors on the corners of the cells: the middle of a cell is half a stride "
            "further.",
            partial(grid, centre=lambda index, stride: index * stride),
        ),
        Misconception(
            "half_a_pixel",
            "It adds half a pixel of the image: the middle of a cell is half a cell further, so "
            "add the half before you multiply by the stride.",
            partial(grid, centre=lambda index, stride: index * stride + 0.5),
        ),
        Misconception(
            "not_times_the_stride",
            "Its centres are in cells of the feature map: anchors are boxes in the image, so "
            "multiply by the stride.",
            partial(grid, centre=lambda index, stride: index + 0.5),
        ),
        Misconception(
            "ratio_as_width_over_height",
            "It takes the ratio for width over height: it is height over width, so a ratio of 2 is "
            "a tall anchor.",
            partial(grid, shape=lambda size, ratio: _of_equal_area(size, 1 / ratio)),
        ),
        Misconception(
            "area_not_kept",
            "It takes the size for the width and multiplies it by the ratio for the height, so "
            "that the area grows with the ratio: the area is the size squared for every ratio.",
            partial(grid, shape=lambda size, ratio: (size, size * ratio)),
        ),
        Misconception(
            "size_as_height",
            "It takes the size for the height and divides it by the ratio for the width, so that "
            "the area shrinks as the ratio grows: the area is the size squared for every ratio.",
            partial(grid, shape=lambda size, ratio: (size / ratio, size)),
        ),
        Misconception(
            "without_the_root",
            "It multiplies one side by the ratio and divides the other by it, so that their ratio "
            "is its square: use the square root for both.",
            partial(grid, shape=lambda size, ratio: (size / ratio, size * ratio)),
        ),
        Misconception(
            "half_sides_for_sides",
            "It goes a whole side from the centre in each direction, so that anchors are twice as "
            "wide and high: go half a side.",
            partial(grid, box=lambda x, y, w, h: [x - w, y - h, x + w, y + h]),
        ),
        Misconception(
            "centres_and_sizes",
            "It returns centre, width and height: an anchor is a box (x1, y1, x2, y2).",
            partial(grid, box=lambda x, y, w, h: [x, y, w, h]),
        ),
        Misconception(
            "centre_as_corner",
            "It takes the middle of the cell for the upper left corner: the anchor lies around it.",
            partial(grid, box=lambda x, y, w, h: [x, y, x + w, y + h]),
        ),
        Misconception(
            "y_before_x",
            "It writes y before x: an anchor is a box (x1, y1, x2, y2).",
            partial(grid, box=_corners_turned),
        ),
        Misconception(
            "sizes_inner",
            "At each position it goes through all sizes for the first ratio, then for the next: "
            "sizes are the outer loop and ratios the inner one.",
            partial(grid, pairs=_sizes_inner),
        ),
        Misconception(
            "column_by_column",
            "It goes down the columns: positions come row by row, x faster than y.",
            partial(grid, positions=_column_by_column),
        ),
        Misconception(
            "one_shape_after_the_other",
            "It goes through all positions for the first shape, then for the next: all shapes of "
            "one position stand together.",
            partial(grid, shapes_outer=True),
        ),
        Misconception(
            "sizes_in_cells",
            "It multiplies the sizes by the stride: they are in pixels of the image already.",
            _scaled,
        ),
        Misconception(
            "each_size_with_one_ratio",
            "It takes the first size with the first ratio, the second with the second: every size "
            "goes with every ratio.",
            partial(grid, pairs=lambda sizes, ratios: zip(sizes, ratios, strict=False)),
        ),
        Misconception(
            "clips_to_the_image",
            "It cuts anchors off at the border of the image: they are only starting points for "
            "boxes and stay whole.",
            _clipped,
        ),
        Misconception(
            "rounds_to_pixels",
            "It rounds anchors to whole pixels: coordinates are continuous.",
            after(grid, torch.round),
        ),
        Misconception(
            "keeps_the_axes",
            "It returns rows, columns and shapes as axes of their own: the result is one list of "
            "anchors, shape [H*W*K, 4].",
            _keeps_its_axes,
        ),
        height_and_width_swapped(grid, 0),
        Misconception(
            "crashes_without_anchors",
            "It fails where there are no positions, sizes or ratios: the result is an empty list "
            "of anchors then.",
            _crashes_on_nothing,
        ),
        Misconception(
            "returns_float64",
            "It returns float64: anchors are float32, whatever you compute in.",
            after(grid, Tensor.double),
        ),
    ),
    forbidden=NO_TORCHVISION,
)
