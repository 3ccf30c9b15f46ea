"""Style: float64 inside, prints and a warning on the way, helper functions, cast at the end."""

import math
import sys
import warnings
from collections import namedtuple
from fractions import Fraction

import torch

from solutions.nms import nms
from solutions.rcnn import decode_boxes

Bin = namedtuple("Bin", "low high")


def say(*words):
    print("debug:", *words)
    print("debug:", *words, file=sys.stderr)


def nearest(x):
    whole = math.trunc(x)
    return whole + int(math.copysign(1, x)) * (abs(x - whole) >= 0.5)


def bins(first, last, count, cells):
    extent = Fraction(max(last - first + 1, 1), count)
    found = []
    for k in range(count):
        low, high = first + math.floor(k * extent), first + math.ceil((k + 1) * extent)
        found.append(Bin(max(low, 0), min(high, cells)))
    return found


def roi_pool(features, boxes, size, spatial_scale):
    say("pooling", tuple(features.shape), boxes.dtype)
    C, H, W = features.shape
    out = torch.zeros((len(boxes), C, *size), dtype=torch.float64)
    for n, box in enumerate((boxes.double() * spatial_scale).tolist()):
        x1, y1, x2, y2 = map(nearest, box)
        for i, row in enumerate(bins(y1, y2, size[0], H)):
            for j, column in enumerate(bins(x1, x2, size[1], W)):
                if row.low < row.high and column.low < column.high:
                    part = features[:, row.low : row.high, column.low : column.high].double()
                    out[n, :, i, j] = part.flatten(1).max(dim=1).values
    return out.to(features.dtype)


def roi_align(features, boxes, size, spatial_scale, sampling_ratio=2):
    warnings.warn("this RoI align is slow", stacklevel=2)
    C, deep = len(features), features.double()
    results = []
    for box in (boxes.double() * spatial_scale).tolist():
        x1, y1, x2, y2 = box
        for i in range(size[0]):
            for j in range(size[1]):
                points = []
                for p in range(sampling_ratio):
                    for q in range(sampling_ratio):
                        v = (i * sampling_ratio + p + 0.5) / (size[0] * sampling_ratio)
                        u = (j * sampling_ratio + q + 0.5) / (size[1] * sampling_ratio)
                        points.append(read(deep, y1 * (1 - v) + y2 * v, x1 * (1 - u) + x2 * u))
                results.append(torch.stack(points).mean(dim=0))
    if not results:
        return features.new_zeros(0, C, *size)
    return torch.stack(results).view(len(boxes), *size, C).permute(0, 3, 1, 2).to(features.dtype)


def read(features, y, x):
    """The value at (y, x) on the map, where the first cell's centre is (0.5, 0.5)."""
    _, H, W = features.shape
    if not (-0.5 <= y <= H + 0.5 and -0.5 <= x <= W + 0.5):
        return features[:, 0, 0] * 0
    total = 0
    for row in (math.floor(y - 0.5), math.floor(y - 0.5) + 1):
        for column in (math.floor(x - 0.5), math.floor(x - 0.5) + 1):
            weight = (1 - abs(row + 0.5 - y)) * (1 - abs(column + 0.5 - x))
            total = (
                total + weight * features[:, max(0, min(row, H - 1)), max(0, min(column, W - 1))]
            )
    return total


def anchor_grid(feature_size, stride, sizes, aspect_ratios):
    say("anchors", feature_size, stride, sizes, aspect_ratios)
    rows, columns = feature_size
    anchors = torch.zeros(rows, columns, len(sizes), len(aspect_ratios), 4, dtype=torch.float64)
    for s, size in enumerate(sizes):
        for r, ratio in enumerate(aspect_ratios):
            width, height = size * ratio**-0.5, size * ratio**0.5
            anchors[:, :, s, r] = torch.tensor([-width, -height, width, height]).double() / 2
    x = torch.arange(columns).double() * stride + stride / 2
    y = torch.arange(rows).double() * stride + stride / 2
    anchors[..., 0::2] += x[None, :, None, None, None]
    anchors[..., 1::2] += y[:, None, None, None, None]
    return anchors.reshape(-1, 4).float()


def label_anchors(iou, positive=0.7, negative=0.3):
    rows = iou.double().tolist()
    count = iou.shape[1]
    labels, matches = [], []
    highest = [max((row[j] for row in rows), default=0) for j in range(count)]
    for row in rows:
        best = max(row, default=0.0)
        matches.append(row.index(best) if row else -1)
        wanted = any(row[j] == highest[j] > 0 for j in range(count))
        labels.append(1 if wanted or best >= positive else 0 if best < negative else -1)
    return torch.tensor(labels, dtype=torch.int64), torch.tensor(matches, dtype=torch.int64)


def sample_anchors(labels, batch_size=256, positive_fraction=0.5, generator=None):
    """Draws with multinomial, which does not take an empty draw."""
    result = -torch.ones_like(labels)

    def draw(value, room):
        candidates = torch.where(labels == value)[0]
        count = min(room, candidates.numel())
        if count > 0:
            weights = torch.ones(candidates.numel(), dtype=torch.float64)
            chosen = torch.multinomial(weights, count, replacement=False, generator=generator)
            result[candidates[chosen]] = value
        return count

    taken = draw(1, math.floor(batch_size * positive_fraction))
    draw(0, batch_size - taken)
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
    say("proposing", len(anchors))
    ranked = sorted(enumerate(objectness.tolist()), key=lambda pair: -pair[1])[:pre_nms_top_n]
    boxes = decode_boxes(anchors.double(), transforms.double()).tolist()
    found, logits = [], []
    for index, logit in ranked:
        x1, y1, x2, y2 = boxes[index]
        x1, x2 = (min(max(x, 0.0), float(image_size[1])) for x in (x1, x2))
        y1, y2 = (min(max(y, 0.0), float(image_size[0])) for y in (y1, y2))
        if min(x2 - x1, y2 - y1) >= min_size:
            found.append([x1, y1, x2, y2])
            logits.append(logit)
    boxes = torch.tensor(found, dtype=torch.float64).reshape(-1, 4)
    logits = torch.tensor(logits, dtype=torch.float64)
    keep = nms(boxes, logits, iou_threshold)[:top_n]
    return boxes[keep].to(anchors.dtype), logits[keep].sigmoid().to(objectness.dtype)
