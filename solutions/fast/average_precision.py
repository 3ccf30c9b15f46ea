"""coco_map over arrays of all images at once, in numpy.

Detections and ground truths are grouped by class and image. The pairs within groups whose IoU
reaches the lowest threshold are few; they are matched for all groups and all thresholds together,
one rank after another. Precision is needed at true detections only.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]

THRESHOLDS = np.linspace(0.5, 0.95, 10)
LEVELS = np.linspace(0, 1, 101)
MOST = 100  # detections of a class in an image


def coco_map(
    detections: list[dict[str, Tensor]], ground_truth: list[dict[str, Tensor]], num_classes: int
) -> float:
    """Return COCO's mean average precision: over classes and over IoU 0.50, 0.55, ..., 0.95.

    Both lists hold one dict per image: boxes, scores and labels; boxes and labels. The 100 best
    detections of each class in each image count; AP is taken at 101 recall levels. A class without
    ground truth is left out; 0.0 where no class has any. Equal to
    solutions.average_precision.coco_map.
    """
    if len(detections) != len(ground_truth):
        raise ValueError(
            f"detections must have one entry per image, got {len(detections)} for "
            f"{len(ground_truth)} images"
        )
    truth_group, truth_boxes, _ = grouped(ground_truth, num_classes)
    group, boxes, scores = grouped(detections, num_classes)
    num_images = max(len(ground_truth), 1)
    num_gt = np.bincount(truth_group // num_images, minlength=num_classes)
    if not num_gt.any():
        return 0.0
    truth_order = np.argsort(truth_group, kind="stable")
    truth_group, truth_boxes = truth_group[truth_order], truth_boxes[truth_order]
    order = np.lexsort((-scores, group))  # by class, image, falling score
    order = order[rank_in_group(group[order]) < MOST]
    group, boxes, scores = group[order], boxes[order], scores[order]
    hits = match(group, boxes, truth_group, truth_boxes)  # [N, thresholds]
    label = group // num_images
    order = np.lexsort((-scores, label))  # by class, falling score
    return mean_ap(label[order], hits[order], num_gt)


def grouped(images: list[dict[str, Tensor]], num_classes: int) -> tuple[Array, Array, Array]:
    """Return group, box and score of everything in the images; a group is a class in an image."""
    counts = [len(entry["labels"]) for entry in images]
    labels = concatenated([entry["labels"] for entry in images], np.int64, ())
    boxes = concatenated([entry["boxes"] for entry in images], np.float64, (4,))
    scores = concatenated([entry["scores"] for entry in images if "scores" in entry], None, ())
    group = (labels - 1) * len(images) + np.repeat(np.arange(len(images)), counts)
    known = (labels >= 1) & (labels <= num_classes)
    return group[known], boxes[known], scores[known] if len(scores) else scores


def concatenated(tensors: list[Tensor], dtype: Any, shape: tuple[int, ...]) -> Array:
    """Return the tensors, one after another, as one array."""
    if not tensors:
        return np.zeros((0, *shape), dtype=dtype)
    joined = np.concatenate([tensor.detach().cpu().numpy() for tensor in tensors])
    return joined if dtype is None else joined.astype(dtype, copy=False)


def rank_in_group(group: Array) -> Array:
    """Return for each entry of a sorted array how many equal ones stand before it."""
    first = np.flatnonzero(np.diff(group, prepend=-1))
    lengths = np.diff(first, append=len(group))
    return np.arange(len(group)) - np.repeat(first, lengths)


def match(group: Array, boxes: Array, truth_group: Array, truth_boxes: Array) -> Array:
    """Return whether each detection is true at each threshold; both sides are sorted by group.

    The k-th detections of all groups that have a pair choose at once: they cannot compete.
    """
    hits = np.zeros((len(group), len(THRESHOLDS)), dtype=bool)
    taken = np.zeros((len(truth_group), len(THRESHOLDS)), dtype=bool)
    found, truth, iou = overlapping_pairs(group, boxes, truth_group, truth_boxes)
    starts = np.flatnonzero(np.diff(found, prepend=-1))  # of each detection's pairs
    lengths = np.diff(starts, append=len(found))
    owner = found[starts]
    rank = rank_in_group(group[owner])
    for k in range(int(rank.max(initial=-1)) + 1):
        turn = np.flatnonzero(rank == k)
        size = lengths[turn]
        offsets = np.cumsum(size) - size
        pairs = np.repeat(starts[turn] - offsets, size) + np.arange(size.sum())
        free = ~taken[truth[pairs]] & (iou[pairs, None] >= THRESHOLDS)
        value = np.where(free, iou[pairs, None], -1.0)  # [pairs, thresholds]
        best = np.maximum.reduceat(value, offsets)  # [turn, thresholds]
        hits[owner[turn]] = best > 0
        winner = free & (value == np.repeat(best, size, axis=0))
        pair, threshold = np.nonzero(winner)
        taken_by = np.repeat(np.arange(len(turn)), size)[pair]
        _, first = np.unique(taken_by * len(THRESHOLDS) + threshold, return_index=True)
        taken[truth[pairs[pair[first]]], threshold[first]] = True
    return hits


def overlapping_pairs(
    group: Array, boxes: Array, truth_group: Array, truth_boxes: Array
) -> tuple[Array, Array, Array]:
    """Return (detection, ground truth, IoU) of the pairs in one group that reach IoU 0.5."""
    first = np.searchsorted(truth_group, group, side="left")
    count = np.searchsorted(truth_group, group, side="right") - first
    found = np.repeat(np.arange(len(group)), count)
    truth = np.arange(len(found)) + np.repeat(first - (np.cumsum(count) - count), count)
    a, b = boxes[found].T, truth_boxes[truth].T
    width = np.minimum(a[2], b[2]) - np.maximum(a[0], b[0])
    height = np.minimum(a[3], b[3]) - np.maximum(a[1], b[1])
    intersection = width.clip(min=0) * height.clip(min=0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - intersection
    iou = np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)
    close = np.flatnonzero(iou >= THRESHOLDS[0])
    return found[close], truth[close], iou[close]


def mean_ap(label: Array, hits: Array, num_gt: Array) -> float:
    """Return the mean AP at 101 levels over classes with ground truth and over thresholds.

    A level is reached by the first true detection whose recall is that high, and from it on the
    best precision is that of a true detection.
    """
    starts = np.searchsorted(label, np.arange(len(num_gt) + 1))
    total = 0.0
    for k in np.flatnonzero(num_gt):
        needed = np.searchsorted(np.arange(num_gt[k] + 1) / num_gt[k], LEVELS).clip(min=1)
        own = hits[starts[k] : starts[k + 1]]
        for column in own.T:
            rank = np.flatnonzero(column)
            precision = np.arange(1, len(rank) + 1) / (rank + 1)
            envelope = np.maximum.accumulate(precision[::-1])[::-1]
            total += envelope[needed[needed <= len(rank)] - 1].sum() / len(LEVELS)
    return float(total / (np.count_nonzero(num_gt) * len(THRESHOLDS)))
