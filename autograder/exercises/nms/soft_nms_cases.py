"""The cases of the exercise `soft_nms`."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from autograder.exercises.drawing import (
    NO_BOXES,
    STRICT,
    boxes_apart,
    distinct_scores,
    piles,
    quarters,
    random_boxes,
    redraw,
    shuffled,
)
from autograder.exercises.nms.nms_cases import NO_SCORES
from course.cases import Group
from course.outcome import Case
from solutions.boxes import box_iou

SIGMA, SCORE_THRESHOLD = 0.5, 0.001  # the defaults of the contract

SOFT_NMS_GROUPS = (
    Group(
        "overlapping boxes",
        "The best box is selected; every other score is multiplied by exp(-IoU^2 / sigma), again "
        "at every selection. Indices and decayed scores come in order of selection.",
    ),
    Group(
        "decay changes the order",
        "After each selection the best of the decayed scores is next, which may be another box "
        "than before.",
    ),
    Group("sigma", "A larger sigma lets scores decay less.", edge=True),
    Group(
        "dropped later",
        "A box whose score has decayed below score_threshold is dropped.",
        edge=True,
    ),
    Group(
        "below the threshold at the start",
        "A box whose score is below score_threshold from the start is never selected.",
        edge=True,
    ),
    Group(
        "score equal to the threshold",
        "A box is dropped when its score is below score_threshold; an equal one stays.",
        edge=True,
    ),
    Group(
        "default threshold", "Without a score_threshold boxes below 0.001 are dropped.", edge=True
    ),
    Group("boxes apart", "Boxes that do not overlap keep their scores.", edge=True),
    Group("equal scores", "Of equal scores the lower index comes first.", edge=True),
    Group("one box", "A box alone is selected with its own score.", edge=True),
    Group(
        "no boxes",
        "Without boxes both results are empty: indices of int64, scores of the input's dtype.",
        edge=True,
    ),
    Group("boxes without area", "Boxes without area have IoU 0 with all others.", edge=True),
    Group(
        "types",
        "Indices are int64, scores have the dtype of the input, float32 or float64.",
        edge=True,
        comparison=STRICT,
    ),
)


def draw_soft_nms(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    x, y = rng.integers(2, 20, size=2)
    line = [x, y, x, y + 8]
    flat = quarters([line, line, [x - 3, y - 4, x + 5, y + 2]])
    faint = torch.tensor([0.9, 0.005, 0.0009, 0.002])[torch.from_numpy(rng.permutation(4))]
    return [
        _piled(rng, "overlapping boxes", (3, 4)),
        _piled(rng, "overlapping boxes", (2, 3, 3)),
        _piled(rng, "decay changes the order", (4, 4), turned=True),
        _piled(rng, "sigma", (3, 3), (float(rng.choice([0.2, 0.25])),)),
        _piled(rng, "sigma", (3, 3), (float(rng.choice([1.0, 1.5])),)),
        _piled(rng, "dropped later", (4, 3), (0.5, float(rng.choice([0.2, 0.3]))), loses=True),
        _some_below(rng),
        Case(
            "below the threshold at the start",
            (boxes_apart(rng, 2), distinct_scores(rng, 2) / 4, 0.5, 0.25),
        ),
        _equal_to_the_threshold(rng),
        Case("default threshold", (random_boxes(rng, 1).repeat(4, 1), faint)),
        Case("boxes apart", (boxes_apart(rng, 4), distinct_scores(rng, 4))),
        _equal_scores(rng),
        Case("one box", (random_boxes(rng, 1), distinct_scores(rng, 1))),
        Case("no boxes", (NO_BOXES, NO_SCORES)),
        Case("boxes without area", (flat, distinct_scores(rng, 3))),
        _piled(rng, "types", (2, 2)),
        _piled(rng, "types", (2, 2), dtype=torch.float64),
    ]


def _piled(
    rng: np.random.Generator,
    group: str,
    counts: Sequence[int],
    options: tuple[float, ...] = (),
    *,
    turned: bool = False,
    loses: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Case:
    """Return piles in which no decision is near; `turned`: decay changes the order of selection;
    `loses`: a box that starts above the threshold falls below it."""

    def make() -> tuple[Tensor, Tensor]:
        return piles(rng, counts), distinct_scores(rng, sum(counts), lowest=0.35)

    def fits(drawn: tuple[Tensor, Tensor]) -> bool:
        boxes, scores = drawn
        selected = clear_run(boxes, scores, *options)
        if selected is None:
            return False
        first = scores[selected].tolist()
        if turned and first == sorted(first, reverse=True):
            return False
        return not loses or len(selected) < len(boxes)

    boxes, scores = redraw(make, fits)
    return Case(group, (boxes.to(dtype), scores.to(dtype), *options))


def _some_below(rng: np.random.Generator) -> Case:
    boxes = boxes_apart(rng, 5)
    scores = torch.tensor([0.1, 0.2, 0.6, 0.7, 0.8]) + float(rng.choice([0.0, 0.05, 0.1]))
    return Case("below the threshold at the start", (boxes, shuffled(rng, scores), 0.5, 0.4))


def _equal_to_the_threshold(rng: np.random.Generator) -> Case:
    threshold = float(rng.choice([0.25, 0.5]))
    scores = torch.tensor([threshold, threshold / 2, 0.75, 0.875])
    boxes = boxes_apart(rng, 4)
    return Case("score equal to the threshold", (boxes, shuffled(rng, scores), 0.5, threshold))


def _equal_scores(rng: np.random.Generator) -> Case:
    """Return two pairs of overlapping boxes, all of one score."""

    def make() -> Tensor:
        return piles(rng, (2, 2))

    scores = torch.full((4,), float(rng.choice([0.5, 0.75])))
    return Case(
        "equal scores", (redraw(make, lambda boxes: clear_run(boxes, scores) is not None), scores)
    )


def clear_run(
    boxes: Tensor, scores: Tensor, sigma: float = SIGMA, score_threshold: float = SCORE_THRESHOLD
) -> list[int] | None:
    """Return what Soft-NMS selects, or None where one of its decisions hangs on rounding.

    At each selection the best two scores must be equal as they were given, or 0.1% apart, and no
    decayed score within 2% of the threshold. Every score given is at the threshold or above.
    """
    iou = box_iou(boxes.double(), boxes.double()).tolist()
    given, now = scores.tolist(), scores.tolist()
    rest, selected = list(range(len(now))), []
    while rest:
        best = max(rest, key=lambda i: (now[i], -i))
        rest.remove(best)
        selected.append(best)
        if any(_too_close(now[best], now[i], given[best], given[i]) for i in rest):
            return None
        for i in rest:
            now[i] *= math.exp(-(iou[best][i] ** 2) / sigma)
        if any(abs(now[i] - score_threshold) < 0.02 * score_threshold for i in rest):
            return None
        rest = [i for i in rest if now[i] >= score_threshold]
    return selected


def _too_close(best: float, other: float, best_given: float, other_given: float) -> bool:
    untouched = (best, other) == (best_given, other_given)
    return best - other < 1e-3 * best and not (untouched and best == other)
