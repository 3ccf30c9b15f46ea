"""The exercise `max_unpool`."""

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.shared_mistakes import (
    height_and_width_swapped,
    returns_float32,
    returns_float64,
)
from autograder.exercises.transposed_conv.maps import (
    OTHER_LIBRARIES,
    TYPES,
    odd_quarters,
    positive_quarters,
)
from course.cases import Group
from course.outcome import Case
from solutions.upsampling import bed_of_nails, max_pool, max_unpool, nearest_upsample

Size = tuple[int, int]

GROUPS = (
    Group(
        "back to their places",
        "Each value goes to the row and column that its index names, in its own channel; all else "
        "is 0.",
    ),
    Group(
        "a larger map",
        "The map to be filled may have rows and columns that no block reached: an index counts in "
        "the width of that map.",
        edge=True,
    ),
    Group("values below zero", "A negative value is put in its place like any other.", edge=True),
    Group(
        "an index twice",
        "Where pooled blocks overlap, the same index comes twice with the same value: the value is "
        "put there, not added.",
        edge=True,
    ),
    Group("no values", "Without values the result is a map of zeros of the size asked for.", True),
    TYPES,
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""

    def places(*shape: int, size: int = 2) -> Tensor:
        return max_pool(odd_quarters(rng, *shape), size)[1]

    def values(of: Tensor) -> Tensor:
        return positive_quarters(rng, *of.shape)

    def case(group: str, indices: Tensor, output_size: Size) -> Case:
        return Case(group, (values(indices), indices, output_size))

    below = places(2, 4, 6)
    shared = torch.tensor([[[1, 1], [6, 7]]]) + int(rng.integers(0, 3))
    peak = torch.tensor([[[2.0, 2.0], [1.25, 0.75]]]) + int(rng.integers(1, 4))
    empty = torch.zeros(2, 0, 2, dtype=torch.int64)
    in_float64 = places(1, 2, 6)
    return [
        case("back to their places", places(1, 4, 4), (4, 4)),
        case("back to their places", places(2, 4, 6), (4, 6)),
        case("back to their places", places(3, 6, 4), (6, 4)),
        case("back to their places", places(2, 3, 6, size=3), (3, 6)),
        case("a larger map", places(2, 5, 7), (5, 7)),
        case("a larger map", places(1, 4, 5), (4, 5)),
        Case("values below zero", (-values(below), below, (4, 6))),
        Case("an index twice", (peak, shared, (3, 4))),
        Case("no values", (torch.zeros(2, 0, 2), empty, (1, 5))),
        case("types", places(2, 4, 2), (4, 2)),
        Case("types", (values(in_float64).double(), in_float64, (2, 6))),
    ]


def _with_width(values: Tensor, indices: Tensor, output_size: Size, width: int) -> Tensor:
    """Return the values at the rows and columns that their indices have in another width."""
    _, W = output_size
    moved = indices // max(width, 1) * W + indices % max(width, 1)
    return max_unpool(values, moved, output_size)


def _by_height(values: Tensor, indices: Tensor, output_size: Size) -> Tensor:
    return _with_width(values, indices, output_size, output_size[0])


def _without_the_remainder(values: Tensor, indices: Tensor, output_size: Size) -> Tensor:
    W, w = output_size[1], values.shape[2]
    return _with_width(values, indices, output_size, W // w * w if w <= W else W)


def _all_in_one_plane(values: Tensor, indices: Tensor, output_size: Size) -> Tensor:
    flat = values.new_zeros(len(values) * output_size[0] * output_size[1])
    flat[indices.flatten()] = values.flatten()
    return flat.reshape(len(values), *output_size)


def _in_every_channel(values: Tensor, indices: Tensor, output_size: Size) -> Tensor:
    result = values.new_zeros(len(values), *output_size)
    for row, column, value in zip(
        (indices // output_size[1]).flatten(),
        (indices % output_size[1]).flatten(),
        values.flatten(),
        strict=True,
    ):
        result[:, row, column] = value
    return result


def _factor(values: Tensor, output_size: Size) -> int:
    return output_size[0] // max(values.shape[1], 1)


def _added(values: Tensor, indices: Tensor, output_size: Size) -> Tensor:
    planes = values.new_zeros(len(values), output_size[0] * output_size[1])
    planes = planes.scatter_add(1, indices.flatten(1), values.flatten(1))
    return planes.reshape(len(values), *output_size)


def _by_maximum(values: Tensor, indices: Tensor, output_size: Size) -> Tensor:
    return max_unpool(values, indices, output_size).clamp(min=0)


def _padded(small: Tensor, output_size: Size) -> Tensor:
    result = small.new_zeros(len(small), *output_size)
    height, width = (min(a, b) for a, b in zip(small.shape[1:], output_size, strict=True))
    result[:, :height, :width] = small[:, :height, :width]
    return result


def _crashes_on_nothing(values: Tensor, indices: Tensor, output_size: Size) -> Tensor:
    if values.numel() == 0:
        raise RuntimeError("no values")
    return max_unpool(values, indices, output_size)


MAX_UNPOOL = Exercise(
    name="max_unpool",
    reference=max_unpool,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "fills_the_block",
            "It copies each value over its whole block: only the remembered place gets it, and the "
            "rest is 0.",
            lambda values, indices, output_size: _padded(
                nearest_upsample(values, _factor(values, output_size)), output_size
            ),
        ),
        Misconception(
            "corner_of_the_block",
            "It puts each value into the corner of its block, as a bed of nails does: the index "
            "says where in the block the largest value was.",
            lambda values, indices, output_size: _padded(
                bed_of_nails(values, _factor(values, output_size)), output_size
            ),
        ),
        Misconception(
            "height_for_width",
            "It divides an index by the height: row = index divided by the width, rounded down, "
            "and the rest is the column.",
            _by_height,
        ),
        Misconception(
            "width_of_whole_blocks",
            "It reads an index in the width that whole blocks cover: it counts in the width of "
            "the map that was pooled, remainder and all.",
            _without_the_remainder,
        ),
        Misconception(
            "all_in_the_first_channel",
            "It fills one long line over all channels, so that everything lands in the first: an "
            "index counts anew in each channel.",
            _all_in_one_plane,
        ),
        Misconception(
            "in_every_channel",
            "It writes each value into all channels: a value stays in its own channel.",
            _in_every_channel,
        ),
        height_and_width_swapped(max_unpool, at=2),
        Misconception(
            "adds_up",
            "Where an index comes twice it adds: both times it is the very same pixel, so its "
            "value is put there once.",
            _added,
        ),
        Misconception(
            "keeps_the_larger",
            "It loses values below zero, as if they competed with the zeros: every value is put "
            "where its index says.",
            _by_maximum,
        ),
        Misconception(
            "fails_without_values",
            "It fails when there are no values: then the map is all zeros.",
            _crashes_on_nothing,
        ),
        returns_float32(max_unpool),
        returns_float64(max_unpool),
    ),
    forbidden={
        **OTHER_LIBRARIES,
        **dict.fromkeys(
            ("max_unpool2d", "MaxUnpool2d", "max_unpool1d", "MaxUnpool1d", "max_unpool3d"),
            "it unpools by itself, which is what you write here.",
        ),
    },
)
