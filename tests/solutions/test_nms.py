import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from solutions.boxes import box_iou
from solutions.nms import nms, nms_per_class, soft_nms
from tests.solutions.draw import grid_boxes, random_boxes, random_labels, random_scores, tied_scores

thresholds = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])


@st.composite
def scored_boxes(draw):
    boxes = draw(grid_boxes())
    return boxes, draw(tied_scores(len(boxes)))


def plain_nms(boxes, scores, iou_threshold):
    """NMS from its definition, over plain lists."""
    iou = box_iou(boxes, boxes).tolist()
    scores = scores.tolist()
    remaining = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    kept = []
    while remaining:
        best, *rest = remaining
        kept.append(best)
        remaining = [i for i in rest if not iou[best][i] > iou_threshold]
    return kept


@given(scored_boxes(), thresholds)
def test_nms_keeps_what_the_definition_keeps(detections, iou_threshold):
    boxes, scores = detections
    assert nms(boxes, scores, iou_threshold).tolist() == plain_nms(boxes, scores, iou_threshold)


@given(scored_boxes(), thresholds)
def test_nms_is_idempotent_and_its_kept_boxes_do_not_overlap(detections, iou_threshold):
    boxes, scores = detections
    keep = nms(boxes, scores, iou_threshold)
    again = nms(boxes[keep], scores[keep], iou_threshold)
    assert again.tolist() == list(range(len(keep)))
    overlaps = box_iou(boxes[keep], boxes[keep]).triu(diagonal=1)
    assert not (overlaps > iou_threshold).any()


@pytest.mark.parametrize("iou_threshold", [0.1, 0.5, 0.8])
def test_a_box_is_dropped_exactly_when_a_better_kept_box_overlaps_it(iou_threshold):
    boxes, scores = random_boxes(200, extent=40), random_scores(200)
    keep = nms(boxes, scores, iou_threshold)
    overlaps = box_iou(boxes, boxes[keep]) > iou_threshold  # [N, kept]
    better = scores[:, None] < scores[keep]  # [N, kept]
    dropped = (overlaps & better).any(dim=1)
    assert 0 < int(dropped.sum()) < 200
    assert set(keep.tolist()) == set((~dropped).nonzero().flatten().tolist())


def test_an_overlap_equal_to_the_threshold_is_kept():
    boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 2.0]])
    assert nms(boxes, torch.tensor([0.9, 0.8]), 0.5).tolist() == [0, 1]
    assert nms(boxes, torch.tensor([0.9, 0.8]), 0.49).tolist() == [0]


def test_of_equal_scores_the_lower_index_comes_first():
    boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0]]).repeat(3, 1)
    boxes[1] += 10
    assert nms(boxes, torch.tensor([0.5, 0.5, 0.5]), 0.5).tolist() == [0, 1]


def test_a_dropped_box_drops_no_other():
    boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [1.0, 0.0, 5.0, 4.0], [2.0, 0.0, 6.0, 4.0]])
    assert nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist() == [0, 2]


@given(scored_boxes(), thresholds, st.data())
def test_nms_per_class_is_nms_of_each_class_merged_by_score(detections, iou_threshold, data):
    boxes, scores = detections
    values = data.draw(st.lists(st.integers(0, 3), min_size=len(boxes), max_size=len(boxes)))
    labels = torch.tensor(values, dtype=torch.int64)
    kept = []
    for label in set(values):
        members = [i for i, value in enumerate(values) if value == label]
        kept += [members[k] for k in plain_nms(boxes[members], scores[members], iou_threshold)]
    expected = sorted(kept, key=lambda i: (-float(scores[i]), i))
    assert nms_per_class(boxes, scores, labels, iou_threshold).tolist() == expected


def test_nms_per_class_of_one_class_is_nms():
    boxes, scores = random_boxes(100), random_scores(100)
    labels = torch.full((100,), 7)
    assert torch.equal(nms_per_class(boxes, scores, labels, 0.5), nms(boxes, scores, 0.5))


def plain_soft_nms(boxes, scores, sigma, score_threshold):
    """Soft-NMS from its definition, over plain lists."""
    iou = box_iou(boxes, boxes)
    scores = dict(enumerate(scores.tolist()))
    selected = []
    while True:
        scores = {i: score for i, score in scores.items() if score >= score_threshold}
        if not scores:
            return selected
        best = max(scores, key=lambda i: (scores[i], -i))
        selected.append((best, scores.pop(best)))
        decay = torch.exp(-(iou[best] ** 2) / sigma).tolist()
        scores = {i: score * decay[i] for i, score in scores.items()}


@given(scored_boxes(), st.sampled_from([0.1, 0.5, 2.0]), st.sampled_from([0.001, 0.2, 0.5]))
def test_soft_nms_decays_as_the_definition_does(detections, sigma, score_threshold):
    boxes, scores = detections
    indices, decayed = soft_nms(boxes, scores, sigma, score_threshold)
    expected = plain_soft_nms(boxes, scores, sigma, score_threshold)
    assert indices.tolist() == [index for index, _ in expected]
    assert_close(decayed, torch.tensor([score for _, score in expected], dtype=torch.float64))


def test_soft_nms_keeps_every_box_that_stays_above_the_threshold():
    boxes, scores = random_boxes(50), random_scores(50) + 0.5
    indices, decayed = soft_nms(boxes, scores, score_threshold=0.0)
    assert sorted(indices.tolist()) == list(range(50))
    assert torch.equal(decayed, decayed.sort(descending=True).values)


def test_soft_nms_drops_low_scores_at_the_start():
    boxes = random_boxes(3)
    indices, _ = soft_nms(boxes, torch.tensor([0.0005, 0.9, 0.001]))
    assert 0 not in indices.tolist()


def test_labels_may_be_any_numbers():
    boxes, scores = random_boxes(60), random_scores(60)
    labels = random_labels(60, highest=3)
    few = nms_per_class(boxes, scores, labels, 0.3)
    assert torch.equal(few, nms_per_class(boxes, scores, labels * 10**12 - 5, 0.3))
