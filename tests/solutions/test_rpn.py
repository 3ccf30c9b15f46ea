import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from solutions.boxes import box_iou, xyxy_to_cxcywh
from solutions.nms import nms
from solutions.rcnn import decode_boxes, encode_boxes
from solutions.rpn import anchor_grid, label_anchors, propose, sample_anchors
from tests.solutions.draw import normal, random_boxes, random_scores


def test_anchors_come_row_by_row_sizes_outer_ratios_inner():
    anchors = anchor_grid((2, 3), 16, [32.0, 64.0], [0.5, 1.0, 2.0])
    centers = xyxy_to_cxcywh(anchors).reshape(2, 3, 2, 3, 4)
    for y in range(2):
        for x in range(3):
            for s, size in enumerate((32.0, 64.0)):
                for r, ratio in enumerate((0.5, 1.0, 2.0)):
                    center_x, center_y, width, height = centers[y, x, s, r].tolist()
                    assert (center_x, center_y) == pytest.approx(((x + 0.5) * 16, (y + 0.5) * 16))
                    assert width * height == pytest.approx(size**2, rel=1e-5)
                    assert height / width == pytest.approx(ratio, rel=1e-5)


def test_no_sizes_or_no_positions_give_no_anchors():
    assert anchor_grid((2, 3), 16, [], [1.0]).shape == (0, 4)
    assert anchor_grid((0, 3), 16, [32.0], [1.0]).shape == (0, 4)


def test_whole_numbers_may_be_given_as_such():
    assert torch.equal(anchor_grid((1, 2), 8, [16], [1]), anchor_grid((1, 2), 8, [16.0], [1.0]))


def plain_labels(iou, positive, negative):
    labels, matches = [], []
    columns = list(zip(*iou, strict=True))
    for row in iou:
        best = max(row)
        forced = any(v == max(column) > 0 for v, column in zip(row, columns, strict=True))
        labels.append(1 if forced or best >= positive else 0 if best < negative else -1)
        matches.append(row.index(best))
    return labels, matches


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 4))
def test_labels_of_anchors_agree_with_a_loop(seed, count, objects):
    iou = box_iou(random_boxes(count, seed), random_boxes(objects, seed + 1))
    labels, matches = label_anchors(iou, positive=0.6, negative=0.2)
    assert (labels.tolist(), matches.tolist()) == plain_labels(iou.tolist(), 0.6, 0.2)


def test_all_equally_good_anchors_of_an_object_are_positive():
    iou = torch.tensor([[0.25, 0.0], [0.25, 0.0], [0.125, 0.0], [0.0, 0.0]])
    labels, matches = label_anchors(iou)
    assert labels.tolist() == [1, 1, 0, 0]
    assert matches.tolist() == [0, 0, 0, 0]


def test_a_forced_anchor_keeps_its_own_best_ground_truth():
    iou = torch.tensor([[0.5, 0.375], [0.75, 0.25]])
    labels, matches = label_anchors(iou)
    assert labels.tolist() == [1, 1]
    assert matches.tolist() == [0, 0]


def test_without_ground_truth_all_anchors_are_background():
    labels, matches = label_anchors(torch.zeros(3, 0))
    assert (labels.tolist(), matches.tolist()) == ([0, 0, 0], [-1, -1, -1])


labels = torch.tensor([1] * 10 + [0] * 50 + [-1] * 20)


def counts(sample):
    return int((sample == 1).sum()), int((sample == 0).sum())


@pytest.mark.parametrize(
    ("batch_size", "fraction", "expected"),
    [
        (16, 0.5, (8, 8)),
        (40, 0.5, (10, 30)),
        (100, 0.5, (10, 50)),
        (9, 0.25, (2, 7)),
        (0, 0.5, (0, 0)),
    ],
)
def test_a_sample_has_so_many_of_each(batch_size, fraction, expected):
    sample = sample_anchors(labels, batch_size, fraction)
    assert counts(sample) == expected
    assert ((sample == labels) | (sample == -1)).all()


