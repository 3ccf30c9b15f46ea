"""The exercise `precision_recall`."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.mean_ap.curve import (
    Curve,
    ranking,
)
from course.cases import Group
from course.outcome import Case
from solutions.average_precision import (
    precision_recall,
)

PR_GROUPS = (
    Group(
        "rankings",
        "After each detection, precision is the share of true ones so far, and recall the share "
        "of all objects that are found so far.",
    ),
    Group(
        "objects that are not found",
        "Recall divides by the number of objects, found or not: it need not reach 1.",
    ),
    Group("all true", "Where every detection is true, precision is 1 everywhere.", edge=True),
    Group("all false", "Where every detection is false, precision and recall are 0.", edge=True),
    Group("no objects", "Without objects recall is 0, and not 0 divided by 0.", edge=True),
    Group("no detections", "Without detections both results are empty.", edge=True),
)


def draw_precision_recall(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""

    def case(group: str, true: int, false: int, num_gt: int) -> Case:
        return Case(group, (torch.tensor(ranking(rng, true, false), dtype=torch.bool), num_gt))

    found = int(rng.integers(3, 6))
    return [
        case("rankings", found, 3, found),
        case("rankings", 4, int(rng.integers(4, 8)), 5),
        case("objects that are not found", 2, 2, int(rng.integers(5, 9))),
        case("objects that are not found", 3, 5, int(rng.integers(9, 12))),
        case("all true", 4, 0, 6),
        case("all false", 0, 4, 3),
        case("no objects", 0, 3, 0),
        case("no detections", 0, 0, 4),
        case("no detections", 0, 0, 0),
    ]


def _recall_over(share: Callable[[Tensor, int], Tensor]) -> Callable[[Tensor, int], Curve]:
    """Return an answer with right precision and the recall that `share` gives."""
    return lambda hits, num_gt: (precision_recall(hits, num_gt)[0], share(hits, num_gt))


def _zero_based(hits: Tensor, num_gt: int) -> Curve:
    found = hits.double().cumsum(0)
    return found / torch.arange(len(hits)).clamp(min=1), precision_recall(hits, num_gt)[1]


def _not_added_up(hits: Tensor, num_gt: int) -> Curve:
    rank = torch.arange(1, len(hits) + 1)
    return hits / rank, hits / max(num_gt, 1)


def _whole_ranking(hits: Tensor, num_gt: int) -> Curve:
    found = hits.double().cumsum(0)
    return found / max(len(hits), 1), found / max(num_gt, 1)


def _only_the_end(hits: Tensor, num_gt: int) -> tuple[float, float]:
    found = float(hits.sum())
    return found / max(len(hits), 1), found / max(num_gt, 1)


def _nan_without_objects(hits: Tensor, num_gt: int) -> Curve:
    found = hits.double().cumsum(0)
    return precision_recall(hits, num_gt)[0], found / num_gt


def _swapped(hits: Tensor, num_gt: int) -> Curve:
    precision, recall = precision_recall(hits, num_gt)
    return recall, precision


PRECISION_RECALL = Exercise(
    name="precision_recall",
    reference=precision_recall,
    groups=PR_GROUPS,
    draw=draw_precision_recall,
    misconceptions=(
        Misconception(
            "recall_of_the_found",
            "Recall is divided by the number of objects that were found: objects that nobody found "
            "count as well, so divide by the number of all objects.",
            _recall_over(lambda hits, n: hits.double().cumsum(0) / hits.sum().clamp(min=1)),
        ),
        Misconception(
            "recall_of_the_detections",
            "Recall is divided by the number of detections: it is the share of the objects.",
            _recall_over(lambda hits, n: hits.double().cumsum(0) / max(len(hits), 1)),
        ),
        Misconception(
            "precision_of_the_whole_ranking",
            "Precision is divided by the number of all detections: after the k-th one it is the "
            "share of true ones among the first k.",
            _whole_ranking,
        ),
        Misconception(
            "counts_from_zero",
            "The first detection is counted as number 0: after it, one detection has been seen.",
            _zero_based,
        ),
        Misconception(
            "not_added_up",
            "It looks at each detection by itself: the true ones are counted from the first down "
            "to this one.",
            _not_added_up,
        ),
        Misconception(
            "only_the_end",
            "It gives one precision and one recall for the whole ranking: the curve needs both "
            "after each detection.",
            _only_the_end,
        ),
        Misconception("swapped", "Precision comes first and recall second.", _swapped),
        Misconception(
            "nan_without_objects",
            "Without objects recall becomes 0 divided by 0: it is 0 then.",
            _nan_without_objects,
        ),
    ),
)
