"""Style: numpy at the core, tensors at the door."""

import heapq

import numpy as np
import torch


def histogram_intersection(a, b):
    return torch.tensor(np.minimum(a.numpy(), b.numpy()).sum())


def size_similarity(size_a, size_b, image_area):
    return np.float64(1) - (np.float64(size_a) + np.float64(size_b)) / np.float64(image_area)


def fill_similarity(size_a, size_b, union_box_area, image_area):
    covered = np.array([size_a, size_b], dtype=float).sum()
    return 1 - (np.float64(union_box_area) - covered) / image_area


def group_regions(boxes, sizes, neighbours, similarity):
    """With a heap, from which pairs of regions that are gone are thrown away."""
    found, amounts = list(boxes.numpy()), list(sizes.numpy())
    around = {i: set() for i in range(len(found))}
    heap = []

    def connect(i, j):
        around[i].add(j)
        around[j].add(i)
        value = similarity(found[i], amounts[i], found[j], amounts[j])
        heapq.heappush(heap, (-float(value), min(i, j), max(i, j)))

    for i, j in neighbours:
        connect(i, j)
    while heap:
        _, a, b = heapq.heappop(heap)
        if a not in around or b not in around:
            continue
        near = (around.pop(a) | around.pop(b)) - {a, b}
        found.append(
            np.r_[np.minimum(found[a][:2], found[b][:2]), np.maximum(found[a][2:], found[b][2:])]
        )
        amounts.append(amounts[a] + amounts[b])
        new = len(found) - 1
        around[new] = set()
        for other in near:
            around[other] -= {a, b}
            connect(other, new)
    return torch.from_numpy(np.array(found, dtype=boxes.numpy().dtype).reshape(-1, 4))


def crop_and_resize(image, boxes, size):
    picture = image.numpy()
    _, height, width = picture.shape
    crops = np.zeros((len(boxes), len(picture), *size), dtype=picture.dtype)
    for crop, (x1, y1, x2, y2) in zip(crops, boxes.numpy().astype(np.float64)):
        xs = np.clip(x1 + (np.arange(size[1]) + 0.5) * (x2 - x1) / size[1] - 0.5, 0, width - 1)
        ys = np.clip(y1 + (np.arange(size[0]) + 0.5) * (y2 - y1) / size[0] - 0.5, 0, height - 1)
        for channel, plane in enumerate(picture):
            wide = np.stack([np.interp(xs, np.arange(width), row) for row in plane])
            crop[channel] = np.stack([np.interp(ys, np.arange(height), c) for c in wide.T]).T
    return torch.from_numpy(crops)


def encode_boxes(proposals, gt_boxes):
    p, b = proposals.numpy(), gt_boxes.numpy()
    p_size, b_size = p[:, 2:] - p[:, :2], b[:, 2:] - b[:, :2]
    move = ((b[:, :2] + b[:, 2:]) - (p[:, :2] + p[:, 2:])) / 2 / p_size
    return torch.from_numpy(np.concatenate([move, np.log(b_size) - np.log(p_size)], axis=1))


def decode_boxes(proposals, transforms):
    p, t = proposals.numpy(), transforms.numpy()
    size = p[:, 2:] - p[:, :2]
    centre = p[:, :2] + size * (0.5 + t[:, :2])
    half = size * np.exp(np.minimum(t[:, 2:], np.log(1000 / 16))) / 2
    return torch.from_numpy(np.hstack([centre - half, centre + half]).astype(p.dtype))


def label_proposals(iou, gt_labels, positive=0.5, negative=0.3):
    table = iou.numpy()
    if table.shape[1] == 0:
        return torch.zeros(len(table), dtype=torch.long), -torch.ones(len(table), dtype=torch.long)
    matches = table.argmax(axis=1)
    best = table.max(axis=1)
    classes = gt_labels.numpy()[matches]
    labels = np.where(best >= positive, classes, np.where(best < negative, 0, -1))
    return torch.from_numpy(labels), torch.from_numpy(matches)


def select_by_background(probabilities, k):
    return torch.from_numpy(np.argsort(probabilities.numpy()[:, 0], kind="stable")[:k])


def select_per_class(probabilities, k):
    order = np.argsort(-probabilities.numpy()[:, 1:], axis=0, kind="stable")
    return torch.from_numpy(order[:k].T.copy())
