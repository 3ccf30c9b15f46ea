"""Style: whole tensors; classes are moved apart so that one NMS serves for all."""

import torch


def box_area(boxes):
    return (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)


def box_iou(a, b):
    low = torch.max(a.unsqueeze(1)[..., :2], b.unsqueeze(0)[..., :2])
    high = torch.min(a.unsqueeze(1)[..., 2:], b.unsqueeze(0)[..., 2:])
    shared = (high - low).clamp_min(0).prod(-1)
    return shared / (box_area(a).unsqueeze(1) + box_area(b) - shared + 1e-9)


def nms(boxes, scores, iou_threshold):
    order = torch.sort(scores, descending=True, stable=True).indices
    kept = []
    while order.numel() > 0:
        kept.append(order[:1])
        iou = box_iou(boxes[order[:1]], boxes[order[1:]])[0]
        order = order[1:][iou <= iou_threshold]
    return torch.cat(kept) if kept else order


def nms_per_class(boxes, scores, labels, iou_threshold):
    if boxes.numel() == 0:
        return torch.empty(0, dtype=torch.int64, device=boxes.device)
    extent = boxes.max() - boxes.min() + 1
    return nms(boxes + (labels * extent)[:, None], scores, iou_threshold)


def soft_nms(boxes, scores, sigma=0.5, score_threshold=0.001):
    indices = torch.arange(len(boxes))
    alive = scores >= score_threshold
    indices, boxes, scores = indices[alive], boxes[alive], scores[alive]
    kept, values = indices[:0], scores[:0]
    while len(indices):
        best = scores.argmax()
        kept, values = (
            torch.cat([kept, indices[best, None]]),
            torch.cat([values, scores[best, None]]),
        )
        decay = torch.exp(-(box_iou(boxes[best, None], boxes)[0] ** 2) / sigma)
        decay[best] = 0
        scores = scores * decay
        alive = scores >= score_threshold
        alive[best] = False
        indices, boxes, scores = indices[alive], boxes[alive], scores[alive]
    return kept, values
