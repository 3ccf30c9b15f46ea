"""The exercise `keypoint_targets`."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_BOXES, NO_TORCHVISION, STRICT, quarters, random_boxes
from autograder.exercises.shared_mistakes import after, before, crashes_on_no_boxes
from course.cases import Group
from course.outcome import Case
from solutions.keypoints import keypoint_targets

SIZE = 56
FROM_A_BORDER = 0.05  # of a bin: no keypoint is nearer to the border of its bin, exact ones apart
Pair = tuple[Tensor, Tensor]

# What stands in the place of bins that do not count is looked at in one group only.
THAT_COUNT = "bins_that_count"

GROUPS = (
    Group(
        "bins",
        "The box is cut into size x size bins; a keypoint's bin is row * size + column, each "
        "counted from the box's upper left corner and rounded down.",
    ),
    Group(
        "in the box and outside",
        "A keypoint outside its box is not valid: the head sees only what is inside.",
    ),
    Group(
        "visible or not",
        "A keypoint is valid when its v is 1 or 2: only v = 0 says that nobody knows where it is.",
    ),
    Group(
        "edges of the box",
        "The edges belong to the box: a keypoint on the right or lower edge is in the last bin of "
        "its row or column.",
        edge=True,
    ),
    Group(
        "borders of bins",
        "A keypoint on the border of two bins belongs to the right or lower one.",
        edge=True,
    ),
    Group("boxes without area", "In a box without width or height no keypoint is valid.", True),
    Group("bins that do not count", "A keypoint that is not valid has bin 0.", edge=True),
    Group(
        "negative coordinates",
        "A box may lie left of or above the image: bins count from its own corner.",
        edge=True,
    ),
    Group("default size", "Unless a size is given, a box has 56 x 56 bins.", edge=True),
    Group(
        "nothing to locate",
        "Without boxes, or without keypoints, both results are empty and have shape [N, P].",
        edge=True,
    ),
    Group("types", "Bins are int64 and valid is True or False, whatever the input's dtype.", True,
          STRICT),
)  # fmt: skip


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    inside = _keypoints(rng, 2, 3, 7)
    x, y = (float(n) for n in rng.integers(2, 9, size=2))
    outside, around = _outside(rng, 5)
    outside[:, :, 2] = 2
    return [
        Case("bins", (*_keypoints(rng, 3, 4, 7), 7), view=THAT_COUNT),
        Case("bins", (*_keypoints(rng, 2, 5, 10), 10), view=THAT_COUNT),
        Case("in the box and outside", (*_outside(rng, 6), 6), view=THAT_COUNT),
        Case("visible or not", (*_seen(rng, [0, 1, 2, 1]), 8), view=THAT_COUNT),
        Case("visible or not", (*_seen(rng, [2, 0, 1, 0, 2]), 5), view=THAT_COUNT),
        Case("edges of the box", (*_on_edges(x, y), 4), view=THAT_COUNT),
        Case("borders of bins", (*_on_borders(x, y), 4), view=THAT_COUNT),
        Case("boxes without area", (*_flat(x, y), 6), view=THAT_COUNT),
        Case("bins that do not count", (outside, around, 5)),
        Case(
            "negative coordinates",
            (*_keypoints(rng, 2, 3, 6, corner=(-50, -20)), 6),
            view=THAT_COUNT,
        ),
        Case(
            "negative coordinates",
            (*_keypoints(rng, 2, 3, 6, corner=(-15, -5)), 6),
            view=THAT_COUNT,
        ),
        Case("default size", _keypoints(rng, 2, 3, SIZE), view=THAT_COUNT),
        Case("nothing to locate", (torch.zeros(0, 3, 3), NO_BOXES, 6)),
        Case("nothing to locate", (torch.zeros(2, 0, 3), random_boxes(rng, 2), 6)),
        Case("types", (*inside, 7), view=THAT_COUNT),
        Case("types", (inside[0].double(), inside[1].double(), 7), view=THAT_COUNT),
    ]


def _keypoints(
    rng: np.random.Generator,
    boxes: int,
    points: int,
    size: int,
    *,
    corner: tuple[float, float] = (5, 60),
) -> Pair:
    """Return visible keypoints in boxes, each clear of its bin's borders."""
    places = random_boxes(rng, boxes, corner=corner)
    bins = rng.integers(0, size, size=(boxes, points, 2))
    return _at(rng, places, bins, size), places


