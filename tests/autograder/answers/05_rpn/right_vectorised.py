"""Style: no loops, weights of 0 and 1 instead of picked rows, functions of torch.nn."""

import torch
import torch.nn.functional as F
from torch import nn

from solutions.nms import nms_per_class
from solutions.rcnn import decode_boxes


def rpn_loss(objectness, transforms, labels, target_transforms):
    weight = (labels != -1).to(objectness.dtype)
    wanted = labels.clamp(min=0).to(objectness.dtype)
    entropy = F.binary_cross_entropy_with_logits(objectness, wanted, reduction="none")
    error = nn.SmoothL1Loss(reduction="none", beta=1 / 9)(transforms, target_transforms)
    count = max(int(weight.sum()), 1)
    positive = (labels == 1).to(error.dtype)
    return (entropy * weight).sum() / count, (error.sum(dim=1) * positive).sum() / count


def detection_loss(class_logits, transforms, labels, target_transforms):
    entropy = F.cross_entropy(class_logits, labels, ignore_index=-1, reduction="sum")
    index = (labels - 1).clamp(min=0)[:, None, None].expand(-1, 1, 4)
    own = transforms.gather(1, index).squeeze(1)
    error = F.huber_loss(own, target_transforms, reduction="none", delta=1.0).sum(dim=1)
    count = (labels > -1).sum().clamp(min=1)
    return entropy / count, (error * (labels > 0)).sum() / count


def head_channels(num_anchors, num_classes, class_specific=False):
    per_anchor = torch.tensor([num_classes + 1, 4 * num_classes if class_specific else 4])
    return tuple((num_anchors * per_anchor).tolist())


def forward_passes(system, num_proposals):
    backbone = num_proposals if system == "rcnn" else 1
    head = 0 if system == "single_stage" else num_proposals
    return torch.tensor(backbone), torch.tensor(head)


def single_stage_detections(
    class_logits, transforms, anchors, image_size, score_threshold, iou_threshold
):
    A, K = class_logits.shape[0], class_logits.shape[1] - 1
    scores = class_logits.softmax(dim=1)[:, 1:].flatten()
    labels = torch.arange(1, K + 1).repeat(A)
    boxes = decode_boxes(anchors, transforms)
    boxes[:, 0::2] = boxes[:, 0::2].clamp(0, image_size[1])
    boxes[:, 1::2] = boxes[:, 1::2].clamp(0, image_size[0])
    boxes = boxes.repeat_interleave(K, dim=0)
    enough = scores > score_threshold
    boxes, scores, labels = boxes[enough], scores[enough], labels[enough]
    kept = nms_per_class(boxes, scores, labels, iou_threshold)
    return dict(boxes=boxes[kept], scores=scores[kept], labels=labels[kept])
