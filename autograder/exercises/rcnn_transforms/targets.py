"""The exercise `label_proposals`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.rcnn_transforms.targets_cases import GROUPS, draw_label_proposals
from autograder.exercises.shared_mistakes import after, changes_its_input
from solutions.rcnn import label_proposals


@dataclass(frozen=True)
class Labels:
    """Labelling with exchangeable steps, over lists; its result is (labels, matches)."""

    best: Callable[[list[float]], int] = lambda row: row.index(max(row))
    is_positive: Callable[[float, float], bool] = lambda iou, threshold: iou >= threshold
    is_negative: Callable[[float, float], bool] = lambda iou, threshold: iou < threshold
    name: Callable[[int, list[int]], int] = lambda match, classes: classes[match]
    between: int = -1
    below: int = 0
    match: Callable[[int, int], int] = lambda match, label: match

    def __call__(
        self, iou: Tensor, gt_labels: Tensor, positive: float = 0.5, negative: float = 0.3
    ) -> tuple[Tensor, Tensor]:
        classes, labels, matches = gt_labels.tolist(), [], []
        for row in iou.tolist():
            if not row:
                labels.append(0)
                matches.append(-1)
                continue
            match = self.best(row)
            label = self.between
            if self.is_positive(row[match], positive):
                label = self.name(match, classes)
            elif self.is_negative(row[match], negative):
                label = self.below
            labels.append(label)
            matches.append(self.match(match, label))
        return torch.tensor(labels, dtype=torch.int64), torch.tensor(matches, dtype=torch.int64)


right = Labels()


def _first_above(
    iou: Tensor, gt_labels: Tensor, positive: float = 0.5, negative: float = 0.3
) -> tuple[Tensor, Tensor]:
    """Take the first ground truth above the threshold instead of the best one."""

    def first(row: list[float]) -> int:
        return next((i for i, x in enumerate(row) if x >= positive), row.index(max(row)))

    return Labels(best=first)(iou, gt_labels, positive, negative)


def _last_of_equals(row: list[float]) -> int:
    return len(row) - 1 - row[::-1].index(max(row))


def _best_proposal(iou: Tensor, gt_labels: Tensor, *thresholds: float) -> tuple[Tensor, Tensor]:
    """Look for the best proposal of each ground truth: the labels belong to ground truths."""
    if iou.numel() == 0:
        return right(iou, gt_labels, *thresholds)
    return right(iou.T, torch.arange(len(iou)), *thresholds)


def _no_ground_truth(iou: Tensor, gt_labels: Tensor, *thresholds: float) -> tuple[Tensor, Tensor]:
    if iou.shape[1] == 0:
        raise IndexError("max of an empty row")
    return right(iou, gt_labels, *thresholds)


def _neutral_without_objects(
    iou: Tensor, gt_labels: Tensor, *thresholds: float
) -> tuple[Tensor, Tensor]:
    labels, matches = right(iou, gt_labels, *thresholds)
    return (labels, matches) if iou.shape[1] else (labels - 1, matches)


def _first_match_without_objects(
    iou: Tensor, gt_labels: Tensor, *thresholds: float
) -> tuple[Tensor, Tensor]:
    labels, matches = right(iou, gt_labels, *thresholds)
    return (labels, matches) if iou.shape[1] else (labels, matches + 1)


def _fixed_thresholds(iou: Tensor, gt_labels: Tensor, *thresholds: float) -> tuple[Tensor, Tensor]:
    return right(iou, gt_labels)


def _float32(result: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return result[0].float(), result[1]


def _crossed_out(iou: Tensor, *rest: Any) -> None:
    iou[iou < 0.3] = 0


LABEL_PROPOSALS = Exercise(
    name="label_proposals",
    reference=label_proposals,
    groups=GROUPS,
    draw=draw_label_proposals,
    misconceptions=(
        Misconception(
            "best_proposal_of_each_object",
            "It looks for the best proposal of each ground truth: each proposal has a row, and "
            "the best ground truth in it is wanted.",
            _best_proposal,
        ),
        Misconception(
            "match_for_class",
            "A label is the index of the ground truth: it is the class of the object, which "
            "stands in the labels of the ground truths at that index.",
            Labels(name=lambda match, classes: match),
        ),
        Misconception(
            "match_plus_one_for_class",
            "A label is one more than the index of the ground truth: look up the class at that "
            "index, since two objects may be of one class.",
            Labels(name=lambda match, classes: match + 1),
        ),
        Misconception(
            "class_off_by_one",
            "Classes are one too low, so that the first class looks like background: ground truths "
            "carry labels from 1 on, and 0 is left for the background.",
            Labels(name=lambda match, classes: classes[match] - 1),
        ),
        Misconception(
            "everything_positive_is_one",
            "It labels every object 1: a proposal that is near enough gets the class of its ground "
            "truth.",
            Labels(name=lambda match, classes: 1),
        ),
        Misconception(
            "neutral_as_background",
            "It takes everything below the upper threshold for background: between the thresholds "
            "a proposal is neutral, -1.",
            Labels(between=0),
        ),
        Misconception(
            "neutral_and_background_exchanged",
            "It exchanges the two labels: 0 is background, far from every object, and -1 is "
            "neutral.",
            Labels(between=0, below=-1),
        ),
        Misconception(
            "neutral_as_object",
            "It gives a class to proposals between the thresholds: only from the upper threshold "
            "up a proposal belongs to an object.",
            lambda iou, gt_labels, positive=0.5, negative=0.3: right(
                iou, gt_labels, negative, negative
            ),
        ),
        Misconception(
            "matches_of_positives_only",
            "It matches only the proposals that got a class: every proposal has a best ground "
            "truth, whatever its label, unless there is none at all.",
            Labels(match=lambda match, label: match if label > 0 else -1),
        ),
        Misconception(
            "first_object_above_the_threshold",
            "It takes the first ground truth that overlaps enough: the one that overlaps most is "
            "wanted.",
            _first_above,
        ),
        Misconception(
            "matches_first",
            "It returns the matches before the labels: labels come first.",
            after(right, lambda result: result[::-1]),
        ),
        Misconception(
            "above_the_upper_threshold_only",
            "An IoU of exactly the upper threshold is not enough in it: at least the threshold is "
            "meant, with equality.",
            Labels(is_positive=lambda iou, threshold: iou > threshold),
        ),
        Misconception(
            "background_at_the_lower_threshold",
            "It takes an IoU of exactly the lower threshold for background: only below it a "
            "proposal is background.",
            Labels(is_negative=lambda iou, threshold: iou <= threshold),
        ),
        Misconception(
            "last_of_equal_overlaps",
            "Of ground truths that overlap equally it takes the last: the lowest index counts.",
            Labels(best=_last_of_equals),
        ),
        Misconception(
            "no_match_without_overlap",
            "A proposal that meets no ground truth gets the match -1: that is kept for images "
            "without any ground truth. Of equal overlaps, also of 0, the lowest index counts.",
            lambda iou, gt_labels, *thresholds: (
                (found := right(iou, gt_labels, *thresholds))[0],
                torch.where((iou > 0).any(dim=1), found[1], -torch.ones_like(found[1])),
            ),
        ),
        Misconception(
            "fixed_thresholds",
            "It compares with 0.5 and 0.3 whatever it is given: the thresholds are arguments.",
            _fixed_thresholds,
        ),
        Misconception(
            "fails_without_ground_truth",
            "It fails in an image without objects, since a row without entries has no maximum: "
            "there every proposal is background.",
            _no_ground_truth,
        ),
        Misconception(
            "neutral_without_ground_truth",
            "In an image without objects it takes the proposals for neutral: all of them are "
            "background, and a detector learns much from them.",
            _neutral_without_objects,
        ),
        Misconception(
            "match_without_ground_truth",
            "In an image without objects it gives the match 0, an object that is not there: the "
            "match is -1.",
            _first_match_without_objects,
        ),
        Misconception(
            "float_labels",
            "Its labels are floats: a class number is an integer, int64.",
            after(right, _float32),
        ),
        changes_its_input(right, _crossed_out, "small overlaps were set to 0"),
    ),
)
