"""Style: numpy inside, tensors at the door; what has gradients stays in torch."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def _sample(image, xs, ys):
    """Bilinear values of an image [H, W] on a grid of index coordinates."""
    height, width = image.shape
    xs, ys = np.clip(xs, 0, width - 1), np.clip(ys, 0, height - 1)
    left, top = np.floor(xs).astype(int), np.floor(ys).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    a, b = xs - left, (ys - top)[:, None]
    rows = image[:, left] * (1 - a) + image[:, right] * a
    return rows[top] * (1 - b) + rows[bottom] * b


def mask_targets(gt_masks, boxes, matches, size=28):
    masks, steps = gt_masks.numpy().astype(np.float64), (np.arange(size) + 0.5) / size
    targets = np.zeros((len(boxes), size, size))
    for target, (x1, y1, x2, y2), match in zip(
        targets, boxes.numpy().astype(np.float64), matches.numpy()
    ):
        if match != -1:
            values = _sample(
                masks[match], x1 + steps * (x2 - x1) - 0.5, y1 + steps * (y2 - y1) - 0.5
            )
            target[values >= 0.5] = 1
    return torch.from_numpy(targets).to(boxes.dtype)


class MaskHead(nn.Module):
    """Layers are named from the last to the first."""

    def __init__(self, in_channels, num_classes, hidden=256):
        super().__init__()
        self.predict = nn.Conv2d(hidden, num_classes, kernel_size=1)
        self.deconv = nn.ConvTranspose2d(hidden, hidden, kernel_size=2, stride=2)
        self.conv4 = nn.Conv2d(hidden, hidden, kernel_size=3, padding="same")
        self.conv3 = nn.Conv2d(hidden, hidden, kernel_size=3, padding="same")
        self.conv2 = nn.Conv2d(hidden, hidden, kernel_size=3, padding="same")
        self.conv1 = nn.Conv2d(in_channels, hidden, kernel_size=3, padding="same")

    def forward(self, x):
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4, self.deconv):
            x = F.relu(layer(x))
        return self.predict(x)


def mask_loss(logits, targets, labels):
    positive = np.flatnonzero(labels.numpy() > 0)
    if len(positive) == 0:
        return 0 * logits.sum()
    own = torch.stack([logits[i, labels[i] - 1] for i in positive])
    return nn.BCEWithLogitsLoss()(own, targets[positive])


def paste_masks(probabilities, boxes, image_size, threshold=0.5):
    masks = probabilities.numpy().astype(np.float64)
    pasted = np.zeros((len(boxes), *image_size), dtype=bool)
    xs, ys = np.arange(image_size[1]) + 0.5, np.arange(image_size[0]) + 0.5
    for n, (x1, y1, x2, y2) in enumerate(boxes.numpy().astype(np.float64)):
        columns = np.flatnonzero((xs >= x1) & (xs < x2))
        rows = np.flatnonzero((ys >= y1) & (ys < y2))
        if len(columns) and len(rows):
            h, w = masks[n].shape
            u = (xs[columns] - x1) / (x2 - x1) * w - 0.5
            v = (ys[rows] - y1) / (y2 - y1) * h - 0.5
            pasted[n][np.ix_(rows, columns)] = _sample(masks[n], u, v) >= threshold
    return torch.from_numpy(pasted)


def keypoint_targets(keypoints, boxes, size=56):
    points, corners = keypoints.numpy().astype(np.float64), boxes.numpy().astype(np.float64)
    low, high = corners[:, None, :2], corners[:, None, 2:]
    inside = ((points[..., :2] >= low) & (points[..., :2] <= high)).all(axis=2)
    valid = inside & (points[..., 2] > 0) & (high > low).all(axis=2)
    with np.errstate(all="ignore"):
        bins = np.floor((points[..., :2] - low) / (high - low) * size)
    bins = np.minimum(np.where(valid[..., None], bins, 0), size - 1).astype(np.int64)
    return torch.from_numpy(bins[..., 1] * size + bins[..., 0]), torch.from_numpy(valid)


def keypoint_loss(logits, bins, valid):
    pairs = np.argwhere(valid.numpy())
    if len(pairs) == 0:
        return (logits * 0).sum()
    maps = torch.stack([logits[n, p].reshape(-1) for n, p in pairs])
    return nn.CrossEntropyLoss()(maps, torch.stack([bins[n, p] for n, p in pairs]))


def decode_keypoints(logits, boxes):
    maps, corners = logits.numpy().astype(np.float64), boxes.numpy().astype(np.float64)
    N, P, H, W = maps.shape
    flat = maps.reshape(N, P, H * W)
    best = flat.argmax(axis=2)
    chance = 1 / np.exp(flat - flat.max(axis=2, keepdims=True)).sum(axis=2)
    row, column = np.unravel_index(best, (H, W))
    x1, y1, x2, y2 = corners.T[:, :, None]
    x, y = x1 + (column + 0.5) / W * (x2 - x1), y1 + (row + 0.5) / H * (y2 - y1)
    return torch.from_numpy(np.stack([x, y, chance], axis=2)).to(logits.dtype)


def panoptic_merge(semantic, masks, scores, labels, min_area):
    category, instance = semantic.numpy().copy(), np.zeros(semantic.shape, dtype=np.int64)
    for i in np.argsort(-scores.numpy(), kind="stable"):
        free = masks[i].numpy() & (instance == 0)
        if np.count_nonzero(free) < min_area:
            continue
        category[free] = labels[i]
        instance[free] = instance.max() + 1
    return torch.from_numpy(category), torch.from_numpy(instance)


def instances_of(category, instance):
    categories, instances = category.numpy(), instance.numpy()
    boxes, labels = np.zeros((0, 4)), []
    for n in np.setdiff1d(np.unique(instances), [0]):
        y, x = np.nonzero(instances == n)
        boxes = np.vstack([boxes, [x.min(), y.min(), x.max() + 1, y.max() + 1]])
        labels.append(np.bincount(categories[instances == n]).argmax())
    return torch.from_numpy(boxes).float(), torch.tensor(np.array(labels, dtype=np.int64))


def multi_head_loss(losses, weights):
    return sum(weights.get(name, 1) * loss for name, loss in losses.items())
