"""The exercise `conv_transpose2d`."""

from collections.abc import Callable

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.shared_mistakes import returns_float32, returns_float64
from autograder.exercises.transposed_conv.conv_transpose1d import NO_TRANSPOSED, overwrites
from autograder.exercises.transposed_conv.maps import TYPES, odd_quarters
from course.cases import Group
from course.outcome import Case
from solutions.transposed_conv import conv_transpose2d

Trim = Callable[[Tensor, int, int], Tensor]  # of the sum of all copies, padding, output padding

GROUPS = (
    Group(
        "one channel",
        "Each pixel lays down a copy of the kernel, scaled by it, a stride to the right of or "
        "below the one before; where copies overlap they add up.",
    ),
    Group(
        "channels",
        "The kernel of input channel c and output channel d is weight c, d; an output channel is "
        "the sum over all input channels.",
    ),
    Group("padding", "Padding is trimmed from every side of the result.", edge=True),
    Group(
        "output padding",
        "Output padding adds rows at the lower and columns at the right end, before the padding is "
        "trimmed.",
        edge=True,
    ),
    Group(
        "stride as large as the kernel",
        "Where the stride is the kernel's side the copies lie side by side; where it is larger, "
        "zeros stay between them.",
        edge=True,
    ),
    Group(
        "one row, one column, one pixel",
        "A map may have a single row or column, or be one pixel only.",
        edge=True,
    ),
    TYPES,
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""

    def maps(
        channels: tuple[int, int], size: tuple[int, int], kernel: int
    ) -> tuple[Tensor, Tensor]:
        return odd_quarters(rng, channels[0], *size), odd_quarters(rng, *channels, kernel, kernel)

    def case(
        group: str,
        size: tuple[int, int],
        kernel: int,
        *how: int,
        channels: tuple[int, int] = (1, 1),
    ) -> Case:
        return Case(group, (*maps(channels, size, kernel), *how))

    in_float64 = tuple(part.double() for part in maps((1, 2), (2, 2), 3))
    alone = "one row, one column, one pixel"
    return [
        case("one channel", (2, 2), 3, 2),
        case("one channel", (3, 2), 3),
        case("one channel", (2, 3), 4, 3),
        case("channels", (2, 3), 3, 2, channels=(2, 3)),
        case("channels", (2, 2), 2, 1, channels=(2, 2)),
        case("channels", (3, 2), 3, 2, channels=(3, 1)),
        case("padding", (3, 4), 3, 1, 1),
        case("padding", (2, 3), 4, 2, 1, channels=(2, 2)),
        case("padding", (3, 3), 5, 2, 2),
        case("output padding", (2, 2), 3, 2, 1, 1),
        case("output padding", (2, 3), 3, 2, 0, 1, channels=(1, 2)),
        case("output padding", (3, 2), 4, 3, 1, 2),
        case("stride as large as the kernel", (2, 3), 2, 2),
        case("stride as large as the kernel", (3, 2), 2, 3),
        case(alone, (1, 3), 3, 2),
        case(alone, (3, 1), 2, 1),
        case(alone, (1, 1), 3, 2, channels=(2, 2)),
        case("types", (2, 3), 3, 2),
        Case("types", (*in_float64, 2)),
    ]


def _trimmed(canvas: Tensor, padding: int, output_padding: int) -> Tensor:
    larger = F.pad(canvas, (0, output_padding, 0, output_padding))
    return _cut(larger, padding)


def _cut(canvas: Tensor, padding: int) -> Tensor:
    _, height, width = canvas.shape
    return canvas[:, padding : height - padding, padding : width - padding]


def _copies(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    return F.conv_transpose2d(x[None], weight, stride=stride)[0]


def _answer(
    copies: Callable[[Tensor, Tensor, int], Tensor] = _copies, trim: Trim = _trimmed
) -> Callable[..., Tensor]:
    """Return a transposed convolution whose copies are laid down or trimmed in another way."""

    def transposed(
        x: Tensor, weight: Tensor, stride: int = 1, padding: int = 0, output_padding: int = 0
    ) -> Tensor:
        return trim(copies(x, weight, stride), padding, output_padding)

    return transposed


def _overwrites(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    canvas = _copies(x, weight, stride) * 0
    k, (_, H, W) = weight.shape[2], x.shape
    for i in range(H):
        for j in range(W):
            copy = (x[:, i, j, None, None, None] * weight).sum(dim=0)
            canvas[:, i * stride : i * stride + k, j * stride : j * stride + k] = copy
    return canvas


def _averages(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    ones = x.new_ones(1, *x.shape[1:]), weight.new_ones(1, 1, *weight.shape[2:])
    return _copies(x, weight, stride) / _copies(*ones, stride).clamp(min=1)


def _last_input_channel(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    return _copies(x[-1:], weight[-1:], stride)


def _grows(canvas: Tensor, padding: int, output_padding: int) -> Tensor:
    sides = (padding, padding + output_padding, padding, padding + output_padding)
    return F.pad(canvas, sides)


def _output_padding_after(canvas: Tensor, padding: int, output_padding: int) -> Tensor:
    return F.pad(_cut(canvas, padding), (0, output_padding, 0, output_padding))


def _output_padding_first(canvas: Tensor, padding: int, output_padding: int) -> Tensor:
    return _cut(F.pad(canvas, (output_padding, 0, output_padding, 0)), padding)


def _output_padding_around(canvas: Tensor, padding: int, output_padding: int) -> Tensor:
    return _cut(F.pad(canvas, (output_padding,) * 4), padding)


def _trims_the_start(canvas: Tensor, padding: int, output_padding: int) -> Tensor:
    return F.pad(canvas, (0, output_padding, 0, output_padding))[:, padding:, padding:]


def _ignores_padding(canvas: Tensor, padding: int, output_padding: int) -> Tensor:
    return _trimmed(canvas, 0, output_padding)


def _ignores_output_padding(canvas: Tensor, padding: int, output_padding: int) -> Tensor:
    return _cut(canvas, padding)


def _convolves(
    x: Tensor, weight: Tensor, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> Tensor:
    return F.conv2d(x[None], weight.transpose(0, 1), stride=stride, padding=padding)[0]


CONV_TRANSPOSE2D = Exercise(
    name="conv_transpose2d",
    reference=conv_transpose2d,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        overwrites(_answer(_overwrites)),
        Misconception(
            "averages_overlaps",
            "Where copies overlap it takes their mean: they add up.",
            _answer(_averages),
        ),
        Misconception(
            "kernel_flipped",
            "It turns the kernel by half a turn: each copy has the kernel the way it is.",
            _answer(lambda x, weight, stride: _copies(x, weight.flip(2, 3), stride)),
        ),
        Misconception(
            "rows_and_columns_of_the_kernel_exchanged",
            "It lays the kernel down with rows and columns exchanged: each copy has the kernel the "
            "way it is.",
            _answer(lambda x, weight, stride: _copies(x, weight.transpose(2, 3), stride)),
        ),
        Misconception(
            "ignores_stride",
            "Its copies begin one pixel apart whatever the stride: the stride says how many pixels "
            "a copy begins after the one before.",
            _answer(lambda x, weight, stride: _copies(x, weight, 1)),
        ),
        Misconception(
            "channels_of_the_weight_exchanged",
            "It takes the first axis of the weights for the output channels, as in a convolution: "
            "in a transposed one it is the input channels.",
            _answer(lambda x, weight, stride: _copies(x, weight.transpose(0, 1), stride)),
        ),
        Misconception(
            "last_input_channel_only",
            "Only the last input channel has a say: an output channel is the sum over all of them.",
            _answer(_last_input_channel),
        ),
        Misconception(
            "convolves",
            "It convolves, so the map becomes smaller or stays as it is: the transposed "
            "convolution lays a copy of the kernel down for each pixel.",
            _convolves,
        ),
        Misconception(
            "padding_adds",
            "Padding makes its result larger: in a transposed convolution padding is what is "
            "trimmed, since it undoes the padding of a convolution.",
            _answer(trim=_grows),
        ),
        Misconception(
            "trims_top_and_left_only",
            "It trims the padding at the top and at the left only: it goes from all four sides, "
            "and output padding is what makes up for it at the lower and right ends.",
            _answer(trim=_trims_the_start),
        ),
        Misconception(
            "ignores_padding", "It does not trim the padding.", _answer(trim=_ignores_padding)
        ),
        Misconception(
            "ignores_output_padding",
            "It leaves the output padding out: the result has that many more rows and columns.",
            _answer(trim=_ignores_output_padding),
        ),
        Misconception(
            "output_padding_after_trimming",
            "It trims first and then adds zeros for the output padding, so zeros stand where the "
            "copies reach: make the whole larger first, and trim then.",
            _answer(trim=_output_padding_after),
        ),
        Misconception(
            "output_padding_at_the_start",
            "It adds the output padding at the top and at the left: it belongs to the lower and "
            "right ends.",
            _answer(trim=_output_padding_first),
        ),
        Misconception(
            "output_padding_on_all_sides",
            "It adds the output padding on all sides: it belongs to the lower and right ends only.",
            _answer(trim=_output_padding_around),
        ),
        returns_float32(conv_transpose2d),
        returns_float64(conv_transpose2d),
    ),
    uses=("conv_transpose1d",),
    forbidden=NO_TRANSPOSED,
)
