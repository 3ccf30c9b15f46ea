"""The exercise `linear_to_pointwise`."""

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import STRICT
from autograder.exercises.shared_mistakes import changes_its_input
from autograder.exercises.sliding_windows.linear_layers import (
    FORGETS_THE_BIAS,
    RESHAPED,
    conv_of,
    crashes_without_a_bias,
    layer_case,
    makes_float32,
    reshape_the_weight,
    without_bias,
)
from course.cases import Group
from course.outcome import Case
from solutions.sliding_windows import linear_to_pointwise

POINTWISE_GROUPS = (
    Group(
        "every place",
        "At each place of the input the convolution does what the linear layer does with the "
        "numbers of all channels there; its kernels are 1 x 1.",
    ),
    Group("one place", "On an input of one place it gives the numbers of the layer.", edge=True),
    Group("without a bias", "A linear layer may have no bias.", edge=True),
    Group("one output", "The layer may have a single output.", edge=True),
    Group("no images", "A batch may be empty.", edge=True),
    Group("types", "The convolution has the dtype of the layer, float32 or float64.", True, STRICT),
)


def draw_linear_to_pointwise(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    few, many = int(rng.integers(3, 5)), int(rng.integers(5, 8))
    return [
        layer_case(rng, "every place", None, 4, [(2, many, 3, 2)], parameters=True),
        layer_case(rng, "every place", None, 5, [(1, few, 2, 4)], parameters=True),
        layer_case(rng, "one place", None, 3, [(3, many, 1, 1)]),
        layer_case(rng, "without a bias", None, 2, [(1, few, 2, 2)], bias=False),
        layer_case(rng, "one output", None, 1, [(2, many, 1, 3)]),
        layer_case(rng, "no images", None, 3, [(0, few, 2, 2)]),
        layer_case(rng, "types", None, 2, [(1, few, 1, 2)]),
        layer_case(rng, "types", None, 2, [(1, few, 1, 2)], dtype=torch.float64),
    ]


def _pointwise(layer: nn.Linear, **options: Any) -> nn.Conv2d:
    return conv_of(layer.weight[:, :, None, None], layer.bias, **options)


def _in_the_middle_of_nine(layer: nn.Linear) -> nn.Conv2d:
    weight = torch.zeros(*layer.weight.shape, 3, 3).to(layer.weight)
    weight[:, :, 1, 1] = layer.weight.data
    return conv_of(weight, layer.bias, padding=1)


def _spread_over_nine(layer: nn.Linear) -> nn.Conv2d:
    return conv_of(layer.weight[:, :, None, None].expand(-1, -1, 3, 3) / 9, layer.bias, padding=1)


def _backwards(layer: nn.Linear) -> nn.Conv2d:
    return conv_of(layer.weight.flip(1)[:, :, None, None], layer.bias)


def _reordered(layer: nn.Linear) -> nn.Conv2d:
    weight = layer.weight.t().reshape(layer.out_features, layer.in_features)
    return conv_of(weight[:, :, None, None], layer.bias)


LINEAR_TO_POINTWISE = Exercise(
    name="linear_to_pointwise",
    reference=linear_to_pointwise,
    groups=POINTWISE_GROUPS,
    draw=draw_linear_to_pointwise,
    misconceptions=(
        Misconception("forgets_the_bias", FORGETS_THE_BIAS, without_bias),
        Misconception(
            "transposed_weight",
            "It transposes the weight matrix first: row k of it has the weights of output k, as "
            "kernel k of the convolution has.",
            _reordered,
        ),
        Misconception(
            "padded",
            "It pads the input, so that the result has more places than the input: a kernel of "
            "1 x 1 needs no border.",
            partial(_pointwise, padding=1),
        ),
        Misconception(
            "kernel_of_three",
            "Its kernels are 3 x 3 with a single weight that counts: the numbers agree, for nine "
            "times the work; 1 x 1 is all that a linear layer needs.",
            _in_the_middle_of_nine,
        ),
        Misconception(
            "mixes_neighbours",
            "Neighbouring places enter the result: a linear layer at one place sees the channels "
            "there and nothing else, so the kernel is 1 x 1.",
            _spread_over_nine,
        ),
        Misconception(
            "every_second_place",
            "It leaves out every second place: the convolution moves by one.",
            partial(_pointwise, stride=2),
        ),
        Misconception(
            "channels_backwards",
            "It takes the channels in reverse order: weight number c belongs to channel number c.",
            _backwards,
        ),
        changes_its_input(linear_to_pointwise, reshape_the_weight, RESHAPED),
        crashes_without_a_bias(linear_to_pointwise),
        makes_float32(linear_to_pointwise),
    ),
    uses=("linear_to_conv",),
)
