"""The exercise `linear_to_conv`, and what every exercise on linear layers needs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import STRICT
from autograder.exercises.shared_mistakes import changes_its_input
from autograder.exercises.sliding_windows.networks import images, linear
from course.cases import Group
from course.outcome import Case
from solutions.sliding_windows import linear_to_conv

Shape = tuple[int, int, int]

CONV_GROUPS = (
    Group(
        "the layer's own input",
        "On an input of the layer's own shape the convolution gives the numbers of Flatten and the "
        "linear layer; its kernel covers the whole input, and it has the layer's weights and bias.",
    ),
    Group(
        "larger inputs",
        "On a larger input the kernel moves pixel by pixel, without padding, and gives the layer's "
        "numbers for every place where it fits.",
    ),
    Group("without a bias", "A linear layer may have no bias.", edge=True),
    Group("one row or column", "The input may be a single row, column or pixel high.", edge=True),
    Group("one output", "The layer may have a single output.", edge=True),
    Group("no images", "A batch may be empty.", edge=True),
    Group("types", "The convolution has the dtype of the layer, float32 or float64.", True, STRICT),
)


def draw_linear_to_conv(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant; parameters tell a convolution from what acts like one.

    Where a bias or a dtype is tested there is one pixel: who mixes up the axes is right there, so
    that both faults are told apart.
    """
    shape, other = _shape(rng), _shape(rng)
    channels, height, width = other
    flat = (3, 1, int(rng.integers(3, 6)))
    return [
        layer_case(rng, "the layer's own input", shape, 4, [(2, *shape)], parameters=True),
        layer_case(rng, "the layer's own input", other, 3, [(1, *other)], parameters=True),
        layer_case(rng, "larger inputs", shape, 3, [(2, shape[0], shape[1] + 2, shape[2] + 1)]),
        layer_case(rng, "larger inputs", other, 2, [(1, channels, height + 1, width + 4)]),
        layer_case(rng, "without a bias", (5, 1, 1), 3, [(2, 5, 1, 1)], bias=False),
        layer_case(rng, "one row or column", flat, 3, [(2, *flat)]),
        layer_case(rng, "one row or column", (2, flat[2], 1), 3, [(1, 2, flat[2], 1)]),
        layer_case(rng, "one row or column", (5, 1, 1), 2, [(2, 5, 1, 1)]),
        layer_case(rng, "one output", shape, 1, [(3, *shape)]),
        layer_case(rng, "no images", shape, 3, [(0, *shape)]),
        layer_case(rng, "types", (4, 1, 1), 2, [(1, 4, 1, 1)]),
        layer_case(rng, "types", (4, 1, 1), 2, [(1, 4, 1, 1)], dtype=torch.float64),
    ]


def _shape(rng: np.random.Generator) -> Shape:
    """Return three different numbers: what mixes up two axes does not go unseen."""
    channels, height, width = (int(n) for n in rng.permutation([2, 3, 4]))
    return channels, height, width


