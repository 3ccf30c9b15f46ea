"""Style: whole tensors at once, with what torch has ready."""

import torch
from torch import nn
from torch.nn import functional as F


def _grid(image, x, y):
    """Bilinear values of images [N, 1, H, W] at index coordinates x [N, w] and y [N, h]."""
    height, width = image.shape[2:]
    x = ((2 * x + 1) / width - 1)[:, None, :].expand(-1, y.shape[1], -1)
    y = ((2 * y + 1) / height - 1)[:, :, None].expand_as(x)
    grid = torch.stack([x, y], dim=3)
    return F.grid_sample(image, grid, padding_mode="border", align_corners=False)[:, 0]


def mask_targets(gt_masks, boxes, matches, size=28):
    if len(boxes) == 0 or len(gt_masks) == 0:
        return boxes.new_zeros(len(boxes), size, size)
    x1, y1, x2, y2 = boxes.unsqueeze(2).unbind(dim=1)
    steps = (torch.arange(size, dtype=boxes.dtype) + 0.5) / size
    own = gt_masks.to(boxes.dtype)[matches.clamp(min=0)][:, None]
    values = _grid(own, x1 + steps * (x2 - x1) - 0.5, y1 + steps * (y2 - y1) - 0.5)
    return ((values >= 0.5) & (matches >= 0)[:, None, None]).to(boxes.dtype)


class MaskHead(nn.Sequential):
    def __init__(self, in_channels, num_classes, hidden=256):
        layers = [nn.Conv2d(in_channels, hidden, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(3):
            layers += [nn.Conv2d(hidden, hidden, 3, padding=1), nn.ReLU(inplace=True)]
        layers += [nn.ConvTranspose2d(hidden, hidden, 2, stride=2), nn.ReLU(inplace=True)]
        super().__init__(*layers, nn.Conv2d(hidden, num_classes, 1))


def mask_loss(logits, targets, labels):
    channel = (labels - 1).clamp(min=0)[:, None, None, None].expand(-1, 1, *logits.shape[2:])
    own = logits.gather(1, channel)[:, 0]
    weight = (labels > 0).to(logits.dtype)[:, None, None].expand_as(own)
    total = F.binary_cross_entropy_with_logits(own, targets, weight=weight, reduction="sum")
    return total / weight.sum().clamp(min=1)


def paste_masks(probabilities, boxes, image_size, threshold=0.5):
    height, width = image_size
    if len(boxes) == 0:
        return torch.zeros(0, height, width, dtype=torch.bool)
    h, w = probabilities.shape[1:]
    x = (torch.arange(width, dtype=boxes.dtype) + 0.5)[None]
    y = (torch.arange(height, dtype=boxes.dtype) + 0.5)[None]
    x1, y1, x2, y2 = boxes.unsqueeze(2).unbind(dim=1)
    u = (x - x1) / (x2 - x1).clamp(min=1e-9) * w - 0.5
    v = (y - y1) / (y2 - y1).clamp(min=1e-9) * h - 0.5
    values = _grid(probabilities[:, None], u.clamp(0, w - 1), v.clamp(0, h - 1))
    inside = ((x >= x1) & (x < x2))[:, None, :] & ((y >= y1) & (y < y2))[:, :, None]
    return (values >= threshold) & inside


def keypoint_targets(keypoints, boxes, size=56):
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    places, side = keypoints[:, :, :2], (high - low)
    inside = ((places >= low) & (places <= high) & (side > 0)).all(dim=2)
    valid = inside & (keypoints[:, :, 2] > 0)
    bins = torch.nan_to_num((places - low) / side * size, 0, 0, 0).long().clamp(0, size - 1)
    return (bins[..., 0] + size * bins[..., 1]) * valid, valid


def keypoint_loss(logits, bins, valid):
    chosen = bins.masked_fill(~valid, -100)
    maps = logits.flatten(2).flatten(0, 1)
    total = F.cross_entropy(maps, chosen.flatten(), ignore_index=-100, reduction="sum")
    return total / valid.sum().clamp(min=1)


def decode_keypoints(logits, boxes):
    H, W = logits.shape[2:]
    chance, best = logits.flatten(2).softmax(dim=2).max(dim=2)
    best = logits.flatten(2).argmax(dim=2)  # of equal logits, not of chances rounded to be equal
    step = (boxes[:, 2:] - boxes[:, :2])[:, None] / boxes.new_tensor([W, H])
    bins = torch.stack([best % W, torch.div(best, W, rounding_mode="floor")], dim=2)
    places = boxes[:, None, :2] + (bins + 0.5) * step
    return torch.cat([places, chance[:, :, None]], dim=2)


def panoptic_merge(semantic, masks, scores, labels, min_area):
    category, instance = semantic.clone(), torch.zeros_like(semantic)
    for i in scores.sort(descending=True, stable=True).indices.tolist():
        free = masks[i].logical_and(instance.eq(0))
        if free.sum().item() >= min_area:
            category = torch.where(free, labels[i], category)
            instance = torch.where(free, instance.max() + 1, instance)
    return category, instance


def instances_of(category, instance):
    numbers = instance.unique()
    numbers = numbers[numbers > 0]
    member = instance[None] == numbers[:, None, None]
    x, y = torch.arange(instance.shape[1]), torch.arange(instance.shape[0])
    far = max(instance.shape)
    columns, rows = member.any(dim=1), member.any(dim=2)
    edges = [
        torch.where(columns, x, far).amin(dim=1),
        torch.where(rows, y, far).amin(dim=1),
        torch.where(columns, x + 1, 0).amax(dim=1),
        torch.where(rows, y + 1, 0).amax(dim=1),
    ]
    labels = torch.where(member, category, 0).flatten(1).amax(dim=1)
    return torch.stack(edges, dim=1).float(), labels


def multi_head_loss(losses, weights):
    if not losses:
        return 0.0
    return torch.stack([losses[k] * weights.get(k, 1.0) for k in losses]).sum()
