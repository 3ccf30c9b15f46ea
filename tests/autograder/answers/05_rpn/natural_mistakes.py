"""Wrong answers as students write them: a known mistake, and often a second fault at an edge.

The name of each function is that of its exercise, two underscores, and the mistake to be named.
"""

import torch
import torch.nn.functional as F

from solutions.nms import nms, nms_per_class
from solutions.rcnn import decode_boxes


def rpn_loss__sigmoid_twice(objectness, transforms, labels, target_transforms):
    """It also divides by nothing."""
    keep, positive = labels != -1, labels == 1
    p = torch.sigmoid(objectness[keep])
    entropy = F.binary_cross_entropy_with_logits(p, labels[keep].to(p.dtype))
    error = F.smooth_l1_loss(
        transforms[positive], target_transforms[positive], beta=1 / 9, reduction="sum"
    )
    return entropy, error / keep.sum()


def rpn_loss__beta_one(objectness, transforms, labels, target_transforms):
    """It also divides by nothing."""
    keep, positive = labels >= 0, labels > 0
    entropy = F.binary_cross_entropy_with_logits(objectness[keep], labels[keep].to(objectness))
    error = F.smooth_l1_loss(transforms[positive], target_transforms[positive], reduction="none")
    return entropy, error.sum() / keep.sum()


def rpn_loss__mean_of_the_box_errors(objectness, transforms, labels, target_transforms):
    """The mean of no positives is NaN, too."""
    keep, positive = labels >= 0, labels > 0
    entropy = F.binary_cross_entropy_with_logits(objectness[keep], labels[keep].to(objectness))
    return entropy, F.smooth_l1_loss(transforms[positive], target_transforms[positive], beta=1 / 9)


def rpn_loss__divides_by_everything(objectness, transforms, labels, target_transforms):
    weight = (labels >= 0).to(objectness.dtype)
    entropy = F.binary_cross_entropy_with_logits(
        objectness, (labels > 0).to(objectness.dtype), weight=weight
    )
    error = F.smooth_l1_loss(transforms, target_transforms, beta=1 / 9, reduction="none").sum(1)
    return entropy, (error * (labels > 0)).mean()


def rpn_loss__neutral_as_background(objectness, transforms, labels, target_transforms):
    """It also takes the mean of no anchors."""
    entropy = F.binary_cross_entropy_with_logits(objectness, (labels == 1).to(objectness.dtype))
    positive = labels == 1
    error = F.smooth_l1_loss(
        transforms[positive], target_transforms[positive], beta=1 / 9, reduction="sum"
    )
    return entropy, error / len(labels)


def rpn_loss__logarithm_of_the_probability(objectness, transforms, labels, target_transforms):
    p = objectness.sigmoid()
    loss, boxes, count = objectness.sum() * 0, transforms.sum() * 0, 0
    for i, label in enumerate(labels.tolist()):
        if label >= 0:
            count += 1
            y = float(label)
            loss = loss - (y * p[i].log() + (1 - y) * (1 - p[i]).log())
        if label == 1:
            boxes = boxes + F.smooth_l1_loss(
                transforms[i], target_transforms[i], reduction="sum", beta=1 / 9
            )
    return loss / max(count, 1), boxes / max(count, 1)


def detection_loss__row_l_for_label_l(class_logits, transforms, labels, target_transforms):
    """It also divides by nothing."""
    keep, positive = labels >= 0, labels > 0
    entropy = F.cross_entropy(class_logits[keep], labels[keep])
    own = transforms[torch.arange(len(labels))[positive], labels[positive]]
    return entropy, F.smooth_l1_loss(own, target_transforms[positive], reduction="sum") / keep.sum()


def detection_loss__background_has_a_box_loss(class_logits, transforms, labels, target_transforms):
    keep = labels != -1
    count = keep.sum().clamp(min=1)
    entropy = F.cross_entropy(class_logits[keep], labels[keep], reduction="sum")
    boxes = transforms.sum() * 0
    for i in range(len(labels)):
        if keep[i]:
            boxes = boxes + F.smooth_l1_loss(
                transforms[i][labels[i] - 1], target_transforms[i], reduction="sum"
            )
    return entropy / count, boxes / count


def detection_loss__transform_of_the_predicted_class(
    class_logits, transforms, labels, target_transforms
):
    """It also divides by nothing."""
    keep, positive = labels >= 0, labels > 0
    predicted = class_logits.argmax(dim=1)[positive]
    own = transforms[positive][torch.arange(int(positive.sum())), predicted - 1]
    error = F.smooth_l1_loss(own, target_transforms[positive], reduction="sum")
    return F.cross_entropy(class_logits[keep], labels[keep]), error / keep.sum()


def detection_loss__transforms_of_all_classes(class_logits, transforms, labels, target_transforms):
    keep, positive = labels >= 0, labels > 0
    K = transforms.shape[1]
    error = F.smooth_l1_loss(
        transforms[positive],
        target_transforms[positive].unsqueeze(1).repeat(1, K, 1),
        reduction="sum",
    )
    count = max(keep.sum().item(), 1)
    return F.cross_entropy(class_logits[keep], labels[keep], reduction="sum") / count, error / count


