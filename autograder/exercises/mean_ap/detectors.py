"""Detectors to be evaluated: how they are drawn, and the sentences that both means share."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercises.drawing import (
    MARGIN,
    NO_BOXES,
    distinct_scores,
    random_boxes,
    redraw,
)
from autograder.exercises.mean_ap.evaluator import (
    table,
)
from autograder.exercises.mean_ap.matching import detections_around, overlapping_objects

NO_LABELS = torch.zeros(0, dtype=torch.int64)
NOTHING_FOUND = {"boxes": NO_BOXES, "scores": torch.zeros(0), "labels": NO_LABELS}
NOTHING_THERE = {"boxes": NO_BOXES, "labels": NO_LABELS}
Detector = tuple[list[dict[str, Tensor]], list[dict[str, Tensor]]]
APART = 5e-4  # two answers differ by so much where a case is to tell them apart


def detector(
    rng: np.random.Generator, images: int, classes: int, thresholds: Sequence[float]
) -> Detector:
    """Return what a middling detector found and what is there: objects of every class, and no
    decision that rounding could turn."""

    def fits(drawn: Detector) -> bool:
        found, truth = drawn
        there = {label for each in truth for label in each["labels"].tolist()}
        return len(there) == classes and _decided(found, truth, thresholds)

    return redraw(lambda: _draw(rng, images, classes), fits)


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
