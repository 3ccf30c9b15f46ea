"""Style: whole tensors, as few loops as possible."""

import torch

from solutions.nms import nms
from solutions.rcnn import decode_boxes


def roi_pool(features, boxes, size, spatial_scale):
    """Masks of cells instead of slices; a bin without cells is found by its mask."""
    _, H, W = features.shape

    def members(first, last, bins, cells):
        extent = (last - first + 1).clamp(min=1)  # [N]
        k = torch.arange(bins)
        start = first[:, None] + (k * extent[:, None]).div(bins, rounding_mode="floor")
        end = first[:, None] - (-(k + 1) * extent[:, None]).div(bins, rounding_mode="floor")
        index = torch.arange(cells)
        return (index >= start[..., None]) & (index < end[..., None])  # [N, bins, cells]

    scaled = boxes * spatial_scale
    x1, y1, x2, y2 = (scaled.abs() + 0.5).floor().mul(scaled.sign()).long().unbind(dim=1)
    rows, columns = members(y1, y2, size[0], H), members(x1, x2, size[1], W)
    inside = rows[:, :, None, :, None] & columns[:, None, :, None, :]  # [N, h, w, H, W]
    values = torch.where(inside[:, None], features[None, :, None, None], -torch.inf)
    return torch.where(inside.any(4).any(3)[:, None], values.amax(dim=(4, 5)), 0.0)


def roi_align(features, boxes, size, spatial_scale, sampling_ratio=2):
    """All points of all boxes at once."""
    C, H, W = features.shape
    (h, w), r, N = size, sampling_ratio, len(boxes)
    x1, y1, x2, y2 = (boxes * spatial_scale - 0.5)[:, :, None].unbind(dim=1)  # [N, 1]
    x = x1 + (x2 - x1) * (torch.arange(w * r) + 0.5) / (w * r)
    y = y1 + (y2 - y1) * (torch.arange(h * r) + 0.5) / (h * r)
    zero = (x < -1) | (x > W), (y < -1) | (y > H)
    x, y = x.clamp(0, W - 1)[:, None, :], y.clamp(0, H - 1)[:, :, None]
    total = 0
    for rows, row_share in ((y.floor(), 1 - y.frac()), (y.ceil(), y.frac())):
        for columns, column_share in ((x.floor(), 1 - x.frac()), (x.ceil(), x.frac())):
            total = total + features[:, rows.long(), columns.long()] * (row_share * column_share)
    total = total.masked_fill(zero[0][:, None, :] | zero[1][:, :, None], 0)
    return total.view(C, N, h, r, w, r).mean(dim=(3, 5)).transpose(0, 1).contiguous()


def anchor_grid(feature_size, stride, sizes, aspect_ratios):
    size = torch.tensor(sizes, dtype=torch.float32)[:, None]
    ratio = torch.tensor(aspect_ratios, dtype=torch.float32)[None].sqrt()
    half = torch.stack([size / ratio, size * ratio], dim=-1).view(-1, 2) / 2
    x = (torch.arange(feature_size[1]) + 0.5) * stride
    y = (torch.arange(feature_size[0]) + 0.5) * stride
    centers = torch.cartesian_prod(y, x).flip(1)[:, None]
    return torch.cat([centers - half, centers + half], dim=2).flatten(0, 1)


def label_anchors(iou, positive=0.7, negative=0.3):
    if iou.shape[1] == 0:
        none = iou.new_zeros(len(iou), dtype=torch.int64)
        return none, none - 1
    padded = torch.cat([iou, iou.new_full((1, iou.shape[1]), 1e-12)])
    best, matches = iou.max(dim=1)
    is_best = (padded[:-1] == padded.max(dim=0).values).any(dim=1)
    labels = (best >= positive).long() - ((best >= negative) & (best < positive)).long()
    return labels.masked_fill(is_best, 1), matches


def sample_anchors(labels, batch_size=256, positive_fraction=0.5, generator=None):
    """Random keys for all anchors; the lowest keys of each kind are drawn."""
    keys = torch.rand(len(labels), generator=generator)

    def lowest(mask, count):
        rank = keys.masked_fill(~mask, 2.0).argsort().argsort()
        return mask & (rank < count)

    positive = lowest(labels == 1, int(batch_size * positive_fraction))
    negative = lowest(labels == 0, batch_size - positive.sum())
    return torch.where(positive | negative, labels, -1)


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
    logits, order = objectness.sort(descending=True, stable=True)
    logits, order = logits[:pre_nms_top_n], order[:pre_nms_top_n]
    height, width = image_size
    limit = anchors.new_tensor([width, height, width, height])
    boxes = decode_boxes(anchors[order], transforms[order]).clamp(min=0).minimum(limit)
    sides = boxes[:, 2:] - boxes[:, :2]
    kept = (sides >= min_size).all(dim=1).nonzero().squeeze(1)
    kept = kept[nms(boxes[kept], logits[kept], iou_threshold)][:top_n]
    return boxes[kept], torch.sigmoid(logits)[kept]
