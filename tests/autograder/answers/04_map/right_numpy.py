"""Style: numpy inside, with its own overlap function."""

import numpy as np
import torch


def _iou(a, b):
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area_a, area_b = (np.prod(x[:, 2:] - x[:, :2], axis=1) for x in (a, b))
    union = area_a[:, None] + area_b[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _match(boxes, scores, gt, threshold):
    order = np.argsort(-scores, kind="stable")
    iou = _iou(boxes[order].astype(np.float64), gt.astype(np.float64))
    hits = np.zeros(len(order), dtype=bool)
    free = np.ones(len(gt), dtype=bool)
    for k in range(len(order)):
        row = np.where(free, iou[k], -1)
        if row.size and row.max() >= threshold:
            free[row.argmax()] = False
            hits[k] = True
    return hits


def match_detections(boxes, scores, gt_boxes, iou_threshold=0.5):
    hits = _match(boxes.numpy(), scores.numpy(), gt_boxes.numpy(), iou_threshold)
    return torch.from_numpy(hits)


def _curve(hits, num_gt):
    found = np.cumsum(hits)
    return found / np.arange(1, len(hits) + 1), found / max(num_gt, 1)


def precision_recall(true_positives, num_gt):
    precision, recall = _curve(true_positives.numpy(), num_gt)
    return torch.from_numpy(precision), torch.from_numpy(recall)


def _envelope(precision):
    return np.maximum.accumulate(precision[::-1])[::-1]


def average_precision(precision, recall):
    precision, recall = precision.numpy(), recall.numpy()
    return float(np.sum(_envelope(precision) * np.diff(recall, prepend=0)))


def _coco_ap(precision, recall):
    best = np.append(_envelope(precision), 0)
    return best[np.searchsorted(recall, np.linspace(0, 1, 101))].mean()


def average_precision_101(precision, recall):
    return _coco_ap(precision.numpy(), recall.numpy())


def perfect_ap(ranks, num_gt):
    ranks = np.array(ranks, dtype=bool)
    return bool(num_gt > 0 and ranks.sum() == num_gt and ranks[:num_gt].all())


def _of_class(detections, ground_truth, label, threshold, most):
    scores, hits, num_gt = [], [], 0
    for found, truth in zip(detections, ground_truth, strict=True):
        mine = found["labels"].numpy() == label
        gt = truth["boxes"].numpy()[truth["labels"].numpy() == label]
        order = np.argsort(-found["scores"].numpy()[mine], kind="stable")[:most]
        own = found["scores"].numpy()[mine][order]
        hits.append(_match(found["boxes"].numpy()[mine][order], own, gt, threshold))
        scores.append(own)
        num_gt += len(gt)
    if num_gt == 0:
        return None
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return _curve(np.concatenate(hits)[order], num_gt)


def mean_average_precision(detections, ground_truth, num_classes, iou_threshold=0.5):
    curves = [
        _of_class(detections, ground_truth, label, iou_threshold, None)
        for label in range(1, num_classes + 1)
    ]
    aps = [np.sum(_envelope(p) * np.diff(r, prepend=0)) for p, r in filter(None, curves)]
    return float(np.mean(aps)) if aps else 0.0


def coco_map(detections, ground_truth, num_classes):
    aps = []
    for threshold in np.linspace(0.5, 0.95, 10):
        for label in range(1, num_classes + 1):
            curve = _of_class(detections, ground_truth, label, threshold, 100)
            if curve is not None:
                aps.append(_coco_ap(*curve))
    return np.mean(aps) if aps else 0
