"""The exercise `label_anchors`."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.rpn.label_anchors_cases import LABEL_ANCHORS_GROUPS, draw_label_anchors
from autograder.exercises.shared_mistakes import (
    after,
    changes_its_input,
    crashes_on_no_boxes,
)
from solutions.rpn import label_anchors

# The misconceptions run over lists: build calls them some thousand times.
Row = Sequence[float]
Result = tuple[Tensor, Tensor]


def _first_best(row: Row) -> int:
    return max(range(len(row)), key=lambda j: (row[j], -j))


def _last_best(row: Row) -> int:
    return max(range(len(row)), key=lambda j: (row[j], j))


def _all_best(column: Row) -> list[int]:
    """Return the anchors that share the highest IoU with an object, if that is above 0."""
    return [i for i, iou in enumerate(column) if iou == max(column) and iou > 0]


def _only_the_first(column: Row) -> list[int]:
    return _all_best(column)[:1]


def _also_at_zero(column: Row) -> list[int]:
    return [i for i, iou in enumerate(column) if iou == max(column)]


def assign(
    iou: Tensor,
    positive: float = 0.7,
    negative: float = 0.3,
    *,
    best: Callable[[Row], int] = _first_best,
    chosen: Callable[[Row], list[int]] = _all_best,
    is_positive: Callable[[float, float], bool] = lambda iou, limit: iou >= limit,
    is_negative: Callable[[Row, float], bool] = lambda row, limit: max(row) < limit,
    rest: int = -1,
    chosen_first: bool = False,
    takes_the_match: bool = False,
    nothing: tuple[int, int] = (0, -1),
) -> Result:
    """Return labels and matches; each option changes one step."""
    N, M = iou.shape
    if N == 0 or M == 0:
        label, match = nothing
        return torch.full((N,), label), torch.full((N,), match)
    rows = iou.tolist()
    labels, matches = [rest] * N, [best(row) for row in rows]
    picked = [(i, j) for j in range(M) for i in chosen([row[j] for row in rows])]
    for i, row in enumerate(rows):
        if is_negative(row, negative):
            labels[i] = 0
        elif is_positive(max(row), positive) or (chosen_first and i in {i for i, _ in picked}):
            labels[i] = 1
    if not chosen_first:
        for i, j in picked:
            labels[i] = 1
            if takes_the_match:
                matches[i] = j
    return torch.tensor(labels), torch.tensor(matches)


def _one_for_the_image(iou: Tensor, *thresholds: float) -> Result:
    labels, matches = assign(iou, *thresholds, chosen=lambda column: [])
    if iou.numel() > 0:
        labels[(iou == iou.max()).any(dim=1) & (iou > 0).any(dim=1)] = 1
    return labels, matches


def _ignores_the_thresholds(iou: Tensor, *thresholds: float) -> Result:
    return assign(iou)


def _numbers_of_objects(result: Result) -> Result:
    labels, matches = result
    return torch.where(labels == 1, matches + 1, labels), matches


def _matches_of_positives(result: Result) -> Result:
    labels, matches = result
    return labels, torch.where(labels == 1, matches, -1)


def _transposed(iou: Tensor, *thresholds: float) -> Result:
    return assign(iou.T, *thresholds)


def _strike_out(iou: Tensor, *thresholds: float) -> None:
    iou[iou == 0] = -1


LABEL_ANCHORS = Exercise(
    name="label_anchors",
    reference=label_anchors,
    groups=LABEL_ANCHORS_GROUPS,
    draw=draw_label_anchors,
    misconceptions=(
        Misconception(
            "best_anchors_forgotten",
            "It looks at the thresholds alone: an object that no anchor fits well would have no "
            "positive one, so each object's best anchors are positive as well.",
            partial(assign, chosen=lambda column: []),
        ),
        Misconception(
            "one_best_anchor_in_the_image",
            "It makes the best anchor of the whole image positive: every object has a best anchor "
            "of its own.",
            _one_for_the_image,
        ),
        Misconception(
            "only_one_of_equal_best",
            "Of anchors that share an object's highest IoU it makes only the first positive: all "
            "of them are.",
            partial(assign, chosen=_only_the_first),
        ),
        Misconception(
            "best_at_zero",
            "An object that no anchor touches makes anchors positive, as their IoU of 0 is its "
            "highest: only an IoU above 0 counts.",
            partial(assign, chosen=_also_at_zero),
        ),
        Misconception(
            "negative_after_the_best",
            "Best anchors with a low IoU end as negative: an object's best anchors are positive "
            "even below the negative threshold, so they come last.",
            partial(assign, chosen_first=True),
        ),
        Misconception(
            "match_of_the_object",
            "An anchor that is some object's best gets that object as its match: a match is the "
            "object that the anchor itself overlaps most, and that may be another.",
            partial(assign, takes_the_match=True),
        ),
        Misconception(
            "matches_of_positives_only",
            "It gives -1 as the match of anchors that are not positive: every anchor has a match "
            "where there are objects.",
            after(assign, _matches_of_positives),
        ),
        Misconception(
            "greater_for_positive",
            "An anchor whose IoU equals the positive threshold is not positive: at least as much "
            "is enough.",
            partial(assign, is_positive=lambda iou, limit: iou > limit),
        ),
        Misconception(
            "negative_at_the_threshold",
            "An anchor whose IoU equals the negative threshold is negative: only one below it is.",
            partial(assign, is_negative=lambda row, limit: max(row) <= limit),
        ),
        Misconception(
            "negative_for_any_object",
            "An anchor is negative as soon as it overlaps some object little: its highest IoU "
            "decides, so one good object is enough.",
            partial(assign, is_negative=lambda row, limit: min(row) < limit),
        ),
        Misconception(
            "no_neutral_anchors",
            "Anchors between the thresholds become negative: they are neutral, -1, and enter no "
            "loss.",
            partial(assign, rest=0),
        ),
        Misconception(
            "ignores_the_thresholds",
            "It uses 0.7 and 0.3 whatever thresholds are given: use the arguments.",
            _ignores_the_thresholds,
        ),
        Misconception(
            "numbers_of_objects",
            "Its labels are numbers of objects: an anchor only says whether there is an object, 1 "
            "for yes.",
            after(assign, _numbers_of_objects),
        ),
        Misconception(
            "last_of_equal_objects",
            "Of objects that an anchor overlaps equally it takes the last: take the lowest index.",
            partial(assign, best=_last_best),
        ),
        Misconception(
            "rows_for_objects",
            "It takes rows for objects: row i of the overlaps belongs to anchor i, and a column to "
            "an object.",
            _transposed,
        ),
        Misconception(
            "matches_first",
            "It returns matches and labels in this order: labels come first.",
            after(assign, lambda result: result[::-1]),
        ),
        Misconception(
            "neutral_without_objects",
            "In an image without objects it makes all anchors neutral: they are negative, for "
            "there is nothing that they could show.",
            partial(assign, nothing=(-1, -1)),
        ),
        Misconception(
            "match_0_without_objects",
            "In an image without objects it gives 0 as the match, an object that does not exist: "
            "the match is -1.",
            partial(assign, nothing=(0, 0)),
        ),
        Misconception(
            "float_labels",
            "Its labels are floats: labels and indices are int64.",
            after(assign, lambda result: (result[0].float(), result[1])),
        ),
        changes_its_input(assign, _strike_out, "overlaps of 0 were overwritten"),
        crashes_on_no_boxes(assign),
    ),
)
