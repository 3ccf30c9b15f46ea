"""Style: plain loops over numbers, one step at a time."""

import torch


def iou_of(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / both


def match_detections(boxes, scores, gt_boxes, iou_threshold=0.5):
    order = sorted(range(len(scores)), key=lambda i: -scores[i].item())
    free = list(range(len(gt_boxes)))
    rows, objects = boxes.tolist(), gt_boxes.tolist()
    result = []
    for i in order:
        best, best_iou = None, iou_threshold
        for j in free:
            overlap = iou_of(rows[i], objects[j])
            if overlap > best_iou or (best is None and overlap == best_iou):
                best, best_iou = j, overlap
        if best is not None:
            free.remove(best)
        result.append(best is not None)
    return torch.tensor(result, dtype=torch.bool)


def precision_recall(true_positives, num_gt):
    precision, recall = [], []
    found = 0
    for seen, hit in enumerate(true_positives, start=1):
        if hit:
            found += 1
        precision.append(found / seen)
        recall.append(found / num_gt if num_gt else 0.0)
    return torch.tensor(precision), torch.tensor(recall)


def average_precision(precision, recall):
    total, before = 0.0, 0.0
    for k in range(len(recall)):
        best = max(precision[k:])
        total += best * (recall[k] - before)
        before = recall[k]
    return total


def average_precision_101(precision, recall):
    best = precision.tolist()
    for k in range(len(best) - 2, -1, -1):
        best[k] = max(best[k], best[k + 1])
    total, k = 0.0, 0
    recalls = recall.tolist()
    for level in range(101):
        while k < len(recalls) and recalls[k] < level / 100:
            k += 1
        if k == len(recalls):
            break
        total += best[k]
    return total / 101


def perfect_ap(ranks, num_gt):
    if num_gt == 0:
        return False
    found = 0
    for hit in ranks:
        if found == num_gt:
            break
        if not hit:
            return False
        found += 1
    return found == num_gt


def _hits_of_class(detections, ground_truth, label, threshold, most=None):
    ranked, num_gt = [], 0
    for found, truth in zip(detections, ground_truth, strict=True):
        gt = truth["boxes"][truth["labels"] == label]
        num_gt += len(gt)
        labels, confidence = found["labels"].tolist(), found["scores"].tolist()
        mine = [i for i in range(len(labels)) if labels[i] == label]
        mine = sorted(mine, key=lambda i: -confidence[i])[:most]
        boxes, scores = found["boxes"][mine], found["scores"][mine]
        hits = match_detections(boxes, scores, gt, threshold).tolist()
        ranked += list(zip(scores.tolist(), hits, strict=True))
    ranked.sort(key=lambda pair: -pair[0])
    return torch.tensor([hit for _, hit in ranked], dtype=torch.bool), num_gt


def mean_average_precision(detections, ground_truth, num_classes, iou_threshold=0.5):
    total, classes = 0.0, 0
    for label in range(1, num_classes + 1):
        hits, num_gt = _hits_of_class(detections, ground_truth, label, iou_threshold)
        if num_gt:
            classes += 1
            total += average_precision(*precision_recall(hits, num_gt))
    return total / classes if classes else 0.0


def coco_map(detections, ground_truth, num_classes):
    values = []
    for label in range(1, num_classes + 1):
        for k in range(10):
            threshold = 0.5 + 0.05 * k
            hits, num_gt = _hits_of_class(detections, ground_truth, label, threshold, 100)
            if num_gt:
                values.append(average_precision_101(*precision_recall(hits, num_gt)))
    return sum(values) / len(values) if values else 0.0
