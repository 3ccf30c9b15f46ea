"""Style: plain loops over the numbers, nothing vectorised."""

import math

import torch
from torch import nn


def cxcywh_to_xyxy(boxes):
    result = boxes.clone()
    for i in range(len(boxes)):
        cx, cy, w, h = boxes[i].tolist()
        result[i, 0] = cx - w / 2
        result[i, 1] = cy - h / 2
        result[i, 2] = cx + w / 2
        result[i, 3] = cy + h / 2
    return result


def xyxy_to_cxcywh(boxes):
    result = torch.empty_like(boxes)
    for i, (x1, y1, x2, y2) in enumerate(boxes):
        result[i, 0] = x1 + (x2 - x1) / 2
        result[i, 1] = y1 + (y2 - y1) / 2
        result[i, 2] = x2 - x1
        result[i, 3] = y2 - y1
    return result


def localization_loss(logits, boxes, target_labels, target_boxes, box_weight=1.0):
    total = 0.0 * logits.sum() + 0.0 * boxes.sum()
    for b in range(len(logits)):
        highest = max(float(value) for value in logits[b].detach())
        summed = 0
        for k in range(logits.shape[1]):
            summed = summed + torch.exp(logits[b, k] - highest)
        total = total + highest + torch.log(summed) - logits[b, target_labels[b]]
        for n in range(4):
            total = total + box_weight * (boxes[b, n] - target_boxes[b, n]) ** 2
    return total / len(logits) if len(logits) else total


def count_positions(image_size, box_size, stride=1):
    count = 0
    top = 0
    while top + box_size[0] <= image_size[0]:
        left = 0
        while left + box_size[1] <= image_size[1]:
            count += 1
            left += stride
        top += stride
    return count


def count_boxes(image_size):
    height, width = image_size
    rows = sum(height - h + 1 for h in range(1, height + 1))
    columns = sum(width - w + 1 for w in range(1, width + 1))
    return rows * columns


def sliding_window_scores(classifier, image, window, stride):
    result = []
    top = 0
    while top + window[0] <= image.shape[1]:
        row = []
        left = 0
        while left + window[1] <= image.shape[2]:
            crop = image[:, top : top + window[0], left : left + window[1]].unsqueeze(0)
            logits = classifier(crop).squeeze(0).tolist()
            powers = [math.exp(value - max(logits)) for value in logits]
            row.append([power / sum(powers) for power in powers])
            left += stride
        result.append(row)
        top += stride
    return torch.tensor(result, dtype=image.dtype)


def linear_to_conv(linear, in_shape):
    channels, height, width = in_shape
    conv = nn.Conv2d(channels, linear.out_features, (height, width), bias=linear.bias is not None)
    conv = conv.to(linear.weight.dtype)
    for k in range(linear.out_features):
        at = 0
        for c in range(channels):
            for y in range(height):
                for x in range(width):
                    conv.weight.data[k, c, y, x] = linear.weight[k, at]
                    at += 1
        if linear.bias is not None:
            conv.bias.data[k] = linear.bias[k]
    return conv


def linear_to_pointwise(linear):
    conv = nn.Conv2d(
        linear.in_features, linear.out_features, kernel_size=1, bias=linear.bias is not None
    ).to(linear.weight.dtype)
    for k in range(linear.out_features):
        for c in range(linear.in_features):
            conv.weight.data[k, c, 0, 0] = linear.weight[k, c]
        if linear.bias is not None:
            conv.bias.data[k] = linear.bias[k]
    return conv


def to_fully_convolutional(classifier, in_shape):
    result = nn.Sequential()
    image = torch.zeros(1, *in_shape, dtype=next(classifier.parameters()).dtype)
    flat = False
    for layer in classifier:
        if isinstance(layer, nn.Flatten):
            flat = True
            shape = image.shape[1:]
        elif isinstance(layer, nn.Linear):
            if shape is not None:
                result.append(linear_to_conv(layer, tuple(shape)))
            else:
                result.append(linear_to_pointwise(layer))
            shape = None
        else:
            result.append(layer)
            if not flat:
                image = layer(image)
    return result


def dense_scores(network, image):
    logits = network(image.unsqueeze(0)).detach()
    _, classes, rows, columns = logits.shape
    result = torch.zeros(rows, columns, classes, dtype=image.dtype)
    for row in range(rows):
        for column in range(columns):
            values = [float(logits[0, k, row, column]) for k in range(classes)]
            powers = [math.exp(value - max(values)) for value in values]
            for k in range(classes):
                result[row, column, k] = powers[k] / sum(powers)
    return result
