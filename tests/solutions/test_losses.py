import pytest
import torch
from torch.autograd import gradcheck
from torch.nn import functional as F
from torch.testing import assert_close

from solutions.losses import (
    detection_loss,
    localization_loss,
    multi_head_loss,
    rcnn_loss,
    rpn_loss,
)
from tests.solutions.draw import normal, random_labels


def smooth_l1(error: float, beta: float) -> float:
    error = abs(error)
    return 0.5 * error**2 / beta if error < beta else error - 0.5 * beta


def summed_smooth_l1(transforms, targets, rows, beta):
    errors = (transforms - targets)[rows].flatten().tolist()
    return sum(smooth_l1(error, beta) for error in errors)


def test_localization_loss_is_cross_entropy_and_squared_distance():
    logits, boxes, targets = normal(6, 4), normal(6, 4, seed=1), normal(6, 4, seed=2)
    labels = random_labels(6, highest=3)
    distance = sum(float(((boxes[b] - targets[b]) ** 2).sum()) for b in range(6)) / 6
    expected = F.cross_entropy(logits, labels) + 0.3 * distance
    assert_close(localization_loss(logits, boxes, labels, targets, box_weight=0.3), expected)


labels = torch.tensor([0, 2, -1, 1, 0, -1, 2])
counted = [0, 1, 3, 4, 6]
positive = [1, 3, 6]


def test_rcnn_loss_averages_over_what_is_not_neutral():
    logits, transforms, targets = normal(7, 3), normal(7, 4, seed=1), normal(7, 4, seed=2)
    class_loss, box_loss = rcnn_loss(logits, transforms, labels, targets)
    assert_close(class_loss, F.cross_entropy(logits, labels, ignore_index=-1))
    expected = summed_smooth_l1(transforms, targets, positive, beta=1.0) / len(counted)
    assert_close(box_loss, torch.tensor(expected))


def test_rpn_loss_averages_over_what_is_not_neutral():
    anchors = labels.clamp(max=1)
    objectness, transforms, targets = normal(7) * 3, normal(7, 4, seed=1), normal(7, 4, seed=2)
    objectness_loss, box_loss = rpn_loss(objectness, transforms, anchors, targets)
    expected = F.binary_cross_entropy(objectness[counted].sigmoid(), anchors[counted].float())
    assert_close(objectness_loss, expected)
    expected = summed_smooth_l1(transforms, targets, positive, beta=1 / 9) / len(counted)
    assert_close(box_loss, torch.tensor(expected))


def test_detection_loss_compares_the_transform_of_the_true_class_only():
    logits, transforms, targets = normal(7, 3), normal(7, 2, 4, seed=1), normal(7, 4, seed=2)
    class_loss, box_loss = detection_loss(logits, transforms, labels, targets)
    assert_close(class_loss, F.cross_entropy(logits, labels, ignore_index=-1))
    own = torch.stack([transforms[n, max(int(label) - 1, 0)] for n, label in enumerate(labels)])
    expected = summed_smooth_l1(own, targets, positive, beta=1.0) / len(counted)
    assert_close(box_loss, torch.tensor(expected))


@pytest.mark.parametrize("large", [1e4, -1e4])
def test_losses_stay_finite_for_large_logits(large):
    logits = torch.tensor([[large, 0.0, 0.0]])
    target = torch.zeros(1, 4)
    assert rcnn_loss(logits, target, torch.tensor([1]), target)[0].isfinite()
    assert rpn_loss(logits[:, 0], target, torch.tensor([0]), target)[0].isfinite()


def leaves(*shapes):
    return [
        normal(*shape, seed=seed, dtype=torch.float64).requires_grad_()
        for seed, shape in enumerate(shapes)
    ]


@pytest.mark.parametrize("labels", [labels, torch.full((7,), -1), torch.zeros(7).long()])
def test_detection_losses_are_differentiable_whatever_the_labels(labels):
    targets = normal(7, 4, seed=9, dtype=torch.float64)
    logits, transforms, own = leaves((7, 3), (7, 4), (7, 2, 4))
    assert gradcheck(lambda *x: rcnn_loss(*x, labels, targets), (logits, transforms))
    assert gradcheck(lambda *x: detection_loss(*x, labels, targets), (logits, own))
    anchors = labels.clamp(max=1)
    assert gradcheck(lambda *x: rpn_loss(*x, anchors, targets), (logits[:, 0], transforms))


def test_localization_loss_is_differentiable():
    targets = normal(5, 4, seed=9, dtype=torch.float64)
    inputs = leaves((5, 3), (5, 4))
    labels = torch.tensor([0, 1, 2, 0, 1])
    assert gradcheck(lambda *x: localization_loss(*x, labels, targets), inputs)


@pytest.mark.parametrize("count", [0, 4])
@pytest.mark.parametrize("loss", [rcnn_loss, rpn_loss, detection_loss])
def test_a_loss_over_nothing_is_zero_and_has_a_graph(loss, count):
    shapes = {
        rcnn_loss: [(count, 3), (count, 4)],
        rpn_loss: [(count,), (count, 4)],
        detection_loss: [(count, 3), (count, 2, 4)],
    }
    inputs = leaves(*shapes[loss])
    neutral, targets = torch.full((count,), -1), torch.zeros(count, 4, dtype=torch.float64)
    losses = loss(*inputs, neutral, targets)
    assert [value.item() for value in losses] == [0.0, 0.0]
    sum(losses).backward()
    assert all(float(x.grad.abs().sum()) == 0.0 for x in inputs)


def test_heads_are_summed_with_their_weights():
    losses = {"class": torch.tensor(2.0), "box": torch.tensor(3.0), "mask": torch.tensor(5.0)}
    assert float(multi_head_loss(losses, {"box": 0.5, "mask": 0.0})) == 3.5
    assert float(multi_head_loss(losses, {})) == 10.0
    assert float(multi_head_loss({}, {"box": 2.0})) == 0.0


def test_the_sum_of_heads_keeps_dtype_and_graph():
    loss = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    total = multi_head_loss({"mask": loss}, {"mask": 3.0})
    total.backward()
    assert total.dtype == torch.float64
    assert float(loss.grad) == 3.0
