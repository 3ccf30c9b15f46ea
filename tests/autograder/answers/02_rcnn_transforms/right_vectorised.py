"""Style: torch without loops, other formulas where there are any."""

import torch
from torch.nn import functional as F


def histogram_intersection(a, b):
    return 1 - 0.5 * (a - b).abs().sum()


def size_similarity(size_a, size_b, image_area):
    return (image_area - size_a - size_b) / image_area


def fill_similarity(size_a, size_b, union_box_area, image_area):
    return (image_area - union_box_area + size_a + size_b) / image_area


def group_regions(boxes, sizes, neighbours, similarity):
    """With a table of similarities that grows by a row and a column for each merger."""
    count = len(boxes)
    table = torch.full((2 * count, 2 * count), -torch.inf, dtype=torch.float64)
    for i, j in neighbours:
        first, second = sorted((i, j))
        table[first, second] = similarity(boxes[i], sizes[i], boxes[j], sizes[j])
    while len(boxes) and table.max() > -torch.inf:
        a, b = divmod(int(table.flatten().argmax()), table.shape[1])
        hull = torch.cat([boxes[[a, b], :2].amin(dim=0), boxes[[a, b], 2:].amax(dim=0)])
        new = len(boxes)
        boxes = torch.cat([boxes, hull[None]])
        sizes = torch.cat([sizes, sizes[[a, b]].sum(dim=0, keepdim=True)])
        both = table.maximum(table.T)[[a, b]].amax(dim=0)
        both[[a, b]] = -torch.inf
        table[[a, b]] = -torch.inf
        table[:, [a, b]] = -torch.inf
        for other in (both > -torch.inf).nonzero().flatten().tolist():
            table[other, new] = similarity(boxes[other], sizes[other], boxes[new], sizes[new])
    return boxes.clone()


def crop_and_resize(image, boxes, size):
    """Each crop is a product of matrices: weights of the rows, the image, weights of the columns."""

    def weights(start, end, bins, pixels):
        at = start[:, None] + (torch.arange(bins) + 0.5) / bins * (end - start)[:, None] - 0.5
        at = at.clamp(0, pixels - 1)
        return F.relu(1 - (at[:, :, None] - torch.arange(pixels)).abs()).to(image)

    rows = weights(boxes[:, 1], boxes[:, 3], size[0], image.shape[1])
    columns = weights(boxes[:, 0], boxes[:, 2], size[1], image.shape[2])
    return torch.einsum("nih,chw,njw->ncij", rows, image, columns)


def encode_boxes(proposals, gt_boxes):
    size, wanted = proposals[:, 2:] - proposals[:, :2], gt_boxes[:, 2:] - gt_boxes[:, :2]
    corners = (gt_boxes - proposals) / size.repeat(1, 2)
    return torch.cat([(corners[:, :2] + corners[:, 2:]) / 2, (wanted / size).log()], dim=1)


def decode_boxes(proposals, transforms):
    size = proposals[:, 2:] - proposals[:, :2]
    grown = size * transforms[:, 2:].exp().clamp(max=1000 / 16)
    corner = proposals[:, :2] + size / 2 + transforms[:, :2] * size - grown / 2
    return torch.cat([corner, corner + grown], dim=1)


def label_proposals(iou, gt_labels, positive=0.5, negative=0.3):
    if iou.numel() == 0:
        found = torch.zeros(len(iou), dtype=torch.int64)
        return found, found - 1
    best, matches = iou.max(dim=1)
    labels = gt_labels[matches] * (best >= positive)
    return labels - ((best >= negative) & (best < positive)).long(), matches


def rcnn_loss(class_logits, transforms, labels, target_transforms):
    counts, positive = (labels >= 0).to(class_logits), (labels > 0).to(transforms)
    total = max(float(counts.sum()), 1)
    chosen = class_logits.gather(1, labels.clamp(min=0)[:, None])[:, 0]
    entropy = class_logits.logsumexp(dim=1) - chosen
    distance = F.huber_loss(transforms, target_transforms, reduction="none").sum(dim=1)
    return (entropy * counts).sum() / total, (distance * positive).sum() / total


def select_by_background(probabilities, k):
    return (-probabilities[:, 0]).sort(descending=True, stable=True).indices[:k]


def select_per_class(probabilities, k):
    return probabilities.T[1:].sort(dim=1, descending=True, stable=True).indices[:, :k]
