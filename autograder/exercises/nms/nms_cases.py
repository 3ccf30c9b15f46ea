"""The cases of the exercise `nms`, and how cases of suppression are drawn."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from autograder.exercises.drawing import (
    NO_BOXES,
    STRICT,
    boxes_apart,
    chain,
    clear_of,
    distinct_scores,
    falling_scores,
    overlaps,
    pair_with_iou,
    piles,
    quarters,
    random_boxes,
    redraw,
)
from course.cases import Group
from course.outcome import Case

NO_SCORES = torch.zeros(0)
Scores = Callable[[np.random.Generator, int], Tensor]
AT_THE_THRESHOLD = Group(
    "IoU equal to the threshold",
    "A box is dropped when its IoU is greater than the threshold; an equal one stays.",
    edge=True,
)
NO_BOXES_GROUP = Group(
    "no boxes", "Without boxes nothing is kept: the result is an empty tensor of int64.", edge=True
)

NMS_GROUPS = (
    Group(
        "boxes given best first",
        "The best box stays and drops every box whose IoU with it is greater than the threshold; "
        "the best of the rest is next.",
    ),
    Group(
        "boxes in any order",
        "Boxes come in any order: go by their scores, and return indices into the input, best "
        "first.",
    ),
    Group("chains", "Only a box that is kept drops others; one that was dropped drops none."),
    Group("boxes apart", "Boxes that do not overlap all stay, best first.", edge=True),
    Group("one box", "A box alone is kept.", edge=True),
    NO_BOXES_GROUP,
    Group("equal scores", "Of two boxes with equal scores the lower index comes first.", True),
    AT_THE_THRESHOLD,
    Group(
        "thresholds 0 and 1",
        "At 0 every overlap drops a box, a mere touch none; at 1 nothing is dropped.",
        edge=True,
    ),
    Group("identical boxes", "Of identical boxes only the best stays.", edge=True),
    Group(
        "one box inside another",
        "A small box inside a large one has a small IoU with it and stays.",
        edge=True,
    ),
    Group(
        "boxes without area", "Boxes without area have IoU 0 with all others and stay.", edge=True
    ),
    Group("types", "Indices are int64, whether boxes are float32 or float64.", True, STRICT),
)


def threshold_for(rng: np.random.Generator) -> float:
    """Return one of the usual thresholds."""
    return float(rng.choice([0.3, 0.4, 0.5, 0.6]))


def telling_piles(rng: np.random.Generator, counts: Sequence[int], threshold: float) -> Tensor:
    """Return piles in which some boxes overlap more than the threshold and some less."""

    def fits(boxes: Tensor) -> bool:
        shared = overlaps(boxes)
        more, less = shared > threshold, (shared > 0) & (shared < threshold)
        return bool(more.any() and less.any()) and clear_of(boxes, threshold)

    return redraw(lambda: piles(rng, counts), fits)


def draw_nms(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    return [
        piled(rng, "boxes given best first", (3, 3), falling_scores),
        piled(rng, "boxes in any order", (4, 3, 4)),
        piled(rng, "boxes in any order", (5, 2, 3, 2)),
        _chained(rng, 3),
        _chained(rng, 5),
        Case("boxes apart", (boxes_apart(rng, 4), distinct_scores(rng, 4), 0.5)),
        Case("one box", (random_boxes(rng, 1), distinct_scores(rng, 1), 0.5)),
        Case("no boxes", (NO_BOXES, NO_SCORES, 0.5)),
        piled(rng, "equal scores", (3, 3, 2), few_scores),
        *(Case(AT_THE_THRESHOLD.name, ties(rng, iou)) for iou in (0.25, 0.5, 0.75)),
        Case("thresholds 0 and 1", _touching_and_overlapping(rng)),
        Case("thresholds 0 and 1", _all_stay_at_one(rng)),
        _identical(rng),
        _inside(rng),
        _without_area(rng),
        piled(rng, "types", (3, 2)),
        piled(rng, "types", (2, 3), dtype=torch.float64),
    ]


def piled(
    rng: np.random.Generator,
    group: str,
    counts: Sequence[int],
    scores: Scores = distinct_scores,
    dtype: torch.dtype = torch.float32,
) -> Case:
    threshold = threshold_for(rng)
    boxes = telling_piles(rng, counts, threshold)
    return Case(group, (boxes.to(dtype), scores(rng, len(boxes)).to(dtype), threshold))


def few_scores(rng: np.random.Generator, count: int) -> Tensor:
    """Return scores of which many are equal; both of two values occur twice or more."""
    values = np.resize(rng.choice([0.25, 0.5, 0.625, 0.75, 0.875], 2, replace=False), count)
    return torch.tensor(rng.permutation(values), dtype=torch.float32)


def _chained(rng: np.random.Generator, count: int) -> Case:
    """Return a row of boxes, the best at one end: every other one is dropped by its neighbour."""
    order = torch.from_numpy(rng.permutation(count))
    boxes, scores = chain(rng, count), falling_scores(rng, count)
    return Case("chains", (boxes[order], scores[order], float(rng.choice([0.35, 0.4, 0.45]))))


def ties(rng: np.random.Generator, iou: float) -> tuple[Tensor, Tensor, float]:
    boxes = torch.cat([pair_with_iou(rng, iou), pair_with_iou(rng, iou, x=80)])
    order = torch.from_numpy(rng.permutation(len(boxes)))
    return boxes[order], distinct_scores(rng, len(boxes)), iou


def _touching_and_overlapping(rng: np.random.Generator) -> tuple[Tensor, Tensor, float]:
    x, y, width, height = rng.integers(10, 30, size=4).tolist()
    first = [x, y, x + width, y + height]
    touching = [x + width, y, x + 2 * width, y + height]
    overlapping = [x + 2, y + height - 3, x + width - 1, y + 2 * height]
    order = torch.from_numpy(rng.permutation(3))
    scores = falling_scores(rng, 3)
    return quarters([first, touching, overlapping])[order], scores[order], 0.0


def _all_stay_at_one(rng: np.random.Generator) -> tuple[Tensor, Tensor, float]:
    boxes = piles(rng, (2, 1))
    return torch.cat([boxes, boxes[:2]]), distinct_scores(rng, 5), 1.0


def _identical(rng: np.random.Generator) -> Case:
    boxes = boxes_apart(rng, 2)[torch.from_numpy(rng.permutation([0, 0, 0, 1]))]
    return Case("identical boxes", (boxes, distinct_scores(rng, 4), threshold_for(rng)))


def _inside(rng: np.random.Generator) -> Case:
    outer = random_boxes(rng, 1, corner=(10, 14), sides=(36, 40))
    inner = random_boxes(rng, 2, corner=(16, 24), sides=(6, 12))
    boxes = torch.cat([outer, inner[:1], inner[1:] + 100])
    return Case("one box inside another", (boxes, distinct_scores(rng, 3), 0.3))


def _without_area(rng: np.random.Generator) -> Case:
    x, y = rng.integers(2, 20, size=2)
    point, line = [x, y, x, y], [x, y - 2, x, y + 9]
    boxes = quarters([point, line, [x - 3, y - 4, x + 5, y + 2], point, line])
    return Case("boxes without area", (boxes, distinct_scores(rng, 5), threshold_for(rng)))
