"""The exercises on whole detectors: `mean_average_precision` and `coco_map`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import (
    MARGIN,
    NO_BOXES,
    distinct_scores,
    quarters,
    random_boxes,
    redraw,
)
from autograder.exercises.mean_ap.evaluator import (
    COCO,
    COCO_THRESHOLDS,
    MOST,
    Matching,
    MeanOverClasses,
    all_points,
    at_levels,
    table,
)
from autograder.exercises.mean_ap.matching import detections_around, overlapping_objects
from course.cases import Group
from course.outcome import Case
from solutions.average_precision import coco_map, mean_average_precision

NO_LABELS = torch.zeros(0, dtype=torch.int64)
NOTHING_FOUND = {"boxes": NO_BOXES, "scores": torch.zeros(0), "labels": NO_LABELS}
NOTHING_THERE = {"boxes": NO_BOXES, "labels": NO_LABELS}
Detector = tuple[list[dict[str, Tensor]], list[dict[str, Tensor]]]
APART = 5e-4  # two answers differ by so much where a case is to tell them apart


def detector(
    rng: np.random.Generator, images: int, classes: int, thresholds: Sequence[float]
) -> Detector:
    """Return detections and ground truth of a middling detector, nothing decided by rounding."""
    return redraw(lambda: _draw(rng, images, classes), lambda drawn: _decided(*drawn, thresholds))


def _draw(rng: np.random.Generator, images: int, classes: int) -> Detector:
    found, truth = [], []
    for _ in range(images):
        objects = overlapping_objects(rng, 2)
        labels = torch.from_numpy(rng.integers(1, classes + 1, size=len(objects)))
        counts = rng.integers(0, 3, size=len(objects)).tolist()
        near = [detections_around(rng, objects[i : i + 1], [n]) for i, n in enumerate(counts) if n]
        stray = random_boxes(rng, 1)
        boxes = torch.cat([*near, stray])
        own = labels.repeat_interleave(torch.tensor(counts))
        mixed = torch.from_numpy(rng.integers(1, classes + 1, size=len(own)))
        wrong = torch.from_numpy(rng.random(len(own)) < 0.15)
        named = torch.cat([torch.where(wrong, mixed, own), labels[:1]])
        order = torch.from_numpy(rng.permutation(len(boxes)))
        found.append({"boxes": boxes[order], "labels": named[order]})
        truth.append({"boxes": objects, "labels": labels})
    scores = distinct_scores(rng, sum(len(each["boxes"]) for each in found))
    parts = torch.split(scores, [len(each["boxes"]) for each in found])
    for each, part in zip(found, parts, strict=True):
        each["scores"] = part
    return found, truth


def _decided(found: Sequence[Any], truth: Sequence[Any], thresholds: Sequence[float]) -> bool:
    """Return whether no IoU is near a threshold and no two IoUs of a detection are alike."""
    for one, true in zip(found, truth, strict=True):
        rows = np.array(table(one["boxes"], true["boxes"]))
        if (np.abs(rows[..., None] - np.asarray(thresholds)) < MARGIN).any():
            return False
        apart = np.abs(rows[:, :, None] - rows[:, None, :]) + np.eye(rows.shape[1])
        both = np.minimum(rows[:, :, None], rows[:, None, :]) > 0
        if ((apart < MARGIN) & both).any():
            return False
    return True


def telling(
    rng: np.random.Generator,
    right: Callable[..., float],
    mistakes: Sequence[Callable[..., float]],
    *,
    images: int,
    classes: int,
    thresholds: Sequence[float],
    options: tuple[Any, ...] = (),
) -> tuple[Any, ...]:
    """Return arguments on which the right answer and all mistakes differ from each other."""

    def make() -> tuple[Any, ...]:
        return (*detector(rng, images, classes, thresholds), classes, *options)

    def fits(arguments: tuple[Any, ...]) -> bool:
        results = [float(function(*arguments)) for function in (right, *mistakes)]
        gaps = np.abs(np.subtract.outer(results, results)) + np.eye(len(results))
        return bool((gaps > APART).all())

    return redraw(make, fits)


VOC = MeanOverClasses()
BY_IMAGE = MeanOverClasses(by_image=True)
POOLED = MeanOverClasses(pooled_boxes=True)
NOT_RANKED = MeanOverClasses(sorts=False)
LABELS_IGNORED = MeanOverClasses(ignores_labels=True)
WEIGHED = MeanOverClasses(weighs=True)
FROM_ZERO = MeanOverClasses(first_label=0)
EMPTY_COUNTS = MeanOverClasses(counts_empty=True)
FALSE_ONLY_COUNTS = MeanOverClasses(counts_false_only=True)
ALWAYS_A_HALF = MeanOverClasses(thresholds=(0.5,))
LEVELS = MeanOverClasses(ap=at_levels)
TWICE = MeanOverClasses(matching=Matching(reuses=True))
CORE_MISTAKES = (BY_IMAGE, POOLED, NOT_RANKED, LABELS_IGNORED, WEIGHED, FROM_ZERO, TWICE)

MAP_GROUPS = (
    Group(
        "several images and classes",
        "For each class the detections of all images are matched within their image, ranked "
        "together by score, and give one average precision; the result is the mean over classes.",
    ),
    Group(
        "one class",
        "With one class the result is the average precision of its detections in all images.",
    ),
    Group(
        "classes without objects",
        "A class that has no object in any image is left out of the mean, whatever was detected.",
        edge=True,
    ),
    Group("classes that are never detected", "A class that is never found counts as 0.", True),
    Group(
        "thresholds", "The IoU threshold that is asked for decides, and 0.5 where none is.", True
    ),
    Group("images without detections", "An image may have objects and no detections.", True),
    Group("images without objects", "An image without objects can still hold false ones.", True),
    Group("no objects at all", "Without any object the result is 0.", edge=True),
    Group("no images", "Without images the result is 0.", edge=True),
)


def draw_map(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    several = dict(images=3, classes=3, thresholds=(0.5,))
    found, truth, classes = telling(rng, VOC, CORE_MISTAKES, **several)  # type: ignore[arg-type]
    again = telling(rng, VOC, CORE_MISTAKES, **several)  # type: ignore[arg-type]
    single = telling(
        rng,
        VOC,
        (BY_IMAGE, POOLED, NOT_RANKED, LEVELS),
        images=3,
        classes=1,
        thresholds=(0.5,),
    )
    low = telling(
        rng,
        VOC,
        (ALWAYS_A_HALF,),
        images=2,
        classes=2,
        thresholds=(0.3, 0.5),
        options=(0.3,),
    )
    far = _strays(rng, classes + 1)
    stray = _strays(rng, 1)
    return [
        Case("several images and classes", (found, truth, classes, 0.5)),
        Case("several images and classes", again),
        Case("one class", (*single, 0.5)),
        Case("classes without objects", (found, truth, classes + 2, 0.5)),
        Case("classes without objects", ([*found, far], [*truth, NOTHING_THERE], classes + 1, 0.5)),
        Case("classes that are never detected", (_without(found, 1), truth, classes, 0.5)),
        Case("thresholds", low),
        Case("thresholds", (*low[:3], 0.7)),
        Case("thresholds", low[:3]),
        Case("images without detections", ([NOTHING_FOUND, *found[1:]], truth, classes, 0.5)),
        Case("images without objects", ([*found, stray], [*truth, NOTHING_THERE], classes, 0.5)),
        Case("no objects at all", (found[:1], [NOTHING_THERE], classes, 0.5)),
        Case("no images", ([], [], classes, 0.5)),
    ]


def _strays(rng: np.random.Generator, label: int) -> dict[str, Tensor]:
    """Return detections in an image without objects, one of them with a high score."""
    boxes, scores = random_boxes(rng, 2), torch.tensor([0.995, 0.15])
    return {"boxes": boxes, "scores": scores, "labels": torch.full((2,), label)}


def _without(found: Sequence[dict[str, Tensor]], label: int) -> list[dict[str, Tensor]]:
    return [{key: value[each["labels"] != label] for key, value in each.items()} for each in found]


BY_IMAGE_SENTENCE = (
    "It computes an average precision for each image and averages those: detections of all images "
    "are ranked together, since one score threshold serves for all of them."
)
POOLED_SENTENCE = (
    "It matches the boxes of all images with each other: a detection can only find an object of "
    "its own image."
)
LABELS_SENTENCE = (
    "It matches detections with objects of other classes: each class is evaluated by itself, with "
    "its own detections and its own objects."
)
FROM_ZERO_SENTENCE = (
    "It counts classes from 0: label 0 is background and is not evaluated, the classes are 1 to "
    "the last, which is left out here."
)
EMPTY_SENTENCE = (
    "A class without any object counts as 0: it has no recall, so it is left out of the mean."
)

MEAN_AVERAGE_PRECISION = Exercise(
    name="mean_average_precision",
    reference=mean_average_precision,
    groups=MAP_GROUPS,
    draw=draw_map,
    misconceptions=(
        Misconception("averages_over_images", BY_IMAGE_SENTENCE, BY_IMAGE),
        Misconception("matches_across_images", POOLED_SENTENCE, POOLED),
        Misconception(
            "images_one_after_another",
            "The hits of the images are joined one after another: they must be ranked by score "
            "again, over all images.",
            NOT_RANKED,
        ),
        Misconception("ignores_labels", LABELS_SENTENCE, LABELS_IGNORED),
        Misconception(
            "weighs_by_objects",
            "Classes with many objects count more: every class has the same weight in the mean.",
            WEIGHED,
        ),
        Misconception("classes_from_zero", FROM_ZERO_SENTENCE, FROM_ZERO),
        Misconception("empty_class_counts_as_zero", EMPTY_SENTENCE, EMPTY_COUNTS),
        Misconception(
            "false_detections_of_an_empty_class",
            "A class without objects counts as 0 once something is detected: it is left out of the "
            "mean all the same.",
            FALSE_ONLY_COUNTS,
        ),
        Misconception(
            "an_object_found_twice",
            "An object may be found several times: each further detection of it is false.",
            TWICE,
        ),
        Misconception(
            "always_a_half",
            "It uses 0.5 whatever the threshold is: pass on the one that the caller gives.",
            ALWAYS_A_HALF,
        ),
        Misconception(
            "levels_of_recall",
            "It averages over levels of recall: here the area over all points is asked for.",
            LEVELS,
        ),
    ),
    uses=("match_detections", "precision_recall", "average_precision", "box_iou"),
)

RIGHT = COCO(most=MOST)
ONLY_A_HALF = COCO(thresholds=(0.5,), most=MOST)
ONLY_3_QUARTERS = COCO(thresholds=(0.75,), most=MOST)
NINE = COCO(thresholds=COCO_THRESHOLDS[:-1], most=MOST)
ELEVEN = COCO(thresholds=(*COCO_THRESHOLDS, 1.0), most=MOST)
ALL_POINTS = COCO(ap=all_points, most=MOST)
COCO_BY_IMAGE = COCO(by_image=True, most=MOST)
COCO_POOLED = COCO(pooled_boxes=True, most=MOST)
COCO_LABELS = COCO(ignores_labels=True, most=MOST)
COCO_FROM_ZERO = COCO(first_label=0, most=MOST)
COCO_VOC = COCO(matching=Matching(voc=True), most=MOST)
COCO_CORE = (
    ONLY_A_HALF,
    ONLY_3_QUARTERS,
    NINE,
    ELEVEN,
    ALL_POINTS,
    COCO_BY_IMAGE,
    COCO_POOLED,
    COCO_LABELS,
    COCO_FROM_ZERO,
)

COCO_GROUPS = (
    Group(
        "several images and classes",
        "For each of the ten IoU thresholds, 0.50 to 0.95, and each class the detections of all "
        "images are ranked together and give an average precision at 101 levels; the result is "
        "the mean of them all.",
    ),
    Group(
        "one class",
        "With one class the result is the mean of its ten average precisions.",
    ),
    Group(
        "the best object is taken",
        "A detection whose best object is taken may still find another one.",
        edge=True,
    ),
    Group(
        "more than 100 detections",
        "Of each class in each image only the 100 best detections count.",
        edge=True,
    ),
    Group("classes without objects", "A class without objects is left out of the mean.", edge=True),
    Group("perfect detections", "The very boxes of the objects give 1.", edge=True),
    Group("images without detections", "An image may have objects and no detections.", True),
    Group("no objects at all", "Without any object the result is 0.", edge=True),
)


def draw_coco(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    found, truth, classes = telling(
        rng, RIGHT, COCO_CORE, images=3, classes=2, thresholds=COCO_THRESHOLDS
    )
    single = telling(rng, RIGHT, (ALL_POINTS,), images=2, classes=1, thresholds=COCO_THRESHOLDS)
    taken = telling(rng, RIGHT, (COCO_VOC,), images=2, classes=1, thresholds=COCO_THRESHOLDS)
    scores = [distinct_scores(rng, len(each["boxes"])) for each in truth]
    perfect = [{**each, "scores": own} for each, own in zip(truth, scores, strict=True)]
    return [
        Case("several images and classes", (found, truth, classes)),
        Case("one class", single),
        Case("the best object is taken", taken),
        Case("more than 100 detections", _many(rng)),
        Case("classes without objects", (found, truth, classes + 1)),
        Case("perfect detections", (perfect, truth, classes)),
        Case("images without detections", ([NOTHING_FOUND, *found[1:]], truth, classes)),
        Case("no objects at all", (found[:1], [NOTHING_THERE], classes)),
        Case("no objects at all", ([], [], classes)),
    ]


def _many(rng: np.random.Generator) -> tuple[Any, ...]:
    """Return an image with 101 detections of one class, the worst of them right, and a few more.

    Sixty false ones of another class have higher scores: the limit is for each class by itself.
    """
    objects = quarters([[300, 300, 340, 330], [400, 300, 440, 330], [300, 400, 340, 430]])
    labels = torch.tensor([1, 1, 2])
    false = random_boxes(rng, 99)
    other = random_boxes(rng, 20)
    boxes = torch.cat([objects[:1], false, objects[1:2], other, objects[2:]])
    named = torch.tensor([1] * 101 + [2] * 21)
    scores = torch.linspace(0.9, 0.3, 101)
    scores[0] = 0.35  # one object is among the 100 best, the other is the last
    scores = torch.cat([scores, torch.linspace(0.89, 0.7, 20), torch.tensor([0.2])])
    order = torch.from_numpy(rng.permutation(len(boxes)))
    found = {"boxes": boxes[order], "scores": scores[order], "labels": named[order]}
    return [found], [{"boxes": objects, "labels": labels}], 2


COCO_MAP = Exercise(
    name="coco_map",
    reference=coco_map,
    groups=COCO_GROUPS,
    draw=draw_coco,
    misconceptions=(
        Misconception(
            "only_threshold_a_half",
            "It uses the IoU threshold 0.5 alone: COCO averages over ten of them.",
            ONLY_A_HALF,
        ),
        Misconception(
            "only_threshold_three_quarters",
            "It uses the IoU threshold 0.75 alone: COCO averages over ten of them.",
            ONLY_3_QUARTERS,
        ),
        Misconception(
            "nine_thresholds",
            "The last threshold is missing: from 0.50 to 0.95 in steps of 0.05 there are ten.",
            NINE,
        ),
        Misconception(
            "eleven_thresholds",
            "It goes on to an IoU of 1: the last threshold is 0.95.",
            ELEVEN,
        ),
        Misconception(
            "all_points",
            "It takes the area over all points: COCO takes 101 levels of recall.",
            ALL_POINTS,
        ),
        Misconception("averages_over_images", BY_IMAGE_SENTENCE, COCO_BY_IMAGE),
        Misconception("matches_across_images", POOLED_SENTENCE, COCO_POOLED),
        Misconception("ignores_labels", LABELS_SENTENCE, COCO_LABELS),
        Misconception("classes_from_zero", FROM_ZERO_SENTENCE, COCO_FROM_ZERO),
        Misconception(
            "only_the_best_object",
            "A detection whose best object is taken is given up: by COCO's rule it may take "
            "another one that is free.",
            COCO_VOC,
        ),
        Misconception(
            "no_limit",
            "It looks at all detections: only the 100 best of each class in each image count.",
            COCO(),
        ),
        Misconception(
            "hundred_of_the_image",
            "It keeps the 100 best detections of the whole image: the limit is for each class by "
            "itself.",
            COCO(most=MOST, most_of_all_classes=True),
        ),
        Misconception(
            "empty_class_counts_as_zero", EMPTY_SENTENCE, COCO(counts_empty=True, most=MOST)
        ),
    ),
    uses=(
        "match_detections",
        "precision_recall",
        "average_precision_101",
        "mean_average_precision",
        "box_iou",
    ),
)
