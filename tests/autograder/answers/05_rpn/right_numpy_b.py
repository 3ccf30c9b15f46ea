"""Style: numpy inside, tensors at the door (roi_align keeps its features a tensor)."""

import numpy as np
import torch

from solutions.nms import nms
from solutions.rcnn import decode_boxes


def roi_pool(features, boxes, size, spatial_scale):
    array = features.numpy()
    C, H, W = array.shape
    scaled = boxes.numpy() * np.float32(spatial_scale)
    cells = (np.sign(scaled) * np.floor(np.abs(scaled) + 0.5)).astype(int)
    h, w = size
    out = np.zeros((len(cells), C, h, w), dtype=array.dtype)
    for n, (x1, y1, x2, y2) in enumerate(cells):
        xs = np.arange(w + 1) * max(x2 - x1 + 1, 1) / w
        ys = np.arange(h + 1) * max(y2 - y1 + 1, 1) / h
        starts_x = np.clip(x1 + np.floor(xs[:-1]), 0, W).astype(int)
        ends_x = np.clip(x1 + np.ceil(xs[1:]), 0, W).astype(int)
        starts_y = np.clip(y1 + np.floor(ys[:-1]), 0, H).astype(int)
        ends_y = np.clip(y1 + np.ceil(ys[1:]), 0, H).astype(int)
        for i in range(h):
            for j in range(w):
                part = array[:, starts_y[i] : ends_y[i], starts_x[j] : ends_x[j]]
                if part.size:
                    out[n, :, i, j] = part.reshape(C, -1).max(axis=1)
    return torch.from_numpy(out)


def _weights(first, last, count, cells):
    points = first + (last - first) * (np.arange(count) + 0.5) / count - 0.5
    counts = (points >= -1) & (points <= cells)
    points = np.clip(points, 0, cells - 1)
    return np.maximum(0, 1 - np.abs(points[:, None] - np.arange(cells))) * counts[:, None]


def roi_align(features, boxes, size, spatial_scale, sampling_ratio=2):
    """One matrix for rows and one for columns, averaged over the points of each bin."""
    _, H, W = features.shape
    (h, w), r = size, sampling_ratio
    pooled = []
    for x1, y1, x2, y2 in boxes.numpy() * spatial_scale:
        rows = _weights(y1, y2, h * r, H).reshape(h, r, H).mean(axis=1)
        columns = _weights(x1, x2, w * r, W).reshape(w, r, W).mean(axis=1)
        rows = torch.from_numpy(rows).to(features.dtype)
        columns = torch.from_numpy(columns).to(features.dtype)
        pooled.append(torch.einsum("iy,cyx,jx->cij", rows, features, columns))
    return torch.stack(pooled) if pooled else features.new_zeros(0, len(features), h, w)


def anchor_grid(feature_size, stride, sizes, aspect_ratios):
    H, W = feature_size
    sizes, ratios = np.asarray(sizes, dtype=float), np.asarray(aspect_ratios, dtype=float)
    heights = np.outer(sizes, np.sqrt(ratios)).ravel()
    widths = np.outer(sizes, 1 / np.sqrt(ratios)).ravel()
    base = np.stack([-widths, -heights, widths, heights], axis=1) / 2
    y, x = np.mgrid[:H, :W]
    centers = np.stack([x, y, x, y], axis=-1).reshape(-1, 1, 4) * stride + stride / 2
    return torch.from_numpy((centers + base).reshape(-1, 4).astype(np.float32))


def label_anchors(iou, positive=0.7, negative=0.3):
    table = iou.numpy()
    N, M = table.shape
    if M == 0:
        return torch.zeros(N, dtype=torch.int64), -torch.ones(N, dtype=torch.int64)
    best = table.max(axis=1)
    labels = np.where(best >= positive, 1, np.where(best < negative, 0, -1))
    highest = table.max(axis=0, initial=0)
    labels[((table == highest) & (table > 0)).any(axis=1)] = 1
    return torch.from_numpy(labels), torch.from_numpy(table.argmax(axis=1))


def sample_anchors(labels, batch_size=256, positive_fraction=0.5, generator=None):
    seed = torch.randint(2**31 - 1, (), generator=generator).item()
    rng = np.random.default_rng(seed)
    given = labels.numpy()
    result = np.full_like(given, -1)
    positives = rng.permutation(np.flatnonzero(given == 1))
    positives = positives[: int(batch_size * positive_fraction)]
    negatives = rng.permutation(np.flatnonzero(given == 0))[: batch_size - len(positives)]
    result[positives], result[negatives] = 1, 0
    return torch.from_numpy(result)


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
    order = np.argsort(-objectness.numpy(), kind="stable")[:pre_nms_top_n]
    boxes = decode_boxes(anchors, transforms).numpy()[order]
    boxes[:, 0::2] = np.clip(boxes[:, 0::2], 0, image_size[1])
    boxes[:, 1::2] = np.clip(boxes[:, 1::2], 0, image_size[0])
    logits = objectness.numpy()[order]
    large = ((boxes[:, 2:] - boxes[:, :2]) >= min_size).all(axis=1)
    boxes, logits = torch.from_numpy(boxes[large]), torch.from_numpy(logits[large])
    keep = nms(boxes, logits, iou_threshold)[:top_n]
    return boxes[keep], 1 / (1 + torch.exp(-logits[keep]))
