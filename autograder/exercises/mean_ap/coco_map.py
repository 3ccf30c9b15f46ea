"""The exercise `coco_map`."""

from typing import Any

import numpy as np
import torch

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import (
    distinct_scores,
    quarters,
    random_boxes,
)
from autograder.exercises.mean_ap.detectors import (
    BY_IMAGE_SENTENCE,
    EMPTY_SENTENCE,
    FROM_ZERO_SENTENCE,
    LABELS_SENTENCE,
    NOTHING_FOUND,
    NOTHING_THERE,
    POOLED_SENTENCE,
    telling,
)
from autograder.exercises.mean_ap.evaluator import (
    COCO,
    COCO_THRESHOLDS,
    MOST,
    Matching,
    all_points,
)
from course.cases import Group
from course.outcome import Case
from solutions.average_precision import coco_map

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
