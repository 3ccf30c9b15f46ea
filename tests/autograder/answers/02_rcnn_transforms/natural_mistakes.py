"""Wrong answers as students write them: a known mistake, and often a second fault at an edge.

The name of each function is that of its exercise, two underscores, and the mistake to be named.
"""

import math

import torch
from torch.nn import functional as F

from solutions.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh


def histogram_intersection__one_minus_the_whole_distance(a, b):
    return 1 - torch.nn.functional.l1_loss(a, b, reduction="sum")


def histogram_intersection__product_of_the_bins(a, b):
    return torch.dot(a, b)


def size_similarity__mean_of_the_sizes(size_a, size_b, image_area):
    return 1 - 0.5 * (size_a / image_area + size_b / image_area)


def fill_similarity__share_of_the_box_that_is_filled(size_a, size_b, union_box_area, image_area):
    """It also divides 0 by 0 for a box without area."""
    return 1 - (union_box_area - size_a - size_b) / union_box_area


def _pair_up(boxes, sizes, neighbours, similarity, inherited, better=max):
    """Keep lists that grow; ties fall to the lowest pair."""
    boxes, sizes = list(boxes), list(sizes)
    neighbours = sorted(tuple(sorted(pair)) for pair in neighbours)
    while neighbours:
        values = [similarity(boxes[i], sizes[i], boxes[j], sizes[j]) for i, j in neighbours]
        i, j = neighbours[values.index(better(values))]
        merged = torch.cat(
            [torch.minimum(boxes[i], boxes[j])[:2], torch.maximum(boxes[i], boxes[j])[2:]]
        )
        boxes.append(merged)
        sizes.append(sizes[i] + sizes[j])
        neighbours = sorted(set(inherited(neighbours, i, j, len(boxes) - 1)))
    return torch.stack(boxes)


def group_regions__merger_without_neighbours(boxes, sizes, neighbours, similarity):
    """It also joins an empty list when there are no regions."""

    def without(pairs, i, j, new):
        return [pair for pair in pairs if i not in pair and j not in pair]

    return _pair_up(boxes, sizes, neighbours, similarity, without)


def group_regions__neighbours_of_one_region(boxes, sizes, neighbours, similarity):
    """It also joins an empty list when there are no regions."""

    def renamed(pairs, i, j, new):
        kept = [pair for pair in pairs if j not in pair]
        return [tuple(sorted(new if k == i else k for k in pair)) for pair in kept]

    return _pair_up(boxes, sizes, neighbours, similarity, renamed)


def group_regions__least_similar_first(boxes, sizes, neighbours, similarity):
    """It takes the similarity for a distance."""

    def renamed(pairs, i, j, new):
        moved = [tuple(sorted(new if k in (i, j) else k for k in pair)) for pair in pairs]
        return [pair for pair in moved if pair[0] != pair[1]]

    return _pair_up(boxes, sizes, neighbours, similarity, renamed, better=min)


def group_regions__size_of_the_box(boxes, sizes, neighbours, similarity):
    """It also fails when there are no regions."""
    boxes, sizes = [b for b in boxes], [s for s in sizes]
    pairs = {tuple(sorted(pair)) for pair in neighbours}
    while pairs:
        ranked = sorted(pairs)
        scores = [float(similarity(boxes[i], sizes[i], boxes[j], sizes[j])) for i, j in ranked]
        a, b = ranked[scores.index(max(scores))]
        x1, y1 = min(boxes[a][0], boxes[b][0]), min(boxes[a][1], boxes[b][1])
        x2, y2 = max(boxes[a][2], boxes[b][2]), max(boxes[a][3], boxes[b][3])
        boxes.append(torch.stack([x1, y1, x2, y2]))
        row = sizes[a].ndim > 0
        sizes.append(sizes[a] + sizes[b] if row else (x2 - x1) * (y2 - y1))
        new = len(boxes) - 1
        near = {k for pair in pairs if a in pair or b in pair for k in pair} - {a, b}
        pairs = {pair for pair in pairs if a not in pair and b not in pair}
        pairs |= {(k, new) for k in near}
    return torch.stack(boxes)


def _sampled(image, boxes, size, place):
    crops = []
    for box in boxes:
        rows = [place(box[1], box[3], i, size[0]) for i in range(size[0])]
        columns = [place(box[0], box[2], j, size[1]) for j in range(size[1])]
        crops.append(_read(image, torch.stack(rows), torch.stack(columns)))
    return torch.stack(crops)


