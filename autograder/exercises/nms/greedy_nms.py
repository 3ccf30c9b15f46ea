"""The exercise `nms`."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_TORCHVISION, overlap_table
from autograder.exercises.nms.nms_cases import NMS_GROUPS, draw_nms
from autograder.exercises.shared_mistakes import (
    changes_its_input,
    crashes_on_no_boxes,
    float_indices_of_no_boxes,
)
from solutions.nms import nms

# The misconceptions run over lists: build calls them some thousand times.


def best_first(scores: Tensor) -> list[int]:
    """Return the indices by falling score, of equal scores the lower first."""
    values = scores.tolist()
    return sorted(range(len(values)), key=lambda i: -values[i])


def greedy(order: Sequence[int], drops: Callable[[int, int], bool]) -> list[int]:
    """Return what is kept when indices are taken in `order` and a kept i may drop a later j."""
    kept: list[int] = []
    for j in order:
        if not any(drops(i, j) for i in kept):
            kept.append(j)
    return kept


def indices(items: Sequence[int]) -> Tensor:
    """Return an int64 tensor, also of no items."""
    return torch.tensor(items, dtype=torch.int64)


def _suppress(
    boxes: Tensor, scores: Tensor, drops: Callable[[float], bool], order: Sequence[int] | None
) -> list[int]:
    iou = overlap_table(boxes)
    return greedy(best_first(scores) if order is None else order, lambda i, j: drops(iou[i][j]))


def kept(boxes: Tensor, scores: Tensor, threshold: float) -> list[int]:
    """Return what NMS keeps, as a list."""
    return _suppress(boxes, scores, lambda iou: iou > threshold, None)


def kept_indices(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """Return what NMS keeps."""
    return indices(kept(boxes, scores, threshold))


def _at_the_threshold(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    return indices(_suppress(boxes, scores, lambda iou: iou >= threshold, None))


def _drops_the_others(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    return indices(_suppress(boxes, scores, lambda iou: iou < threshold, None))


def _in_the_order_given(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    return indices(_suppress(boxes, scores, lambda iou: iou > threshold, range(len(boxes))))


def _worst_first(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    return indices(_suppress(boxes, scores, lambda iou: iou > threshold, best_first(-scores)))


def _later_of_equals(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    order = best_first(-scores)[::-1]
    return indices(_suppress(boxes, scores, lambda iou: iou > threshold, order))


def _positions(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    order = best_first(scores)
    return indices([order.index(i) for i in kept(boxes, scores, threshold)])


def _dropped_ones_drop(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    iou, order = overlap_table(boxes), best_first(scores)
    return indices(
        [
            box
            for rank, box in enumerate(order)
            if not any(iou[better][box] > threshold for better in order[:rank])
        ]
    )


def _only_the_last_kept_drops(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    iou = overlap_table(boxes)
    stay: list[int] = []
    for box in best_first(scores):
        if not stay or iou[stay[-1]][box] <= threshold:
            stay.append(box)
    return indices(stay)


def _loses_the_last(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    iou, rest = overlap_table(boxes), best_first(scores)
    stay: list[int] = []
    while len(rest) > 1:
        best = rest[0]
        stay.append(best)
        rest = [box for box in rest[1:] if iou[best][box] <= threshold]
    return indices(stay)


def _mask(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    mask = torch.zeros(len(boxes), dtype=torch.bool)
    mask[kept_indices(boxes, scores, threshold)] = True
    return mask


def cross_off(boxes: Tensor, scores: Tensor, *rest: Any) -> None:
    """Mark all scores as used up."""
    scores.fill_(-1.0)


CROSSED_OFF = "scores were overwritten to cross boxes off"
BY_INDEX = (
    "The right boxes are kept but come in the order of their indices: return them by falling score."
)
LATER_OF_EQUALS = (
    "Of boxes with equal scores it takes the last one first: turning a rising order around turns "
    "equal ones around too. The lower index comes first."
)

NMS = Exercise(
    name="nms",
    reference=nms,
    groups=NMS_GROUPS,
    draw=draw_nms,
    misconceptions=(
        Misconception(
            "drops_at_the_threshold",
            "It drops a box also when its IoU equals the threshold: only a greater IoU drops it.",
            _at_the_threshold,
        ),
        Misconception(
            "takes_boxes_as_given",
            "It goes through the boxes in the order in which they are given: the box with the "
            "highest score has to come first, so look at the scores before anything else.",
            _in_the_order_given,
        ),
        Misconception(
            "worst_first",
            "It begins with the lowest score, so the worst box of each pile survives: begin with "
            "the highest.",
            _worst_first,
        ),
        Misconception(
            "positions_in_the_sorted_list",
            "It returns positions in the sorted list: the caller needs indices into the boxes "
            "that were given.",
            _positions,
        ),
        Misconception(
            "dropped_boxes_drop_others",
            "A box that was dropped already goes on dropping others: only a box that is kept may "
            "do so.",
            _dropped_ones_drop,
        ),
        Misconception(
            "only_the_last_kept_box_drops",
            "It compares a box only with the one kept last: every box kept so far may drop it.",
            _only_the_last_kept_drops,
        ),
        Misconception(
            "drops_what_overlaps_little",
            "The comparison is the wrong way round: it drops the boxes that overlap little and "
            "keeps those that overlap much.",
            _drops_the_others,
        ),
        Misconception(
            "sorted_by_index",
            BY_INDEX,
            lambda *case: indices(sorted(kept(*case))),
        ),
        Misconception(
            "only_the_best_box",
            "It keeps one box of the whole image: after a round the boxes that are left take "
            "part in the next one.",
            lambda *case: indices(kept(*case)[:1]),
        ),
        Misconception(
            "loses_the_last_box",
            "It stops one box too early: when a single box is left, nothing can drop it, so it "
            "is kept as well.",
            _loses_the_last,
        ),
        Misconception("later_of_equal_scores", LATER_OF_EQUALS, _later_of_equals),
        Misconception(
            "returns_a_mask",
            "It returns True or False for each box: the result is the list of kept indices, best "
            "first.",
            _mask,
        ),
        Misconception(
            "returns_boxes",
            "It returns the kept boxes themselves: return their indices, so that scores and "
            "labels can be picked with them too.",
            lambda boxes, scores, threshold: boxes[kept_indices(boxes, scores, threshold)],
        ),
        changes_its_input(kept_indices, cross_off, CROSSED_OFF),
        crashes_on_no_boxes(kept_indices),
        float_indices_of_no_boxes(kept_indices),
    ),
    uses=("box_iou", "box_area"),
    forbidden=NO_TORCHVISION,
)
