"""Style: dictionaries and small classes, float64, prints and a warning on the way."""

import warnings
from dataclasses import dataclass
from fractions import Fraction

import torch


@dataclass
class Detection:
    index: int
    score: float
    box: torch.Tensor


def match_detections(boxes, scores, gt_boxes, iou_threshold=0.5):
    warnings.warn("this matching is slow", stacklevel=2)
    found = [Detection(i, s, b) for i, (s, b) in enumerate(zip(scores.tolist(), boxes.double()))]
    found.sort(key=lambda d: (-d.score, d.index))
    left = {j: box for j, box in enumerate(gt_boxes.double())}
    hits = []
    for detection in found:
        overlaps = {}
        for j, box in left.items():
            size = torch.min(detection.box[2:], box[2:]) - torch.max(detection.box[:2], box[:2])
            shared = size.clamp(min=0).prod()
            areas = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (detection.box, box))
            overlaps[j] = float(shared / (areas - shared)) if areas > shared else 0.0
        best = max(overlaps, key=overlaps.get) if overlaps else None
        hits.append(best is not None and overlaps[best] >= iou_threshold)
        if hits[-1]:
            del left[best]
    print(f"{sum(hits)} of {len(hits)} are right")
    return torch.tensor(hits).bool()


def precision_recall(true_positives, num_gt):
    hits = true_positives.tolist()
    precision = [Fraction(sum(hits[: k + 1]), k + 1) for k in range(len(hits))]
    recall = [Fraction(sum(hits[: k + 1]), num_gt) if num_gt else 0 for k in range(len(hits))]
    return [torch.tensor([float(x) for x in values]) for values in (precision, recall)]


def average_precision(precision, recall):
    """Walk back from the end: the area of each step, under the best precision seen so far."""
    area, best = 0.0, 0.0
    points = list(zip(precision.double().tolist(), recall.double().tolist()))
    for k in reversed(range(len(points))):
        best = max(best, points[k][0])
        area += best * (points[k][1] - (points[k - 1][1] if k else 0.0))
    print("area", area)
    return area


def average_precision_101(precision, recall):
    pairs = [(p, r) for p, r in zip(precision.tolist(), recall.tolist()) if p > 0]
    levels = torch.linspace(0, 1, 101, dtype=torch.float64).tolist()
    return sum(max([p for p, r in pairs if r >= t - 1e-9], default=0) for t in levels) / 101


def perfect_ap(ranks, num_gt):
    if not any(ranks) or ranks.count(True) != num_gt:
        return False
    last = max(k for k, hit in enumerate(ranks) if hit)
    return False not in ranks[:last]


def _aps(detections, ground_truth, num_classes, thresholds, ap, most):
    for label in range(1, num_classes + 1):
        total = sum((truth["labels"] == label).sum().item() for truth in ground_truth)
        for threshold in thresholds if total else []:
            pooled = []
            for found, truth in zip(detections, ground_truth):
                rows = (found["labels"] == label).nonzero().flatten().tolist()
                rows = sorted(rows, key=found["scores"].tolist().__getitem__, reverse=True)[:most]
                gt = truth["boxes"][truth["labels"] == label]
                hits = match_detections(found["boxes"][rows], found["scores"][rows], gt, threshold)
                pooled += zip(found["scores"][rows].tolist(), hits.tolist())
            pooled = sorted(pooled, key=lambda item: item[0], reverse=True)
            hits = torch.tensor([hit for _, hit in pooled], dtype=torch.bool)
            yield ap(*precision_recall(hits, total))


def mean_average_precision(detections, ground_truth, num_classes, iou_threshold=0.5):
    aps = list(
        _aps(detections, ground_truth, num_classes, [iou_threshold], average_precision, None)
    )
    return sum(aps) / max(len(aps), 1)


def coco_map(detections, ground_truth, num_classes):
    thresholds = [0.5 + 0.05 * k for k in range(10)]
    ap = average_precision_101
    aps = list(_aps(detections, ground_truth, num_classes, thresholds, ap, 100))
    return float(torch.tensor(aps, dtype=torch.float64).mean()) if aps else 0.0