def layer_case(
    rng: np.random.Generator,
    group: str,
    shape: Shape | None,
    outputs: int,
    inputs: list[tuple[int, ...]],
    *,
    bias: bool = True,
    parameters: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Case:
    """Return a case for a layer on inputs of `shape`; without one, on what the inputs' channels
    hold."""
    features = inputs[0][1] if shape is None else shape[0] * shape[1] * shape[2]
    layer = linear(rng, features, outputs, bias=bias).to(dtype)
    arguments = (layer,) if shape is None else (layer, shape)
    applied = tuple(images(rng, *size).to(dtype) for size in inputs)
    return Case(group, arguments, apply=applied, parameters=parameters)


def conv_of(weight: Tensor, bias: Tensor | None, **options: Any) -> nn.Conv2d:
    """Return the convolution of this weight [K, C, h, w] and bias [K]."""
    outputs, channels, height, width = weight.shape
    conv = nn.Conv2d(channels, outputs, (height, width), bias=bias is not None, **options)
    conv.weight.data = weight.detach().clone()
    if bias is not None and conv.bias is not None:
        conv.bias.data = bias.detach().clone()
    return conv


def channels_last(layer: nn.Linear, shape: Shape) -> Tensor:
    """Return the weights read as (H, W, C), put into the axes of a kernel."""
    channels, height, width = shape
    return layer.weight.reshape(-1, height, width, channels).permute(0, 3, 1, 2)


def _of(layer: nn.Linear, shape: Shape, **options: Any) -> nn.Conv2d:
    return conv_of(layer.weight.reshape(-1, *shape), layer.bias, **options)


def _width_first(layer: nn.Linear, shape: Shape) -> nn.Conv2d:
    channels, height, width = shape
    weight = layer.weight.reshape(-1, channels, width, height).transpose(2, 3)
    return conv_of(weight, layer.bias)


def _transposed(layer: nn.Linear, shape: Shape) -> nn.Conv2d:
    return conv_of(layer.weight.t().reshape(-1, *shape), layer.bias)


def _flipped(layer: nn.Linear, shape: Shape) -> nn.Conv2d:
    return conv_of(layer.weight.reshape(-1, *shape).flip(2, 3), layer.bias)


def _padded(layer: nn.Linear, shape: Shape) -> nn.Conv2d:
    return _of(layer, shape, padding=(shape[1] // 2, shape[2] // 2))


def _steps_by_its_size(layer: nn.Linear, shape: Shape) -> nn.Conv2d:
    return _of(layer, shape, stride=shape[1:])


def without_bias(layer: nn.Linear, *shape: Shape) -> nn.Conv2d:
    return conv_of(layer.weight.reshape(-1, *_only(layer, *shape)), None)


def _only(layer: nn.Linear, *shape: Shape) -> Shape:
    return shape[0] if shape else (layer.in_features, 1, 1)


def reshape_the_weight(layer: nn.Linear, *shape: Shape) -> None:
    layer.weight.data = layer.weight.data.reshape(-1, *_only(layer, *shape))


RESHAPED = "the weight of the linear layer itself was given another shape"

FORGETS_THE_BIAS = (
    "The bias of the linear layer is lost: a convolution has one as well, a number for each "
    "output, so copy it."
)


def crashes_without_a_bias(function: Callable[..., Any]) -> Misconception:
    """An answer that copies the bias without looking whether there is one."""

    def crashes(*arguments: Any) -> Any:
        layers = arguments[0].modules()
        if any(isinstance(layer, nn.Linear) and layer.bias is None for layer in layers):
            raise TypeError("no bias")
        return function(*arguments)

    sentence = (
        "It fails where a linear layer has no bias: then the convolution has none either, and "
        "there is nothing to copy."
    )
    return Misconception("crashes_without_a_bias", sentence, crashes)


def makes_float32(function: Callable[..., Any]) -> Misconception:
    """An answer that makes a new layer of the default dtype."""
    sentence = (
        "It makes a float32 convolution of a float64 layer, so that a float64 input no longer "
        "fits: give the new layer the dtype of the old one."
    )
    return Misconception("makes_float32", sentence, lambda *arguments: function(*arguments).float())


LINEAR_TO_CONV = Exercise(
    name="linear_to_conv",
    reference=linear_to_conv,
    groups=CONV_GROUPS,
    draw=draw_linear_to_conv,
    misconceptions=(
        Misconception(
            "channels_last",
            "It reads the weights in the order (H, W, C): Flatten writes one channel after the "
            "other, each row by row, so the order is (C, H, W).",
            lambda layer, shape: conv_of(channels_last(layer, shape), layer.bias),
        ),
        Misconception(
            "width_before_height",
            "It reads each channel column by column: Flatten writes rows, so the weights have the "
            "order (C, H, W).",
            _width_first,
        ),
        Misconception(
            "transposed_weight",
            "It transposes the weight matrix first: its rows already belong to the outputs, and "
            "each row becomes one kernel.",
            _transposed,
        ),
        Misconception(
            "flipped_kernel",
            "It turns the kernels around: what is called convolution here does not flip them, so "
            "the weights stay where they are.",
            _flipped,
        ),
        Misconception("forgets_the_bias", FORGETS_THE_BIAS, without_bias),
        Misconception(
            "padded",
            "It pads the input: the kernel is as large as the layer's input and fits there once, "
            "so there is nothing to pad.",
            _padded,
        ),
        Misconception(
            "steps_by_its_own_size",
            "On a larger input the kernel jumps by its own size: it moves by one, so that no place "
            "is left out.",
            _steps_by_its_size,
        ),
        changes_its_input(linear_to_conv, reshape_the_weight, RESHAPED),
        crashes_without_a_bias(linear_to_conv),
        makes_float32(linear_to_conv),
    ),
)
