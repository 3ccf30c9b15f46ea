"""Style: loops over the elements of tensors."""

import math

import torch


def _smooth_l1(error, beta):
    size = abs(error)
    return 0.5 * size * size / beta if size < beta else size - 0.5 * beta


def rpn_loss(objectness, transforms, labels, target_transforms):
    objectness_loss = objectness.sum() * 0
    box_loss = transforms.sum() * 0
    count = 0
    for i in range(len(labels)):
        if labels[i] == -1:
            continue
        count += 1
        x = objectness[i]
        y = 1.0 if labels[i] == 1 else 0.0
        objectness_loss = objectness_loss + max(x, x * 0) - x * y + torch.log1p(torch.exp(-abs(x)))
        if labels[i] == 1:
            for k in range(4):
                box_loss = box_loss + _smooth_l1(transforms[i, k] - target_transforms[i, k], 1 / 9)
    if count == 0:
        return objectness_loss, box_loss
    return objectness_loss / count, box_loss / count


def detection_loss(class_logits, transforms, labels, target_transforms):
    class_loss = class_logits.sum() * 0
    box_loss = transforms.sum() * 0
    count = 0
    for i in range(len(labels)):
        label = int(labels[i])
        if label < 0:
            continue
        count += 1
        highest = class_logits[i].max().detach()
        total = 0
        for logit in class_logits[i]:
            total = total + torch.exp(logit - highest)
        class_loss = class_loss + torch.log(total) + highest - class_logits[i, label]
        if label > 0:
            for k in range(4):
                error = transforms[i, label - 1, k] - target_transforms[i, k]
                box_loss = box_loss + _smooth_l1(error, 1.0)
    if count == 0:
        return class_loss, box_loss
    return class_loss / count, box_loss / count


def head_channels(num_anchors, num_classes, class_specific=False):
    classes = 0
    boxes = 0
    for _ in range(num_anchors):
        classes += 1 + num_classes
        boxes += 4
        if class_specific:
            for _ in range(num_classes - 1):
                boxes += 4
    return classes, boxes


def forward_passes(system, num_proposals):
    if system == "rcnn":
        return num_proposals, num_proposals
    elif system == "single_stage":
        return 1, 0
    return [1, num_proposals]


def _overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return float(shared / union)


def single_stage_detections(
    class_logits, transforms, anchors, image_size, score_threshold, iou_threshold
):
    height, width = image_size
    found = []
    for i in range(len(anchors)):
        powers = [math.exp(logit) for logit in class_logits[i]]
        total = sum(powers)
        for label in range(1, len(powers)):
            score = powers[label] / total
            if score <= score_threshold:
                continue
            x1, y1, x2, y2 = anchors[i]
            tx, ty, tw, th = transforms[i]
            cx = (x1 + x2) / 2 + (x2 - x1) * tx
            cy = (y1 + y2) / 2 + (y2 - y1) * ty
            w = (x2 - x1) * torch.exp(tw)
            h = (y2 - y1) * torch.exp(th)
            left = min(max(float(cx - w / 2), 0), width)
            right = min(max(float(cx + w / 2), 0), width)
            top = min(max(float(cy - h / 2), 0), height)
            bottom = min(max(float(cy + h / 2), 0), height)
            found.append((score, label, (left, top, right, bottom)))
    found.sort(key=lambda item: -item[0])
    kept = []
    for score, label, box in found:
        for _, other_label, other in kept:
            if other_label == label and _overlap(box, other) > iou_threshold:
                break
        else:
            kept.append((score, label, box))
    dtype = anchors.dtype
    return {
        "boxes": torch.tensor([box for _, _, box in kept], dtype=dtype).reshape(-1, 4),
        "scores": torch.tensor([score for score, _, _ in kept], dtype=dtype),
        "labels": torch.tensor([label for _, label, _ in kept], dtype=torch.int64),
    }
