"""Style: float64 inside, cast back at the end."""

import torch


def box_area(boxes):
    x1, y1, x2, y2 = boxes.double().T
    return ((x2 - x1) * (y2 - y1)).to(boxes.dtype)


def _iou(a, b):
    a, b = a.double(), b.double()
    width = torch.minimum(a[:, 2:3], b[:, 2]) - torch.maximum(a[:, 0:1], b[:, 0])
    height = torch.minimum(a[:, 3:4], b[:, 3]) - torch.maximum(a[:, 1:2], b[:, 1])
    shared = torch.relu(width) * torch.relu(height)
    union = box_area(a)[:, None] + box_area(b)[None] - shared
    return torch.nan_to_num(shared / union)


def box_iou(a, b):
    return _iou(a, b).to(a.dtype)


def nms(boxes, scores, iou_threshold):
    iou = _iou(boxes, boxes)
    kept = []
    for i in scores.double().argsort(descending=True, stable=True).tolist():
        if all(iou[i, k] <= iou_threshold for k in kept):
            kept.append(i)
    return torch.tensor(kept).long()


def nms_per_class(boxes, scores, labels, iou_threshold):
    iou = _iou(boxes, boxes) * (labels[:, None] == labels[None])
    kept = []
    for i in scores.double().argsort(descending=True, stable=True).tolist():
        if all(iou[i, k] <= iou_threshold for k in kept):
            kept.append(i)
    return torch.tensor(kept).long()


def soft_nms(boxes, scores, sigma=0.5, score_threshold=0.001):
    iou, now = _iou(boxes, boxes), scores.double()
    kept, values = [], []
    now = torch.where(now >= score_threshold, now, -1.0)
    while (now >= 0).any():
        best = int(now.argmax())
        kept.append(best)
        values.append(float(now[best]))
        now = torch.where(now >= 0, now * torch.exp(-(iou[best] ** 2) / sigma), now)
        now[best] = -1.0
        now = torch.where(now >= score_threshold, now, -1.0)
    return torch.tensor(kept, dtype=torch.int64), torch.tensor(values, dtype=scores.dtype)