def test_a_sample_is_repeatable_with_a_generator():
    first = sample_anchors(labels, 16, generator=torch.Generator().manual_seed(5))
    again = sample_anchors(labels, 16, generator=torch.Generator().manual_seed(5))
    assert torch.equal(first, again)


def test_every_anchor_is_sampled_equally_often():
    generator = torch.Generator().manual_seed(0)
    draws = torch.stack([sample_anchors(labels, 10, 0.5, generator) for _ in range(2000)])
    often = (draws >= 0).float().mean(dim=0)
    assert_close(often[:10], torch.full((10,), 0.5), atol=0.05, rtol=0)
    assert_close(often[10:60], torch.full((50,), 0.1), atol=0.03, rtol=0)
    assert not often[60:].any()


def plain_propose(objectness, transforms, anchors, image_size, pre, top_n, threshold, min_size):
    boxes = decode_boxes(anchors, transforms)
    candidates = []
    for n in sorted(range(len(boxes)), key=lambda n: (-float(objectness[n]), n))[:pre]:
        x1, y1, x2, y2 = boxes[n].tolist()
        x1, x2 = (min(max(x, 0.0), image_size[1]) for x in (x1, x2))
        y1, y2 = (min(max(y, 0.0), image_size[0]) for y in (y1, y2))
        if x2 - x1 >= min_size and y2 - y1 >= min_size:
            candidates.append([x1, y1, x2, y2, float(objectness[n])])
    candidates = torch.tensor(candidates, dtype=boxes.dtype).reshape(-1, 5)
    keep = nms(candidates[:, :4], candidates[:, 4], threshold)[:top_n]
    return candidates[keep, :4], candidates[keep, 4].sigmoid()


@pytest.mark.parametrize(("pre", "top_n"), [(2000, 300), (30, 300), (2000, 10), (30, 5)])
def test_proposals_agree_with_the_steps_one_by_one(pre, top_n):
    anchors = anchor_grid((6, 8), 16, [24.0, 48.0], [0.5, 1.0, 2.0]).double()
    count = len(anchors)
    objectness = normal(count, dtype=torch.float64)
    transforms = normal(count, 4, seed=1, dtype=torch.float64) * 0.4
    arguments = ((96, 128), pre, top_n, 0.6, 12.0)
    boxes, scores = propose(objectness, transforms, anchors, *arguments)
    expected = plain_propose(objectness, transforms, anchors, *arguments)
    assert_close(boxes, expected[0])
    assert_close(scores, expected[1])
    assert 0 < len(boxes) <= top_n


def test_proposals_of_large_logits_are_ordered_by_logit():
    anchors = torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]])
    objectness = torch.tensor([30.0, 50.0, 40.0])  # all 1.0 as float32 probabilities
    boxes, scores = propose(objectness, torch.zeros(3, 4), anchors, (60, 60))
    assert torch.equal(boxes, anchors[[1, 2, 0]])
    assert scores.tolist() == [1.0, 1.0, 1.0]


def test_the_smallest_size_is_kept():
    anchors = torch.tensor([[-5.0, 0, 1, 10], [10, 10, 10.5, 20], [30, 30, 40, 40]])
    boxes, _ = propose(torch.zeros(3), torch.zeros(3, 4), anchors, (60, 60), min_size=1.0)
    assert boxes.tolist() == [[0.0, 0, 1, 10], [30, 30, 40, 40]]


def test_perfect_transforms_propose_the_objects():
    gt_boxes = torch.tensor([[5.0, 5, 40, 30], [50, 20, 90, 80]])
    anchors = anchor_grid((6, 6), 16, [32.0], [1.0])
    iou = box_iou(anchors, gt_boxes)
    anchor_labels, matches = label_anchors(iou)
    transforms = encode_boxes(anchors, gt_boxes[matches])
    objectness = anchor_labels.float() * 10 + random_scores(len(anchors))
    boxes, _ = propose(objectness, transforms, anchors, (96, 96), top_n=2, iou_threshold=0.5)
    assert (box_iou(gt_boxes, boxes).max(dim=1).values > 0.99).all()
