"""The exercise `nms_per_class`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import (
    NO_BOXES,
    NO_TORCHVISION,
    STRICT,
    boxes_apart,
    distinct_scores,
    overlap_table,
    random_boxes,
    redraw,
    shuffled,
)
from autograder.exercises.nms.greedy_nms import BY_INDEX, best_first, greedy, indices, kept
from autograder.exercises.nms.nms_cases import (
    AT_THE_THRESHOLD,
    NO_BOXES_GROUP,
    NO_SCORES,
    telling_piles,
    threshold_for,
    ties,
)
from autograder.exercises.shared_mistakes import (
    changes_its_input,
    crashes_on_no_boxes,
    float_indices_of_no_boxes,
)
from course.cases import Group
from course.outcome import Case
from solutions.boxes import box_iou
from solutions.nms import nms_per_class

NO_LABELS = torch.zeros(0, dtype=torch.int64)

GROUPS = (
    Group(
        "several classes",
        "Each class is suppressed by itself; what is kept comes best first over all classes, as "
        "indices into the input.",
    ),
    Group(
        "classes at one place",
        "Boxes of different classes never drop each other, however much they overlap.",
    ),
    Group("one class", "Where all boxes are of one class the result is that of NMS.", edge=True),
    Group(
        "labels with gaps",
        "Labels are names, not counters: any positive numbers may occur, with gaps between them.",
        edge=True,
    ),
    Group(
        "equal scores",
        "Of equal scores the lower index comes first, whatever the classes are.",
        edge=True,
    ),
    AT_THE_THRESHOLD,
    Group(
        "negative coordinates",
        "Classes stay apart also where boxes have negative coordinates.",
        edge=True,
    ),
    Group("one box", "A box alone is kept.", edge=True),
    NO_BOXES_GROUP,
    Group("types", "Indices are int64, whether boxes are float32 or float64.", True, STRICT),
)


def draw_nms_per_class(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    gaps = np.sort(rng.choice(np.arange(4, 90), size=3, replace=False)).tolist()
    boxes, scores, threshold = ties(rng, 0.5)
    return [
        _labelled(rng, "several classes", (4, 3, 4), (1, 2, 3)),
        _labelled(rng, "several classes", (5, 2, 3, 2), (1, 2)),
        _at_one_place(rng, "classes at one place", random_boxes(rng, 1)),
        _labelled(rng, "one class", (3, 3), (2,)),
        _labelled(rng, "labels with gaps", (4, 3, 3), gaps),
        _equal_scores(rng),
        Case(AT_THE_THRESHOLD.name, (boxes, scores, torch.ones(4, dtype=torch.int64), threshold)),
        _at_one_place(rng, "negative coordinates", _up_to(boxes_apart(rng, 2), 1)),
        Case("one box", (random_boxes(rng, 1), distinct_scores(rng, 1), indices([2]), 0.5)),
        Case("no boxes", (NO_BOXES, NO_SCORES, NO_LABELS, 0.5)),
        _labelled(rng, "types", (3, 2), (1, 2)),
        _labelled(rng, "types", (3, 2), (1, 2), dtype=torch.float64),
    ]


def _labelled(
    rng: np.random.Generator,
    group: str,
    counts: Sequence[int],
    classes: Sequence[int],
    *,
    dtype: torch.dtype = torch.float32,
) -> Case:
    """Return piles whose labels matter: each class occurs, and a box is dropped by its own."""
    threshold = threshold_for(rng)

    def make() -> tuple[Tensor, Tensor]:
        boxes = telling_piles(rng, counts, threshold)
        labels = torch.from_numpy(np.resize(np.array(classes, dtype=np.int64), len(boxes)))
        return boxes, shuffled(rng, labels)

    def fits(drawn: tuple[Tensor, Tensor]) -> bool:
        boxes, labels = drawn
        near = box_iou(boxes, boxes) > threshold
        same = labels[:, None] == labels
        others = bool((near & ~same).any()) or len(classes) == 1
        return others and bool((near & same).sum() > len(boxes))

    boxes, labels = redraw(make, fits)
    scores = distinct_scores(rng, len(boxes))
    return Case(group, (boxes.to(dtype), scores.to(dtype), labels, threshold))


def _at_one_place(rng: np.random.Generator, group: str, places: Tensor) -> Case:
    """Return boxes that three classes share, and for each class another one just beside it.

    The threshold is low, so that classes which are moved aside by a pixel or two still meet.
    """
    boxes = torch.cat([places.repeat(3, 1), places.repeat(3, 1) - 1])
    labels = indices([1, 2, 3]).repeat_interleave(len(places)).repeat(2)
    order = torch.from_numpy(rng.permutation(len(boxes)))
    return Case(group, (boxes[order], distinct_scores(rng, len(boxes)), labels[order], 0.3))


def _up_to(boxes: Tensor, largest: float) -> Tensor:
    """Return the boxes moved so that `largest` is their largest coordinate, most being negative."""
    return boxes + (largest - boxes.max())


def _equal_scores(rng: np.random.Generator) -> Case:
    """Return places with two equal boxes of one class each; a later class comes first."""
    places = boxes_apart(rng, 4)
    labels = indices([2, 1, 3, 1])
    scores = torch.tensor([0.5, 0.5, 0.75, 0.75])
    return Case(
        "equal scores",
        (torch.cat([places, places + 1]), scores.repeat(2), labels.repeat(2), threshold_for(rng)),
    )


Rule = Callable[[int, int], bool]


def _suppress(
    boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float, meet: Rule | None = None
) -> list[int]:
    """Return what is kept, best first, where only boxes that `meet` drop each other."""
    iou, names = overlap_table(boxes), labels.tolist()
    together = meet or (lambda i, j: names[i] == names[j])
    return greedy(best_first(scores), lambda i, j: together(i, j) and iou[i][j] > threshold)


def _right(*case: Any) -> Tensor:
    return indices(_suppress(*case))


def _of_each_class(
    boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float
) -> list[tuple[list[int], list[int]]]:
    """Return for each class, lowest label first, its members and the positions kept of them."""
    names = labels.tolist()
    found = []
    for name in sorted(set(names)):
        members = [i for i, other in enumerate(names) if other == name]
        found.append((members, kept(boxes[members], scores[members], threshold)))
    return found


def _class_after_class(*case: Any) -> list[int]:
    return [members[k] for members, positions in _of_each_class(*case) for k in positions]


def _equal_scores_by_class(
    boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float
) -> Tensor:
    found, values = _class_after_class(boxes, scores, labels, threshold), scores.tolist()
    return indices(sorted(found, key=lambda i: -values[i]))


def _best_of_each_class(boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float) -> Tensor:
    every = best_first(scores)
    names = labels.tolist()
    return indices(greedy(every, lambda i, j: names[i] == names[j]))


def _labels_counted(boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float) -> Tensor:
    names = labels.tolist()
    counted = range(1, len(set(names)) + 1)
    found = _suppress(boxes, scores, labels, threshold)
    return indices([i for i in found if names[i] in counted])


def _offset_too_small(boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float) -> Tensor:
    return indices(kept(boxes + labels[:, None], scores, threshold))


def _offset_by_largest(boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float) -> Tensor:
    step = boxes.max() + 1 if len(boxes) else 1
    return indices(kept(boxes + labels[:, None] * step, scores, threshold))


def _move_apart(boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float) -> None:
    boxes += labels[:, None] * 4096


NMS_PER_CLASS = Exercise(
    name="nms_per_class",
    reference=nms_per_class,
    groups=GROUPS,
    draw=draw_nms_per_class,
    misconceptions=(
        Misconception(
            "ignores_labels",
            "It drops boxes of other classes too: a dog does not hide the person beside it, so "
            "only boxes with the same label may drop each other.",
            lambda boxes, scores, labels, threshold: indices(kept(boxes, scores, threshold)),
        ),
        Misconception(
            "only_other_classes_drop",
            "It lets boxes of different labels drop each other and spares those of the same: it "
            "is the other way round.",
            lambda b, s, labels, t: indices(
                _suppress(b, s, labels, t, lambda i, j: bool(labels[i] != labels[j]))
            ),
        ),
        Misconception(
            "class_after_class",
            "The right boxes are kept but come class by class: put them in order of falling score "
            "over all classes at the end.",
            lambda *case: indices(_class_after_class(*case)),
        ),
        Misconception(
            "positions_within_the_class",
            "It returns positions among the boxes of one class: turn them back into indices of "
            "the whole input.",
            lambda *case: indices([k for _, found in _of_each_class(*case) for k in found]),
        ),
        Misconception(
            "counts_labels",
            "It counts labels 1, 2, 3, ... up to the number of classes and loses the boxes of all "
            "others: go through the labels that occur.",
            _labels_counted,
        ),
        Misconception(
            "offset_too_small",
            "It moves each class aside before one common NMS, but so little that classes still "
            "overlap: the shift must be more than the extent of all boxes.",
            _offset_too_small,
        ),
        Misconception(
            "offset_by_the_largest_coordinate",
            "It moves classes apart by the largest coordinate, which is too little where "
            "coordinates are negative: the extent is from the smallest to the largest.",
            _offset_by_largest,
        ),
        Misconception("sorted_by_index", BY_INDEX, lambda *case: indices(sorted(_suppress(*case)))),
        Misconception(
            "one_box_per_class",
            "It keeps one box of each class: an image may hold several objects of a class, so "
            "each class has its own whole NMS.",
            _best_of_each_class,
        ),
        Misconception(
            "equal_scores_by_class",
            "Boxes with equal scores come in the order of their classes: of equal scores the "
            "lower index comes first, so order by score only once, over all boxes.",
            _equal_scores_by_class,
        ),
        changes_its_input(_right, _move_apart, "boxes were moved apart where they stood"),
        crashes_on_no_boxes(_right),
        float_indices_of_no_boxes(_right),
    ),
    uses=("nms", "box_iou", "box_area"),
    forbidden=NO_TORCHVISION,
)