def _at(rng: np.random.Generator, boxes: Tensor, bins: np.ndarray, size: int) -> Tensor:
    """Return a keypoint in each bin (column, row) of its box; bins outside the box exist too."""
    share = (bins + rng.uniform(FROM_A_BORDER, 1 - FROM_A_BORDER, size=bins.shape)) / size
    low, high = boxes.double().numpy()[:, None, :2], boxes.double().numpy()[:, None, 2:]
    places = torch.tensor(low + share * (high - low), dtype=torch.float32)
    v = torch.tensor(rng.integers(1, 3, size=(*bins.shape[:2], 1)))
    return torch.cat([places, v], dim=2)


def _outside(rng: np.random.Generator, size: int) -> Pair:
    """Return keypoints in the box, and left of, right of, above and below it."""
    boxes = random_boxes(rng, 2)
    columns, rows = rng.integers(0, size, size=(2, 2, 6))
    columns[:, 1], columns[:, 2], rows[:, 3], rows[:, 4] = -1, size, -1, size
    order = rng.permutation(6)
    return _at(rng, boxes, np.stack([columns, rows], axis=2)[:, order], size), boxes


def _seen(rng: np.random.Generator, seen: list[int]) -> Pair:
    """Return keypoints in the box with these v."""
    keypoints, boxes = _keypoints(rng, 2, len(seen), 5)
    keypoints[:, :, 2] = torch.tensor([seen, seen[::-1]])
    return keypoints, boxes


def _on_edges(x: float, y: float) -> Pair:
    """Return keypoints on the edges and corners of a box, exact in any arithmetic."""
    places = [(16, 3), (5, 8), (16, 8), (16, 0), (0, 8), (0, 3), (5, 0), (0, 0)]
    return _in_box(x, y, places)


def _on_borders(x: float, y: float) -> Pair:
    """Return keypoints on borders of the 4 x 4 bins of a box, exact in any arithmetic."""
    return _in_box(x, y, [(4, 3), (12, 5), (5, 2), (3, 6), (8, 4), (4, 2)])


def _in_box(x: float, y: float, places: list[tuple[int, int]]) -> Pair:
    """Return keypoints at these places in a box of 16 x 8 pixels."""
    keypoints = [[x + right, y + down, 2] for right, down in places]
    return quarters([keypoints]), quarters([[x, y, x + 16, y + 8]])


def _flat(x: float, y: float) -> Pair:
    """Return boxes without width, without height and without both, and one with both."""
    keypoints = [[x, y + 3.25, 2], [x + 2.25, y, 1], [x, y, 2]]
    boxes = [[x, y, x, y + 9], [x, y, x + 9, y], [x, y, x, y], [x - 1, y - 2, x + 8, y + 9]]
    return quarters([keypoints] * 4), quarters(boxes)


def _targets(
    keypoints: Tensor,
    boxes: Tensor,
    size: int = SIZE,
    *,
    visible: Callable[[Tensor], Tensor] = lambda v: v > 0,
    to_bin: Callable[[Tensor, int], Tensor] = lambda at, size: at.floor(),
    bin_of: Callable[[Tensor, Tensor, int], Tensor] = lambda row, column, n: row * n + column,
    last_edge: bool = True,
    anywhere: bool = False,
    flat: bool = False,
    relative: bool = True,
    scale: Callable[[Tensor, Tensor], Pair] = lambda width, height: (width, height),
    zeros: bool = True,
) -> Pair:
    """Return bins and valid as the exercise does; each option changes one step."""
    x, y, v = keypoints.unbind(dim=2)
    x1, y1, x2, y2 = (side[:, None] for side in boxes.unbind(dim=1))
    inside = (x >= x1) & (y >= y1) & ((x <= x2) & (y <= y2) if last_edge else (x < x2) & (y < y2))
    valid = visible(v) & (inside | anywhere) & (((x2 > x1) & (y2 > y1)) | flat)
    width, height = scale(
        (x2 - x1).where(x2 > x1, x1 * 0 + 1), (y2 - y1).where(y2 > y1, y1 * 0 + 1)
    )
    origin_x, origin_y = (x1, y1) if relative else (x1 * 0, y1 * 0)
    column = to_bin((x - origin_x) * size / width, size)
    row = to_bin((y - origin_y) * size / height, size)
    if to_bin is not _overflowing:
        column, row = column.clamp(0, size - 1), row.clamp(0, size - 1)
    bins = bin_of(row, column, size).long()
    return bins.where(valid, bins * 0) if zeros else bins, valid


