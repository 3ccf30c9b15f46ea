"""Wrong answers as students write them: a known mistake, and often a second fault at an edge.

The name of each function is that of its exercise, two underscores, and the mistake to be named.
"""

import math

import numpy as np
import torch
from torch.nn import functional as F

from solutions.nms import nms
from solutions.rcnn import decode_boxes


def _cells(box, spatial_scale, rounds):
    return [int(rounds(float(side) * spatial_scale)) for side in box]


def roi_pool__rounds_down(features, boxes, size, spatial_scale):
    """It also fails where a bin lies outside."""
    out = features.new_zeros(len(boxes), len(features), *size)
    for n, box in enumerate(boxes):
        x1, y1, x2, y2 = _cells(box, spatial_scale, int)
        crop = features[:, max(y1, 0) : y2 + 1, max(x1, 0) : x2 + 1]
        out[n] = F.adaptive_max_pool2d(crop, size)
    return out


def roi_pool__half_to_even(features, boxes, size, spatial_scale):
    out = features.new_zeros(len(boxes), len(features), *size)
    for n, (x1, y1, x2, y2) in enumerate(torch.round(boxes * spatial_scale).int().tolist()):
        for i in range(size[0]):
            for j in range(size[1]):
                height, width = y2 - y1 + 1, x2 - x1 + 1
                top, bottom = i * height // size[0], math.ceil((i + 1) * height / size[0])
                left, right = j * width // size[1], math.ceil((j + 1) * width / size[1])
                rows = features[:, max(y1 + top, 0) : max(y1 + bottom, 0)]
                part = rows[:, :, max(x1 + left, 0) : max(x1 + right, 0)]
                if part.numel():
                    out[n, :, i, j] = part.flatten(1).max(dim=1).values
    return out


def roi_pool__mean_for_max(features, boxes, size, spatial_scale):
    """It also fails where a box begins outside."""
    out = features.new_zeros(len(boxes), len(features), *size)
    for n, box in enumerate(boxes):
        x1, y1, x2, y2 = _cells(box, spatial_scale, lambda x: math.floor(x + 0.5))
        out[n] = F.adaptive_avg_pool2d(features[:, y1 : y2 + 1, x1 : x2 + 1], size)
    return out


def roi_pool__last_cell_left_out(features, boxes, size, spatial_scale):
    """It also fails on a box of no cells, and where a box begins outside."""
    out = features.new_zeros(len(boxes), len(features), *size)
    for n, box in enumerate(boxes):
        x1, y1, x2, y2 = _cells(box, spatial_scale, lambda x: math.floor(x + 0.5))
        out[n] = F.adaptive_max_pool2d(features[:, y1:y2, x1:x2], size)
    return out


def roi_pool__clips_the_box_first(features, boxes, size, spatial_scale):
    _, H, W = features.shape
    out = features.new_zeros(len(boxes), len(features), *size)
    for n, box in enumerate(boxes):
        x1, y1, x2, y2 = (int(math.copysign(abs(s) + 0.5, s)) for s in (box * spatial_scale))
        x1, x2 = np.clip([x1, x2], 0, W - 1)
        y1, y2 = np.clip([y1, y2], 0, H - 1)
        out[n] = F.adaptive_max_pool2d(features[:, y1 : y2 + 1, x1 : x2 + 1], size)
    return out


def roi_pool__negative_indices(features, boxes, size, spatial_scale):
    out = features.new_zeros(len(boxes), len(features), *size)
    for n, box in enumerate(boxes):
        x1, y1, x2, y2 = (int(math.copysign(abs(s) + 0.5, s)) for s in (box * spatial_scale))
        height, width = y2 - y1 + 1, x2 - x1 + 1
        for i in range(size[0]):
            for j in range(size[1]):
                part = features[
                    :,
                    y1 + i * height // size[0] : y1 + math.ceil((i + 1) * height / size[0]),
                    x1 + j * width // size[1] : x1 + math.ceil((j + 1) * width / size[1]),
                ]
                out[n, :, i, j] = part.amax(dim=(1, 2))
    return out


