"""Wrong answers as students write them: a known mistake, and often a second fault at an edge."""

import numpy as np
import torch

from solutions.average_precision import (
    average_precision,
    average_precision_101,
    match_detections,
    precision_recall,
)
from solutions.boxes import box_iou


def match_detections__an_object_found_twice(boxes, scores, gt_boxes, iou_threshold=0.5):
    """It also fails without objects."""
    order = scores.argsort(descending=True)
    return box_iou(boxes[order], gt_boxes).max(dim=1).values >= iou_threshold


def match_detections__only_the_best_object(boxes, scores, gt_boxes, iou_threshold=0.5):
    order = scores.argsort(descending=True, stable=True)
    iou, taken, hits = box_iou(boxes[order], gt_boxes), set(), []
    for row in iou:
        best = int(row.argmax()) if len(row) else -1
        hits.append(best >= 0 and row[best] >= iou_threshold and best not in taken)
        if hits[-1]:
            taken.add(best)
    return torch.tensor(hits, dtype=torch.bool)


def match_detections__not_sorted(boxes, scores, gt_boxes, iou_threshold=0.5):
    """An empty result of floats, too."""
    iou, hits = box_iou(boxes, gt_boxes), []
    for row in iou:
        hits.append(bool(len(row)) and bool(row.max() >= iou_threshold))
        if hits[-1]:
            iou[:, row.argmax()] = 0
    return torch.tensor(hits)


def match_detections__as_given(boxes, scores, gt_boxes, iou_threshold=0.5):
    order = scores.argsort(descending=True, stable=True)
    hits = torch.zeros(len(boxes), dtype=torch.bool)
    hits[order] = match_detections(boxes, scores, gt_boxes, iou_threshold)
    return hits


def match_detections__strictly_greater(boxes, scores, gt_boxes, iou_threshold=0.5):
    free = list(range(len(gt_boxes)))
    hits = []
    for i in scores.argsort(descending=True, stable=True):
        overlaps = box_iou(boxes[i : i + 1], gt_boxes[free])[0]
        hits.append(len(free) > 0 and float(overlaps.max()) > iou_threshold)
        if hits[-1]:
            free.pop(int(overlaps.argmax()))
    return torch.tensor(hits, dtype=torch.bool)


def precision_recall__recall_of_the_detections(true_positives, num_gt):
    found = true_positives.cumsum(0)
    return found / torch.arange(1, len(found) + 1), found / len(found)


def precision_recall__precision_of_the_whole_ranking(true_positives, num_gt):
    """It also divides by no objects."""
    found = true_positives.cumsum(0)
    return found / len(found), found / num_gt


def precision_recall__recall_of_the_found(true_positives, num_gt):
    found = true_positives.cumsum(0)
    total = found[-1] if len(found) and found[-1] else 1
    return found / torch.arange(1, len(found) + 1), found / total


def average_precision__no_envelope(precision, recall):
    """It also fails without detections."""
    area = precision[0] * recall[0]
    for k in range(1, len(recall)):
        area += precision[k] * (recall[k] - recall[k - 1])
    return area


def average_precision__trapezoids(precision, recall):
    return torch.trapezoid(precision, recall)


def average_precision__mean_of_precisions(precision, recall):
    return precision.mean()


def average_precision__best_so_far(precision, recall):
    best = torch.from_numpy(np.maximum.accumulate(precision.numpy()))
    return (best * torch.diff(recall, prepend=torch.zeros(1))).sum()


def average_precision_101__no_envelope(precision, recall):
    total = 0.0
    for level in range(101):
        at = (recall >= level / 100).nonzero()
        total += precision[at[0, 0]].item() if len(at) else 0
    return total / 101


def average_precision_101__eleven_levels(precision, recall):
    levels = torch.arange(11) / 10
    best = [precision[recall >= t].max().item() if (recall >= t).any() else 0 for t in levels]
    return sum(best) / 11


def average_precision_101__only_levels_reached(precision, recall):
    """It also fails without detections: nothing is reached."""
    best = []
    for t in torch.linspace(0, 1, 101, dtype=torch.float64):
        beyond = precision[recall >= t]
        if len(beyond):
            best.append(float(beyond.max()))
    return sum(best) / len(best)


def perfect_ap__no_false_one_at_all(ranks, num_gt):
    return len(ranks) == num_gt and all(ranks) and num_gt > 0


def perfect_ap__recall_only(ranks, num_gt):
    return ranks.count(True) == num_gt and num_gt != 0


def perfect_ap__precision_only(ranks, num_gt):
    """Without detections it fails, too."""
    if num_gt == 0:
        return False
    true = [k for k, hit in enumerate(ranks) if hit]
    return max(true, default=-1) == len(true) - 1 and ranks != []


def _ranked(detections, ground_truth, label, threshold):
    hits, scores, total = [], [], 0
    for found, truth in zip(detections, ground_truth, strict=True):
        mine, own = found["labels"] == label, truth["labels"] == label
        gt = truth["boxes"][own]
        hits.append(match_detections(found["boxes"][mine], found["scores"][mine], gt, threshold))
        scores.append(found["scores"][mine].sort(descending=True).values)
        total += len(gt)
    return torch.cat(hits), torch.cat(scores), total


def mean_average_precision__images_one_after_another(found, truth, num_classes, iou_threshold=0.5):
    aps = []
    for label in range(1, num_classes + 1):
        hits, _, total = _ranked(found, truth, label, iou_threshold)
        if total:
            aps.append(average_precision(*precision_recall(hits, total)))
    return sum(aps) / len(aps)


def mean_average_precision__classes_from_zero(found, truth, num_classes, iou_threshold=0.5):
    aps = []
    for label in range(num_classes):
        hits, scores, total = _ranked(found, truth, label, iou_threshold)
        if total:
            order = scores.argsort(descending=True)
            aps.append(average_precision(*precision_recall(hits[order], total)))
    return sum(aps) / len(aps) if aps else 0.0


def coco_map__only_threshold_a_half(found, truth, num_classes):
    """It has no limit on the number of detections, either."""
    aps = []
    for label in range(1, num_classes + 1):
        hits, scores, total = _ranked(found, truth, label, 0.5)
        if total:
            order = scores.argsort(descending=True)
            aps.append(average_precision_101(*precision_recall(hits[order], total)))
    return sum(aps) / len(aps) if aps else 0.0


def coco_map__nine_thresholds(found, truth, num_classes):
    """The limit is missing, too."""
    aps = []
    for threshold in np.arange(0.5, 0.94, 0.05):
        for label in range(1, num_classes + 1):
            hits, scores, total = _ranked(found, truth, label, threshold)
            if total:
                order = scores.argsort(descending=True)
                aps.append(average_precision_101(*precision_recall(hits[order], total)))
    return sum(aps) / len(aps) if aps else 0.0
