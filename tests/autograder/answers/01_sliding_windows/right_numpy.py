"""Style: numpy at the core, tensors at the border."""

import numpy as np
import torch
from torch import nn


def cxcywh_to_xyxy(boxes):
    array = boxes.numpy()
    half = array[:, 2:] / 2
    return torch.from_numpy(np.hstack([array[:, :2] - half, array[:, :2] + half]))


def xyxy_to_cxcywh(boxes):
    array = boxes.numpy()
    corners = array.reshape(-1, 2, 2)
    return torch.from_numpy(np.hstack([corners.mean(axis=1), np.diff(corners, axis=1)[:, 0]]))


def localization_loss(logits, boxes, target_labels, target_boxes, box_weight=1.0):
    """A loss must carry gradients, so this one is torch; only the indices come from numpy."""
    if len(logits) == 0:
        return (logits.sum() + boxes.sum()) * 0
    rows = np.arange(len(logits))
    class_loss = torch.logsumexp(logits, 1) - logits[rows, target_labels.numpy()]
    box_loss = torch.square(boxes - target_boxes).sum(axis=1)
    return (class_loss + box_weight * box_loss).mean()


def count_positions(image_size, box_size, stride=1):
    free = np.array(image_size) - np.array(box_size)
    if (free < 0).any():
        return 0
    return np.prod(free // stride + 1)


def count_boxes(image_size):
    height, width = np.array(image_size, dtype=np.int64)
    return (height * (height + 1) // 2) * (width * (width + 1) // 2)


def softmax(values, axis):
    powers = np.exp(values - values.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def sliding_window_scores(classifier, image, window, stride):
    pixels = image.numpy()
    rows = (pixels.shape[1] - window[0]) // stride + 1
    columns = (pixels.shape[2] - window[1]) // stride + 1
    result = None
    for row, column in np.ndindex(rows, columns):
        top, left = row * stride, column * stride
        crop = pixels[None, :, top : top + window[0], left : left + window[1]]
        logits = classifier(torch.from_numpy(crop)).detach().numpy()[0]
        if result is None:
            result = np.zeros((rows, columns, len(logits)), dtype=pixels.dtype)
        result[row, column] = softmax(logits, axis=0)
    return torch.from_numpy(result)


def as_conv(weight, bias):
    outputs, channels, height, width = weight.shape
    conv = nn.Conv2d(channels, outputs, (height, width), bias=bias is not None)
    conv.weight = nn.Parameter(torch.from_numpy(weight))
    if bias is not None:
        conv.bias = nn.Parameter(torch.from_numpy(bias))
    return conv


def linear_to_conv(linear, in_shape):
    weight = linear.weight.detach().numpy().copy().reshape(-1, *in_shape)
    return as_conv(weight, None if linear.bias is None else linear.bias.detach().numpy().copy())


def linear_to_pointwise(linear):
    return linear_to_conv(linear, (linear.in_features, 1, 1))


def to_fully_convolutional(classifier, in_shape):
    layers = list(classifier)
    at = [type(layer) for layer in layers].index(nn.Flatten)
    zeros = np.zeros((1, *in_shape), dtype=next(classifier.parameters()).detach().numpy().dtype)
    shape = tuple(classifier[:at](torch.from_numpy(zeros)).shape[1:])
    new = layers[:at]
    for layer in layers[at + 1 :]:
        if isinstance(layer, nn.Linear):
            layer, shape = linear_to_conv(layer, shape), (layer.out_features, 1, 1)
        new.append(layer)
    return nn.Sequential(*new)


def dense_scores(network, image):
    logits = network(image[None])[0].detach().numpy()
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(softmax(logits, axis=0), 0, -1)))