def _overflowing(at: Tensor, size: int) -> Tensor:
    return at.floor()


def _rounded(at: Tensor, size: int) -> Tensor:
    return (at + 0.5).floor()


def _between_the_edges(at: Tensor, size: int) -> Tensor:
    """Return the bin where the first and the last bin's centres lie on the edges."""
    return (at * (size - 1) / size + 0.5).floor()


def _to_lists(result: Pair) -> Pair:
    bins, valid = result
    return bins[valid], valid


KEYPOINT_TARGETS = Exercise(
    name="keypoint_targets",
    reference=keypoint_targets,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "column_times_size",
            "It exchanges rows and columns: the bin is row * size + column, as a map is flattened, "
            "and y gives the row.",
            partial(_targets, bin_of=lambda row, column, size: column * size + row),
        ),
        Misconception(
            "rounds_to_the_nearest",
            "It rounds to the nearest whole number, which moves half of the keypoints into the "
            "next bin: a bin is a stretch from one whole number to the next, so round down.",
            partial(_targets, to_bin=_rounded),
        ),
        Misconception(
            "bins_as_points",
            "It spreads the bins as points from edge to edge, with size - 1 steps between them: a "
            "box is cut into size bins of equal width.",
            partial(_targets, to_bin=_between_the_edges),
        ),
        Misconception(
            "right_edge_is_outside",
            "A keypoint on the right or lower edge does not count: the edges belong to the box, "
            "and these two to the last bin.",
            partial(_targets, last_edge=False),
        ),
        Misconception(
            "right_edge_overflows",
            "A keypoint on the right or lower edge gets a bin after the last one, which is the "
            "first of the next row or none at all: it belongs to the last bin.",
            partial(_targets, to_bin=_overflowing),
        ),
        Misconception(
            "only_seen_ones",
            "It counts only v = 2: a keypoint with v = 1 is hidden behind something, but somebody "
            "has marked where it is.",
            partial(_targets, visible=lambda v: v == 2),
        ),
        Misconception(
            "counts_unknown_ones",
            "It counts keypoints with v = 0 too: nobody knows where these are, and their x and y "
            "mean nothing.",
            partial(_targets, visible=lambda v: v >= 0),
        ),
        Misconception(
            "outside_moved_to_the_edge",
            "A keypoint outside the box is moved to its edge and counts: what lies outside cannot "
            "be located in the box.",
            partial(_targets, anywhere=True),
        ),
        Misconception(
            "box_without_area_counts",
            "It counts keypoints in a box without width or height: such a box has no bins.",
            partial(_targets, flat=True),
        ),
        Misconception(
            "counted_from_the_image",
            "It counts bins from the corner of the image: they begin at the box's own corner.",
            partial(_targets, relative=False),
        ),
        Misconception(
            "one_scale_for_both",
            "It divides x and y by the longer side of the box: width and height have as many "
            "bins, whatever the box's shape.",
            partial(_targets, scale=lambda width, height: (width.maximum(height),) * 2),
        ),
        Misconception(
            "takes_y_x",
            "It takes a keypoint for (y, x, v): x comes first, and counts columns.",
            before(_targets, lambda points, *rest: (points[:, :, [1, 0, 2]], *rest)),
        ),
        Misconception(
            "bins_that_do_not_count_are_left",
            "The bins that count are right, but the others hold whatever came out: put 0 there, so "
            "that nobody takes them for a place.",
            partial(_targets, zeros=False),
        ),
        Misconception(
            "only_valid_ones_returned",
            "It returns only the bins of valid keypoints: bins has shape [N, P], so that each "
            "keypoint keeps its place.",
            after(_targets, _to_lists),
        ),
        Misconception(
            "bins_of_floats",
            "Its bins are floats: they are indices, int64.",
            after(_targets, lambda result: (result[0].float(), result[1])),
        ),
        crashes_on_no_boxes(_targets),
    ),
    forbidden=NO_TORCHVISION,
)
