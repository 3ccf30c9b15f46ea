"""Cases of `label_proposals`: overlaps in hundredths, or in eighths where ties are meant."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from autograder.exercises.drawing import MARGIN, STRICT, redraw
from course.cases import Group
from course.outcome import Case

GROUPS = (
    Group(
        "objects and background",
        "A proposal whose best IoU is at least the upper threshold gets the class of that ground "
        "truth; one below the lower threshold gets 0.",
    ),
    Group(
        "neutral proposals",
        "A proposal whose best IoU is between the thresholds gets the label -1.",
    ),
    Group(
        "at the thresholds",
        "An IoU of exactly the upper threshold is enough for a class, and one of exactly the lower "
        "threshold is not background any more.",
        edge=True,
    ),
    Group(
        "equal overlaps",
        "Of ground truths with the same IoU the one with the lowest index counts.",
        edge=True,
    ),
    Group(
        "no overlap",
        "A proposal that meets no ground truth is background; the lowest index is its match.",
        edge=True,
    ),
    Group(
        "other thresholds",
        "Thresholds are arguments; where both are equal no proposal is neutral.",
        edge=True,
    ),
    Group(
        "no ground truth",
        "In an image without objects every proposal is background, and its match is -1.",
        edge=True,
    ),
    Group("no proposals", "No proposals give two empty results, shape [0].", edge=True),
    Group("types", "Labels and matches are int64, whatever the IoU is.", True, STRICT),
)


def draw_label_proposals(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    classes = _classes(rng, 3)
    ties = torch.tensor([[0.125, 0.75, 0.75], [0.25, 0.25, 0.0], [0.375, 0.0, 0.375]])
    at = [[0.75, 0.5], [0.25, 0.125], [0.5, 0.75], [0.125, 0.25], [0.625, 0.0]]
    nothing = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.125, 0.0], [0.0, 0.0, 0.875]])
    return [
        Case("objects and background", (_iou(rng, 6, 3, (0, 2)), _classes(rng, 3))),
        Case("objects and background", (_iou(rng, 4, 5, (0, 2)), _classes(rng, 5))),
        Case("objects and background", (_on_two_objects(rng), classes)),
        Case("neutral proposals", (_iou(rng, 7, 3, (0, 1, 2)), classes)),
        Case("neutral proposals", (_iou(rng, 6, 2, (0, 1, 2)), _classes(rng, 2), 0.5, 0.3)),
        Case("at the thresholds", (torch.tensor(at), _classes(rng, 2), 0.75, 0.25)),
        Case("at the thresholds", (torch.tensor([[0.5], [0.375]]), _classes(rng, 1), 0.5, 0.375)),
        Case("equal overlaps", (ties, _classes(rng, 3))),
        Case("no overlap", (nothing, _classes(rng, 3))),
        Case("other thresholds", (_iou(rng, 6, 3, (0, 1, 2), (0.5, 0.5)), classes, 0.5, 0.5)),
        Case("other thresholds", (_iou(rng, 6, 2, (0, 1, 2), (0.1, 0.7)), classes[:2], 0.7, 0.1)),
        Case("no ground truth", (torch.zeros(4, 0), torch.zeros(0, dtype=torch.int64))),
        Case("no proposals", (torch.zeros(0, 3), classes)),
        Case("types", (_iou(rng, 4, 2, (0, 1, 2)), classes[:2])),
        Case("types", (_iou(rng, 4, 2, (0, 1, 2)).double(), classes[:2])),
    ]


def _classes(rng: np.random.Generator, count: int) -> Tensor:
    """Return labels of which none is its own index or one more, as a counter would give."""

    def make() -> Tensor:
        return torch.from_numpy(rng.integers(1, 9, size=count))

    index = torch.arange(count)
    return redraw(make, lambda labels: bool(((labels != index) & (labels != index + 1)).all()))


def _iou(
    rng: np.random.Generator,
    count: int,
    objects: int,
    levels: Sequence[int],
    between: tuple[float, float] = (0.3, 0.5),
) -> Tensor:
    """Return overlaps [count, objects] in hundredths whose row maxima lie at the given levels.

    Level 0 is below the thresholds, 1 between them and 2 above; each occurs. All entries are
    different within a row and clear of the thresholds, and the best objects are not all the same.
    """
    low, high = between
    middle = (low + 0.02, high - 0.02) if high - low > 0.1 else (low - 0.1, low - 0.02)
    ranges = {0: (0.02, low - 0.02), 1: middle, 2: (high + 0.02, 0.98)}

    def make() -> Tensor:
        chosen = rng.permutation(np.resize(levels, count))
        best = np.array([rng.uniform(*ranges[level]) for level in chosen])[:, None]
        shares = rng.uniform(0.1, 0.95, size=(count, objects))
        shares[np.arange(count), rng.integers(0, objects, size=count)] = 1
        return torch.tensor(np.round(best * shares, 2), dtype=torch.float32)

    def fits(iou: Tensor) -> bool:
        clear = all(bool(((iou - t).abs() > MARGIN).all()) for t in between)
        different = all(len(set(row)) == objects for row in iou.tolist())
        return clear and different and len(set(iou.argmax(dim=1).tolist())) > 1

    return redraw(make, fits)


def _on_two_objects(rng: np.random.Generator) -> Tensor:
    """Return overlaps of proposals that are near enough to two objects, nearer to either."""
    best, second = rng.integers(75, 95, size=3) / 100, rng.integers(55, 70, size=3) / 100
    third = rng.choice(np.arange(2, 20), size=3, replace=False) / 100
    rows = [[second[0], best[0], third[0]], [best[1], third[1], second[1]], third[::-1]]
    return torch.tensor(np.array(rows), dtype=torch.float32)
