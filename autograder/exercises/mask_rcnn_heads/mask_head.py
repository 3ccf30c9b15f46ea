"""The exercise `MaskHead`.

An untrained network's outputs are random. So its parameters are set before it is applied, to values
that hang on their shapes alone: however the class is written, right ones give the same logits.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_TORCHVISION
from autograder.exercises.mask_rcnn_heads.regions import logits
from course.cases import Group
from course.outcome import Case
from solutions.masks import MaskHead

HIDDEN = 256

GROUPS = (
    Group(
        "layers",
        "The head has four 3x3 convolutions, a 2x2 transposed convolution with stride 2 and a 1x1 "
        "convolution to as many channels as there are classes, each with a bias. A layer counts "
        "when it is an attribute of the module, or in a sequence or module list that is one.",
    ),
    Group(
        "from 14 x 14 to 28 x 28",
        "The head turns the features of a region into one mask of logits for each class, in this "
        "order: convolutions, transposed convolution, 1x1, with a ReLU after each but the last.",
    ),
    Group("several regions", "Each region has its own masks, in the order of the input.", True),
    Group(
        "other sizes",
        "The head doubles height and width, whatever they are: no layer knows the size.",
        edge=True,
    ),
    Group("no regions", "No regions have no masks: the result has shape [0, K, 28, 28].", True),
    Group("default width", "Unless a width is given, the hidden layers have 256 channels.", True),
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant.

    The numbers of channels of input, hidden layers and output are all different.
    """
    channels, classes, hidden = (int(n) for n in rng.permutation([3, 4, 5]))
    single = Case(
        "from 14 x 14 to 28 x 28",
        (2, 1, 4),
        apply=(logits(rng, 1, 2, 14, 14),),
        filled=True,
    )
    return [
        Case("layers", (channels, classes, hidden), parameters=True),
        Case("layers", (hidden, channels + classes, 8), parameters=True),
        single,
        _filled("several regions", (channels, classes, hidden), logits(rng, 3, channels, 3, 3)),
        _filled("other sizes", (4, 2, 5), logits(rng, 1, 4, 3, 5), logits(rng, 2, 4, 1, 2)),
        _filled("no regions", (4, 2, 3), torch.zeros(0, 4, 14, 14)),
        Case("default width", (channels, classes), parameters=True),
    ]


def _filled(group: str, arguments: tuple[int, ...], *inputs: Tensor) -> Case:
    return Case(group, arguments, apply=inputs, filled=True)