def _sampled(features, boxes, size, ratio):
    """The points of `boxes`, in cells, through the library's own interpolation."""
    _, H, W = features.shape
    x1, y1, x2, y2 = boxes[:, :, None].unbind(dim=1)
    x = x1 + (x2 - x1) * (torch.arange(size[1] * ratio) + 0.5) / (size[1] * ratio)
    y = y1 + (y2 - y1) * (torch.arange(size[0] * ratio) + 0.5) / (size[0] * ratio)
    grid = torch.stack(
        [
            (2 * x / W - 1)[:, None, :].expand(-1, y.shape[1], -1),
            (2 * y / H - 1)[:, :, None].expand(-1, -1, x.shape[1]),
        ],
        dim=-1,
    )
    return F.grid_sample(features.expand(len(boxes), -1, -1, -1), grid, align_corners=False)


def roi_align__blends_with_zero(features, boxes, size, spatial_scale, sampling_ratio=2):
    """It also fails without boxes."""
    points = _sampled(features, boxes * spatial_scale, size, sampling_ratio)
    return F.avg_pool2d(points, sampling_ratio)


def roi_align__one_point_a_bin(features, boxes, size, spatial_scale, sampling_ratio=2):
    """It also blends with zero near the border."""
    return _sampled(features, boxes * spatial_scale, size, 1)


def roi_align__max_for_mean(features, boxes, size, spatial_scale, sampling_ratio=2):
    """It also blends with zero near the border."""
    points = _sampled(features, boxes * spatial_scale, size, sampling_ratio)
    return F.max_pool2d(points, sampling_ratio)


def roi_align__half_pixel_forgotten(features, boxes, size, spatial_scale, sampling_ratio=2):
    """It also blends with zero near the border, and makes small boxes one cell large."""
    boxes = boxes * spatial_scale
    end = torch.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    points = _sampled(features, torch.cat([boxes[:, :2], end], dim=1) + 0.5, size, sampling_ratio)
    return F.avg_pool2d(points, sampling_ratio)


def roi_align__detached(features, boxes, size, spatial_scale, sampling_ratio=2):
    C, H, W = features.shape
    out = torch.zeros(len(boxes), C, *size, dtype=features.dtype)
    planes = features.tolist()

    def read(plane, y, x):
        if y < -1 or y > H or x < -1 or x > W:
            return 0.0
        y, x = min(max(y, 0), H - 1), min(max(x, 0), W - 1)
        y0, x0 = int(y), int(x)
        y1, x1 = min(y0 + 1, H - 1), min(x0 + 1, W - 1)
        top = plane[y0][x0] * (1 - x + x0) + plane[y0][x1] * (x - x0)
        bottom = plane[y1][x0] * (1 - x + x0) + plane[y1][x1] * (x - x0)
        return top * (1 - y + y0) + bottom * (y - y0)

    for n, box in enumerate((boxes * spatial_scale - 0.5).tolist()):
        x1, y1, x2, y2 = box
        for i in range(size[0]):
            for j in range(size[1]):
                parts = [(p + 0.5) / sampling_ratio for p in range(sampling_ratio)]
                ys = [y1 + (i + p) * (y2 - y1) / size[0] for p in parts]
                xs = [x1 + (j + p) * (x2 - x1) / size[1] for p in parts]
                for c in range(C):
                    values = [read(planes[c], y, x) for y in ys for x in xs]
                    out[n, c, i, j] = sum(values) / len(values)
    return out


def _grid(feature_size, stride, shapes, offset=0.5):
    H, W = feature_size
    y, x = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    centers = (torch.stack([x, y, x, y], dim=2).reshape(-1, 1, 4) + offset) * stride
    w, h = torch.tensor(shapes).T / 2
    return (centers + torch.stack([-w, -h, w, h], dim=1)).reshape(-1, 4)


def anchor_grid__corners_of_cells(feature_size, stride, sizes, aspect_ratios):
    """It also fails without shapes."""
    shapes = [(s / math.sqrt(r), s * math.sqrt(r)) for s in sizes for r in aspect_ratios]
    return _grid(feature_size, stride, shapes, offset=0)


def anchor_grid__area_not_kept(feature_size, stride, sizes, aspect_ratios):
    """It also fails without shapes."""
    return _grid(feature_size, stride, [(s, s * r) for s in sizes for r in aspect_ratios])


