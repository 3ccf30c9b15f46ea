"""The exercise `soft_nms`."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_TORCHVISION, overlap_table
from autograder.exercises.nms.greedy_nms import CROSSED_OFF, cross_off, indices
from autograder.exercises.nms.soft_nms_cases import (
    SCORE_THRESHOLD,
    SIGMA,
    SOFT_NMS_GROUPS,
    draw_soft_nms,
)
from autograder.exercises.shared_mistakes import (
    changes_its_input,
    crashes_on_no_boxes,
    float_indices_of_no_boxes,
    returns_float32,
    returns_float64,
)
from solutions.nms import soft_nms

Decay = Callable[[float, float], float]


def gaussian(iou: float, sigma: float) -> float:
    """Return the factor of Soft-NMS."""
    return math.exp(-(iou**2) / sigma)


def _run(
    boxes: Tensor,
    scores: Tensor,
    sigma: float = SIGMA,
    score_threshold: float = SCORE_THRESHOLD,
    *,
    decay: Decay = gaussian,
    at_start: bool = True,
    later: bool = True,
    drops: Callable[[float, float], bool] = lambda score, threshold: score < threshold,
    resorts: bool = True,
    forgets: bool = False,
) -> tuple[list[int], list[float]]:
    """Return what Soft-NMS selects and the scores that all boxes end with.

    Each option leaves out or changes one step.
    """
    iou, given, now = overlap_table(boxes), scores.tolist(), scores.tolist()
    rest = [i for i in range(len(now)) if not (at_start and drops(now[i], score_threshold))]
    selected = []
    while rest:
        best = max(rest, key=lambda i: ((now if resorts else given)[i], -i))
        rest.remove(best)
        selected.append(best)
        for i in rest:
            now[i] = (given if forgets else now)[i] * decay(iou[best][i], sigma)
        if later:
            rest = [i for i in rest if not drops(now[i], score_threshold)]
    return selected, now


def select(boxes: Tensor, scores: Tensor, *options: float, **steps: Any) -> tuple[Tensor, Tensor]:
    """Return indices and scores as the exercise does; for `steps` see `_run`."""
    selected, now = _run(boxes, scores, *options, **steps)
    return indices(selected), scores.new_tensor([now[i] for i in selected])


def _original_scores(boxes: Tensor, scores: Tensor, *options: float) -> tuple[Tensor, Tensor]:
    selected, _ = select(boxes, scores, *options)
    return selected, scores[selected]


def _by_index(boxes: Tensor, scores: Tensor, *options: float) -> tuple[Tensor, Tensor]:
    selected, decayed = select(boxes, scores, *options)
    order = selected.argsort()
    return selected[order], decayed[order]


def _default_sigma(
    boxes: Tensor, scores: Tensor, sigma: float = SIGMA, *threshold: float
) -> tuple[Tensor, Tensor]:
    return select(boxes, scores, SIGMA, *threshold)


def _default_threshold(
    boxes: Tensor, scores: Tensor, sigma: float = SIGMA, *threshold: float
) -> tuple[Tensor, Tensor]:
    return select(boxes, scores, sigma)


def _in_place(boxes: Tensor, scores: Tensor, *options: float) -> tuple[Tensor, Tensor]:
    selected, now = _run(boxes, scores, *options)
    scores.copy_(scores.new_tensor(now))
    return indices(selected), scores[selected]


def _crashes_when_nothing_is_left(*arguments: Any) -> tuple[Tensor, Tensor]:
    selected, decayed = select(*arguments)
    if len(arguments[0]) and not len(selected):
        raise RuntimeError("nothing to stack")
    return selected, decayed


SOFT_NMS = Exercise(
    name="soft_nms",
    reference=soft_nms,
    groups=SOFT_NMS_GROUPS,
    draw=draw_soft_nms,
    misconceptions=(
        Misconception(
            "linear_decay",
            "It multiplies by 1 - IoU, the linear form: the Gaussian one is exp(-IoU^2 / sigma).",
            partial(select, decay=lambda iou, sigma: 1 - iou),
        ),
        Misconception(
            "iou_not_squared",
            "In the exponent stands the IoU itself: it is the square of the IoU, over sigma.",
            partial(select, decay=lambda iou, sigma: math.exp(-iou / sigma)),
        ),
        Misconception(
            "sigma_squared",
            "It divides by the square of sigma: divide the squared IoU by sigma itself.",
            partial(select, decay=lambda iou, sigma: math.exp(-((iou / sigma) ** 2))),
        ),
        Misconception(
            "normal_distribution",
            "It divides by 2 sigma^2, as in a normal distribution: divide by sigma itself.",
            partial(select, decay=lambda iou, sigma: math.exp(-(iou**2) / (2 * sigma**2))),
        ),
        Misconception(
            "hard_nms",
            "It sets the scores of boxes with an IoU above 0.5 to 0, which is plain NMS: here "
            "every overlap lets a score decay, and none ends it at once.",
            partial(select, decay=lambda iou, sigma: float(iou <= 0.5)),
        ),
        Misconception(
            "decays_once",
            "Each selection decays the scores that were given, so that only the last one "
            "counts: a score that has decayed decays further.",
            partial(select, forgets=True),
        ),
        Misconception(
            "original_scores",
            "The right boxes come in the right order but with the scores that were given: return "
            "the decayed ones.",
            _original_scores,
        ),
        Misconception(
            "order_of_the_original_scores",
            "It goes through the boxes in the order of the scores that were given: look for the "
            "best anew after each decay.",
            partial(select, resorts=False),
        ),
        Misconception(
            "sorted_by_index",
            "The result comes in the order of the indices: it comes in the order of selection.",
            _by_index,
        ),
        Misconception(
            "ignores_sigma",
            "It decays with sigma = 0.5 whatever sigma is given: use the argument.",
            _default_sigma,
        ),
        Misconception(
            "ignores_the_score_threshold",
            "It drops below 0.001 whatever score_threshold is given: use the argument.",
            _default_threshold,
        ),
        Misconception(
            "drops_nothing",
            "It selects every box, however low its score: one below score_threshold is dropped.",
            partial(select, at_start=False, later=False),
        ),
        Misconception(
            "drops_only_at_the_start",
            "It looks at score_threshold only at the start: a score that decays below it is "
            "dropped as well.",
            partial(select, later=False),
        ),
        Misconception(
            "first_box_whatever_its_score",
            "It selects the first box before it looks at score_threshold: a box that is below it "
            "from the start is never selected.",
            partial(select, at_start=False),
        ),
        Misconception(
            "drops_at_the_threshold",
            "It drops a box also when its score equals score_threshold: only a lower one is "
            "dropped.",
            partial(select, drops=lambda score, threshold: score <= threshold),
        ),
        Misconception(
            "changes_its_input",
            "The result is right, but the scores that were given are decayed afterwards: whoever "
            "calls the function still needs them, so work on a copy.",
            _in_place,
        ),
        replace(changes_its_input(select, cross_off, CROSSED_OFF), name="overwrites_scores"),
        Misconception(
            "crashes_when_nothing_is_selected",
            "It fails when every box is below score_threshold: the result is empty then, so do "
            "not stack or take a maximum without looking.",
            _crashes_when_nothing_is_left,
        ),
        crashes_on_no_boxes(select),
        float_indices_of_no_boxes(select),
        returns_float32(select),
        returns_float64(select),
    ),
    uses=("box_iou", "box_area"),
    forbidden=NO_TORCHVISION,
)
