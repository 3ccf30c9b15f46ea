"""Style: torch as far as it goes, everything as tensors without axes."""

import torch


def _iou(a, b):
    size = torch.minimum(a[:, None, 2:], b[:, 2:]) - torch.maximum(a[:, None, :2], b[:, :2])
    shared = size.clamp_min(0).prod(-1)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).prod(-1) for x in (a, b))
    return (shared / (area_a[:, None] + area_b - shared)).nan_to_num(0)


def match_detections(boxes, scores, gt_boxes, iou_threshold=0.5):
    order = torch.sort(scores, descending=True, stable=True).indices
    overlap = _iou(boxes[order], gt_boxes)
    hits = torch.zeros(len(order), dtype=torch.bool)
    for k, row in enumerate(overlap):
        if row.numel():
            value, j = row.max(dim=0)
            if value >= iou_threshold:
                hits[k] = True
                overlap[:, j] = -1.0
    return hits


def precision_recall(true_positives, num_gt):
    found = torch.cumsum(true_positives.to(torch.float64), 0)
    seen = torch.arange(1, len(found) + 1)
    return found / seen, found / max(num_gt, 1)


def _monotone(precision):
    return precision.flip(0).cummax(0).values.flip(0) if len(precision) else precision


def average_precision(precision, recall):
    before = torch.cat([recall.new_zeros(1), recall])[:-1]
    return ((recall - before) * _monotone(precision)).sum()


def average_precision_101(precision, recall):
    levels = torch.linspace(0, 1, 101, dtype=torch.float64)
    reached = recall.double()[None] >= levels[:, None]
    padded = torch.cat([precision.double(), precision.new_zeros(1).double()])
    reached = torch.cat([reached, torch.ones(101, 1, dtype=torch.bool)], dim=1)
    return torch.where(reached, padded, 0.0).max(dim=1).values.mean()


def perfect_ap(ranks, num_gt):
    hits = torch.tensor(ranks, dtype=torch.bool)
    return (hits[:num_gt].sum() == num_gt) & (hits.sum() == num_gt) & torch.tensor(num_gt > 0)


def _class_curve(detections, ground_truth, label, threshold, most):
    scores, hits, total = [torch.zeros(0)], [torch.zeros(0, dtype=torch.bool)], 0
    for found, truth in zip(detections, ground_truth, strict=True):
        mine, own = found["labels"] == label, truth["labels"] == label
        ranked, order = found["scores"][mine].sort(descending=True, stable=True)
        boxes = found["boxes"][mine][order[:most]]
        hits.append(match_detections(boxes, ranked[:most], truth["boxes"][own], threshold))
        scores.append(ranked[:most])
        total += int(own.sum())
    order = torch.cat(scores).argsort(descending=True, stable=True)
    return precision_recall(torch.cat(hits)[order], total), total


def mean_average_precision(detections, ground_truth, num_classes, iou_threshold=0.5):
    aps = []
    for label in range(1, num_classes + 1):
        curve, total = _class_curve(detections, ground_truth, label, iou_threshold, None)
        if total:
            aps.append(average_precision(*curve))
    return torch.stack(aps).mean() if aps else torch.tensor(0.0)


def coco_map(detections, ground_truth, num_classes):
    rows = []
    for label in range(1, num_classes + 1):
        for threshold in torch.arange(50, 100, 5) / 100:
            curve, total = _class_curve(detections, ground_truth, label, threshold, 100)
            if total:
                rows.append(average_precision_101(*curve))
    return torch.stack(rows).mean() if rows else 0.0
