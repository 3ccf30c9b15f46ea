"""Style: numpy inside, tensors at the door. (Losses need their gradients, so they stay in torch.)"""

import numpy as np
import torch


def rpn_loss(objectness, transforms, labels, target_transforms):
    where = labels.numpy()
    counted, positive = np.flatnonzero(where >= 0), np.flatnonzero(where > 0)
    count = max(len(counted), 1)
    x = objectness[torch.from_numpy(counted)]
    y = torch.from_numpy(where[counted].astype(np.float64)).to(objectness)
    entropy = torch.logaddexp(torch.zeros_like(x), x) - x * y
    error = (transforms - target_transforms)[torch.from_numpy(positive)].abs()
    smooth = torch.where(error < 1 / 9, 4.5 * error**2, error - 1 / 18)
    return entropy.sum() / count, smooth.sum() / count


def detection_loss(class_logits, transforms, labels, target_transforms):
    where = labels.numpy()
    counted, positive = np.flatnonzero(where >= 0), np.flatnonzero(where > 0)
    count = max(len(counted), 1)
    rows = class_logits[torch.from_numpy(counted)]
    entropy = rows.logsumexp(dim=1) - rows[np.arange(len(counted)), where[counted]]
    error = transforms[positive, where[positive] - 1] - target_transforms[positive]
    size = error.abs()
    smooth = torch.where(size < 1, error**2 / 2, size - 0.5)
    return entropy.sum() / count, smooth.sum() / count


def head_channels(num_anchors, num_classes, class_specific=False):
    boxes = np.prod([num_anchors, 4, num_classes if class_specific else 1])
    return int(num_anchors * (num_classes + 1)), int(boxes)


def forward_passes(system, num_proposals):
    shared = np.array([[num_proposals] * 2, [1, num_proposals], [1, num_proposals], [1, 0]])
    row = ["rcnn", "fast", "faster", "single_stage"].index(system)
    return tuple(shared[row].tolist())


def _iou(one, others):
    low = np.maximum(one[:2], others[:, :2])
    high = np.minimum(one[2:], others[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    union = (one[2:] - one[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=1) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def single_stage_detections(
    class_logits, transforms, anchors, image_size, score_threshold, iou_threshold
):
    logits, t, a = class_logits.numpy(), transforms.numpy(), anchors.numpy()
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    sides = a[:, 2:] - a[:, :2]
    centre = (a[:, :2] + a[:, 2:]) / 2 + sides * t[:, :2]
    half = sides * np.exp(np.minimum(t[:, 2:], np.log(1000 / 16))) / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1).astype(a.dtype)
    boxes = np.clip(boxes, 0, np.array([image_size[1], image_size[0]] * 2)).astype(a.dtype)
    anchor, label = np.nonzero(p > score_threshold)
    anchor, label = anchor[label > 0], label[label > 0]
    scores = p[anchor, label]
    kept = []
    for i in np.argsort(-scores, kind="stable"):
        same = [k for k in kept if label[k] == label[i]]
        if not same or _iou(boxes[anchor[i]], boxes[anchor[same]]).max() <= iou_threshold:
            kept.append(i)
    kept = np.array(kept, dtype=np.int64)
    return {
        "boxes": torch.from_numpy(boxes[anchor[kept]]),
        "scores": torch.from_numpy(scores[kept]),
        "labels": torch.from_numpy(label[kept]),
    }
