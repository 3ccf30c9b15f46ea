"""Sliding windows: how many there are, and how a fully convolutional network scores all at once.

A linear layer over a whole [C, H, W] input is a convolution whose kernel is as large as that
input. Written so, a classifier accepts larger images and gives one score vector per window.

Source: OverFeat (arXiv:1312.6229), section 3.5; Fully convolutional networks (arXiv:1411.4038),
section 3.1.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def count_positions(image_size: tuple[int, int], box_size: tuple[int, int], stride: int = 1) -> int:
    """Return at how many positions a box of one size fits into an image.

    Sizes are (height, width); the box moves by `stride` pixels in both directions. A box that does
    not fit has no position.
    """
    rows = (image_size[0] - box_size[0]) // stride + 1
    columns = (image_size[1] - box_size[1]) // stride + 1
    return max(rows, 0) * max(columns, 0)


def count_boxes(image_size: tuple[int, int]) -> int:
    """Return how many boxes of all sizes, at whole pixels, fit into an image; exactly.

    The size is (height, width). A side of n pixels holds n - k + 1 intervals of length k; summed
    over all k that is n (n + 1) / 2.
    """
    height, width = image_size
    return (height * (height + 1) // 2) * (width * (width + 1) // 2)


def linear_to_conv(linear: nn.Linear, in_shape: tuple[int, int, int]) -> nn.Conv2d:
    """Return a convolution that gives the same numbers as Flatten followed by `linear`.

    Its kernel covers the whole input of shape (C, H, W), which Flatten writes channel after
    channel, each row by row. Weights and bias, if there is one, are copied, in their dtype; the
    linear layer is unchanged.

    Raises ValueError where `in_shape` does not hold as many numbers as the layer takes.
    """
    channels, height, width = in_shape
    if channels * height * width != linear.in_features:
        raise ValueError(
            f"in_shape must hold {linear.in_features} numbers, got {tuple(in_shape)}; "
            "give the (C, H, W) that enters Flatten"
        )
    conv = nn.Conv2d(
        channels, linear.out_features, (height, width), bias=linear.bias is not None
    ).to(linear.weight)
    with torch.no_grad():
        conv.weight.copy_(linear.weight.view(conv.weight.shape))
        if conv.bias is not None:
            conv.bias.copy_(linear.bias)
    return conv


def linear_to_pointwise(linear: nn.Linear) -> nn.Conv2d:
    """Return the 1x1 convolution that applies `linear` at every position.

    It takes what `linear` takes as its channels: [B, in, H, W] becomes [B, out, H, W]. Weights and
    bias, if there is one, are copied, in their dtype; the linear layer is unchanged.
    """
    return linear_to_conv(linear, (linear.in_features, 1, 1))


def to_fully_convolutional(
    classifier: nn.Sequential, in_shape: tuple[int, int, int]
) -> nn.Sequential:
    """Return a network that gives the classifier's logits at every position of a larger image.

    `classifier` is convolutions, poolings and activations, then Flatten, then linear layers with
    activations between them, made for images of `in_shape` (C, H, W). [B, C, H, W] becomes
    [B, K, rows, columns]. The classifier is unchanged; layers that are not linear may be shared
    with it, linear weights are copied.
    """
    features = next(classifier.parameters()).new_zeros((1, *in_shape))
    flat_shape: tuple[int, int, int] | None = None
    layers: list[nn.Module] = []
    for layer in classifier:
        if isinstance(layer, nn.Flatten):
            _, channels, height, width = features.shape
            flat_shape = (channels, height, width)
        elif isinstance(layer, nn.Linear) and flat_shape is not None:
            layers.append(linear_to_conv(layer, flat_shape))
            flat_shape = (layer.out_features, 1, 1)
        else:
            layers.append(layer)
            with torch.no_grad():
                features = layer(features) if flat_shape is None else features
    return nn.Sequential(*layers)


def sliding_window_scores(
    classifier: nn.Module,
    image: Float[Tensor, "C H W"],
    window: tuple[int, int],
    stride: int,
) -> Float[Tensor, "rows cols K"]:
    """Return the class probabilities of every window, by one pass of the classifier per window.

    `window` is (height, width) and fits into the image at least once. The classifier gives logits
    for a batch of crops; entry [row, col] belongs to the crop whose upper left corner is
    (row * stride, col * stride), so rows count downwards. The probabilities of a window add up to
    1. Windows that would leave the image are left out.
    """
    _, height, width = image.shape
    scores = []
    with torch.no_grad():
        for top in range(0, height - window[0] + 1, stride):
            for left in range(0, width - window[1] + 1, stride):
                crop = image[:, top : top + window[0], left : left + window[1]]
                scores.append(classifier(crop[None])[0].softmax(dim=0))  # [K]
    rows = (height - window[0]) // stride + 1
    return torch.stack(scores).reshape(rows, -1, scores[0].numel())


def dense_scores(network: nn.Module, image: Float[Tensor, "C H W"]) -> Float[Tensor, "rows cols K"]:
    """Return the class probabilities of every window, from one pass over the whole image.

    `network` is fully convolutional and gives logits [B, K, rows, cols]; the probabilities of each
    place add up to 1. Where none of its layers pads, this equals the loop over crops at the
    network's own stride.
    """
    with torch.no_grad():
        logits: Tensor = network(image[None])[0]  # [K, rows, cols]
    return logits.softmax(dim=0).permute(1, 2, 0)
