import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.testing import assert_close

from solutions.boxes import box_iou
from solutions.rcnn import (
    crop_and_resize,
    decode_boxes,
    encode_boxes,
    label_proposals,
    select_by_background,
    select_per_class,
)
from tests.solutions.draw import normal, random_boxes


def value_at(plane, y, x):
    """The bilinear value at index coordinates, one point, from the definition."""
    height, width = plane.shape
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    total = 0.0
    for row in range(height):
        for column in range(width):
            weight = max(0.0, 1 - abs(y - row)) * max(0.0, 1 - abs(x - column))
            total += weight * float(plane[row, column])
    return total


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 4)])
def test_a_crop_holds_the_image_at_the_centre_of_each_bin(size):
    image = normal(2, 5, 6, dtype=torch.float64)
    boxes = torch.tensor(
        [[0.0, 0, 6, 5], [1.3, 0.2, 3.1, 4.9], [-3, -2, 2, 1], [4, 3, 9, 8], [2, 2, 2, 2]],
        dtype=torch.float64,
    )
    h, w = size
    expected = [
        [
            [
                [
                    value_at(
                        plane,
                        y1 + (i + 0.5) * (y2 - y1) / h - 0.5,
                        x1 + (j + 0.5) * (x2 - x1) / w - 0.5,
                    )
                    for j in range(w)
                ]
                for i in range(h)
            ]
            for plane in image
        ]
        for x1, y1, x2, y2 in boxes.tolist()
    ]
    expected = torch.tensor(expected, dtype=torch.float64)
    assert_close(crop_and_resize(image, boxes, size), expected)


@pytest.mark.parametrize("size", [(4, 6), (8, 3), (13, 24)])
def test_cropping_the_whole_image_is_interpolation(size):
    image = normal(3, 8, 12, dtype=torch.float64)
    whole = torch.tensor([[0.0, 0.0, 12.0, 8.0]], dtype=torch.float64)
    expected = F.interpolate(image[None], size=size, mode="bilinear", align_corners=False)
    assert_close(crop_and_resize(image, whole, size), expected)


def test_cropping_at_whole_pixels_to_the_same_size_copies():
    image = normal(3, 8, 12)
    crop = crop_and_resize(image, torch.tensor([[2.0, 1.0, 7.0, 5.0]]), (4, 5))
    assert torch.equal(crop[0], image[:, 1:5, 2:7])


@given(st.integers(0, 10_000))
def test_decoding_inverts_encoding(seed):
    proposals = random_boxes(10, seed, dtype=torch.float64)
    gt_boxes = random_boxes(10, seed + 1, dtype=torch.float64) - 40
    assert_close(decode_boxes(proposals, encode_boxes(proposals, gt_boxes)), gt_boxes)


@given(st.integers(0, 10_000))
def test_encoding_inverts_decoding(seed):
    proposals = random_boxes(10, seed, dtype=torch.float64)
    transforms = normal(10, 4, seed=seed, dtype=torch.float64)
    assert_close(encode_boxes(proposals, decode_boxes(proposals, transforms)), transforms)


def test_no_transform_leaves_the_proposal():
    proposals = random_boxes(5)
    assert_close(decode_boxes(proposals, torch.zeros(5, 4)), proposals)


def test_a_transform_moves_by_a_share_of_the_size_and_scales_by_its_exponential():
    proposal = torch.tensor([[10.0, 10.0, 30.0, 50.0]])  # centre (20, 30), 20 by 40
    transform = torch.tensor([[0.5, -0.25, math.log(2), math.log(0.5)]])
    # centre (30, 20), 40 by 20
    assert_close(decode_boxes(proposal, transform), torch.tensor([[10.0, 10.0, 50.0, 30.0]]))


def test_growth_is_clamped_above_and_only_above():
    proposal = torch.tensor([[0.0, 0.0, 16.0, 16.0]])
    grown = decode_boxes(proposal, torch.tensor([[0.0, 0.0, 100.0, 5.0]]))
    assert_close(grown, torch.tensor([[-492.0, -492.0, 508.0, 508.0]]))
    shrunk = decode_boxes(proposal, torch.tensor([[0.0, 0.0, -8.0, -8.0]]))
    assert_close(shrunk[:, 2] - shrunk[:, 0], torch.tensor([16 * math.exp(-8)]), rtol=1e-2, atol=0)


@pytest.mark.parametrize("name", ["proposals", "gt_boxes"])
def test_a_box_without_area_cannot_be_encoded(name):
    boxes = {"proposals": random_boxes(3), "gt_boxes": random_boxes(3)}
    boxes[name][1, 2] = boxes[name][1, 0]
    with pytest.raises(ValueError, match=rf"{name} must have positive width and height, got \["):
        encode_boxes(**boxes)


def test_labels_of_proposals_follow_the_thresholds():
    iou = torch.tensor([[0.5, 0.25], [0.25, 0.75], [0.25, 0.375], [0.125, 0.25], [0.0, 0.0]])
    labels, matches = label_proposals(iou, torch.tensor([3, 7]), positive=0.5, negative=0.25)
    assert labels.tolist() == [3, 7, -1, -1, 0]
    assert matches.tolist() == [0, 1, 1, 1, 0]


def test_of_equal_overlaps_a_proposal_takes_the_first_ground_truth():
    labels, matches = label_proposals(torch.tensor([[0.1, 0.75, 0.75]]), torch.tensor([1, 2, 3]))
    assert (labels.tolist(), matches.tolist()) == ([2], [1])


def test_without_ground_truth_every_proposal_is_background():
    labels, matches = label_proposals(torch.zeros(3, 0), torch.zeros(0, dtype=torch.int64))
    assert (labels.tolist(), matches.tolist()) == ([0, 0, 0], [-1, -1, -1])


def test_labels_of_proposals_agree_with_a_loop():
    proposals, gt_boxes = random_boxes(300, 1), random_boxes(8, 2)
    gt_labels = torch.arange(8) % 3 + 1
    iou = box_iou(proposals, gt_boxes)
    labels, matches = label_proposals(iou, gt_labels)
    for n, row in enumerate(iou.tolist()):
        best = row.index(max(row))
        label = int(gt_labels[best]) if row[best] >= 0.5 else 0 if row[best] < 0.3 else -1
        assert (int(labels[n]), int(matches[n])) == (label, best)


probabilities = torch.tensor(
    [[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.5, 0.1, 0.4], [0.1, 0.5, 0.4], [0.2, 0.2, 0.6]]
)


def test_selection_by_background_takes_the_least_likely_background_first():
    assert select_by_background(probabilities, 3).tolist() == [3, 1, 4]
    assert select_by_background(probabilities, 9).tolist() == [3, 1, 4, 0, 2]


def test_selection_per_class_takes_the_best_of_each_foreground_class():
    assert select_per_class(probabilities, 2).tolist() == [[1, 3], [4, 2]]
    assert select_per_class(probabilities, 9).tolist() == [[1, 3, 0, 4, 2], [4, 2, 3, 1, 0]]
