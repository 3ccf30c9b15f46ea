import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck
from torch.testing import assert_close

from solutions.roi import roi_align, roi_pool
from tests.solutions.draw import normal, random_boxes


def plain_value(plane, y, x):
    """The value at index coordinates (y, x): 0 beyond one cell outside, else bilinear, clamped."""
    height, width = plane.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    total = 0.0
    for row in {math.floor(y), math.ceil(y)}:
        for column in {math.floor(x), math.ceil(x)}:
            total += float(plane[row, column]) * (1 - abs(y - row)) * (1 - abs(x - column))
    return total


def plain_roi_align(features, boxes, size, spatial_scale, ratio):
    h, w = size
    rows = []
    for box in boxes.tolist():
        x1, y1, x2, y2 = (side * spatial_scale - 0.5 for side in box)
        bin_h, bin_w = (y2 - y1) / h, (x2 - x1) / w
        for plane in features:
            for i in range(h):
                for j in range(w):
                    values = [
                        plain_value(
                            plane,
                            y1 + (i + (p + 0.5) / ratio) * bin_h,
                            x1 + (j + (q + 0.5) / ratio) * bin_w,
                        )
                        for p in range(ratio)
                        for q in range(ratio)
                    ]
                    rows.append(sum(values) / ratio**2)
    return torch.tensor(rows, dtype=features.dtype).reshape(len(boxes), len(features), h, w)


odd_boxes = torch.tensor(
    [
        [0.0, 0, 40, 32],
        [-30, -30, 90, 70],
        [8, 8, 8, 8],
        [-80, 0, -60, 20],
        [36, 28, 60, 60],
        [3.7, 1.2, 5.1, 30.9],
    ],
    dtype=torch.float64,
)


@pytest.mark.parametrize("ratio", [1, 2, 3])
@pytest.mark.parametrize("size", [(1, 1), (2, 3)])
def test_roi_align_agrees_with_its_definition(size, ratio):
    features = normal(2, 8, 10, dtype=torch.float64)
    expected = plain_roi_align(features, odd_boxes, size, 0.25, ratio)
    assert_close(roi_align(features, odd_boxes, size, 0.25, ratio), expected)


@given(st.integers(0, 10_000), st.floats(-3, 3), st.floats(-3, 3), st.integers(1, 3))
def test_roi_align_of_a_linear_ramp_is_exact(seed, a, b, ratio):
    y, x = torch.meshgrid(
        torch.arange(30, dtype=torch.float64) + 0.5,
        torch.arange(40, dtype=torch.float64) + 0.5,
        indexing="ij",
    )
    boxes = random_boxes(4, seed, extent=18, dtype=torch.float64) + 1  # no point in the border
    pooled = roi_align((a * x + b * y)[None], boxes, (3, 2), 1.0, ratio)
    x1, y1, x2, y2 = (side[:, None, None] for side in boxes.unbind(dim=1))
    center_x = x1 + (x2 - x1) * (torch.arange(2).double() + 0.5) / 2
    center_y = y1 + (y2 - y1) * ((torch.arange(3).double() + 0.5) / 3)[:, None]
    assert_close(pooled[:, 0], a * center_x + b * center_y)


def test_roi_align_is_differentiable_in_the_features():
    features = normal(2, 8, 10, dtype=torch.float64).requires_grad_()
    assert gradcheck(lambda x: roi_align(x, odd_boxes, (2, 3), 0.25, 2), features)


@pytest.mark.parametrize("sampling_ratio", [0, -1])
def test_roi_align_without_points_is_refused(sampling_ratio):
    with pytest.raises(
        ValueError, match=f"sampling_ratio must be at least 1, got {sampling_ratio}"
    ):
        roi_align(normal(1, 4, 4), random_boxes(1), (2, 2), 1.0, sampling_ratio)


def round_half_away(x):
    return int(math.copysign(math.floor(abs(x) + 0.5), x))


def plain_roi_pool(features, boxes, size, spatial_scale):
    h, w = size
    _, height, width = features.shape
    pooled = torch.zeros((len(boxes), len(features), h, w), dtype=features.dtype)
    for n, box in enumerate(boxes.tolist()):
        x1, y1, x2, y2 = (round_half_away(side * spatial_scale) for side in box)
        rows, columns = max(y2 - y1 + 1, 1), max(x2 - x1 + 1, 1)
        for i in range(h):
            for j in range(w):
                cells = [
                    features[:, y, x]
                    for y in range(y1 + i * rows // h, y1 - (-(i + 1) * rows // h))
                    for x in range(x1 + j * columns // w, x1 - (-(j + 1) * columns // w))
                    if 0 <= y < height and 0 <= x < width
                ]
                if cells:
                    pooled[n, :, i, j] = torch.stack(cells).amax(dim=0)
    return pooled


@given(st.integers(0, 10_000), st.sampled_from([(1, 1), (2, 2), (2, 4), (4, 1)]))
def test_roi_pool_agrees_with_its_definition(seed, size):
    features = normal(2, 8, 10, seed=seed)
    boxes = random_boxes(4, seed, extent=40) - 6
    assert torch.equal(
        roi_pool(features, boxes, size, 0.25), plain_roi_pool(features, boxes, size, 0.25)
    )


def test_roi_pool_rounds_halves_away_from_zero():
    features = torch.arange(10.0).reshape(1, 1, 10)
    box = torch.tensor([[0.0, 0.0, 0.0, 0.0]])
    for x, cell in [(2.5, 3), (3.5, 4), (4.5, 5), (2.4999, 2)]:
        box[0, [0, 2]] = x
        assert roi_pool(features, box, (1, 1), 1.0).item() == cell
    box[0, [0, 2]] = torch.tensor([-0.5, -0.5])  # the cell -1, outside
    assert roi_pool(features + 1, box, (1, 1), 1.0).item() == 0


def test_roi_pool_of_a_bin_outside_is_zero():
    features = torch.full((1, 4, 4), -1.0)
    boxes = torch.tensor([[100.0, 100, 120, 120], [0, 0, 3, 3]])
    assert roi_pool(features, boxes, (2, 2), 1.0).flatten().tolist() == [0.0] * 4 + [-1.0] * 4
