"""The exercise `match_detections`."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import (
    MARGIN,
    NO_BOXES,
    NO_TORCHVISION,
    STRICT,
    distinct_scores,
    quarters,
    random_boxes,
    redraw,
    shuffled,
)
from autograder.exercises.mean_ap.evaluator import RIGHT, Matching, table
from autograder.exercises.shared_mistakes import changes_its_input, crashes_on_no_boxes
from course.cases import Group
from course.outcome import Case
from solutions.average_precision import match_detections

GROUPS = (
    Group(
        "several objects",
        "Best score first: each detection takes the object that it overlaps most among those "
        "still free, if their IoU is at least the threshold; else it is false.",
    ),
    Group(
        "detections in any order",
        "Detections come in any order: element k of the result belongs to the k-th best one.",
    ),
    Group(
        "one object, many detections",
        "An object is found once: further detections of it are false.",
    ),
    Group(
        "the best object is taken",
        "A detection whose best object is taken may still find another one.",
        edge=True,
    ),
    Group("IoU equal to the threshold", "An IoU that equals the threshold is enough.", edge=True),
    Group("thresholds", "The threshold that is asked for decides, and 0.5 where none is.", True),
    Group("equal scores", "Of two detections with equal scores the lower index is first.", True),
    Group("no objects", "Where there are no objects every detection is false.", edge=True),
    Group("no detections", "Without detections the result is empty: bools, shape [0].", edge=True),
    Group("types", "The result holds bools, whether boxes are float32 or float64.", True, STRICT),
)
Arguments = tuple[Tensor, Tensor, Tensor, float]
SHIFTS = {0.25: 0.6, 0.5: 1 / 3, 0.75: 1 / 7}  # of a box, in widths, for an IoU


def bools(values: Sequence[bool]) -> Tensor:
    """Return a tensor of bools, of no values too."""
    return torch.tensor(values, dtype=torch.bool)


def hits_of(matching: Matching) -> Callable[..., Tensor]:
    """Return the answer that matches so."""
    return lambda *arguments: bools(matching(*arguments))


NOT_SORTED = Matching(best_first=False)
AS_GIVEN = Matching(as_given=True)
WORST_FIRST = Matching(worst_first=True)
REUSES = Matching(reuses=True)
ANY_OVERLAP = Matching(any_overlap=True)
FIRST_FIT = Matching(first_fit=True)
VOC = Matching(voc=True)


def detections_around(rng: np.random.Generator, objects: Tensor, counts: Sequence[int]) -> Tensor:
    """Return boxes near each object, as many as `counts` says, all in random order."""
    near = []
    for box, count in zip(objects, counts, strict=True):
        size = (box[2:] - box[:2]).repeat(2).numpy()
        near.append(quarters(box.numpy() + rng.uniform(-0.28, 0.28, size=(count, 4)) * size))
    return shuffled(rng, torch.cat(near))


def overlapping_objects(rng: np.random.Generator, pairs: int) -> Tensor:
    """Return pairs of objects that overlap about half, the pairs far from each other."""
    found = []
    for k in range(pairs):
        first = random_boxes(rng, 1, corner=(10 + 100 * k, 30 + 100 * k), sides=(24, 40))
        shift = (first[:, 2:] - first[:, :2]) * torch.tensor(rng.uniform(0.15, 0.35, size=(1, 2)))
        found.append(torch.cat([first, first + shift.float().repeat(1, 2)]))
    return shuffled(rng, quarters(torch.cat(found)))


def decided(arguments: Arguments) -> bool:
    """Return whether no rounding decides: no IoU near the threshold, no two IoUs of a box alike."""
    boxes, _, objects, threshold = arguments
    rows = np.array(table(boxes, objects))
    apart = np.abs(rows[:, :, None] - rows[:, None, :]) + np.eye(rows.shape[1])
    alike = (apart < MARGIN) & (np.minimum(rows[:, :, None], rows[:, None, :]) > 0)
    return bool((np.abs(rows - threshold) > MARGIN).all() and not alike.any())


def telling(
    rng: np.random.Generator,
    make: Callable[[], Arguments],
    *mistakes: Matching,
) -> Arguments:
    """Return arguments in which nothing hangs on rounding and each of the mistakes shows."""

    def fits(arguments: Arguments) -> bool:
        right = RIGHT(*arguments)
        shows = all(mistake(*arguments) != right for mistake in mistakes)
        return shows and any(right) and not all(right) and decided(arguments)

    return redraw(make, fits)


def _crowd(rng: np.random.Generator, threshold: float, pairs: int = 2) -> Arguments:
    objects = overlapping_objects(rng, pairs)
    boxes = detections_around(rng, objects, rng.integers(1, 4, size=len(objects)).tolist())
    return boxes, distinct_scores(rng, len(boxes)), objects, threshold


def _one_object(rng: np.random.Generator) -> Arguments:
    objects = random_boxes(rng, 1)
    return detections_around(rng, objects, [4]), distinct_scores(rng, 4), objects, 0.5


def _best_first(arguments: Arguments) -> Arguments:
    boxes, scores, objects, threshold = arguments
    order = scores.argsort(descending=True)
    return boxes[order], scores[order], objects, threshold


def _taken(rng: np.random.Generator) -> Arguments:
    """Return two boxes that both overlap the first of two objects most."""
    x, y = rng.integers(5, 40, size=2)
    objects = quarters([[x, y, x + 40, y + 30], [x + 12, y, x + 52, y + 30]])
    boxes = quarters([[x + 1, y, x + 41, y + 31], [x + 4, y, x + 45, y + 30]])
    order = rng.permutation(2)
    return boxes, distinct_scores(rng, 2), objects[torch.from_numpy(order)], 0.5


def _tied(rng: np.random.Generator, iou: float) -> Arguments:
    """Return a detection whose IoU with the one object is exactly `iou`, and one apart."""
    width, height = 4.0 * rng.integers(4, 10), float(rng.integers(10, 40))
    x, y = rng.integers(5, 30, size=2).astype(float)
    objects = quarters([[x, y, x + width, y + height]])
    boxes = quarters([[x, y, x + width * iou, y + height], [x + 90, y, x + 99, y + 9]])
    return boxes, distinct_scores(rng, 2), objects, iou


def _equal_scores(rng: np.random.Generator, threshold: float) -> Arguments:
    boxes, scores, objects, _ = _crowd(rng, threshold)
    few = torch.tensor(rng.choice([0.25, 0.5, 0.75], size=len(scores)), dtype=torch.float32)
    return boxes, few, objects, threshold


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    core = (WORST_FIRST, REUSES, ANY_OVERLAP, FIRST_FIT)
    any_order = (*core, NOT_SORTED, AS_GIVEN)
    low, high = (telling(rng, partial(_crowd, rng, t), ANY_OVERLAP) for t in (0.3, 0.7))
    doubles = telling(rng, lambda: _crowd(rng, 0.5))
    return [
        Case(
            "several objects",
            _best_first(telling(rng, lambda: _best_first(_crowd(rng, 0.5)), *core)),
        ),
        Case("detections in any order", telling(rng, lambda: _crowd(rng, 0.5), *any_order)),
        Case("detections in any order", telling(rng, lambda: _crowd(rng, 0.4, 3), *any_order)),
        Case(
            "one object, many detections",
            telling(rng, lambda: _one_object(rng), REUSES, NOT_SORTED, AS_GIVEN),
        ),
        Case("the best object is taken", telling(rng, lambda: _crowd(rng, 0.3), VOC)),
        Case("the best object is taken", _taken(rng)),
        *(Case("IoU equal to the threshold", _tied(rng, iou)) for iou in (0.25, 0.5, 0.75)),
        Case("thresholds", low),
        Case("thresholds", high),
        Case("thresholds", telling(rng, lambda: _crowd(rng, 0.5))[:3]),
        Case(
            "equal scores",
            telling(rng, lambda: _equal_scores(rng, 0.5), Matching(later_of_equals=True)),
        ),
        Case("no objects", (random_boxes(rng, 3), distinct_scores(rng, 3), NO_BOXES, 0.5)),
        Case("no detections", (NO_BOXES, torch.zeros(0), random_boxes(rng, 2), 0.5)),
        Case("no detections", (NO_BOXES, torch.zeros(0), NO_BOXES, 0.5)),
        Case("types", doubles),
        Case("types", (*(item.double() for item in doubles[:3]), 0.5)),
    ]


def _objects_choose(
    boxes: Tensor, scores: Tensor, gt_boxes: Tensor, iou_threshold: float = 0.5
) -> Tensor:
    rows = table(boxes, gt_boxes)
    chosen = {
        max(range(len(rows)), key=lambda i: rows[i][j])
        for j in range(len(gt_boxes))
        if rows and max(row[j] for row in rows) >= iou_threshold
    }
    order = scores.argsort(descending=True, stable=True).tolist()
    return bools([i in chosen for i in order])


def _indices(*arguments: Any) -> Tensor:
    return match_detections(*arguments).nonzero().flatten()


def _empty_without_objects(
    boxes: Tensor, scores: Tensor, gt_boxes: Tensor, iou_threshold: float = 0.5
) -> Tensor:
    if len(gt_boxes) == 0:
        return bools([])
    return match_detections(boxes, scores, gt_boxes, iou_threshold)


def _ones(*arguments: Any) -> Tensor:
    return match_detections(*arguments).long()


def _sort_in_place(boxes: Tensor, scores: Tensor, *rest: Any) -> None:
    order = scores.argsort(descending=True)
    scores.copy_(scores[order].clone())
    boxes.copy_(boxes[order].clone())


MATCH_DETECTIONS = Exercise(
    name="match_detections",
    reference=match_detections,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "as_given",
            "The results stand in the order of the input: element k belongs to the k-th best "
            "detection, since the curve is drawn from the best one down.",
            hits_of(AS_GIVEN),
        ),
        Misconception(
            "not_sorted",
            "It matches in the order of the input: the detection with the highest score must "
            "choose first.",
            hits_of(NOT_SORTED),
        ),
        Misconception(
            "worst_first",
            "It begins with the lowest score: the best detection chooses first.",
            hits_of(WORST_FIRST),
        ),
        Misconception(
            "an_object_found_twice",
            "Several detections of one object all count as true: an object that is taken cannot "
            "be found again, so every further detection of it is false.",
            hits_of(REUSES),
        ),
        Misconception(
            "only_the_best_object",
            "A detection whose best object is taken is given up: that is the rule of Pascal VOC. "
            "Here it may take another object that is free and that it overlaps enough.",
            hits_of(VOC),
        ),
        Misconception(
            "first_object_that_will_do",
            "It takes the first free object above the threshold: of several it must take the one "
            "with the greatest overlap.",
            hits_of(FIRST_FIT),
        ),
        Misconception(
            "objects_choose",
            "Each object takes the box that overlaps it most: it is the detections that choose, "
            "best score first, and the score counts before the overlap.",
            _objects_choose,
        ),
        Misconception(
            "strictly_greater",
            "An IoU that equals the threshold is turned down: a match needs an IoU of at least "
            "the threshold.",
            hits_of(Matching(strict=True)),
        ),
        Misconception(
            "any_overlap",
            "Any overlap counts as a match: the IoU must be at least the threshold.",
            hits_of(ANY_OVERLAP),
        ),
        Misconception(
            "always_a_half",
            "It uses 0.5 whatever the threshold is: take the one that the caller gives.",
            hits_of(Matching(threshold=0.5)),
        ),
        Misconception(
            "later_of_equal_scores",
            "Of detections with equal scores the later one comes first: keep their order, the "
            "lower index first.",
            hits_of(Matching(later_of_equals=True)),
        ),
        Misconception(
            "returns_indices",
            "It returns the positions of the true detections: return True or False for each one.",
            _indices,
        ),
        Misconception(
            "returns_ones_and_zeros",
            "It returns whole numbers, 1 and 0: the result holds True and False, so that it can "
            "select detections.",
            _ones,
        ),
        Misconception(
            "empty_without_objects",
            "Where the image has no objects it returns nothing at all: each detection there is "
            "false, and needs its False, or the precision comes out too high.",
            _empty_without_objects,
        ),
        changes_its_input(match_detections, _sort_in_place, "boxes and scores are sorted in place"),
        crashes_on_no_boxes(match_detections),
    ),
    uses=("box_iou",),
    forbidden=NO_TORCHVISION,
)
