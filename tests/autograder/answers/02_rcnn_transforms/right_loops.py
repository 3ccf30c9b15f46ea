"""Style: loops over tensor scalars."""

import math

import torch


def histogram_intersection(a, b):
    total = a.new_zeros(())
    for i in range(len(a)):
        if a[i] < b[i]:
            total += a[i]
        else:
            total += b[i]
    return total


def size_similarity(size_a, size_b, image_area):
    covered = 0.0
    for size in (size_a, size_b):
        covered += float(size)
    return 1 - covered / image_area


def fill_similarity(size_a, size_b, union_box_area, image_area):
    gap = union_box_area
    for size in (size_a, size_b):
        gap = gap - size
    return 1 - gap / image_area


def group_regions(boxes, sizes, neighbours, similarity):
    regions = [boxes[i] for i in range(len(boxes))]
    amounts = [sizes[i] for i in range(len(sizes))]
    pairs = []
    for i, j in neighbours:
        if i > j:
            i, j = j, i
        if (i, j) not in pairs:
            pairs.append((i, j))
    while len(pairs) > 0:
        best = None
        for i, j in sorted(pairs):
            value = similarity(regions[i], amounts[i], regions[j], amounts[j])
            if best is None or value > best[0]:
                best = (value, i, j)
        _, a, b = best
        merged = regions[a].clone()
        for k in range(4):
            if k < 2 and regions[b][k] < merged[k]:
                merged[k] = regions[b][k]
            if k >= 2 and regions[b][k] > merged[k]:
                merged[k] = regions[b][k]
        regions.append(merged)
        amounts.append(amounts[a] + amounts[b])
        new = len(regions) - 1
        left = []
        for i, j in pairs:
            if (i, j) == (a, b):
                continue
            if i in (a, b):
                i = new
            if j in (a, b):
                j = new
            if i > j:
                i, j = j, i
            if (i, j) not in left:
                left.append((i, j))
        pairs = left
    result = boxes.new_zeros(len(regions), 4)
    for i in range(len(regions)):
        result[i] = regions[i]
    return result


def crop_and_resize(image, boxes, size):
    C, H, W = image.shape
    h, w = size
    crops = image.new_zeros(len(boxes), C, h, w)
    for n in range(len(boxes)):
        x1, y1, x2, y2 = boxes[n]
        for i in range(h):
            y = y1 + (i + 0.5) * (y2 - y1) / h - 0.5
            y = min(max(float(y), 0.0), H - 1.0)
            top = min(math.floor(y), H - 1)
            bottom = min(top + 1, H - 1)
            for j in range(w):
                x = x1 + (j + 0.5) * (x2 - x1) / w - 0.5
                x = min(max(float(x), 0.0), W - 1.0)
                left = min(math.floor(x), W - 1)
                right = min(left + 1, W - 1)
                for c in range(C):
                    above = image[c, top, left] * (1 - (x - left)) + image[c, top, right] * (
                        x - left
                    )
                    below = image[c, bottom, left] * (1 - (x - left)) + image[c, bottom, right] * (
                        x - left
                    )
                    crops[n, c, i, j] = above * (1 - (y - top)) + below * (y - top)
    return crops


def encode_boxes(proposals, gt_boxes):
    result = torch.zeros_like(proposals)
    for n in range(len(proposals)):
        for axis in range(2):
            length = proposals[n, axis + 2] - proposals[n, axis]
            wanted = gt_boxes[n, axis + 2] - gt_boxes[n, axis]
            start = proposals[n, axis] + length / 2
            end = gt_boxes[n, axis] + wanted / 2
            result[n, axis] = (end - start) / length
            result[n, axis + 2] = math.log(wanted / length)
    return result


def decode_boxes(proposals, transforms):
    result = torch.zeros_like(proposals)
    for n in range(len(proposals)):
        for axis in range(2):
            length = proposals[n, axis + 2] - proposals[n, axis]
            centre = proposals[n, axis] + length / 2 + transforms[n, axis] * length
            t = transforms[n, axis + 2]
            if t > math.log(1000 / 16):
                t = math.log(1000 / 16)
            length = length * math.exp(t)
            result[n, axis] = centre - length / 2
            result[n, axis + 2] = centre + length / 2
    return result


def label_proposals(iou, gt_labels, positive=0.5, negative=0.3):
    N, M = iou.shape
    labels = torch.zeros(N, dtype=torch.int64)
    matches = torch.full((N,), -1)
    for n in range(N):
        best = 0.0
        for m in range(M):
            if matches[n] == -1 or iou[n, m] > best:
                best = iou[n, m]
                matches[n] = m
        if M > 0 and best >= positive:
            labels[n] = gt_labels[matches[n]]
        elif M > 0 and best >= negative:
            labels[n] = -1
    return labels, matches


def rcnn_loss(class_logits, transforms, labels, target_transforms):
    class_loss = class_logits.sum() * 0
    box_loss = (transforms.sum() + target_transforms.sum()) * 0
    count = 0
    for n in range(len(labels)):
        label = int(labels[n])
        if label < 0:
            continue
        count += 1
        class_loss = class_loss - torch.log_softmax(class_logits[n], dim=0)[label]
        if label > 0:
            for k in range(4):
                d = torch.abs(transforms[n, k] - target_transforms[n, k])
                box_loss = box_loss + (0.5 * d * d if d < 1 else d - 0.5)
    if count == 0:
        return class_loss, box_loss
    return class_loss / count, box_loss / count


def select_by_background(probabilities, k):
    left = list(range(len(probabilities)))
    chosen = []
    while left and len(chosen) < k:
        best = left[0]
        for i in left:
            if probabilities[i, 0] < probabilities[best, 0]:
                best = i
        chosen.append(best)
        left.remove(best)
    return torch.tensor(chosen, dtype=torch.int64)


def select_per_class(probabilities, k):
    rows = []
    for label in range(1, probabilities.shape[1]):
        left = list(range(len(probabilities)))
        chosen = []
        while left and len(chosen) < k:
            best = left[0]
            for i in left:
                if probabilities[i, label] > probabilities[best, label]:
                    best = i
            chosen.append(best)
            left.remove(best)
        rows.append(torch.tensor(chosen, dtype=torch.int64))
    return torch.stack(rows)
