"""Style: float64 inside, helpers, prints and warnings on the way, cast back at the end."""

import sys
import warnings

import torch
from torch import nn

from solutions.rcnn import crop_and_resize


def say(*words):
    print("debug:", *words)
    print("debug:", *words, file=sys.stderr)


def mask_targets(gt_masks, boxes, matches, size=28):
    say("boxes", boxes.shape)
    targets = []
    for box, match in zip(boxes, matches):
        if match == -1:
            targets.append(torch.zeros(size, size, dtype=torch.float64))
            continue
        crop = crop_and_resize(gt_masks[match][None].double(), box[None].double(), (size, size))
        targets.append(torch.where(crop[0, 0] < 0.5, 0.0, 1.0).double())
    return torch.stack(targets).to(boxes) if targets else boxes.new_empty(0, size, size)


class Block(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x).clamp(min=0)


class MaskHead(nn.Module):
    def __init__(self, in_channels, num_classes, hidden=256):
        super().__init__()
        warnings.warn("this head is slow", stacklevel=2)
        self.first = Block(nn.Conv2d(in_channels, hidden, 3, padding=1))
        self.rest = nn.Sequential(
            *[Block(nn.Conv2d(hidden, hidden, 3, padding=1)) for _ in range(3)],
            Block(nn.ConvTranspose2d(hidden, hidden, 2, stride=2)),
        )
        self.logits = nn.Conv2d(hidden, num_classes, 1)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        say("call", self.calls)
        return self.logits(self.rest(self.first(x)))


def mask_loss(logits, targets, labels):
    terms = []
    for each, target, label in zip(logits.double(), targets.double(), labels.tolist()):
        if label > 0:
            own = each[label - 1]
            terms.append(torch.where(target > 0, -own, own))
    if not terms:
        return (logits[:0] if len(logits) else logits).sum()
    return nn.functional.softplus(torch.stack(terms)).mean().to(logits.dtype)


def paste_masks(probabilities, boxes, image_size, threshold=0.5):
    warnings.warn("this pasting is slow", stacklevel=2)
    height, width = image_size
    pasted = torch.zeros(len(boxes), height, width) > 0
    for n, box in enumerate(boxes.double()):
        rows = [r for r in range(height) if box[1] <= r + 0.5 < box[3]]
        columns = [c for c in range(width) if box[0] <= c + 0.5 < box[2]]
        if not rows or not columns:
            continue
        h, w = probabilities[n].shape
        ys = (torch.tensor(rows).double() + 0.5 - box[1]) * h / (box[3] - box[1]) - 0.5
        xs = (torch.tensor(columns).double() + 0.5 - box[0]) * w / (box[2] - box[0]) - 0.5
        down = torch.relu(1 - (ys.clamp(0, h - 1)[:, None] - torch.arange(h)).abs())
        across = torch.relu(1 - (xs.clamp(0, w - 1)[:, None] - torch.arange(w)).abs())
        values = down @ probabilities[n].double() @ across.T
        for value_row, r in zip(values, rows):
            pasted[n, r, columns] = value_row >= threshold
    return pasted


def keypoint_targets(keypoints, boxes, size=56):
    say("keypoints", keypoints.shape)
    points, boxes = keypoints.double(), boxes.double()
    x, y, v = points[..., 0], points[..., 1], points[..., 2]
    left, top, right, bottom = (boxes[:, i : i + 1] for i in range(4))
    width, height = right - left, bottom - top
    column = torch.div((x - left) * size, width + (width == 0), rounding_mode="floor")
    row = torch.div((y - top) * size, height + (height == 0), rounding_mode="floor")
    column[x == right.expand_as(x)] = size - 1
    row[y == bottom.expand_as(y)] = size - 1
    valid = (v > 0) & (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
    valid = valid & (width > 0) & (height > 0)
    bins = (row * size + column).long()
    bins[~valid] = 0
    return bins, valid


def keypoint_loss(logits, bins, valid):
    if not valid.any():
        return logits[valid].sum()
    chances = logits.double().flatten(2).log_softmax(dim=2)
    chosen = chances.gather(2, bins[..., None]).squeeze(2)
    return -chosen[valid].mean().to(logits.dtype)


def decode_keypoints(logits, boxes):
    N, P, H, W = logits.shape
    say("maps", N, P)
    maps = logits.double().reshape(N, P, H * W)
    best = maps.argmax(-1)
    chance = maps.log_softmax(-1).gather(-1, best[..., None]).exp()[..., 0]
    left, top, right, bottom = boxes.double().T[..., None]
    x = left + (right - left) / W * (best % W + 0.5)
    y = top + (bottom - top) / H * (torch.div(best, W, rounding_mode="trunc") + 0.5)
    return torch.stack((x, y, chance), dim=-1).to(logits.dtype)


def panoptic_merge(semantic, masks, scores, labels, min_area):
    values = scores.tolist()
    order = sorted(range(len(values)), key=values.__getitem__, reverse=True)
    category, instance = semantic.flatten().tolist(), [0] * semantic.numel()
    number = 0
    for n in order:
        flat = masks[n].flatten().tolist()
        free = [i for i, inside in enumerate(flat) if inside and not instance[i]]
        if len(free) < min_area:
            say("left out", n)
            continue
        number += 1
        for i in free:
            category[i], instance[i] = int(labels[n]), number
    shape = semantic.shape
    return torch.tensor(category).reshape(shape), torch.tensor(instance).reshape(shape)


def instances_of(category, instance):
    boxes, labels = [], []
    for n in range(1, int(instance.max()) + 1):
        where = (instance == n).nonzero()
        if len(where) == 0:
            continue
        (y1, x1), (y2, x2) = where.min(dim=0).values.tolist(), where.max(dim=0).values.tolist()
        boxes.append([float(x1), float(y1), x2 + 1.0, y2 + 1.0])
        labels.append(int(category[tuple(where[0])]))
    return torch.tensor(boxes).reshape(-1, 4), torch.tensor(labels, dtype=torch.long)


def multi_head_loss(losses, weights):
    say("heads", list(losses))
    whole = dict.fromkeys(losses, 1.0) | weights
    parts = [whole[name] * loss.double() for name, loss in losses.items()]
    return torch.stack(parts).sum().float() if parts else torch.tensor(0.0)