def _read(image, rows, columns):
    _, height, width = image.shape
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    top, left = rows.floor().long(), columns.floor().long()
    bottom, right = (top + 1).clamp(max=height - 1), (left + 1).clamp(max=width - 1)
    down, across = (rows - top)[:, None], (columns - left)[None]
    upper = image[:, top][:, :, left] * (1 - across) + image[:, top][:, :, right] * across
    lower = image[:, bottom][:, :, left] * (1 - across) + image[:, bottom][:, :, right] * across
    return upper * (1 - down) + lower * down


def crop_and_resize__without_the_half_pixel(image, boxes, size):
    """It also joins an empty list when there are no boxes."""
    return _sampled(image, boxes, size, lambda a, b, i, n: a + (i + 0.5) / n * (b - a))


def crop_and_resize__corners_of_the_bins_as_indices(image, boxes, size):
    """It also joins an empty list when there are no boxes."""
    return _sampled(image, boxes, size, lambda a, b, i, n: a + i * ((b - a) / n))


def crop_and_resize__from_the_first_pixel_to_the_last(image, boxes, size):
    """It also joins an empty list when there are no boxes."""
    return _sampled(
        image, boxes, size, lambda a, b, i, n: a + i * (b - a - 1) / (n - 1) if n > 1 else a
    )


def crop_and_resize__nearest_pixel(image, boxes, size):
    """It also joins an empty list when there are no boxes."""
    return _sampled(image, boxes, size, lambda a, b, i, n: (a + (i + 0.5) * (b - a) / n).floor())


def crop_and_resize__height_and_width_swapped(image, boxes, size):
    """It also joins an empty list when there are no boxes."""
    return _sampled(image, boxes, size[::-1], lambda a, b, i, n: a + (i + 0.5) * (b - a) / n - 0.5)


def crop_and_resize__without_the_half_pixel__float32(image, boxes, size):
    """Its crops are float32 whatever the image is."""
    height, width = image.shape[1:]
    crops = torch.zeros(len(boxes), image.shape[0], *size)
    for n, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        for i in range(size[0]):
            for j in range(size[1]):
                x = min(max(x1 + (j + 0.5) * (x2 - x1) / size[1], 0), width - 1)
                y = min(max(y1 + (i + 0.5) * (y2 - y1) / size[0], 0), height - 1)
                left, top = int(x), int(y)
                right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
                a, b = x - left, y - top
                upper = image[:, top, left] * (1 - a) + image[:, top, right] * a
                lower = image[:, bottom, left] * (1 - a) + image[:, bottom, right] * a
                crops[n, :, i, j] = upper * (1 - b) + lower * b
    return crops


def encode_boxes__corner_for_centre(proposals, gt_boxes):
    width, height = (proposals[:, 2:] - proposals[:, :2]).T
    gt_width, gt_height = (gt_boxes[:, 2:] - gt_boxes[:, :2]).T
    t_x = (gt_boxes[:, 0] - proposals[:, 0]) / width
    t_y = (gt_boxes[:, 1] - proposals[:, 1]) / height
    return torch.stack([t_x, t_y, (gt_width / width).log(), (gt_height / height).log()], dim=1)


def encode_boxes__height_before_width(proposals, gt_boxes):
    px, py, pw, ph = xyxy_to_cxcywh(proposals).T
    bx, by, bw, bh = xyxy_to_cxcywh(gt_boxes).T
    moves = [(bx - px) / pw, (by - py) / ph, torch.log(bh / ph), torch.log(bw / pw)]
    return torch.stack(moves, dim=1)


def encode_boxes__no_logarithm(proposals, gt_boxes):
    """It is also flat when there are no boxes."""
    p, b = xyxy_to_cxcywh(proposals), xyxy_to_cxcywh(gt_boxes)
    rows = [
        torch.cat([(new[:2] - old[:2]) / old[2:], new[2:] / old[2:]])
        for old, new in zip(p, b, strict=True)
    ]
    return torch.stack(rows) if rows else torch.zeros(0)


def decode_boxes__no_limit(proposals, transforms):
    centre, size = xyxy_to_cxcywh(proposals).split(2, dim=1)
    moved = centre + transforms[:, :2] * size
    return cxcywh_to_xyxy(torch.cat([moved, size * transforms[:, 2:].exp()], dim=1))


