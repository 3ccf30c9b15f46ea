"""Style: loops over tensor scalars, one pixel, bin or keypoint at a time."""

import math

import torch
from torch import nn


def _value(mask, x, y):
    """The mask at index coordinates (x, y), clamped to its border."""
    height, width = mask.shape
    x, y = min(max(float(x), 0.0), width - 1.0), min(max(float(y), 0.0), height - 1.0)
    left, top = int(x), int(y)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    a, b = x - left, y - top
    upper = float(mask[top, left]) * (1 - a) + float(mask[top, right]) * a
    lower = float(mask[bottom, left]) * (1 - a) + float(mask[bottom, right]) * a
    return upper * (1 - b) + lower * b


def mask_targets(gt_masks, boxes, matches, size=28):
    targets = torch.zeros(len(boxes), size, size, dtype=boxes.dtype)
    for n in range(len(boxes)):
        if matches[n] < 0:
            continue
        x1, y1, x2, y2 = boxes[n].tolist()
        for i in range(size):
            for j in range(size):
                x = x1 + (j + 0.5) * (x2 - x1) / size - 0.5
                y = y1 + (i + 0.5) * (y2 - y1) / size - 0.5
                if _value(gt_masks[matches[n]], x, y) >= 0.5:
                    targets[n, i, j] = 1.0
    return targets


class MaskHead(nn.Module):
    def __init__(self, in_channels, num_classes, hidden=256):
        super().__init__()
        self.convolutions = nn.ModuleList()
        for i in range(4):
            self.convolutions.append(nn.Conv2d(in_channels if i == 0 else hidden, hidden, 3, 1, 1))
        self.up = nn.ConvTranspose2d(hidden, hidden, 2, 2)
        self.last = nn.Conv2d(hidden, num_classes, 1)

    def forward(self, features):
        x = features
        for convolution in self.convolutions:
            x = torch.relu(convolution(x))
        return self.last(torch.relu(self.up(x)))


def mask_loss(logits, targets, labels):
    total, count = logits.sum() * 0, 0
    for n in range(len(labels)):
        if labels[n] > 0:
            z = logits[n, labels[n] - 1]
            total = total + (z.clamp(min=0) - z * targets[n] + torch.log1p((-z.abs()).exp())).sum()
            count += z.numel()
    return total / count if count else total


def paste_masks(probabilities, boxes, image_size, threshold=0.5):
    height, width = image_size
    pasted = torch.zeros(len(boxes), height, width, dtype=torch.bool)
    for n in range(len(boxes)):
        x1, y1, x2, y2 = boxes[n].tolist()
        h, w = probabilities[n].shape
        for row in range(height):
            for column in range(width):
                x, y = column + 0.5, row + 0.5
                if x1 <= x < x2 and y1 <= y < y2:
                    u, v = (x - x1) / (x2 - x1) * w - 0.5, (y - y1) / (y2 - y1) * h - 0.5
                    pasted[n, row, column] = _value(probabilities[n], u, v) >= threshold
    return pasted


def keypoint_targets(keypoints, boxes, size=56):
    bins = torch.zeros(keypoints.shape[:2], dtype=torch.int64)
    valid = torch.zeros(keypoints.shape[:2], dtype=torch.bool)
    for n in range(keypoints.shape[0]):
        x1, y1, x2, y2 = boxes[n].tolist()
        for p in range(keypoints.shape[1]):
            x, y, v = keypoints[n, p].tolist()
            if v <= 0 or x2 <= x1 or y2 <= y1 or not (x1 <= x <= x2 and y1 <= y <= y2):
                continue
            column = size - 1 if x == x2 else math.floor((x - x1) / (x2 - x1) * size)
            row = size - 1 if y == y2 else math.floor((y - y1) / (y2 - y1) * size)
            bins[n, p], valid[n, p] = row * size + column, True
    return bins, valid


def keypoint_loss(logits, bins, valid):
    total, count = logits.sum() * 0, 0
    for n in range(logits.shape[0]):
        for p in range(logits.shape[1]):
            if valid[n, p]:
                flat = logits[n, p].flatten()
                total = total + torch.logsumexp(flat, dim=0) - flat[bins[n, p]]
                count += 1
    return total / max(count, 1)


def decode_keypoints(logits, boxes):
    N, P, H, W = logits.shape
    decoded = torch.zeros(N, P, 3, dtype=logits.dtype)
    for n in range(N):
        x1, y1, x2, y2 = boxes[n].tolist()
        for p in range(P):
            best = 0
            flat = logits[n, p].reshape(-1)
            for k in range(1, H * W):
                if flat[k] > flat[best]:
                    best = k
            chance = 1 / (flat - flat[best]).exp().sum()
            row, column = divmod(best, W)
            x = x1 + (x2 - x1) * (column + 0.5) / W
            y = y1 + (y2 - y1) * (row + 0.5) / H
            decoded[n, p] = torch.tensor([x, y, float(chance)], dtype=logits.dtype)
    return decoded


def panoptic_merge(semantic, masks, scores, labels, min_area):
    category, instance = semantic.clone(), torch.zeros_like(semantic)
    left, number = list(range(len(scores))), 1
    while left:
        best = left[0]
        for i in left:
            if scores[i] > scores[best]:
                best = i
        left.remove(best)
        free = []
        for y in range(semantic.shape[0]):
            for x in range(semantic.shape[1]):
                if masks[best, y, x] and instance[y, x] == 0:
                    free.append((y, x))
        if len(free) >= min_area:
            for y, x in free:
                category[y, x] = labels[best]
                instance[y, x] = number
            number += 1
    return category, instance


def instances_of(category, instance):
    found = {}
    for y in range(instance.shape[0]):
        for x in range(instance.shape[1]):
            n = int(instance[y, x])
            if n > 0:
                box = found.setdefault(n, [x, y, x + 1, y + 1, int(category[y, x])])
                box[0], box[1] = min(box[0], x), min(box[1], y)
                box[2], box[3] = max(box[2], x + 1), max(box[3], y + 1)
    rows = [found[n] for n in sorted(found)]
    boxes = torch.zeros(len(rows), 4)
    labels = torch.zeros(len(rows), dtype=torch.int64)
    for i, row in enumerate(rows):
        boxes[i], labels[i] = torch.tensor(row[:4]), row[4]
    return boxes, labels


def multi_head_loss(losses, weights):
    total = 0
    for name in losses:
        weight = 1.0
        if name in weights:
            weight = weights[name]
        total = total + weight * losses[name]
    return total
