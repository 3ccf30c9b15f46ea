"""The exercise `convolution_matrix`."""

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import STRICT
from autograder.exercises.shared_mistakes import returns_float32, returns_float64
from autograder.exercises.transposed_conv.conv_transpose1d import NO_TRANSPOSED
from autograder.exercises.transposed_conv.maps import odd_quarters
from course.cases import Group
from course.outcome import Case
from solutions.transposed_conv import convolution_matrix

GROUPS = (
    Group(
        "stride 1",
        "Row i is what output i multiplies the sequence by: the kernel, beginning at column i, and "
        "zeros elsewhere.",
    ),
    Group(
        "strides",
        "With a stride the kernel of row i begins at column i times the stride, and there are as "
        "many rows as the kernel finds whole places.",
    ),
    Group(
        "padding",
        "Padding gives more rows and no columns: what would multiply a padded zero is cut off on "
        "both sides.",
        edge=True,
    ),
    Group(
        "a kernel as long as the sequence", "Then there is one place, and so one row.", edge=True
    ),
    Group(
        "a kernel that does not fit",
        "A kernel longer than the padded sequence gives no rows; the columns remain.",
        edge=True,
    ),
    Group("types", "The matrix has the dtype of the kernel, float32 or float64.", True, STRICT),
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""

    def case(group: str, kernel: int, length: int, *how: int) -> Case:
        return Case(group, (odd_quarters(rng, kernel), length, *how))

    return [
        case("stride 1", 3, 5),
        case("stride 1", 2, 6, 1),
        case("strides", 3, 7, 2),
        case("strides", 2, 7, 2),
        case("strides", 3, 9, 3, 0),
        case("padding", 3, 4, 1, 1),
        case("padding", 3, 4, 2, 1),
        case("padding", 5, 6, 2, 2),
        case("a kernel as long as the sequence", 4, 4, 1),
        case("a kernel as long as the sequence", 3, 3, 2),
        case("a kernel that does not fit", 4, 2, 1),
        case("a kernel that does not fit", 6, 4, 2),
        case("types", 3, 5, 2, 1),
        Case("types", (odd_quarters(rng, 2).double(), 5)),
    ]


def _right(weight: Tensor, length: int, stride: int = 1, padding: int = 0) -> Tensor:
    return convolution_matrix(weight, length, stride, padding)


def _wide(weight: Tensor, length: int, stride: int, padding: int) -> Tensor:
    """Return the matrix with the columns of the padding."""
    return _right(weight, length + 2 * padding, stride)


def _cut_at_the_start(weight: Tensor, length: int, stride: int = 1, padding: int = 0) -> Tensor:
    return _wide(weight, length, stride, padding)[:, 2 * padding :]


def _cut_at_the_end(weight: Tensor, length: int, stride: int = 1, padding: int = 0) -> Tensor:
    return _wide(weight, length, stride, padding)[:, :length]


def _around_the_end(weight: Tensor, length: int, stride: int = 1, padding: int = 0) -> Tensor:
    """Return a row for each stride of the sequence, kernels going on at the other end."""
    wide = _right(weight, length + len(weight), stride)[: -(-length // stride)]
    over = wide[:, length:]
    return wide[:, :length] + F.pad(over, (0, length - over.shape[1]))


def _stretched(weight: Tensor, length: int, stride: int = 1, padding: int = 0) -> Tensor:
    apart = weight.new_zeros((len(weight) - 1) * stride + 1)
    apart[::stride] = weight
    return _right(apart, length, 1, padding)


def _one_row_short(weight: Tensor, length: int, stride: int = 1, padding: int = 0) -> Tensor:
    return _right(weight, length, stride, padding)[:-1]


def _rows_for_the_cut_kernel(
    weight: Tensor, length: int, stride: int = 1, padding: int = 0
) -> Tensor:
    """Return rows also for places from which the kernel sticks out."""
    rows = -(-(length + 2 * padding) // stride)
    longer = _right(weight, (rows - 1) * stride + len(weight), stride)
    return longer[:, padding : padding + length]


def _crashes_where_nothing_fits(
    weight: Tensor, length: int, stride: int = 1, padding: int = 0
) -> Tensor:
    if len(weight) > length + 2 * padding:
        raise RuntimeError("a negative number of rows")
    return _right(weight, length, stride, padding)


CONVOLUTION_MATRIX = Exercise(
    name="convolution_matrix",
    reference=convolution_matrix,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "transposed",
            "It is the transposed matrix: here a row belongs to an output of the convolution, and "
            "a column to a value of the sequence.",
            lambda *arguments: _right(*arguments).T,
        ),
        Misconception(
            "kernel_flipped",
            "Its rows hold the kernel backwards: in this course, as in all networks, convolution "
            "does not flip the kernel.",
            lambda weight, *rest: _right(weight.flip(0), *rest),
        ),
        Misconception(
            "ignores_stride",
            "Its rows move by one column whatever the stride: row i begins at i times the stride.",
            lambda weight, length, stride=1, padding=0: _right(weight, length, 1, padding),
        ),
        Misconception(
            "stretches_the_kernel",
            "It pulls the kernel's values apart by the stride: the kernel stays as it is, and "
            "begins a stride later in each row.",
            _stretched,
        ),
        Misconception(
            "around_the_end",
            "Its kernel goes on at the other end of the row, as if the sequence were a ring: there "
            "is a row only where the kernel fits.",
            _around_the_end,
        ),
        Misconception(
            "rows_where_the_kernel_sticks_out",
            "It has rows also where the kernel sticks out at the end: a convolution has an output "
            "only where the whole kernel fits.",
            _rows_for_the_cut_kernel,
        ),
        Misconception(
            "one_row_short",
            "It has one row too few: between the first place and the last there are n minus k "
            "steps, and so one place more than steps.",
            _one_row_short,
        ),
        Misconception(
            "columns_of_the_padding",
            "It keeps columns for the padded zeros: the matrix multiplies the sequence itself, "
            "which has no such values.",
            lambda weight, length, stride=1, padding=0: _wide(weight, length, stride, padding),
        ),
        Misconception(
            "padding_cut_at_the_start",
            "It cuts all columns of the padding off at the start: half of them are at each end.",
            _cut_at_the_start,
        ),
        Misconception(
            "padding_cut_at_the_end",
            "It cuts all columns of the padding off at the end: half of them are at each end.",
            _cut_at_the_end,
        ),
        Misconception(
            "ignores_padding",
            "It leaves the padding out: with padding the kernel begins before the sequence and "
            "ends behind it, which gives more rows.",
            lambda weight, length, stride=1, padding=0: _right(weight, length, stride),
        ),
        Misconception(
            "fails_where_nothing_fits",
            "It fails when the kernel is longer than the sequence: then there are no rows.",
            _crashes_where_nothing_fits,
        ),
        returns_float32(convolution_matrix),
        returns_float64(convolution_matrix),
    ),
    uses=("conv_transpose1d",),
    forbidden=NO_TRANSPOSED,
)
