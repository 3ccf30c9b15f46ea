"""Style: numpy inside, tensors at the door."""

import numpy as np
import torch


def box_area(boxes):
    array = boxes.numpy()
    return torch.from_numpy((array[:, 2:] - array[:, :2]).prod(axis=1))


def _iou(a, b):
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    area_a = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])
    area_b = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    union = area_a[:, None] + area_b - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def box_iou(a, b):
    return torch.from_numpy(_iou(a.numpy(), b.numpy()))


def _nms(boxes, scores, iou_threshold):
    iou = _iou(boxes, boxes)
    alive = np.ones(len(boxes), dtype=bool)
    kept = []
    for i in np.argsort(-scores, kind="stable"):
        if alive[i]:
            kept.append(i)
            alive[iou[i] > iou_threshold] = False
    return np.array(kept, dtype=np.int64)


def nms(boxes, scores, iou_threshold):
    return torch.from_numpy(_nms(boxes.numpy(), scores.numpy(), iou_threshold))


def nms_per_class(boxes, scores, labels, iou_threshold):
    boxes, scores, labels = boxes.numpy(), scores.numpy(), labels.numpy()
    kept = np.zeros(len(boxes), dtype=bool)
    for label in np.unique(labels):
        where = np.flatnonzero(labels == label)
        kept[where[_nms(boxes[where], scores[where], iou_threshold)]] = True
    order = np.argsort(-scores, kind="stable")
    return torch.from_numpy(order[kept[order]])


def soft_nms(boxes, scores, sigma=0.5, score_threshold=0.001):
    iou = _iou(boxes.numpy(), boxes.numpy())
    now = scores.numpy().copy()
    now[now < score_threshold] = -np.inf
    kept, values = [], []
    while len(now) and now.max() >= score_threshold:
        best = int(np.argmax(now))
        kept.append(best)
        values.append(now[best])
        now[best] = -np.inf
        now = now * np.exp(-(iou[best] ** 2) / sigma)
    values = np.array(values, dtype=now.dtype)
    return torch.tensor(kept, dtype=torch.long), torch.from_numpy(values)
