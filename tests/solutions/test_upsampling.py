import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck
from torch.nn import functional as F
from torch.testing import assert_close

from solutions.upsampling import (
    bed_of_nails,
    bicubic_upsample,
    bilinear_upsample,
    max_pool,
    max_unpool,
    nearest_upsample,
)
from tests.solutions.draw import normal

side, factors = st.integers(1, 7), st.integers(1, 5)


@given(side, side, factors)
def test_interpolations_agree_with_torch(height, width, factor):
    x = normal(2, height, width, seed=height, dtype=torch.float64)
    for ours, mode in ((bilinear_upsample, "bilinear"), (bicubic_upsample, "bicubic")):
        expected = F.interpolate(x[None], scale_factor=factor, mode=mode, align_corners=False)[0]
        assert_close(ours(x, factor), expected)
    expected = F.interpolate(x[None], scale_factor=factor, mode="nearest")[0]
    assert torch.equal(nearest_upsample(x, factor), expected)


@given(side, side, factors)
def test_a_bed_of_nails_is_a_transposed_convolution_with_a_single_one(height, width, factor):
    x = normal(1, height, width, dtype=torch.float64)
    kernel = torch.zeros(1, 1, factor, factor, dtype=torch.float64)
    kernel[0, 0, 0, 0] = 1
    assert torch.equal(bed_of_nails(x, factor), F.conv_transpose2d(x, kernel, stride=factor))


def test_bilinear_interpolation_of_a_line_stays_on_it():
    line = torch.arange(6.0, dtype=torch.float64).expand(1, 3, 6)
    inner = bilinear_upsample(line, 4)[0, 0, 2:-2]
    assert_close(inner.diff(), torch.full((19,), 0.25, dtype=torch.float64))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
def test_pooling_agrees_with_torch(height, width, size):
    x = normal(2, height, width, seed=height, dtype=torch.float64)
    values, indices = max_pool(x, size)
    assert values.shape == (2, height // size, width // size)
    if values.numel() > 0:
        expected = F.max_pool2d(x, size, return_indices=True)
        assert torch.equal(values, expected[0])
        assert torch.equal(indices, expected[1])
        unpooled = F.max_unpool2d(values, indices, size, output_size=(height, width))
        assert torch.equal(max_unpool(values, indices, (height, width)), unpooled)


def test_of_equal_values_the_first_is_the_maximum():
    _, indices = max_pool(torch.ones(1, 4, 6), 2)
    assert indices.tolist() == [[[0, 2, 4], [12, 14, 16]]]


def test_pooling_what_was_unpooled_gives_the_values_back():
    x = normal(3, 6, 8).abs()
    values, indices = max_pool(x, 2)
    again, places = max_pool(max_unpool(values, indices, (6, 8)), 2)
    assert torch.equal(again, values)
    assert torch.equal(places, indices)


@pytest.mark.parametrize(
    "upsample", [bed_of_nails, nearest_upsample, bilinear_upsample, bicubic_upsample]
)
def test_upsampling_is_differentiable(upsample):
    x = normal(2, 3, 4, dtype=torch.float64).requires_grad_()
    assert gradcheck(lambda x: upsample(x, 2), x)


def test_pooling_and_unpooling_are_differentiable():
    x = normal(2, 4, 6, dtype=torch.float64).requires_grad_()
    assert gradcheck(lambda x: max_unpool(*max_pool(x, 2), (4, 6)), x)
