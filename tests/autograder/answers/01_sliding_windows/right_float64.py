"""Style: float64 inside, with prints, a warning, a class of one's own, and comments to oneself."""

import warnings

import torch
from torch import nn


def cxcywh_to_xyxy(boxes):
    print("boxes:", boxes.shape)
    wide = boxes.double()
    x1 = wide[:, 0] - 0.5 * wide[:, 2]
    y1 = wide[:, 1] - 0.5 * wide[:, 3]
    corners = torch.stack((x1, y1, x1 + wide[:, 2], y1 + wide[:, 3]), dim=1)
    return corners.to(boxes.dtype)


def xyxy_to_cxcywh(boxes):
    wide = boxes.double()
    size = wide[:, 2:] - wide[:, :2]
    return torch.cat((wide[:, :2] + size / 2, size), dim=1).to(boxes.dtype)


def localization_loss(logits, boxes, target_labels, target_boxes, box_weight=1.0):
    warnings.warn("this loss is slow", stacklevel=2)
    n = max(1, logits.shape[0])
    logp = torch.log_softmax(logits.double(), dim=-1)
    wanted = torch.zeros_like(logp).scatter(1, target_labels[:, None], 1.0)
    name = -(logp * wanted).sum() / n
    place = ((boxes.double() - target_boxes.double()) ** 2).sum(1).sum() / n
    return (name + box_weight * place).to(logits.dtype)


def steps(length, size, stride):
    return 0 if size > length else 1 + int((length - size) / stride)


def count_positions(image_size, box_size, stride=1):
    return torch.tensor(
        steps(image_size[0], box_size[0], stride) * steps(image_size[1], box_size[1], stride)
    )


def count_boxes(image_size):
    number = 1
    for side in image_size:
        number *= (side * side + side) // 2
    print(f"{number:,}")
    return number


def sliding_window_scores(classifier, image, window, stride):
    rows = []
    for top in range(0, image.shape[-2], stride):
        if top + window[0] > image.shape[-2]:
            break
        strip = image[None, :, top : top + window[0]]
        crops = [
            strip[..., left : left + window[1]]
            for left in range(0, image.shape[-1] - window[1] + 1, stride)
        ]
        logits = classifier(torch.cat(crops)).double()
        rows.append(torch.exp(logits - torch.logsumexp(logits, dim=1, keepdim=True)))
    return torch.stack(rows).to(image.dtype)


def linear_to_conv(linear, in_shape):
    C, H, W = in_shape
    K = linear.out_features
    eye = torch.eye(C * H * W, dtype=torch.float64)
    answers = eye @ linear.weight.detach().double().t()  # what the layer says to each input alone
    conv = nn.Conv2d(C, K, (H, W), bias=linear.bias is not None, dtype=linear.weight.dtype)
    with torch.no_grad():
        conv.weight[:] = answers.t().reshape(K, C, H, W).to(linear.weight.dtype)
        if linear.bias is not None:
            conv.bias[:] = linear.bias
    return conv


def linear_to_pointwise(linear):
    return linear_to_conv(linear, torch.Size([linear.in_features, 1, 1]))


class Converted(nn.Sequential):
    """Nothing special."""


def to_fully_convolutional(classifier, in_shape):
    dtypes = {p.dtype for p in classifier.parameters()}
    x = torch.rand(2, *in_shape, dtype=dtypes.pop())
    layers, shape = [], None
    for layer in classifier:
        y = layer(x)
        if isinstance(layer, nn.Linear):
            layers.append(linear_to_conv(layer, shape or (layer.in_features, 1, 1)))
            shape = None
        elif isinstance(layer, nn.Flatten):
            shape = tuple(x.shape[1:])
        else:
            layers.append(layer)
        x = y
    return Converted(*layers)


def dense_scores(network, image):
    logits = network(image.unsqueeze(0)).squeeze(0).double()
    scores = torch.exp(logits) / torch.exp(logits).sum(dim=0, keepdim=True)
    return scores.permute(1, 2, 0).to(image.dtype)
