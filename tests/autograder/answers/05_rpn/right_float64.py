"""Style: float64 inside, formulas instead of library functions, and talkative about it."""

import sys
import warnings

import torch

from solutions.nms import nms
from solutions.rcnn import decode_boxes


def _huber(error, beta):
    size = error.abs()
    inside = size.clamp(max=beta)
    return inside**2 / (2 * beta) + (size - inside)


def rpn_loss(objectness, transforms, labels, target_transforms):
    print("counted:", int((labels >= 0).sum()))
    warnings.warn("this loss is slow", stacklevel=2)
    x, y = objectness.double(), labels.double()
    sign = torch.where(labels == 1, -1.0, 1.0).double()
    entropy = torch.nn.functional.softplus(sign * x)[labels >= 0]
    error = _huber(transforms.double() - target_transforms.double(), 1 / 9)[y > 0]
    count = max((labels >= 0).sum().item(), 1)
    dtype = objectness.dtype
    return (entropy.sum() / count).to(dtype), (error.sum() / count).to(dtype)


def detection_loss(class_logits, transforms, labels, target_transforms):
    print("labels", labels.tolist(), file=sys.stderr)
    rows = torch.nonzero(labels >= 0).flatten()
    log_p = class_logits.double().log_softmax(dim=-1)
    entropy = -log_p[rows, labels[rows]].sum()
    boxes = transforms.double().sum() * 0
    for row in rows[labels[rows] > 0]:
        own = transforms[row, labels[row] - 1].double()
        boxes = boxes + _huber(own - target_transforms[row], 1.0).sum()
    count = max(len(rows), 1)
    dtype = class_logits.dtype
    return [(entropy / count).to(dtype), (boxes / count).to(dtype)]


def head_channels(num_anchors, num_classes, class_specific=False):
    print(num_anchors, "anchors")
    transforms = {True: num_classes, False: 1}[class_specific]
    return num_anchors + num_anchors * num_classes, num_anchors * transforms * 4


def forward_passes(system, num_proposals):
    print("system", system)
    table = {
        "rcnn": lambda n: (n, n),
        "fast": lambda n: (1, n),
        "faster": lambda n: (1, n),
        "single_stage": lambda n: (1, 0),
    }
    return table[system](num_proposals)


def single_stage_detections(
    class_logits, transforms, anchors, image_size, score_threshold, iou_threshold
):
    """Class by class, everything put in order at the end."""
    p = class_logits.double().log_softmax(dim=1).exp()
    h, w = image_size
    boxes = decode_boxes(anchors.double(), transforms.double())
    boxes = torch.max(boxes, torch.zeros(4).double())
    boxes = torch.min(boxes, torch.tensor([w, h, w, h]).double())
    results = []
    for label in range(1, p.shape[1]):
        members = torch.nonzero(p[:, label] > score_threshold).flatten()
        for i in members[nms(boxes[members], p[members, label], iou_threshold)].tolist():
            results.append((-p[i, label].item(), i, label))
    results.sort()
    print(len(results), "detections")
    chosen = torch.tensor([i for _, i, _ in results], dtype=torch.long)
    labels = torch.tensor([label for _, _, label in results], dtype=torch.long)
    return {
        "labels": labels,
        "scores": p[chosen, labels].to(class_logits.dtype),
        "boxes": boxes[chosen].to(anchors.dtype),
    }