def anchor_grid__ratio_as_width_over_height(feature_size, stride, sizes, aspect_ratios):
    """It also fails without shapes."""
    shapes = [(s * math.sqrt(r), s / math.sqrt(r)) for s in sizes for r in aspect_ratios]
    return _grid(feature_size, stride, shapes)


def anchor_grid__sizes_inner(feature_size, stride, sizes, aspect_ratios):
    """It also fails without shapes."""
    shapes = [(s / math.sqrt(r), s * math.sqrt(r)) for r in aspect_ratios for s in sizes]
    return _grid(feature_size, stride, shapes)


def anchor_grid__column_by_column(feature_size, stride, sizes, aspect_ratios):
    anchors = []
    for column in range(feature_size[1]):
        for row in range(feature_size[0]):
            cx, cy = stride * (column + 0.5), stride * (row + 0.5)
            for size in sizes:
                for ratio in aspect_ratios:
                    h = size * math.sqrt(ratio)
                    w = size**2 / h
                    anchors.append([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])
    return torch.tensor(anchors)


def label_anchors__best_anchors_forgotten(iou, positive=0.7, negative=0.3):
    """It also takes the maximum of nothing."""
    best, matches = iou.max(dim=1)
    return torch.where(best >= positive, 1, torch.where(best < negative, 0, -1)), matches


def label_anchors__only_one_of_equal_best(iou, positive=0.7, negative=0.3):
    """It also fails without anchors."""
    if iou.shape[1] == 0:
        return torch.zeros(len(iou), dtype=torch.int64), torch.full((len(iou),), -1)
    best, matches = iou.max(dim=1)
    labels = torch.where(best >= positive, 1, torch.where(best < negative, 0, -1))
    labels[iou.argmax(dim=0)[iou.amax(dim=0) > 0]] = 1
    return labels, matches


def label_anchors__match_of_the_object(iou, positive=0.7, negative=0.3):
    if iou.numel() == 0:
        return torch.zeros(len(iou), dtype=torch.int64), torch.full((len(iou),), -1)
    best, matches = iou.max(dim=1)
    labels = torch.full_like(matches, -1)
    labels[best < negative] = 0
    labels[best >= positive] = 1
    for j in range(iou.shape[1]):
        highest = iou[:, j].max()
        if highest > 0:
            rows = (iou[:, j] == highest).nonzero().flatten()
            labels[rows] = 1
            matches[rows] = j
    return labels, matches


def label_anchors__negative_after_the_best(iou, positive=0.7, negative=0.3):
    """It also takes the maximum of nothing."""
    best, matches = iou.max(dim=1)
    labels = torch.full_like(matches, -1)
    labels[best >= positive] = 1
    for j in range(iou.shape[1]):
        labels[(iou[:, j] == iou[:, j].max()) & (iou[:, j] > 0)] = 1
    labels[best < negative] = 0
    return labels, matches


def sample_anchors__changes_its_input(
    labels, batch_size=256, positive_fraction=0.5, generator=None
):
    positives = (labels == 1).nonzero().flatten()
    count = int(batch_size * positive_fraction)
    if len(positives) > count:
        labels[positives[torch.randperm(len(positives), generator=generator)[count:]]] = -1
    count = batch_size - int((labels == 1).sum())
    negatives = (labels == 0).nonzero().flatten()
    if len(negatives) > count:
        labels[negatives[torch.randperm(len(negatives), generator=generator)[count:]]] = -1
    return labels


def sample_anchors__not_filled_up(labels, batch_size=256, positive_fraction=0.5, generator=None):
    """It also ignores the generator."""
    result = torch.full_like(labels, -1)
    wanted = int(batch_size * positive_fraction)
    for value, count in ((1, wanted), (0, batch_size - wanted)):
        candidates = torch.where(labels == value)[0]
        result[candidates[torch.rand(len(candidates)).argsort()[:count]]] = value
    return result


