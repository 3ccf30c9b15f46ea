"""The exercise `mean_average_precision`."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import (
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
    Matching,
    MeanOverClasses,
    at_levels,
)
from course.cases import Group
from course.outcome import Case
from solutions.average_precision import mean_average_precision

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
