"""The groups and cases of `keypoint_targets`."""

import numpy as np
import torch
from torch import Tensor

from autograder.exercises.drawing import NO_BOXES, STRICT, quarters, random_boxes
from course.cases import Group
from course.outcome import Case

SIZE = 56
FROM_A_BORDER = 0.05  # of a bin: no keypoint is nearer to the border of its bin, exact ones apart
Pair = tuple[Tensor, Tensor]

# What stands in the place of bins that do not count is looked at in one group only.
THAT_COUNT = "bins_that_count"

KEYPOINT_GROUPS = (
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


def draw_keypoint_targets(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    inside = _keypoints(rng, 2, 3, 7)
    x, y = (float(n) for n in rng.integers(2, 9, size=2))
    outside, around = _outside(rng, 5)
    outside[:, :, 2] = 2
    return [
        Case("bins", (*_keypoints(rng, 3, 4, 7), 7), view=THAT_COUNT),
        Case("bins", (*_keypoints(rng, 2, 5, 10), 10), view=THAT_COUNT),
        Case("in the box and outside", (*_outside(rng, 6), 6), view=THAT_COUNT),
        Case("visible or not", (*_seen(rng, [0, 1, 2, 1], 8), 8), view=THAT_COUNT),
        Case("visible or not", (*_seen(rng, [2, 0, 1, 0, 2], 5), 5), view=THAT_COUNT),
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


def _seen(rng: np.random.Generator, seen: list[int], size: int) -> Pair:
    """Return keypoints in the box with these v."""
    keypoints, boxes = _keypoints(rng, 2, len(seen), size)
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