def detection_loss__softmax_twice(class_logits, transforms, labels, target_transforms):
    """It also divides by nothing."""
    keep, positive = labels >= 0, labels > 0
    entropy = F.cross_entropy(class_logits[keep].softmax(1), labels[keep])
    own = transforms[positive, labels[positive] - 1]
    error = F.smooth_l1_loss(own, target_transforms[positive], reduction="sum")
    return entropy, error / keep.sum()


def head_channels__no_background(num_anchors, num_classes, class_specific=False):
    return num_anchors * num_classes, num_anchors * 4 * (num_classes if class_specific else 1)


def head_channels__four_once_for_all_anchors(num_anchors, num_classes, class_specific=False):
    if class_specific:
        return num_anchors * (num_classes + 1), 4 * num_classes
    return num_anchors * (num_classes + 1), 4


def forward_passes__rcnn_shares_its_backbone(system, num_proposals):
    if system == "single_stage":
        return 1, 0
    return 1, num_proposals


def forward_passes__faster_has_two_backbones(system, num_proposals):
    backbone = {"rcnn": num_proposals, "fast": 1, "faster": 1 + 1, "single_stage": 1}
    return backbone[system], 0 if system == "single_stage" else num_proposals


def single_stage_detections__best_class_only(
    class_logits, transforms, anchors, image_size, score_threshold, iou_threshold
):
    scores, labels = class_logits.softmax(dim=1).max(dim=1)
    keep = (labels > 0) & (scores > score_threshold)
    boxes = decode_boxes(anchors[keep], transforms[keep])
    boxes[:, [0, 2]] = boxes[:, [0, 2]].clamp(0, image_size[1])
    boxes[:, [1, 3]] = boxes[:, [1, 3]].clamp(0, image_size[0])
    scores, labels = scores[keep], labels[keep]
    kept = nms_per_class(boxes, scores, labels, iou_threshold)
    return {"boxes": boxes[kept], "scores": scores[kept], "labels": labels[kept]}


def _all_pairs(class_logits, transforms, anchors, image_size, score_threshold):
    p = class_logits.softmax(dim=1)[:, 1:]
    rows, columns = torch.where(p > score_threshold)
    boxes = decode_boxes(anchors, transforms)[rows]
    h, w = image_size
    boxes = torch.stack([boxes[:, i].clamp(0, (w, h)[i % 2]) for i in range(4)], dim=1)
    return boxes, p[rows, columns], columns


def single_stage_detections__labels_off_by_one(
    class_logits, transforms, anchors, image_size, score_threshold, iou_threshold
):
    boxes, scores, labels = _all_pairs(
        class_logits, transforms, anchors, image_size, score_threshold
    )
    kept = nms_per_class(boxes, scores, labels, iou_threshold)
    return {"boxes": boxes[kept], "scores": scores[kept], "labels": labels[kept]}


def single_stage_detections__suppresses_across_classes(
    class_logits, transforms, anchors, image_size, score_threshold, iou_threshold
):
    boxes, scores, labels = _all_pairs(
        class_logits, transforms, anchors, image_size, score_threshold
    )
    kept = nms(boxes, scores, iou_threshold)
    return {"boxes": boxes[kept], "scores": scores[kept], "labels": labels[kept] + 1}


def single_stage_detections__class_after_class(
    class_logits, transforms, anchors, image_size, score_threshold, iou_threshold
):
    """It also joins an empty list."""
    boxes, scores, labels = _all_pairs(
        class_logits, transforms, anchors, image_size, score_threshold
    )
    kept = []
    for label in labels.unique():
        members = torch.where(labels == label)[0]
        kept.append(members[nms(boxes[members], scores[members], iou_threshold)])
    kept = torch.cat(kept)
    return {"boxes": boxes[kept], "scores": scores[kept], "labels": labels[kept] + 1}


def single_stage_detections__sigmoid_for_softmax(
    class_logits, transforms, anchors, image_size, score_threshold, iou_threshold
):
    p = class_logits.sigmoid()
    rows, columns = torch.where(p[:, 1:] > score_threshold)
    boxes = decode_boxes(anchors, transforms)[rows]
    h, w = image_size
    boxes = torch.stack([boxes[:, i].clamp(0, (w, h)[i % 2]) for i in range(4)], dim=1)
    scores, labels = p[rows, columns + 1], columns + 1
    kept = nms_per_class(boxes, scores, labels, iou_threshold)
    return {"boxes": boxes[kept], "scores": scores[kept], "labels": labels[kept]}


def single_stage_detections__not_clipped(
    class_logits, transforms, anchors, image_size, score_threshold, iou_threshold
):
    p = class_logits.softmax(dim=1)
    rows, columns = torch.where(p[:, 1:] > score_threshold)
    boxes, scores, labels = (
        decode_boxes(anchors, transforms)[rows],
        p[rows, columns + 1],
        columns + 1,
    )
    kept = nms_per_class(boxes, scores, labels, iou_threshold)
    return {"boxes": boxes[kept], "scores": scores[kept], "labels": labels[kept]}
