"""Style: as few lines as torch allows."""

import copy

import torch
import torch.nn.functional as F
from torch import nn


def cxcywh_to_xyxy(boxes):
    change = torch.tensor([[1, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]])
    return boxes @ change.to(boxes)


def xyxy_to_cxcywh(boxes):
    a, b = boxes.chunk(2, dim=1)
    return torch.cat(((a + b) * 0.5, b - a), 1)


def localization_loss(logits, boxes, target_labels, target_boxes, box_weight=1.0):
    if not len(logits):
        return torch.cat([logits, boxes], dim=1).sum()
    return F.cross_entropy(logits, target_labels) + 4 * box_weight * F.mse_loss(boxes, target_boxes)


def count_positions(image_size, box_size, stride=1):
    (height, width), (h, w) = image_size, box_size
    return len(range(0, height - h + 1, stride)) * len(range(0, width - w + 1, stride))


def count_boxes(image_size):
    height, width = image_size
    return height * (height + 1) * width * (width + 1) // 4


def sliding_window_scores(classifier, image, window, stride):
    crops = image.unfold(1, window[0], stride).unfold(2, window[1], stride)  # [C, rows, cols, h, w]
    rows, columns = crops.shape[1:3]
    crops = crops.permute(1, 2, 0, 3, 4).flatten(0, 1)
    with torch.inference_mode():
        return classifier(crops).softmax(-1).unflatten(0, (rows, columns))


@torch.no_grad()
def linear_to_conv(linear, in_shape):
    conv = nn.Conv2d(in_shape[0], linear.out_features, in_shape[1:], bias=linear.bias is not None)
    state = {
        name: value.reshape(getattr(conv, name).shape)
        for name, value in linear.state_dict().items()
    }
    conv.to(linear.weight.dtype).load_state_dict(state)
    return conv


def linear_to_pointwise(linear):
    bias = linear.bias is not None
    conv = nn.Conv2d(*linear.weight.shape[::-1], 1, bias=bias, dtype=linear.weight.dtype)
    conv.weight.data = linear.weight.data[..., None, None].clone()
    if bias:
        conv.bias.data = linear.bias.data.clone()
    return conv


def to_fully_convolutional(classifier, in_shape):
    classifier = copy.deepcopy(classifier)
    at = next(i for i, layer in enumerate(classifier) if isinstance(layer, nn.Flatten))
    shape = classifier[:at](torch.zeros(1, *in_shape).to(next(classifier.parameters()))).shape[1:]
    tail = [linear_to_pointwise(m) if isinstance(m, nn.Linear) else m for m in classifier[at + 1 :]]
    tail[0] = linear_to_conv(classifier[at + 1], shape)
    return classifier[:at].extend(tail)


def dense_scores(network, image):
    return torch.einsum("krc->rck", F.softmax(network(image[None]), dim=1)[0]).detach()
