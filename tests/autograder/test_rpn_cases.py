"""Cases of 05_rpn's regions, anchors and proposals: none hangs on rounding, none on chance."""

import math

import numpy as np
import pytest
import torch

from autograder.exercises.rpn.proposing import clipped, decoded
from autograder.exercises.rpn.roi_align_cases import points_along
from solutions.boxes import box_iou
from tests.autograder.exercise_rules import hidden

ASSIGNMENT = "05_rpn"


def cases_of(name):
    """Return every case of 20 variants."""
    return [case for case_set in hidden(ASSIGNMENT, name) for case in case_set.cases]


# --- no case hangs on rounding


def test_corners_to_pool_are_halves_only_where_halves_are_what_is_tested():
    seen = set()
    for case in cases_of("roi_pool"):
        _, boxes, _, scale = case.arguments
        fraction = (boxes * scale).frac().abs()
        assert ((fraction - 0.5).abs() > 0.1).all() or case.group.startswith("halves")
        assert torch.equal(boxes.float() * scale, (boxes.double() * scale).float())
        if (fraction == 0.5).any():
            seen.add(case.group)
    assert seen == {"halves", "halves below zero"}


def edges(start, cells, bins):
    """Return the edges of bins as different people compute them."""
    step = np.float32(cells) / np.float32(bins)
    k = np.arange(bins + 1)
    yield (
        [start + math.floor(i * cells / bins) for i in k],
        [start + math.ceil(i * cells / bins) for i in k],
    )
    for spelled in (
        start + k.astype(np.float32) * step,
        start + k * (cells / bins),
        np.linspace(start, start + cells, bins + 1),
    ):
        yield np.floor(spelled).tolist(), np.ceil(spelled).tolist()


def test_the_edges_of_bins_are_the_same_however_they_are_computed():
    seen = set()
    for case in cases_of("roi_pool"):
        _, boxes, (h, w), scale = case.arguments
        for x1, y1, x2, y2 in (boxes * scale).round().long().tolist():
            seen |= {(x1, x2 - x1 + 1, w), (y1, y2 - y1 + 1, h)}
    for start, cells, bins in seen:
        spelled = list(edges(start, cells, bins))
        assert all(other == spelled[0] for other in spelled)


def test_no_point_is_where_a_value_jumps_except_where_that_is_what_is_tested():
    for case in cases_of("roi_align"):
        features, boxes, (h, w), scale, *ratio = case.arguments
        cells = (boxes.double() * scale).numpy()
        for axis, bins in ((0, w), (1, h)):
            points = points_along(cells, axis, bins, *ratio)
            limit = features.shape[2 - axis]
            distance = np.minimum(abs(points + 1), abs(points - limit))
            if case.group == "points just one cell outside":
                assert ((distance == 0) | (distance > 0.1)).all()
            else:
                assert (distance > 1e-3).all()


def test_an_overlap_with_an_anchor_is_clear_of_the_thresholds_or_exactly_on_one():
    for case in cases_of("label_anchors"):
        iou, *thresholds = case.arguments
        for threshold in thresholds or (0.7, 0.3):
            distance = (iou.double() - threshold).abs()
            if case.group == "IoU equal to a threshold":
                assert ((distance == 0) | (distance > 1e-3)).all()
                assert (distance == 0).any()
            else:
                assert (distance > 1e-3).all()


def test_proposals_are_clear_of_thresholds_or_exactly_on_them():
    on_the_size, on_the_threshold = set(), set()
    for case in cases_of("propose"):
        _, transforms, anchors, image_size, *options = case.arguments
        threshold, min_size = options[2:] or (0.7, 1.0)
        boxes = decoded(anchors.double().numpy(), transforms.double().numpy())
        boxes = torch.from_numpy(clipped(boxes, image_size))
        sides = (boxes[:, 2:] - boxes[:, :2] - min_size).abs()
        overlaps = (box_iou(boxes, boxes) - threshold).abs()
        for distance, seen in ((sides, on_the_size), (overlaps, on_the_threshold)):
            if (distance == 0).any():
                assert not transforms.any()  # and all numbers are exact
                seen.add(case.group)
            assert ((distance == 0) | (distance > 1e-4)).all()
    assert on_the_size == {"a side equal to min_size"}
    assert on_the_threshold == {"thresholds"}


# --- samples


def test_a_right_sample_is_taken_for_a_wrong_one_less_than_once_in_a_thousand_million():
    for case in cases_of("sample_anchors"):
        if case.view == "spread_of_samples":
            labels, batch_size, fraction, _ = case.arguments
            wrong = 0.0
            drawn = int(batch_size * fraction)
            for count, room in (((labels == 1).sum(), drawn), ((labels == 0).sum(), drawn)):
                share = room / int(count)
                wrong += int(count) * (share ** len(case.seeds) + (1 - share) ** len(case.seeds))
            assert wrong < 1e-9
            assert len(set(case.seeds)) == len(case.seeds)


def test_samples_that_must_be_equal_would_hardly_be_so_by_chance():
    for case in cases_of("sample_anchors"):
        if case.view == "equal_samples":
            labels, batch_size, fraction, _ = case.arguments
            room = int(batch_size * fraction)
            ways = math.comb(int((labels == 1).sum()), room)
            ways *= math.comb(int((labels == 0).sum()), batch_size - room)
            assert ways > 1e9
            assert len(set(case.seeds)) == 1


@pytest.mark.parametrize("name", ["roi_pool", "roi_align"])
def test_feature_maps_are_not_square_and_no_value_is_there_twice(name):
    for case in cases_of(name):
        features = case.arguments[0]
        _, H, W = features.shape
        assert H != W
        if case.group != "features that count columns and rows":
            assert all(len(plane.unique()) == H * W for plane in features)
