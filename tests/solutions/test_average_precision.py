from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from solutions.average_precision import (
    average_precision,
    average_precision_101,
    coco_map,
    match_detections,
    mean_average_precision,
    perfect_ap,
    precision_recall,
)
from solutions.boxes import box_iou
from tests.solutions.coco import pycocotools_map, random_set
from tests.solutions.draw import grid_boxes, tied_scores

rankings = st.lists(st.booleans(), max_size=20)


def plain_match(boxes, scores, gt_boxes, iou_threshold):
    """Matching from its definition, over plain lists."""
    iou = box_iou(boxes, gt_boxes).tolist()
    free, hits = list(range(len(gt_boxes))), []
    for n in sorted(range(len(boxes)), key=lambda n: (-float(scores[n]), n)):
        close = [m for m in free if iou[n][m] >= iou_threshold]
        hits.append(bool(close))
        if close:
            free.remove(max(close, key=lambda m: (iou[n][m], -m)))
    return hits


@given(grid_boxes(), grid_boxes(max_count=6), st.data())
def test_matching_agrees_with_its_definition(boxes, gt_boxes, data):
    scores = data.draw(tied_scores(len(boxes)))
    threshold = data.draw(st.sampled_from([0.25, 0.5, 0.75, 1.0]))
    hits = match_detections(boxes, scores, gt_boxes, threshold)
    assert hits.tolist() == plain_match(boxes, scores, gt_boxes, threshold)


def test_an_overlap_equal_to_the_threshold_matches():
    box, half = torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.tensor([[0.0, 0.0, 4.0, 2.0]])
    assert match_detections(half, torch.ones(1), box, 0.5).tolist() == [True]
    assert match_detections(half, torch.ones(1), box, 0.51).tolist() == [False]


def test_the_result_is_in_order_of_score():
    gt_boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0]])
    boxes = torch.tensor([[9.0, 9.0, 12.0, 12.0], [0.0, 0.0, 4.0, 4.0]])
    assert match_detections(boxes, torch.tensor([0.2, 0.8]), gt_boxes).tolist() == [True, False]


def test_a_taken_ground_truth_leaves_the_next_best_one():
    gt_boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 8.0]])
    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 9.5]])
    assert match_detections(boxes, torch.tensor([0.9, 0.8]), gt_boxes).tolist() == [True, True]


def slow_ap(ranks, num_gt):
    """Area under the envelope, in exact fractions, from the definition."""
    if num_gt == 0:
        return Fraction(0)
    found = [sum(ranks[: k + 1]) for k in range(len(ranks))]
    precision = [Fraction(found[k], k + 1) for k in range(len(ranks))]
    return sum(
        (max(precision[k:]) * Fraction(1, num_gt) for k, hit in enumerate(ranks) if hit),
        Fraction(0),
    )


@given(rankings, st.integers(0, 5))
def test_average_precision_is_the_exact_area_under_the_envelope(ranks, missed):
    num_gt = sum(ranks) + missed
    ap = average_precision(*precision_recall(torch.tensor(ranks, dtype=torch.bool), num_gt))
    assert ap == pytest.approx(float(slow_ap(ranks, num_gt)), abs=1e-12)
    assert -1e-12 <= ap <= 1 + 1e-12
    assert (ap > 1 - 1e-9) == perfect_ap(ranks, num_gt)


@given(rankings, st.integers(0, 5))
def test_average_precision_at_101_points_samples_the_envelope(ranks, missed):
    num_gt = sum(ranks) + missed
    precision, recall = precision_recall(torch.tensor(ranks, dtype=torch.bool), num_gt)
    total = 0.0
    for level in np.linspace(0, 1, 101):
        total += max(
            (float(p) for p, r in zip(precision, recall, strict=True) if r >= level), default=0.0
        )
    ap = average_precision_101(precision, recall)
    assert ap == pytest.approx(total / 101, abs=1e-12)
    assert (ap > 1 - 1e-9) == perfect_ap(ranks, num_gt)


@pytest.mark.parametrize("num_gt", [10, 30, 70, 100])
def test_recall_is_compared_with_cocos_own_levels(num_gt):
    found = torch.arange(1, num_gt + 1, dtype=torch.float64) / num_gt
    precision = torch.linspace(1, 0.1, num_gt, dtype=torch.float64)
    index = np.searchsorted(found.numpy(), np.linspace(0, 1, 101))
    assert average_precision_101(precision, found) == pytest.approx(
        precision.numpy()[index].mean(), abs=1e-15
    )


def test_precision_and_recall_after_each_detection():
    precision, recall = precision_recall(torch.tensor([True, False, True]), 4)
    assert precision.tolist() == [1.0, 0.5, 2 / 3]
    assert recall.tolist() == [0.25, 0.25, 0.5]