class _Head(nn.Module):
    """Layers with a function after each."""

    def __init__(self, layers: Sequence[nn.Module], after: Sequence[Any]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.after = after

    def forward(self, x: Tensor) -> Tensor:
        for layer, after in zip(self.layers, self.after, strict=True):
            x = after(layer(x))
        return x


def _as_it_is(x: Tensor) -> Tensor:
    return x


def _upsampling(channels: int) -> nn.Module:
    return nn.Upsample(scale_factor=2)


# Layers are made once and serve in all heads: their weights are set anew before they are used. The
# wide default takes no memory, since only the shapes of its parameters are looked at.


@cache
def _convolution(number: int, channels: int, width: int, **options: int) -> nn.Module:
    device = "meta" if HIDDEN in (channels, width) else "cpu"
    return nn.Conv2d(channels, width, **options, device=device)  # type: ignore[arg-type]


@cache
def _transposed(channels: int, **options: int) -> nn.Module:
    options = {"kernel_size": 2, "stride": 2, **options}
    device = "meta" if channels == HIDDEN else "cpu"
    return nn.ConvTranspose2d(channels, channels, **options, device=device)  # type: ignore[arg-type]


def _head(
    in_channels: int,
    num_classes: int,
    hidden: int = HIDDEN,
    *,
    convolutions: int = 4,
    padding: int = 1,
    grow: Callable[[int], nn.Module] | None = _transposed,
    grow_first: bool = False,
    between: Callable[[Tensor], Tensor] = torch.relu,
    after_growing: Callable[[Tensor], Tensor] = torch.relu,
    last: Callable[[Tensor], Tensor] = _as_it_is,
    background: bool = False,
) -> nn.Module:
    """Return a head as the exercise asks for; each option changes one thing."""
    layers: list[nn.Module] = []
    for number in range(convolutions):
        width = hidden if number else in_channels
        layers.append(_convolution(number, width, hidden, kernel_size=3, padding=padding))
    after = [between] * convolutions
    if grow:
        at = 1 if grow_first else convolutions
        layers.insert(at, grow(hidden))
        after.insert(at, after_growing)
    layers.append(_convolution(0, hidden, num_classes + background, kernel_size=1))
    return _Head(layers, [*after, last])


def _one_convolution_again(in_channels: int, num_classes: int, hidden: int = HIDDEN) -> nn.Module:
    head = _head(in_channels, num_classes, hidden)
    layers = list(head.layers)  # type: ignore[arg-type]
    return _Head([layers[0], *[layers[1]] * 3, *layers[4:]], head.after)  # type: ignore[arg-type]


MASK_HEAD = Exercise(
    name="MaskHead",
    reference=MaskHead,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "no_relu",
            "There is no ReLU between the layers: without one, convolutions on convolutions are "
            "no more than a single convolution.",
            partial(_head, between=_as_it_is, after_growing=_as_it_is),
        ),
        Misconception(
            "no_relu_after_the_transposed_convolution",
            "The ReLU after the transposed convolution is missing: each layer but the last has "
            "one.",
            partial(_head, after_growing=_as_it_is),
        ),
        Misconception(
            "sigmoid_at_the_end",
            "It ends with a sigmoid: the head returns logits, and the loss applies the sigmoid.",
            partial(_head, last=torch.sigmoid),
        ),
        Misconception(
            "softmax_at_the_end",
            "It ends with a softmax over the classes: the head returns logits, and no class of a "
            "mask competes with another.",
            partial(_head, last=partial(torch.softmax, dim=1)),
        ),
        Misconception(
            "relu_at_the_end",
            "It ends with a ReLU: logits may be negative, or no pixel could be less likely than "
            "one half.",
            partial(_head, last=torch.relu),
        ),
        Misconception(
            "no_transposed_convolution",
            "Its masks are as small as its input: a transposed convolution with stride 2 doubles "
            "height and width.",
            partial(_head, grow=None),
        ),
        Misconception(
            "upsampling_without_weights",
            "It doubles the size by copying pixels, which learns nothing: the transposed "
            "convolution has weights of its own.",
            partial(_head, grow=_upsampling),
        ),
        Misconception(
            "transposed_convolution_too_early",
            "The transposed convolution comes before the last convolutions, which then run on four "
            "times as many pixels: it comes after all four.",
            partial(_head, grow_first=True),
        ),
        Misconception(
            "three_convolutions",
            "It has three 3x3 convolutions in front of the transposed one: there are four.",
            partial(_head, convolutions=3),
        ),
        Misconception(
            "one_convolution_again",
            "It runs the same convolution several times: each of the four has weights of its own.",
            _one_convolution_again,
        ),
        Misconception(
            "no_padding",
            "Its 3x3 convolutions have no padding, so the map shrinks by two pixels in each: a "
            "padding of 1 keeps the size.",
            partial(_head, padding=0),
        ),
        Misconception(
            "kernel_of_three",
            "Its transposed convolution has a 3x3 kernel: it is 2x2, so that outputs do not "
            "overlap.",
            partial(
                _head,
                grow=partial(_transposed, kernel_size=3, padding=1, output_padding=1),
            ),
        ),
        Misconception(
            "channel_for_background",
            "It has a channel for the background: a mask head has one for each class, and a pixel "
            "of none is one where that class's mask is 0.",
            partial(_head, background=True),
        ),
    ),
    forbidden=NO_TORCHVISION,
)
