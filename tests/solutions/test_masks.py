import pytest
import torch
from torch import nn
from torch.autograd import gradcheck
from torch.nn import functional as F
from torch.testing import assert_close

from solutions.masks import MaskHead, mask_loss, mask_targets, paste_masks
from solutions.rcnn import crop_and_resize
from tests.solutions.draw import normal, random_boxes, random_labels


def disc(height, width, y, x, radius):
    rows, columns = torch.arange(height)[:, None] + 0.5, torch.arange(width) + 0.5
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.float64])
def test_targets_are_the_crops_of_the_matched_masks(dtype):
    gt_masks = torch.stack([disc(60, 80, 20, 20, 15), disc(60, 80, 35, 50, 20)]).to(dtype)
    boxes = torch.tensor([[32.3, 16.1, 71.2, 55.8], [3, 4, 35, 41], [5, 5, 30, 30]]).double()
    matches = torch.tensor([1, 0, -1])
    targets = mask_targets(gt_masks, boxes, matches, size=14)
    for n, m in ((0, 1), (1, 0)):
        crop = crop_and_resize(gt_masks[m : m + 1].double(), boxes[n : n + 1], (14, 14))
        assert torch.equal(targets[n], (crop[0, 0] >= 0.5).double())
        assert 0 < float(targets[n].mean()) < 1
    assert not targets[2].any()


def test_the_mask_head_has_the_papers_layers():
    head = MaskHead(8, 5, hidden=16)
    kinds = [type(m) for m in head.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert kinds == [nn.Conv2d] * 4 + [nn.ConvTranspose2d] + [nn.Conv2d]
    assert sum(isinstance(m, nn.ReLU) for m in head.modules()) == 5
    weights = [tuple(p.shape) for p in head.parameters() if p.dim() == 4]
    assert weights[0] == (16, 8, 3, 3)
    assert weights[4:] == [(16, 16, 2, 2), (5, 16, 1, 1)]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_mask_head_doubles_the_size(count):
    logits = MaskHead(8, 5, hidden=16)(normal(count, 8, 14, 14))
    assert logits.shape == (count, 5, 28, 28)
    assert count == 0 or (logits < 0).any()  # no ReLU at the end


def test_the_mask_head_is_what_its_layers_compute():
    head = MaskHead(3, 2, hidden=4).double()
    x = normal(2, 3, 6, 6, dtype=torch.float64)
    weights = list(head.parameters())
    expected = x
    for k in range(4):
        expected = F.relu(F.conv2d(expected, weights[2 * k], weights[2 * k + 1], padding=1))
    expected = F.relu(F.conv_transpose2d(expected, weights[8], weights[9], stride=2))
    assert_close(head(x), F.conv2d(expected, weights[10], weights[11]))


def test_mask_loss_compares_the_true_class_of_positives_only():
    logits = normal(5, 3, 4, 4)
    targets = (normal(5, 4, 4, seed=1) > 0).float()
    labels = torch.tensor([2, 0, 3, -1, 1])
    own = torch.stack([logits[0, 1], logits[2, 2], logits[4, 0]])
    expected = F.binary_cross_entropy(own.sigmoid(), targets[[0, 2, 4]])
    assert_close(mask_loss(logits, targets, labels), expected)


def test_mask_loss_is_differentiable_and_zero_without_positives():
    logits = normal(3, 2, 2, 2, dtype=torch.float64).requires_grad_()
    targets = (normal(3, 2, 2, seed=1) > 0).double()
    for labels in (torch.tensor([1, 2, 0]), torch.tensor([0, -1, 0])):
        assert gradcheck(lambda x, labels=labels: mask_loss(x, targets, labels), logits)
    assert mask_loss(logits, targets, labels).item() == 0.0


def plain_paste(mask, box, image_size, threshold):
    h, w = mask.shape
    x1, y1, x2, y2 = box
    pasted = torch.zeros(image_size, dtype=torch.bool)
    for row in range(image_size[0]):
        for column in range(image_size[1]):
            x, y = column + 0.5, row + 0.5
            if not (x1 <= x < x2 and y1 <= y < y2):
                continue
            u = min(max((x - x1) / (x2 - x1) * w - 0.5, 0), w - 1)
            v = min(max((y - y1) / (y2 - y1) * h - 0.5, 0), h - 1)
            value = sum(
                float(mask[i, j]) * max(0, 1 - abs(v - i)) * max(0, 1 - abs(u - j))
                for i in range(h)
                for j in range(w)
            )
            pasted[row, column] = value >= threshold
    return pasted


@pytest.mark.parametrize("threshold", [0.3, 0.5])
def test_pasting_agrees_with_its_definition(threshold):
    boxes = torch.cat([random_boxes(6, extent=14) - 3, torch.tensor([[4.0, 4, 4, 9]])]).double()
    probabilities = normal(7, 5, 4, dtype=torch.float64).sigmoid()
    pasted = paste_masks(probabilities, boxes, (16, 18), threshold)
    expected = [
        plain_paste(mask, box, (16, 18), threshold)
        for mask, box in zip(probabilities, boxes.tolist(), strict=True)
    ]
    assert torch.equal(pasted, torch.stack(expected))
    assert pasted.any()
    assert not pasted[6].any()


def test_a_pixel_belongs_to_the_box_that_its_centre_is_in():
    boxes = torch.tensor([[0.5, 0.5, 2.5, 2.5]])
    pasted = paste_masks(torch.ones(1, 28, 28), boxes, (4, 4))
    assert pasted[0].nonzero().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_a_mask_survives_being_a_target_and_pasted_back():
    mask = disc(60, 80, 30, 40, 20)
    box = torch.tensor([[20.0, 10.0, 60.0, 50.0]])
    target = mask_targets(mask[None], box, torch.tensor([0]))
    pasted = paste_masks(target, box, (60, 80))[0]
    assert (mask & pasted).sum() / (mask | pasted).sum() > 0.95


def test_masks_of_different_labels_do_not_compete():
    logits = normal(2, 3, 4, 4).requires_grad_()
    labels = random_labels(2, highest=3, lowest=1)
    mask_loss(logits, torch.zeros(2, 4, 4), labels).backward()
    touched = logits.grad.abs().sum(dim=(2, 3)) > 0
    assert touched.nonzero().tolist() == [[n, int(label) - 1] for n, label in enumerate(labels)]