def sample_anchors__not_left_to_chance(
    labels, batch_size=256, positive_fraction=0.5, generator=None
):
    torch.manual_seed(0)
    result = torch.full_like(labels, -1)
    room = int(batch_size * positive_fraction)
    for value in (1, 0):
        candidates = torch.where(labels == value)[0]
        chosen = candidates[torch.randperm(len(candidates))[:room]]
        result[chosen] = value
        room = batch_size - len(chosen)
    return result


def sample_anchors__ignores_the_generator(
    labels, batch_size=256, positive_fraction=0.5, generator=None
):
    positives = np.flatnonzero(labels.numpy() == 1)
    negatives = np.flatnonzero(labels.numpy() == 0)
    count = min(len(positives), int(batch_size * positive_fraction))
    result = torch.full_like(labels, -1)
    result[np.random.choice(positives, count, replace=False)] = 1
    rest = min(len(negatives), batch_size - count)
    result[np.random.choice(negatives, rest, replace=False)] = 0
    return result


def _proposals(boxes, order, image_size, options, objectness, rank_by):
    """Steps that the mistakes below share, from boxes in order of rank on."""
    top_n, threshold, min_size = options
    height, width = image_size
    boxes = boxes[order].clone()
    boxes[:, [0, 2]] = boxes[:, [0, 2]].clamp(0, width)
    boxes[:, [1, 3]] = boxes[:, [1, 3]].clamp(0, height)
    large = ((boxes[:, 2:] - boxes[:, :2]) >= min_size).all(dim=1)
    boxes, order = boxes[large], order[large]
    keep = nms(boxes, rank_by[order], threshold)[:top_n]
    return boxes[keep], objectness[order][keep].sigmoid()


def propose__orders_by_probability(
    objectness, transforms, anchors, image_size, pre=2000, top_n=300, threshold=0.7, min_size=1.0
):
    scores = torch.sigmoid(objectness)
    order = scores.argsort(descending=True, stable=True)[:pre]
    boxes = decode_boxes(anchors, transforms)
    return _proposals(boxes, order, image_size, (top_n, threshold, min_size), objectness, scores)


def propose__transforms_not_reordered(
    objectness, transforms, anchors, image_size, pre=2000, top_n=300, threshold=0.7, min_size=1.0
):
    logits, order = objectness.sort(descending=True, stable=True)
    boxes = decode_boxes(anchors[order], transforms)[:pre]
    first = torch.arange(len(boxes))
    return _proposals(boxes, first, image_size, (top_n, threshold, min_size), logits, logits)


def propose__suppresses_before_it_clips(
    objectness, transforms, anchors, image_size, pre=2000, top_n=300, threshold=0.7, min_size=1.0
):
    """It also limits the number before it drops small boxes."""
    order = objectness.argsort(descending=True, stable=True)[:pre]
    boxes = decode_boxes(anchors, transforms)
    order = order[nms(boxes[order], objectness[order], threshold)][:top_n]
    return _proposals(boxes, order, image_size, (top_n, 1.0, min_size), objectness, objectness)


def propose__does_not_clip(
    objectness, transforms, anchors, image_size, pre=2000, top_n=300, threshold=0.7, min_size=1.0
):
    order = objectness.argsort(descending=True, stable=True)[:pre]
    boxes = decode_boxes(anchors[order], transforms[order])
    width, height = (boxes[:, 2:] - boxes[:, :2]).unbind(dim=1)
    large = (width >= min_size) & (height >= min_size)
    boxes, logits = boxes[large], objectness[order][large]
    keep = nms(boxes, logits, threshold)[:top_n]
    return boxes[keep], logits[keep].sigmoid()


def propose__returns_logits(
    objectness, transforms, anchors, image_size, pre=2000, top_n=300, threshold=0.7, min_size=1.0
):
    """It also keeps boxes of min_size."""
    order = objectness.argsort(descending=True)[:pre]
    boxes = decode_boxes(anchors[order], transforms[order])
    boxes[:, 0::2].clamp_(0, image_size[1])
    boxes[:, 1::2].clamp_(0, image_size[0])
    large = ((boxes[:, 2:] - boxes[:, :2]) > min_size).all(dim=1)
    boxes, logits = boxes[large], objectness[order][large]
    keep = nms(boxes, logits, threshold)[:top_n]
    return boxes[keep], logits[keep]
