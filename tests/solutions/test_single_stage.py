import pytest
import torch
from torch.testing import assert_close

from solutions.nms import nms
from solutions.rcnn import decode_boxes
from solutions.rpn import anchor_grid
from solutions.single_stage import forward_passes, head_channels, single_stage_detections
from tests.solutions.draw import normal


@pytest.mark.parametrize(("class_specific", "channels"), [(False, (189, 36)), (True, (189, 720))])
def test_channels_of_a_head_with_nine_anchors_and_twenty_classes(class_specific, channels):
    assert head_channels(9, 20, class_specific) == channels


@pytest.mark.parametrize("score_threshold", [0.2, 0.4, 0.9])
def test_detections_agree_with_the_steps_one_by_one(score_threshold):
    anchors = anchor_grid((4, 5), 16, [24.0, 40.0], [1.0]).double()
    logits = normal(len(anchors), 4, dtype=torch.float64) * 1.5
    transforms = normal(len(anchors), 4, seed=1, dtype=torch.float64) * 0.3
    found = single_stage_detections(logits, transforms, anchors, (64, 80), score_threshold, 0.4)
    limits = torch.tensor([80, 64, 80, 64], dtype=torch.float64)
    boxes = torch.minimum(decode_boxes(anchors, transforms).clamp(min=0), limits)
    probabilities = logits.softmax(dim=1)
    rows = []
    for label in (1, 2, 3):
        chosen = (probabilities[:, label] > score_threshold).nonzero().flatten()
        kept = chosen[nms(boxes[chosen], probabilities[chosen, label], 0.4)]
        rows += [(-float(probabilities[n, label]), int(n), label) for n in kept]
    rows.sort()
    assert found["labels"].tolist() == [label for _, _, label in rows]
    assert_close(found["boxes"], boxes[[n for _, n, _ in rows]])
    assert_close(found["scores"], torch.tensor([-score for score, _, _ in rows]).double())


def test_one_anchor_may_be_several_classes():
    anchors = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    logits = torch.tensor([[0.0, 1.0, 1.0]])
    found = single_stage_detections(logits, torch.zeros(1, 4), anchors, (20, 20), 0.3, 0.5)
    assert found["labels"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("system", "passes"),
    [("rcnn", (300, 300)), ("fast", (1, 300)), ("faster", (1, 300)), ("single_stage", (1, 0))],
)
def test_passes_of_each_system(system, passes):
    assert forward_passes(system, 300) == passes


def test_an_unknown_system_is_refused():
    with pytest.raises(ValueError, match=r"system must be one of rcnn, fast, .* got 'yolo'"):
        forward_passes("yolo", 300)
