"""Style: plain Python lists all the way, no tensor until the return."""

from math import exp

import torch


def box_area(boxes):
    return torch.tensor([(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes.tolist()]).to(boxes)


def pair(p, q):
    width = max(0, min(p[2], q[2]) - max(p[0], q[0]))
    height = max(0, min(p[3], q[3]) - max(p[1], q[1]))
    together = (p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - width * height
    return width * height / together if together else 0.0


def box_iou(a, b):
    result = [pair(p, q) for p in a.tolist() for q in b.tolist()]
    return torch.tensor(result, dtype=a.dtype).view(len(a), len(b))


def nms(boxes, scores, iou_threshold):
    return nms_per_class(boxes, scores, torch.zeros(len(boxes)), iou_threshold)


def nms_per_class(boxes, scores, labels, iou_threshold):
    columns = boxes.tolist(), scores.tolist(), labels.tolist(), range(len(boxes))
    rows = list(zip(*columns, strict=True))
    rows.sort(key=lambda row: -row[1])
    kept = []
    while rows:
        box, _, label, index = rows.pop(0)
        kept.append(index)
        rows = [row for row in rows if row[2] != label or pair(box, row[0]) <= iou_threshold]
    return torch.tensor(kept, dtype=torch.int64)


def soft_nms(boxes, scores, sigma=0.5, score_threshold=0.001):
    rows = [
        list(row) for row in zip(scores.tolist(), boxes.tolist(), range(len(boxes)), strict=True)
    ]
    rows = [row for row in rows if row[0] >= score_threshold]
    kept = []
    while rows:
        best = max(rows, key=lambda row: row[0])
        rows.remove(best)
        kept.append(best)
        for row in rows:
            row[0] *= exp(-(pair(best[1], row[1]) ** 2) / sigma)
        rows = [row for row in rows if row[0] >= score_threshold]
    indices = torch.tensor([row[2] for row in kept], dtype=torch.int64)
    return indices, torch.tensor([row[0] for row in kept], dtype=scores.dtype)
