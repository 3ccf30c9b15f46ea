"""Style: loops over tensor scalars, one pair of boxes at a time."""

import math

import torch


def box_area(boxes):
    areas = boxes.new_zeros(len(boxes))
    for i in range(len(boxes)):
        areas[i] = (boxes[i, 2] - boxes[i, 0]) * (boxes[i, 3] - boxes[i, 1])
    return areas


def box_iou(a, b):
    iou = a.new_zeros(len(a), len(b))
    for i in range(len(a)):
        for j in range(len(b)):
            width = min(a[i, 2], b[j, 2]) - max(a[i, 0], b[j, 0])
            height = min(a[i, 3], b[j, 3]) - max(a[i, 1], b[j, 1])
            if width <= 0 or height <= 0:
                continue
            shared = width * height
            area_a = (a[i, 2] - a[i, 0]) * (a[i, 3] - a[i, 1])
            area_b = (b[j, 2] - b[j, 0]) * (b[j, 3] - b[j, 1])
            iou[i, j] = shared / (area_a + area_b - shared)
    return iou


def nms(boxes, scores, iou_threshold):
    left = list(range(len(boxes)))
    kept = []
    while left:
        best = left[0]
        for i in left:
            if scores[i] > scores[best]:
                best = i
        kept.append(best)
        survivors = []
        for i in left:
            if (
                i != best
                and box_iou(boxes[best : best + 1], boxes[i : i + 1])[0, 0] <= iou_threshold
            ):
                survivors.append(i)
        left = survivors
    return torch.tensor(kept, dtype=torch.int64)


def nms_per_class(boxes, scores, labels, iou_threshold):
    kept = []
    for label in labels.unique():
        members = [i for i in range(len(labels)) if labels[i] == label]
        for position in nms(boxes[members], scores[members], iou_threshold):
            kept.append(members[position])
    kept.sort(key=lambda i: (-scores[i], i))
    return torch.tensor(kept, dtype=torch.int64)


def soft_nms(boxes, scores, sigma=0.5, score_threshold=0.001):
    scores = scores.clone()
    left = [i for i in range(len(boxes)) if scores[i] >= score_threshold]
    kept = []
    while left:
        best = left[0]
        for i in left:
            if scores[i] > scores[best]:
                best = i
        left.remove(best)
        kept.append(best)
        for i in left:
            iou = box_iou(boxes[best : best + 1], boxes[i : i + 1])[0, 0]
            scores[i] = scores[i] * math.exp(-iou * iou / sigma)
        left = [i for i in left if scores[i] >= score_threshold]
    kept = torch.tensor(kept, dtype=torch.int64)
    return kept, scores[kept]
