"""Each tuned twin equals its definition, on random input and on the edges of what is legal."""

import importlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck
from torch.testing import assert_close

from solutions import fast
from solutions.average_precision import coco_map
from solutions.boxes import box_iou
from solutions.nms import nms, nms_per_class
from solutions.roi import roi_align
from tests.solutions.coco import pycocotools_map, random_set
from tests.solutions.draw import (
    grid_boxes,
    normal,
    random_boxes,
    random_labels,
    random_scores,
    tied_scores,
)

steps = importlib.import_module("solutions.fast.nms")  # `fast.nms` is the function

thresholds = st.sampled_from([-1.0, 0.0, 0.1, 0.25, 0.3, 0.5, 0.7, 0.75, 1.0])
dtypes = st.sampled_from([torch.float32, torch.float64])
many = settings(max_examples=1000)


def crowd(count, seed, objects=6, dtype=torch.float32):
    """Many boxes around a few objects, some of them equal, some without area."""
    centres = random_boxes(objects, seed, dtype=dtype)
    boxes = centres.repeat(count // objects + 1, 1)[:count]
    boxes = boxes + normal(count, 4, seed=seed, dtype=dtype) * 6
    boxes = torch.cat([boxes[:, :2], torch.maximum(boxes[:, :2], boxes[:, 2:])], dim=1)
    boxes[::7] = boxes[: len(boxes[::7])].clone()
    return boxes


extremes = torch.tensor(
    [
        [0.0, 0, 0, 0],
        [0, 0, 0, 7],
        [-0.0, 0, 5, 5],
        [1e-30, 1e-30, 2e-30, 2e-30],
        [1e-30, 1e-30, 2e-30, 2.5e-30],
        [-1e20, -1e20, 1e20, 1e20],
        [0, 0, 1e20, 1e20],
        [0, 0, 3e38, 3e38],
        [1e7, 1e7, 1e7 + 1, 1e7 + 1],
        [1e7, 1e7, 1e7 + 2, 1e7 + 1],
    ]
)


@many
@given(grid_boxes(), grid_boxes(), dtypes)
def test_box_iou_is_the_same_to_the_last_bit(a, b, dtype):
    a, b = a.to(dtype), b.to(dtype)
    assert torch.equal(fast.box_iou(a, b), box_iou(a, b))


@pytest.mark.parametrize(("n", "m"), [(300, 200), (1, 70_000), (70_000, 1), (40_000, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_box_iou_of_many_boxes_is_the_same_to_the_last_bit(n, m, dtype, device):
    a = random_boxes(n, 1, dtype=dtype).to(device)
    b = random_boxes(m, 2, dtype=dtype).to(device)
    assert torch.equal(fast.box_iou(a, b), box_iou(a, b))


def test_box_iou_of_extreme_boxes_is_the_same():
    assert torch.equal(fast.box_iou(extremes, extremes), box_iou(extremes, extremes))


@st.composite
def detections(draw):
    boxes = draw(grid_boxes())
    values = st.lists(st.integers(-1, 3), min_size=len(boxes), max_size=len(boxes))
    return boxes, draw(tied_scores(len(boxes))), torch.tensor(draw(values), dtype=torch.int64)


@many
@given(detections(), thresholds, dtypes)
def test_nms_keeps_the_same_boxes(found, iou_threshold, dtype):
    boxes, scores, labels = found[0].to(dtype), found[1].to(dtype), found[2]
    expected = nms(boxes, scores, iou_threshold)
    assert torch.equal(fast.nms(boxes, scores, iou_threshold), expected)
    assert torch.equal(steps.nms_all_pairs(boxes, scores, iou_threshold), expected)
    expected = nms_per_class(boxes, scores, labels, iou_threshold)
    assert torch.equal(fast.nms_per_class(boxes, scores, labels, iou_threshold), expected)


@given(st.integers(0, 10_000), st.integers(0, 1500), thresholds, dtypes)
def test_nms_keeps_the_same_boxes_of_a_crowd(seed, count, iou_threshold, dtype):
    boxes, scores = crowd(count, seed, dtype=dtype), random_scores(count, seed, dtype)
    scores = (scores * 50).round() / 50 if seed % 2 else scores
    expected = nms(boxes, scores, iou_threshold)
    assert torch.equal(fast.nms(boxes, scores, iou_threshold), expected)
    labels = random_labels(count, highest=[0, 3, 100][seed % 3], seed=seed)
    expected = nms_per_class(boxes, scores, labels, iou_threshold)
    assert torch.equal(fast.nms_per_class(boxes, scores, labels, iou_threshold), expected)


@pytest.mark.parametrize("iou_threshold", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("spread", [1.0, 10.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nms_in_the_order_of_centres_keeps_the_same_boxes(iou_threshold, spread, dtype, device):
    boxes = crowd(3000, seed=1, objects=int(6 * spread), dtype=dtype) * spread - 40
    scores = random_scores(3000, seed=2, dtype=dtype)
    boxes, scores = boxes.to(device), scores.to(device)
    expected = nms(boxes, scores, iou_threshold)
    assert 10 < len(expected) < 2990
    assert torch.equal(fast.nms(boxes, scores, iou_threshold), expected)
    assert torch.equal(steps.nms_all_pairs(boxes, scores, iou_threshold), expected)


@pytest.mark.parametrize("iou_threshold", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("count", [10, 2000])
def test_nms_of_extreme_boxes_keeps_the_same(iou_threshold, count):
    boxes = torch.cat([extremes, crowd(count - len(extremes), seed=3)])
    scores = random_scores(count)
    expected = nms(boxes, scores, iou_threshold)
    assert torch.equal(fast.nms(boxes, scores, iou_threshold), expected)
    labels = random_labels(count, highest=5)
    expected = nms_per_class(boxes, scores, labels, iou_threshold)
    assert torch.equal(fast.nms_per_class(boxes, scores, labels, iou_threshold), expected)


def test_classes_of_all_sizes_are_suppressed_by_themselves():
    sizes = [1, 2, 3, 60, 130, 300, 700]
    labels = torch.cat([torch.full((size,), 10**k) for k, size in enumerate(sizes)])
    labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    boxes, scores = crowd(len(labels), seed=4), random_scores(len(labels))
    expected = nms_per_class(boxes, scores, labels, 0.5)
    assert torch.equal(fast.nms_per_class(boxes, scores, labels, 0.5), expected)
    assert torch.equal(fast.nms_per_class(boxes, scores, -labels, 0.5), expected)


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=30), dtypes)
def test_scores_are_put_in_falling_order(values, dtype):
    scores = torch.tensor(values + values[::-2], dtype=dtype)
    order = torch.from_numpy(steps.falling_order(scores.numpy()))
    assert torch.equal(order, scores.argsort(descending=True, stable=True))


@given(
    st.integers(0, 10_000),
    st.sampled_from([(1, 1), (2, 3), (7, 7)]),
    st.integers(1, 3),
    st.sampled_from([0.125, 0.25, 1.0]),
)
def test_roi_align_gives_the_same_numbers(seed, size, ratio, scale):
    features = normal(3, 9, 11, seed=seed, dtype=torch.float64)
    boxes = torch.cat([crowd(20, seed, dtype=torch.float64), random_boxes(5, seed).double() - 60])
    expected = roi_align(features, boxes, size, scale, ratio)
    assert_close(fast.roi_align(features, boxes, size, scale, ratio), expected)


@pytest.mark.parametrize("learning", [False, True])
def test_roi_align_in_float32_is_the_same_up_to_rounding(learning, device):
    features = normal(16, 25, 30).to(device).requires_grad_(learning)
    boxes = crowd(100, seed=5).to(device)
    expected = roi_align(features, boxes, (7, 7), 0.25).detach()
    pooled = fast.roi_align(features, boxes, (7, 7), 0.25)
    assert pooled.requires_grad == learning
    assert_close(pooled.detach(), expected, atol=1e-5, rtol=1e-5)


def test_roi_align_has_the_same_gradient():
    features = normal(2, 8, 10, dtype=torch.float64).requires_grad_()
    boxes = crowd(9, seed=6, dtype=torch.float64)
    assert gradcheck(lambda x: fast.roi_align(x, boxes, (2, 3), 0.1), features)
    weight = normal(9, 2, 2, 3, dtype=torch.float64)
    gradients = []
    for align in (roi_align, fast.roi_align):
        loss = (align(features, boxes, (2, 3), 0.1) * weight).sum()
        gradients.append(torch.autograd.grad(loss, features)[0])
    assert_close(*gradients)


def test_roi_align_without_points_is_refused():
    with pytest.raises(ValueError, match="sampling_ratio must be at least 1, got 0"):
        fast.roi_align(normal(1, 4, 4), random_boxes(1), (2, 2), 1.0, 0)


@given(st.integers(0, 10_000), st.integers(0, 4), st.sampled_from([1, 2, 5]), st.booleans(), dtypes)
def test_coco_map_is_the_same(seed, images, num_classes, tied, dtype):
    found, truth = random_set(seed, images, num_classes, tied, dtype)
    expected = coco_map(found, truth, num_classes)
    assert fast.coco_map(found, truth, num_classes) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=80)
@given(st.lists(detections(), max_size=3), st.data())
def test_coco_map_is_the_same_where_overlaps_are_equal(found, data):
    images = [
        {"boxes": boxes, "scores": scores, "labels": labels} for boxes, scores, labels in found
    ]
    truth = []
    for _ in images:
        boxes, _, labels = data.draw(detections())
        truth.append({"boxes": boxes, "labels": labels})
    expected = coco_map(images, truth, 2)
    assert fast.coco_map(images, truth, 2) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(
    ("images", "num_classes", "most"), [(40, 1, 8), (60, 80, 8), (3, 1, 70), (40, 3, 20)]
)
def test_coco_map_equals_pycocotools(images, num_classes, most, tied):
    found, truth = random_set(9, images, num_classes, tied, most=most, clutter=most)
    expected = pycocotools_map(found, truth, num_classes)
    assert 0.05 < expected < 0.95
    assert fast.coco_map(found, truth, num_classes) == pytest.approx(expected, abs=1e-9)


def test_coco_map_of_lists_that_do_not_fit_is_refused():
    found, truth = random_set(0, 3, 2)
    with pytest.raises(ValueError, match="detections must have one entry per image, got 2 for 3"):
        fast.coco_map(found[:2], truth, 2)
