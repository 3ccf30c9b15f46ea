"""The exercise `to_fully_convolutional`."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from autograder.exercise import Exercise, Misconception
from autograder.exercises.sliding_windows.classifiers import (
    CLASSIFIER_GROUPS,
    draw_to_fully_convolutional,
)
from autograder.exercises.sliding_windows.linear_layers import (
    FORGETS_THE_BIAS,
    channels_last,
    conv_of,
    crashes_without_a_bias,
    makes_float32,
)
from solutions.sliding_windows import to_fully_convolutional

Shape = tuple[int, int, int]
ACTIVATIONS = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.LeakyReLU)


def _kernel(layer: nn.Linear, shape: Shape) -> Tensor:
    return layer.weight.reshape(-1, *shape)


def convert(
    classifier: nn.Sequential,
    in_shape: Shape,
    *,
    kernel: Callable[[nn.Linear, Shape], Tensor] = _kernel,
    bias: bool = True,
    keeps: Callable[[nn.Module], bool] = lambda layer: True,
    end: Sequence[nn.Module] = (),
    **options: Any,
) -> nn.Sequential:
    """Return the network with one step changed by an option: the first linear layer's `kernel` and
    the `options` of its convolution, whether there is a `bias`, which layers after Flatten it
    `keeps`, and what it has at the `end`."""
    at = next(i for i, layer in enumerate(classifier) if isinstance(layer, nn.Flatten))
    before, after = list(classifier)[:at], list(classifier)[at + 1 :]
    layers, shape = list(before), features_of(classifier, in_shape)
    for layer in after:
        if isinstance(layer, nn.Linear):
            first = len(layers) == len(before)
            weight = (kernel if first else _kernel)(layer, shape)
            own = options if first else {}
            layers.append(conv_of(weight, layer.bias if bias else None, **own))
            shape = (layer.out_features, 1, 1)
        elif keeps(layer):
            layers.append(layer)
    return nn.Sequential(*layers, *end)


def features_of(classifier: nn.Sequential, in_shape: Shape) -> Shape:
    """Return the shape that enters Flatten."""
    image = next(classifier.parameters()).new_zeros(1, *in_shape)
    with torch.no_grad():
        for layer in classifier:
            if isinstance(layer, nn.Flatten):
                break
            image = layer(image)
    _, channels, height, width = image.shape
    return channels, height, width


def _channels_last(classifier: nn.Sequential, in_shape: Shape) -> nn.Sequential:
    return convert(classifier, in_shape, kernel=channels_last)


def _no_activations(classifier: nn.Sequential, in_shape: Shape) -> nn.Sequential:
    return convert(classifier, in_shape, keeps=lambda layer: not isinstance(layer, ACTIVATIONS))


def _relu_only(classifier: nn.Sequential, in_shape: Shape) -> nn.Sequential:
    return convert(classifier, in_shape, keeps=lambda layer: isinstance(layer, nn.ReLU))


def _relu_at_the_end(classifier: nn.Sequential, in_shape: Shape) -> nn.Sequential:
    return convert(classifier, in_shape, end=[nn.ReLU()])


def _softmax_at_the_end(classifier: nn.Sequential, in_shape: Shape) -> nn.Sequential:
    return convert(classifier, in_shape, end=[nn.Softmax(dim=1)])


def _flat_at_the_end(classifier: nn.Sequential, in_shape: Shape) -> nn.Sequential:
    return convert(classifier, in_shape, end=[nn.Flatten()])


def _without_bias(classifier: nn.Sequential, in_shape: Shape) -> nn.Sequential:
    return convert(classifier, in_shape, bias=False)


def _padded(classifier: nn.Sequential, in_shape: Shape) -> nn.Sequential:
    return convert(classifier, in_shape, padding=1)


def _steps_by_its_size(classifier: nn.Sequential, in_shape: Shape) -> nn.Sequential:
    return convert(classifier, in_shape, stride=features_of(classifier, in_shape)[1:])


def _pooled_to_one_size(classifier: nn.Sequential, in_shape: Shape) -> nn.Sequential:
    _, height, width = features_of(classifier, in_shape)
    at = next(i for i, layer in enumerate(classifier) if isinstance(layer, nn.Flatten))
    layers = list(classifier)
    return nn.Sequential(*layers[:at], nn.AdaptiveAvgPool2d((height, width)), *layers[at:])


def _reordered_activations(classifier: nn.Sequential, in_shape: Shape) -> nn.Sequential:
    """Linear layers first, then the activations that stood between them."""
    network = convert(classifier, in_shape)
    at = next(i for i, layer in enumerate(classifier) if isinstance(layer, nn.Flatten))
    rest = list(network)[at:]
    linear = [layer for layer in rest if isinstance(layer, nn.Conv2d)]
    others = [layer for layer in rest if not isinstance(layer, nn.Conv2d)]
    return nn.Sequential(*list(network)[:at], *linear, *others)


def _in_place(classifier: nn.Sequential, in_shape: Shape) -> nn.Sequential:
    network = list(convert(classifier, in_shape))
    del classifier[:]
    classifier.extend(network)
    return classifier


def _needs_a_convolution(classifier: nn.Sequential, in_shape: Shape) -> nn.Sequential:
    if not any(isinstance(layer, nn.Conv2d) for layer in classifier):
        raise IndexError("no convolution")
    return convert(classifier, in_shape)


def _squares(classifier: nn.Sequential, in_shape: Shape) -> nn.Sequential:
    _, height, width = features_of(classifier, in_shape)
    if height != width:
        raise RuntimeError("the number of weights is no square")
    return convert(classifier, in_shape)


TO_FULLY_CONVOLUTIONAL = Exercise(
    name="to_fully_convolutional",
    reference=to_fully_convolutional,
    groups=CLASSIFIER_GROUPS,
    draw=draw_to_fully_convolutional,
    misconceptions=(
        Misconception(
            "channels_last",
            "The first linear layer's weights are read in the order (H, W, C): Flatten writes one "
            "channel after the other, so the order is (C, H, W).",
            _channels_last,
        ),
        Misconception(
            "activations_lost",
            "The activations between the linear layers are gone, so that those layers collapse "
            "into a single one: keep every layer that is not replaced, in its place.",
            _no_activations,
        ),
        Misconception(
            "activations_after_all",
            "The activations come after all layers that were linear: each stays between the two "
            "layers where it was.",
            _reordered_activations,
        ),
        Misconception(
            "activation_at_the_end",
            "It adds an activation after the last layer: logits may be negative, and the last "
            "layer has none after it.",
            _relu_at_the_end,
        ),
        Misconception(
            "softmax_at_the_end",
            "The new network gives probabilities: it gives logits as the classifier does, and "
            "whoever calls it applies softmax.",
            _softmax_at_the_end,
        ),
        Misconception(
            "flat_at_the_end",
            "It flattens the result, so that nobody can tell which number belongs to which window: "
            "it has the shape [B, K, rows, columns].",
            _flat_at_the_end,
        ),
        Misconception("forgets_the_bias", FORGETS_THE_BIAS, _without_bias),
        Misconception(
            "padded",
            "The convolution that replaces the first linear layer pads its input: then even an "
            "image of the classifier's own size has several results. It does not pad.",
            _padded,
        ),
        Misconception(
            "windows_side_by_side",
            "On a larger image the windows lie side by side: the convolution that replaces the "
            "first linear layer moves by one, not by the size of its kernel.",
            _steps_by_its_size,
        ),
        Misconception(
            "pooled_to_one_size",
            "It shrinks every image's features to one size and so gives a single result for a "
            "large image: there is one for each window.",
            _pooled_to_one_size,
        ),
        Misconception(
            "changes_the_classifier",
            "The network is right, but the classifier that was given has changed into it: make a "
            "new sequence of layers.",
            _in_place,
        ),
        Misconception(
            "relu_only",
            "After Flatten it keeps activations of one kind and loses all others: keep every layer "
            "that is not replaced, whatever it is.",
            _relu_only,
        ),
        Misconception(
            "assumes_squares",
            "It takes the features for a square, so that it fails on others: height and width that "
            "enter Flatten may differ; send an image of the classifier's size through to see them.",
            _squares,
        ),
        Misconception(
            "needs_a_convolution",
            "It fails where Flatten comes first, since it looks for a convolution before it: then "
            "the image itself is what enters Flatten.",
            _needs_a_convolution,
        ),
        crashes_without_a_bias(to_fully_convolutional),
        makes_float32(to_fully_convolutional),
    ),
    uses=("linear_to_conv", "linear_to_pointwise"),
)
