"""Style: loops over tensor scalars, one cell, one point, one anchor at a time."""

import math
import random

import torch

from solutions.nms import nms
from solutions.rcnn import decode_boxes


def round_half_away(x):
    if x >= 0:
        return math.floor(x + 0.5)
    return -math.floor(-x + 0.5)


def roi_pool(features, boxes, size, spatial_scale):
    C, H, W = features.shape
    h, w = size
    out = torch.zeros(len(boxes), C, h, w, dtype=features.dtype)
    for n in range(len(boxes)):
        x1 = round_half_away(float(boxes[n, 0]) * spatial_scale)
        y1 = round_half_away(float(boxes[n, 1]) * spatial_scale)
        x2 = round_half_away(float(boxes[n, 2]) * spatial_scale)
        y2 = round_half_away(float(boxes[n, 3]) * spatial_scale)
        roi_w, roi_h = max(x2 - x1 + 1, 1), max(y2 - y1 + 1, 1)
        bin_w, bin_h = roi_w / w, roi_h / h
        for i in range(h):
            top = max(y1 + math.floor(i * bin_h), 0)
            bottom = min(y1 + math.ceil((i + 1) * bin_h), H)
            for j in range(w):
                left = max(x1 + math.floor(j * bin_w), 0)
                right = min(x1 + math.ceil((j + 1) * bin_w), W)
                for c in range(C):
                    best = None
                    for y in range(top, bottom):
                        for x in range(left, right):
                            if best is None or features[c, y, x] > best:
                                best = features[c, y, x]
                    if best is not None:
                        out[n, c, i, j] = best
    return out


def value_at(features, y, x):
    C, H, W = features.shape
    if y < -1 or y > H or x < -1 or x > W:
        return torch.zeros(C, dtype=features.dtype)
    y, x = min(max(y, 0), H - 1), min(max(x, 0), W - 1)
    y0, x0 = int(y), int(x)
    y1, x1 = min(y0 + 1, H - 1), min(x0 + 1, W - 1)
    dy, dx = y - y0, x - x0
    top = features[:, y0, x0] * (1 - dx) + features[:, y0, x1] * dx
    bottom = features[:, y1, x0] * (1 - dx) + features[:, y1, x1] * dx
    return top * (1 - dy) + bottom * dy


def roi_align(features, boxes, size, spatial_scale, sampling_ratio=2):
    C = features.shape[0]
    h, w = size
    out = torch.zeros(len(boxes), C, h, w, dtype=features.dtype)
    for n in range(len(boxes)):
        x1, y1, x2, y2 = [float(side) * spatial_scale - 0.5 for side in boxes[n]]
        bin_w, bin_h = (x2 - x1) / w, (y2 - y1) / h
        for i in range(h):
            for j in range(w):
                total = torch.zeros(C, dtype=features.dtype)
                for p in range(sampling_ratio):
                    for q in range(sampling_ratio):
                        y = y1 + i * bin_h + (p + 0.5) * bin_h / sampling_ratio
                        x = x1 + j * bin_w + (q + 0.5) * bin_w / sampling_ratio
                        total = total + value_at(features, y, x)
                out[n, :, i, j] = total / sampling_ratio**2
    return out


def anchor_grid(feature_size, stride, sizes, aspect_ratios):
    anchors = []
    for y in range(feature_size[0]):
        for x in range(feature_size[1]):
            for size in sizes:
                for ratio in aspect_ratios:
                    width = math.sqrt(size * size / ratio)
                    height = width * ratio
                    cx, cy = (x + 0.5) * stride, (y + 0.5) * stride
                    anchors.append(
                        [cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2]
                    )
    if len(anchors) == 0:
        return torch.zeros(0, 4)
    return torch.tensor(anchors)


def label_anchors(iou, positive=0.7, negative=0.3):
    N, M = iou.shape
    labels = torch.full((N,), -1, dtype=torch.int64)
    matches = torch.full((N,), -1, dtype=torch.int64)
    for i in range(N):
        best = 0.0
        for j in range(M):
            if matches[i] < 0 or iou[i, j] > best:
                best, matches[i] = iou[i, j], j
        if best >= positive:
            labels[i] = 1
        elif best < negative:
            labels[i] = 0
    for j in range(M):
        best = 0.0
        for i in range(N):
            if iou[i, j] > best:
                best = iou[i, j]
        for i in range(N):
            if iou[i, j] == best and best > 0:
                labels[i] = 1
    return labels, matches


def sample_anchors(labels, batch_size=256, positive_fraction=0.5, generator=None):
    """Python's own random numbers, seeded from the generator."""
    seed = int(torch.randint(2**31, (1,), generator=generator))
    chance = random.Random(seed)
    positives = [i for i in range(len(labels)) if labels[i] == 1]
    negatives = [i for i in range(len(labels)) if labels[i] == 0]
    count = min(int(batch_size * positive_fraction), len(positives))
    kept = chance.sample(positives, count)
    kept += chance.sample(negatives, min(batch_size - count, len(negatives)))
    result = torch.full((len(labels),), -1, dtype=torch.int64)
    for i in kept:
        result[i] = labels[i]
    return result


def propose(
    objectness,
    transforms,
    anchors,
    image_size,
    pre_nms_top_n=2000,
    top_n=300,
    iou_threshold=0.7,
    min_size=1.0,
):
    height, width = image_size
    left = list(range(len(objectness)))
    best = []
    while left and len(best) < pre_nms_top_n:
        k = left[0]
        for i in left:
            if objectness[i] > objectness[k]:
                k = i
        left.remove(k)
        best.append(k)
    boxes, scores = [], []
    for k in best:
        box = decode_boxes(anchors[k : k + 1], transforms[k : k + 1])[0]
        box[0] = min(max(box[0], 0), width)
        box[1] = min(max(box[1], 0), height)
        box[2] = min(max(box[2], 0), width)
        box[3] = min(max(box[3], 0), height)
        if box[2] - box[0] >= min_size and box[3] - box[1] >= min_size:
            boxes.append(box)
            scores.append(objectness[k])
    if not boxes:
        return anchors[:0].clone(), objectness[:0].clone()
    boxes, scores = torch.stack(boxes), torch.stack(scores)
    keep = nms(boxes, scores, iou_threshold)[:top_n]
    return boxes[keep], torch.sigmoid(scores[keep])
