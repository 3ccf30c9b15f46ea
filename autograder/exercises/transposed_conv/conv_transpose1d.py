"""The exercise `conv_transpose1d`."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.shared_mistakes import returns_float32, returns_float64
from autograder.exercises.transposed_conv.maps import TYPES, odd_quarters
from course.cases import Group
from course.outcome import Case
from solutions.transposed_conv import conv_transpose1d

NOTHING = torch.zeros(0)
NO_TRANSPOSED = dict.fromkeys(
    (
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
        "ConvTranspose1d",
        "ConvTranspose2d",
        "ConvTranspose3d",
        "LazyConvTranspose1d",
        "LazyConvTranspose2d",
    ),
    "the library's transposed convolution is what you write here.",
)

GROUPS = (
    Group(
        "copies that overlap",
        "Each value lays down a copy of the kernel, scaled by it, a stride further than the copy "
        "before; where copies overlap they add up.",
    ),
    Group(
        "copies side by side",
        "Where the stride is the kernel's length the copies lie side by side; where it is longer, "
        "zeros stay between them.",
    ),
    Group("one value", "One value gives one copy of the kernel, scaled.", edge=True),
    Group(
        "a kernel of one",
        "A kernel of one value gives the values themselves, scaled, a stride apart.",
        edge=True,
    ),
    Group("no values", "No values lay down no copies: the result has no values either.", True),
    TYPES,
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""

    def case(group: str, length: int, kernel: int, stride: int) -> Case:
        return Case(group, (odd_quarters(rng, length), odd_quarters(rng, kernel), stride))

    x, weight = odd_quarters(rng, 3).double(), odd_quarters(rng, 3).double()
    return [
        case("copies that overlap", 3, 3, 2),
        case("copies that overlap", 4, 3, 1),
        case("copies that overlap", 5, 5, 2),
        case("copies that overlap", 5, 4, 3),
        case("copies side by side", 3, 2, 2),
        case("copies side by side", 3, 2, 4),
        case("one value", 1, 3, 2),
        case("a kernel of one", 4, 1, 1),
        case("a kernel of one", 3, 1, 3),
        Case("no values", (NOTHING, odd_quarters(rng, 3), 2)),
        Case("no values", (NOTHING, odd_quarters(rng, 2), 2)),
        case("types", 3, 3, 2),
        Case("types", (x, weight, 2)),
    ]


def _right(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    return conv_transpose1d(x, weight, stride)


def _overwrites(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    output = torch.zeros_like(_right(x, weight, stride))
    for i in range(len(x)):
        output[i * stride : i * stride + len(weight)] = x[i] * weight
    return output


def overwrites(wrong: Callable[..., Tensor]) -> Misconception:
    """An answer in which the copy that comes later stands alone where copies overlap."""
    sentence = "Where copies overlap the later one replaces the earlier: they add up."
    return Misconception("overwrites", sentence, wrong)


def _averages(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    copies = _right(torch.ones_like(x), torch.ones_like(weight), stride)
    return _right(x, weight, stride) / copies.clamp(min=1)


def _stretched(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    if len(x) == 0:
        return x.clone()
    return F.conv_transpose1d(x[None], weight[None, None], dilation=stride)[0]


def _convolves(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    return F.conv1d(x[None], weight[None, None], stride=stride)[0]


def _one_stride_each(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    output = x.new_zeros(len(x) * stride)
    right = _right(x, weight, stride)[: len(output)]
    output[: len(right)] = right
    return output


def _longer(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    return F.pad(_right(x, weight, stride), (0, stride)) if len(x) else x.clone()


def _shape_by_formula(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    return _right(x, weight, stride) if len(x) else x.new_zeros(max(len(weight) - stride, 1))


CONV_TRANSPOSE1D = Exercise(
    name="conv_transpose1d",
    reference=conv_transpose1d,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        overwrites(_overwrites),
        Misconception(
            "averages_overlaps",
            "Where copies overlap it takes their mean: they add up, which is why some outputs get "
            "more than others.",
            _averages,
        ),
        Misconception(
            "kernel_flipped",
            "It lays the kernel down backwards: each copy begins with the kernel's first value.",
            lambda x, weight, stride: _right(x, weight.flip(0), stride),
        ),
        Misconception(
            "ignores_stride",
            "Its copies begin one place after the other whatever the stride: the stride says how "
            "far a copy begins after the one before.",
            lambda x, weight, stride: _right(x, weight, 1),
        ),
        Misconception(
            "stretches_the_kernel",
            "It pulls the kernel's values apart by the stride: the kernel stays as it is, and "
            "whole copies move by the stride.",
            _stretched,
        ),
        Misconception(
            "convolves",
            "It makes the sequence shorter, as a convolution with a stride does: the transposed "
            "one goes the other way, from each value to a whole copy of the kernel.",
            _convolves,
        ),
        Misconception(
            "one_too_short",
            "Its result ends one value too early: the last copy begins at (L - 1) times the stride "
            "and has all k values.",
            lambda x, weight, stride: _right(x, weight, stride)[:-1],
        ),
        Misconception(
            "one_stride_for_each_value",
            "Its result has L times the stride values: the last copy sticks out by as much as the "
            "kernel is longer than the stride, and is whole.",
            _one_stride_each,
        ),
        Misconception(
            "one_stride_too_long",
            "Its result ends with a stride too many: the last copy begins at (L - 1) times the "
            "stride, not at L times.",
            _longer,
        ),
        Misconception(
            "length_by_formula_alone",
            "Without values it still computes a length, k minus the stride: where no copy is laid "
            "down there is no result.",
            _shape_by_formula,
        ),
        returns_float32(conv_transpose1d),
        returns_float64(conv_transpose1d),
    ),
    forbidden=NO_TRANSPOSED,
)
