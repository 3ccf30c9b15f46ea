"""Wrong answers as students write them: a known mistake, and often a second fault at an edge.

The name of each function is that of its exercise, two underscores, and the mistake to be named.
"""

import torch

from solutions.boxes import box_iou
from solutions.nms import nms


def box_iou__negative_overlap(a, b):
    """It also divides by an empty union."""
    size = torch.min(a[:, None, 2:], b[:, 2:]) - torch.max(a[:, None, :2], b[:, :2])
    shared = size[..., 0] * size[..., 1]
    area_a = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])
    area_b = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    return shared / (area_a[:, None] + area_b - shared)


def box_iou__union_counts_overlap_twice(a, b):
    """It also divides by an empty union."""
    size = torch.min(a[:, None, 2:], b[:, 2:]) - torch.max(a[:, None, :2], b[:, :2])
    shared = size.clamp(min=0).prod(dim=2)
    area_a = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])
    area_b = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    return shared / (area_a[:, None] + area_b)


def nms__drops_at_the_threshold(boxes, scores, iou_threshold):
    """Its empty result is float32, too."""
    order, kept = scores.argsort(descending=True).tolist(), []
    while order:
        best = order.pop(0)
        kept.append(best)
        order = [i for i in order if box_iou(boxes[[best]], boxes[[i]]) < iou_threshold]
    return torch.tensor(kept)


def nms__takes_boxes_as_given(boxes, scores, iou_threshold):
    """Its empty result is float32, too."""
    order, kept = list(range(len(boxes))), []
    while order:
        best = order.pop(0)
        kept.append(best)
        order = [i for i in order if box_iou(boxes[[best]], boxes[[i]]) <= iou_threshold]
    return torch.tensor(kept)


def nms__positions_in_the_sorted_list(boxes, scores, iou_threshold):
    """Its empty result is float32, too."""
    boxes = boxes[scores.argsort(descending=True)]
    alive, kept = torch.ones(len(boxes), dtype=torch.bool), []
    for i, overlaps in enumerate(box_iou(boxes, boxes)):
        if alive[i]:
            kept.append(i)
            alive &= overlaps <= iou_threshold
    return torch.tensor(kept)


def nms__dropped_boxes_drop_others(boxes, scores, iou_threshold):
    """It also takes the maximum of nothing."""
    order = scores.argsort(descending=True)
    overlaps = box_iou(boxes[order], boxes[order]).triu(diagonal=1)
    return order[overlaps.max(dim=0).values <= iou_threshold]


def nms_per_class__class_after_class(boxes, scores, labels, iou_threshold):
    """It also joins an empty list."""
    kept = []
    for label in labels.unique():
        members = (labels == label).nonzero().flatten()
        kept.append(members[nms(boxes[members], scores[members], iou_threshold)])
    return torch.cat(kept)


def nms_per_class__equal_scores_by_class(boxes, scores, labels, iou_threshold):
    """It also joins an empty list."""
    kept = nms_per_class__class_after_class(boxes, scores, labels, iou_threshold)
    return kept[scores[kept].argsort(descending=True, stable=True)]


def nms_per_class__offset_by_the_largest_coordinate(boxes, scores, labels, iou_threshold):
    """It also takes the maximum of nothing."""
    return nms(boxes + (labels * boxes.max())[:, None], scores, iou_threshold)


def soft_nms__original_scores(boxes, scores, sigma=0.5, score_threshold=0.001):
    """Its empty indices are float32, too."""
    now, rest, kept = scores.clone(), list(range(len(boxes))), []
    while rest:
        best = max(rest, key=lambda i: now[i])
        rest.remove(best)
        if now[best] < score_threshold:
            break
        kept.append(best)
        now[rest] *= torch.exp(-(box_iou(boxes[[best]], boxes[rest])[0] ** 2) / sigma)
    return torch.tensor(kept), scores[kept]
