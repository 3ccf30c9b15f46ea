import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.autograd import gradcheck
from torch.nn import functional as F
from torch.testing import assert_close

from solutions.transposed_conv import conv_transpose1d, conv_transpose2d, convolution_matrix
from tests.solutions.draw import normal

small = st.integers(1, 5)


@given(small, small, small)
def test_in_one_dimension_it_agrees_with_torch(length, kernel, stride):
    x = normal(length, dtype=torch.float64)
    weight = normal(kernel, seed=1, dtype=torch.float64)
    expected = F.conv_transpose1d(x[None], weight[None, None], stride=stride)[0]
    assert_close(conv_transpose1d(x, weight, stride), expected)


@given(small, small, st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(0, 2))
def test_in_two_dimensions_it_agrees_with_torch(height, width, k, stride, padding, output_padding):
    assume(output_padding < stride)
    assume(all((n - 1) * stride + k - 2 * padding + output_padding > 0 for n in (height, width)))
    x = normal(2, height, width, dtype=torch.float64)
    weight = normal(2, 3, k, k, seed=1, dtype=torch.float64)
    expected = F.conv_transpose2d(
        x[None], weight, stride=stride, padding=padding, output_padding=output_padding
    )[0]
    assert_close(conv_transpose2d(x, weight, stride, padding, output_padding), expected)


@given(st.integers(1, 9), small, st.integers(1, 3), st.integers(0, 2))
def test_the_matrix_convolves_and_its_transpose_is_the_transposed_convolution(
    length, kernel, stride, padding
):
    assume(length + 2 * padding >= kernel)
    weight = normal(kernel, seed=1, dtype=torch.float64)
    matrix = convolution_matrix(weight, length, stride, padding)
    x = normal(length, dtype=torch.float64)
    conv = F.conv1d(x[None, None], weight[None, None], stride=stride, padding=padding)[0, 0]
    assert_close(matrix @ x, conv)
    y = normal(len(matrix), dtype=torch.float64)
    spread = conv_transpose1d(y, weight, stride)
    spread = F.pad(spread, (0, max(length + 2 * padding - len(spread), 0)))
    assert_close(matrix.T @ y, spread[padding : padding + length])


def test_a_convolution_and_its_transpose_have_transposed_matrices():
    weight = normal(1, 1, 3, 3, dtype=torch.float64)
    pixels, spots = torch.eye(36, dtype=torch.float64), torch.eye(9, dtype=torch.float64)
    forward = [
        F.conv2d(pixel.reshape(1, 1, 6, 6), weight, stride=2, padding=1).flatten()
        for pixel in pixels
    ]
    backward = [
        conv_transpose2d(spot.reshape(1, 3, 3), weight, 2, 1, output_padding=1).flatten()
        for spot in spots
    ]
    assert_close(torch.stack(forward).T, torch.stack(backward))


def test_a_kernel_longer_than_the_sequence_has_no_rows():
    assert convolution_matrix(normal(4), 3).shape == (0, 3)


def test_an_empty_sequence_stays_empty():
    assert conv_transpose1d(normal(0), normal(3), 2).shape == (0,)


def test_transposed_convolutions_are_differentiable():
    x, weight = normal(4, dtype=torch.float64), normal(3, dtype=torch.float64)
    x.requires_grad_(), weight.requires_grad_()
    assert gradcheck(lambda x, w: conv_transpose1d(x, w, 2), (x, weight))
    assert gradcheck(lambda w: convolution_matrix(w, 6, 2, 1), weight)
    maps = normal(2, 3, 2, dtype=torch.float64).requires_grad_()
    kernels = normal(2, 2, 3, 3, dtype=torch.float64).requires_grad_()
    assert gradcheck(lambda x, w: conv_transpose2d(x, w, 2, 1, 1), (maps, kernels))