def test_recall_without_ground_truth_is_zero():
    precision, recall = precision_recall(torch.tensor([False, False]), 0)
    assert (precision.tolist(), recall.tolist()) == ([0.0, 0.0], [0.0, 0.0])


@pytest.mark.parametrize(
    ("ranks", "num_gt", "perfect"),
    [
        ([True, True], 2, True),
        ([True, True, False, False], 2, True),
        ([True, False, True], 2, False),
        ([True, True], 3, False),
        ([], 1, False),
        ([False], 0, False),
    ],
)
def test_perfect_detection(ranks, num_gt, perfect):
    assert perfect_ap(ranks, num_gt) is perfect


def test_perfect_detections_have_map_one_and_none_have_zero():
    _, ground_truth = random_set(seed=0, images=5, num_classes=3)
    perfect = [{**truth, "scores": torch.ones(len(truth["labels"]))} for truth in ground_truth]
    nothing = [{key: value[:0] for key, value in found.items()} for found in perfect]
    for measure in (coco_map, mean_average_precision):
        assert measure(perfect, ground_truth, 3) == pytest.approx(1.0, abs=1e-12)
        assert measure(nothing, ground_truth, 3) == 0.0
        assert measure(perfect, [{k: v[:0] for k, v in t.items()} for t in ground_truth], 3) == 0.0
        assert measure([], [], 3) == 0.0


def slow_map(detections, ground_truth, num_classes, iou_threshold):
    """Mean of the exact areas, from matches by plain lists."""
    aps = []
    for label in range(1, num_classes + 1):
        ranked, num_gt = [], 0
        for image, (found, truth) in enumerate(zip(detections, ground_truth, strict=True)):
            mine, real = found["labels"] == label, truth["labels"] == label
            scores = found["scores"][mine]
            hits = plain_match(found["boxes"][mine], scores, truth["boxes"][real], iou_threshold)
            by_score = sorted(scores.tolist(), reverse=True)
            ranked += [
                (-s, image, k, hit) for k, (s, hit) in enumerate(zip(by_score, hits, strict=True))
            ]
            num_gt += int(real.sum())
        if num_gt:
            aps.append(slow_ap([hit for *_, hit in sorted(ranked)], num_gt))
    return float(sum(aps) / len(aps)) if aps else 0.0


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("num_classes", [1, 4])
@pytest.mark.parametrize("iou_threshold", [0.5, 0.8])
def test_map_agrees_with_exact_areas(tied, num_classes, iou_threshold):
    detections, ground_truth = random_set(3, images=12, num_classes=num_classes, tied=tied)
    expected = slow_map(detections, ground_truth, num_classes, iou_threshold)
    got = mean_average_precision(detections, ground_truth, num_classes, iou_threshold)
    assert 0.05 < expected < 0.95
    assert got == pytest.approx(expected, abs=1e-12)


COCO_SETS = {
    "one class": {"seed": 1, "images": 12, "num_classes": 1},
    "three classes, tied scores": {"seed": 2, "images": 15, "num_classes": 3, "tied": True},
    "eighty classes": {"seed": 3, "images": 10, "num_classes": 80},
    "float32": {"seed": 4, "images": 15, "num_classes": 3, "dtype": torch.float32},
    "float32, tied": {
        "seed": 5,
        "images": 10,
        "num_classes": 2,
        "dtype": torch.float32,
        "tied": True,
    },
    "more than 100 detections of a class": {
        "seed": 6,
        "images": 2,
        "num_classes": 1,
        "most": 60,
        "clutter": 60,
    },
}


@pytest.mark.parametrize("name", COCO_SETS)
def test_coco_map_equals_pycocotools(name):
    arguments = COCO_SETS[name]
    detections, ground_truth = random_set(**arguments)
    expected = pycocotools_map(detections, ground_truth, arguments["num_classes"])
    assert 0.05 < expected < 0.95
    got = coco_map(detections, ground_truth, arguments["num_classes"])
    assert got == pytest.approx(expected, abs=1e-9)


def test_coco_map_uses_numpys_thresholds():
    assert [0.5 + k * ((0.95 - 0.5) / 9) for k in range(10)] == np.linspace(0.5, 0.95, 10).tolist()
    # 18 of 20 columns: an IoU of exactly 0.9, which COCO's 0.8999999999999999 accepts
    truth = [{"boxes": torch.tensor([[0.0, 0, 20, 1]]), "labels": torch.tensor([1])}]
    found = [{**truth[0], "boxes": torch.tensor([[0.0, 0, 18, 1]]), "scores": torch.ones(1)}]
    assert coco_map(found, truth, 1) == pytest.approx(0.9, abs=1e-12)
    assert pycocotools_map(found, truth, 1) == pytest.approx(0.9, abs=1e-12)