def decode_boxes__returns_centre_and_size(proposals, transforms):
    px, py, pw, ph = xyxy_to_cxcywh(proposals).T
    tx, ty, tw, th = transforms.T
    top = math.log(1000 / 16)
    size = [pw * tw.clamp(max=top).exp(), ph * th.clamp(max=top).exp()]
    return torch.stack([px + pw * tx, py + ph * ty, *size], dim=1)


def decode_boxes__limited_below_too(proposals, transforms):
    """It also joins an empty list when there are no boxes."""
    boxes = []
    for (px, py, pw, ph), (tx, ty, tw, th) in zip(
        xyxy_to_cxcywh(proposals), transforms, strict=True
    ):
        w = pw * torch.exp(torch.clip(tw, -math.log(62.5), math.log(62.5)))
        h = ph * torch.exp(torch.clip(th, -math.log(62.5), math.log(62.5)))
        boxes.append(torch.stack([px + pw * tx, py + ph * ty, w, h]))
    return cxcywh_to_xyxy(torch.stack(boxes))


def label_proposals__matches_of_positives_only(iou, gt_labels, positive=0.5, negative=0.3):
    """It also takes the maximum of nothing."""
    best, matches = iou.max(dim=1)
    labels = torch.where(best >= positive, gt_labels[matches], -1)
    labels[best < negative] = 0
    matches[best < positive] = -1
    return labels, matches


def label_proposals__neutral_as_background(iou, gt_labels, positive=0.5, negative=0.3):
    """It also takes the maximum of nothing."""
    best, matches = iou.max(dim=1)
    return torch.where(best >= positive, gt_labels[matches], 0), matches


def label_proposals__match_for_class(iou, gt_labels, positive=0.5, negative=0.3):
    """It also takes the maximum of nothing."""
    best, matches = iou.max(dim=1)
    labels = matches.clone()
    labels[best < positive] = -1
    labels[best < negative] = 0
    return labels, matches


def label_proposals__above_the_upper_threshold_only(iou, gt_labels, positive=0.5, negative=0.3):
    """It also takes the maximum of nothing."""
    best, matches = iou.max(dim=1)
    labels = torch.full_like(matches, -1)
    labels[best > positive] = gt_labels[matches][best > positive]
    labels[best < negative] = 0
    return labels, matches


def rcnn_loss__box_loss_over_positives(class_logits, transforms, labels, target_transforms):
    """It also divides by the number of positives where there are none."""
    class_loss = F.cross_entropy(class_logits, labels, ignore_index=-1)
    positive = labels > 0
    distance = F.smooth_l1_loss(transforms[positive], target_transforms[positive], reduction="sum")
    return class_loss, distance / positive.sum()


def rcnn_loss__mean_over_the_four_numbers(class_logits, transforms, labels, target_transforms):
    """It also averages over nothing."""
    positive = labels > 0
    class_loss = F.cross_entropy(class_logits, labels, ignore_index=-1)
    return class_loss, F.smooth_l1_loss(transforms[positive], target_transforms[positive])


def rcnn_loss__nan_of_nothing(class_logits, transforms, labels, target_transforms):
    positive = labels > 0
    distance = F.smooth_l1_loss(transforms[positive], target_transforms[positive], reduction="sum")
    class_loss = F.cross_entropy(class_logits, labels, ignore_index=-1)
    return class_loss, distance / (labels >= 0).sum()


def rcnn_loss__softmax_twice(class_logits, transforms, labels, target_transforms):
    counted, positive = labels >= 0, labels > 0
    count = counted.sum().clamp(min=1)
    probabilities = class_logits.softmax(dim=-1)
    class_loss = F.cross_entropy(probabilities[counted], labels[counted], reduction="sum")
    distance = F.smooth_l1_loss(transforms[positive], target_transforms[positive], reduction="sum")
    return class_loss / count, distance / count


def select_by_background__most_likely_background(probabilities, k):
    return probabilities[:, 0].argsort(descending=True)[:k]


def select_by_background__fails_on_fewer_than_k(probabilities, k):
    order = sorted(range(len(probabilities)), key=lambda i: probabilities[i, 0])
    return torch.tensor([order[i] for i in range(k)])


def select_per_class__a_column_for_each_class(probabilities, k):
    return probabilities[:, 1:].argsort(dim=0, descending=True, stable=True)[:k]


def select_per_class__background_is_a_class(probabilities, k):
    return probabilities.argsort(dim=0, descending=True, stable=True)[:k].T
