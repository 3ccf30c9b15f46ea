"""Style: float64 inside, with prints and warnings on the way, and helpers."""

import math
import warnings

import torch
from torch.nn import functional as F


def histogram_intersection(a, b):
    print("histograms of", len(a), "bins")
    return float(torch.stack([a, b]).double().amin(dim=0).sum())


def size_similarity(size_a, size_b, image_area):
    return 1.0 - float(size_a) / float(image_area) - float(size_b) / float(image_area)


def fill_similarity(size_a, size_b, union_box_area, image_area):
    warnings.warn("this answer is slow", stacklevel=2)
    return torch.tensor(1 - (float(union_box_area) - float(size_a) - float(size_b)) / image_area)


def hull(a, b):
    return [min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])]


def group_regions(boxes, sizes, neighbours, similarity):
    """All in lists and dicts; every similarity is asked for again in every round."""
    found = boxes.double().tolist()
    amounts = list(sizes.double())
    near = {}
    for i, j in neighbours:
        near.setdefault(i, set()).add(j)
        near.setdefault(j, set()).add(i)
    while any(near.values()):
        pairs = sorted({tuple(sorted((i, j))) for i in near for j in near[i]})
        values = [similarity(found[i], amounts[i], found[j], amounts[j]) for i, j in pairs]
        a, b = pairs[values.index(max(values))]
        found.append(hull(found[a], found[b]))
        amounts.append(amounts[a] + amounts[b])
        new = len(found) - 1
        near[new] = (near.pop(a) | near.pop(b)) - {a, b}
        for other in near[new]:
            near[other] = near[other] - {a, b} | {new}
    return torch.tensor(found, dtype=boxes.dtype).view(-1, 4)


def read(image, y, x):
    height, width = image.shape[1:]
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    return (
        image[:, top, left] * (1 - down) * (1 - across)
        + image[:, top, right] * (1 - down) * across
        + image[:, bottom, left] * down * (1 - across)
        + image[:, bottom, right] * down * across
    )


def crop_and_resize(image, boxes, size):
    crops = torch.zeros(len(boxes), len(image), *size, dtype=torch.float64)
    for n, (x1, y1, x2, y2) in enumerate(boxes.double().tolist()):
        step_y, step_x = (y2 - y1) / size[0], (x2 - x1) / size[1]
        for i in range(size[0]):
            for j in range(size[1]):
                y, x = y1 + (i + 0.5) * step_y - 0.5, x1 + (j + 0.5) * step_x - 0.5
                crops[n, :, i, j] = read(image.double(), y, x)
    return crops.to(image.dtype)


def measures(boxes):
    x1, y1, x2, y2 = boxes.double().T
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def encode_boxes(proposals, gt_boxes):
    px, py, pw, ph = measures(proposals)
    bx, by, bw, bh = measures(gt_boxes)
    moves = [(bx - px) / pw, (by - py) / ph, torch.log(bw) - torch.log(pw), (bh / ph).log()]
    return torch.stack(moves, dim=1).to(proposals.dtype)


def decode_boxes(proposals, transforms):
    px, py, pw, ph = measures(proposals)
    tx, ty, tw, th = transforms.double().T
    largest = torch.tensor(math.log(1000 / 16), dtype=torch.float64)
    bw, bh = pw * torch.minimum(tw, largest).exp(), ph * torch.minimum(th, largest).exp()
    bx, by = px + tx * pw, py + ty * ph
    corners = [bx - bw / 2, by - bh / 2, bx + bw / 2, by + bh / 2]
    return torch.stack(corners, dim=1).to(proposals.dtype)


def label_proposals(iou, gt_labels, positive=0.5, negative=0.3):
    labels, matches = [], []
    for row in iou.tolist():
        best = max(row, default=0.0)
        match = row.index(best) if row else -1
        if row and best >= positive:
            labels.append(int(gt_labels[match]))
        else:
            labels.append(0 if best < negative or not row else -1)
        matches.append(match)
    return torch.tensor(labels, dtype=torch.int64), torch.tensor(matches, dtype=torch.int64)


def rcnn_loss(class_logits, transforms, labels, target_transforms):
    logits, t, wanted = class_logits.double(), transforms.double(), target_transforms.double()
    keep = torch.where(labels >= 0)[0]
    positive = torch.where(labels > 0)[0]
    entropy = F.nll_loss(F.log_softmax(logits[keep], 1), labels[keep], reduction="sum")
    distance = F.smooth_l1_loss(t[positive], wanted[positive], reduction="sum", beta=1.0)
    count = max(1, len(keep))
    return (entropy / count).to(class_logits), (distance / count).to(transforms)


def select_by_background(probabilities, k):
    rows = probabilities.double().tolist()
    return torch.tensor(sorted(range(len(rows)), key=lambda i: rows[i][0])[:k]).long()


def select_per_class(probabilities, k):
    columns = probabilities.double().T.tolist()[1:]
    rows = [sorted(range(len(c)), key=lambda i, c=c: (-c[i], i))[:k] for c in columns]
    return torch.tensor(rows).long()
