"""Cases of `group_regions`: regions on a grid with their neighbours, all in whole pixels.

The similarities of the course are exact for whole numbers, so that two pairs are equally similar
only where that is meant.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercises.drawing import NO_BOXES, STRICT, redraw
from autograder.exercises.rcnn_transforms.region_grouping import Grouping, right
from course.cases import Group
from course.outcome import Case
from course.similarities import (
    all_alike,
    closer_first,
    common_contents,
    fitting_first,
    smaller_first,
)

GROUPS = (
    Group(
        "the order of the mergers",
        "In each round the two most similar neighbours merge, and the similarities of the merger "
        "are computed anew from its own box and size.",
    ),
    Group(
        "what a merger inherits",
        "A merger has the box around both regions, the sum of their sizes and the neighbours of "
        "both; the result has the boxes of the first regions and then those of the mergers.",
    ),
    Group(
        "equal similarities",
        "Of pairs that are equally similar the lowest (i, j) merges first, with i < j; a merger "
        "has the next free index, so it is higher than all before it.",
        edge=True,
    ),
    Group(
        "pairs in any order",
        "Neighbours may be listed in any order, and a pair with either region first.",
        edge=True,
    ),
    Group(
        "regions in several parts",
        "Regions that no chain of neighbours joins never merge: it ends when there are no "
        "neighbours left, with several regions.",
        edge=True,
    ),
    Group("no neighbours", "Without neighbours the boxes are returned as they are.", True),
    Group("one region or none", "Without regions the result is empty and has shape [0, 4].", True),
    Group(
        "rows of quantities",
        "A size may be a row of several quantities, such as the bins of a histogram: the rows of "
        "two regions are added entry by entry.",
        edge=True,
    ),
    Group(
        "negative coordinates",
        "Regions may lie left of or above the origin: the box around them is found as ever.",
        edge=True,
    ),
    Group("types", "The boxes have the dtype of those given, float32 or float64.", True, STRICT),
)

Regions = tuple[Tensor, Tensor, list[tuple[int, int]], Any]
NO_SIZES = torch.zeros(0)
STEPS = (0, 1), (1, 0), (1, 1)  # to neighbours: right, down, and right and down


def draw_group_regions(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    boxes, sizes, pairs = _grid(rng, 2, 3)
    rows = torch.from_numpy(rng.integers(1, 30, size=(6, 4))).float()
    below = boxes - torch.tensor([160.0, 90.0, 160.0, 90.0])
    return [
        Case("the order of the mergers", _clear(rng, (2, 3), closer_first)),
        Case("the order of the mergers", _clear(rng, (3, 3), smaller_first)),
        Case("what a merger inherits", _clear(rng, (2, 3), fitting_first)),
        Case("what a merger inherits", _clear(rng, (1, 5), smaller_first)),
        Case("equal similarities", (*_grid(rng, 2, 4), all_alike)),
        Case("equal similarities", (*_grid(rng, 1, 5), all_alike)),
        Case("pairs in any order", _shuffled(rng, (*_grid(rng, 2, 3), all_alike))),
        Case("pairs in any order", _shuffled(rng, _clear(rng, (2, 2), closer_first))),
        Case("regions in several parts", _in_two_parts(rng)),
        Case("no neighbours", (boxes[:3], sizes[:3], [], closer_first)),
        Case("one region or none", (NO_BOXES, NO_SIZES, [], closer_first)),
        Case("one region or none", (boxes[:1], sizes[:1], [], smaller_first)),
        Case("rows of quantities", (boxes, rows, pairs, common_contents)),
        Case("negative coordinates", (below, sizes, pairs, closer_first)),
        Case("types", (boxes[:2].double(), sizes[:2], [(0, 1)], closer_first)),
        Case("types", (boxes[:2], sizes[:2].long(), [(0, 1)], smaller_first)),
    ]


def _grid(
    rng: np.random.Generator, rows: int, columns: int
) -> tuple[Tensor, Tensor, list[tuple[int, int]]]:
    """Return boxes, sizes and neighbours of regions on a grid, numbered at random."""
    ys, xs = (np.cumsum(rng.integers(8, 30, size=n + 1)) for n in (rows, columns))
    cells = [(r, c) for r in range(rows) for c in range(columns)]
    order = rng.permutation(len(cells)).tolist()
    boxes, number = np.zeros((len(cells), 4)), {}
    for index, at in enumerate(order):
        r, c = cells[at]
        number[r, c] = index
        boxes[index] = np.array([xs[c], ys[r], xs[c + 1], ys[r + 1]]) + rng.integers(-3, 4, size=4)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    sizes = np.round(area * rng.uniform(0.3, 0.95, size=len(cells)))
    near = [((r, c), (r + dr, c + dc)) for r, c in cells for dr, dc in STEPS]
    found = [(number[a], number[b]) for a, b in near if b in number]
    pairs = sorted((min(i, j), max(i, j)) for i, j in found)
    return torch.from_numpy(boxes).float(), torch.from_numpy(sizes).float(), pairs


def _clear(
    rng: np.random.Generator, shape: tuple[int, int], similarity: Callable[..., float]
) -> Regions:
    """Return regions in whose grouping no two pairs compete with equal similarity."""
    return redraw(lambda: (*_grid(rng, *shape), similarity), _without_ties)


def _without_ties(regions: Regions) -> bool:
    """Return whether the lowest and the highest of equal pairs lead to the same grouping."""
    last = Grouping(rank=lambda likeness, pair, names: (-likeness, [-i for i in pair]))
    return bool(torch.equal(right(*regions), last(*regions)))


def _shuffled(rng: np.random.Generator, regions: Regions) -> Regions:
    """Return the same regions, their pairs in another order and half of them turned around."""
    boxes, sizes, pairs, similarity = regions
    turned = [pair[::-1] if k % 2 == 0 else pair for k, pair in enumerate(pairs)]
    return boxes, sizes, [turned[k] for k in rng.permutation(len(pairs))], similarity


def _in_two_parts(rng: np.random.Generator) -> Regions:
    """Return two pieces of an image with a gap between them, and a region alone."""

    def make() -> Regions:
        boxes, sizes, pairs = _grid(rng, 2, 2)
        others, more, further = _grid(rng, 1, 2)
        alone = torch.tensor([[300.0, 10.0, 320.0, 25.0]])
        return (
            torch.cat([boxes, others + 140, alone]),
            torch.cat([sizes, more, torch.tensor([250.0])]),
            pairs + [(i + 4, j + 4) for i, j in further],
            smaller_first,
        )

    return redraw(make, _without_ties)
