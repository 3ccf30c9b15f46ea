import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck
from torch.nn import functional as F
from torch.testing import assert_close

from solutions.keypoints import decode_keypoints, keypoint_loss, keypoint_targets
from tests.solutions.draw import normal, random_boxes


@given(st.integers(0, 10_000))
def test_bins_agree_with_their_definition(seed):
    boxes = random_boxes(5, seed, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    share = torch.rand(5, 6, 2, generator=generator, dtype=torch.float64) * 1.4 - 0.2
    places = boxes[:, None, :2] + share * (boxes[:, None, 2:] - boxes[:, None, :2])
    visible = torch.randint(0, 3, (5, 6, 1), generator=generator)
    bins, valid = keypoint_targets(torch.cat([places, visible], dim=2), boxes, size=7)
    for n in range(5):
        for p in range(6):
            u, v = share[n, p].tolist()
            counts = 0 <= u <= 1 and 0 <= v <= 1 and visible[n, p].item() > 0
            assert valid[n, p].item() == counts
            assert bins[n, p].item() == (int(v * 7) * 7 + int(u * 7) if counts else 0)


@pytest.mark.parametrize(
    ("keypoint", "expected"),
    [
        ([10.0, 10.0, 1.0], (0, True)),
        ([66.0, 66.0, 2.0], (56 * 56 - 1, True)),  # the last corner belongs to the last bin
        ([66.0, 10.0, 1.0], (55, True)),
        ([66.1, 10.0, 1.0], (0, False)),
        ([20.0, 20.0, 0.0], (0, False)),
        ([20.9, 12.2, 1.0], (2 * 56 + 10, True)),
    ],
)
def test_the_bin_of_a_keypoint(keypoint, expected):
    box = torch.tensor([[10.0, 10.0, 66.0, 66.0]])
    bins, valid = keypoint_targets(torch.tensor([[keypoint]]), box)
    assert (bins.item(), valid.item()) == expected


def test_in_a_box_without_area_no_keypoint_counts():
    boxes = torch.tensor([[5.0, 5.0, 5.0, 9.0], [5.0, 5.0, 9.0, 5.0]])
    bins, valid = keypoint_targets(torch.tensor([[[5.0, 5.0, 1.0]]] * 2), boxes)
    assert not valid.any()
    assert not bins.any()


def test_keypoint_loss_is_cross_entropy_over_the_bins_of_those_that_count():
    logits = normal(3, 4, 5, 5)
    bins = torch.arange(12).reshape(3, 4)
    valid = torch.tensor([[True, False, True, True], [False] * 4, [True, True, False, False]])
    terms = [
        F.cross_entropy(logits[n, p].flatten(), bins[n, p]) for n, p in valid.nonzero().tolist()
    ]
    assert_close(keypoint_loss(logits, bins, valid), sum(terms) / len(terms))


def test_keypoint_loss_is_differentiable_and_zero_where_none_counts():
    logits = normal(2, 2, 2, 3, dtype=torch.float64).requires_grad_()
    bins = torch.tensor([[0, 5], [3, 1]])
    for valid in (torch.tensor([[True, False], [True, True]]), torch.zeros(2, 2).bool()):
        assert gradcheck(lambda x, valid=valid: keypoint_loss(x, bins, valid), logits)
    assert keypoint_loss(logits, bins, valid).item() == 0.0


@given(st.integers(0, 10_000))
def test_decoding_a_target_comes_within_half_a_bin(seed):
    boxes = random_boxes(4, seed, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    share = torch.rand(4, 3, 2, generator=generator, dtype=torch.float64)
    size = boxes[:, None, 2:] - boxes[:, None, :2]
    places = boxes[:, None, :2] + share * size
    keypoints = torch.cat([places, torch.ones_like(places[:, :, :1])], dim=2)
    bins, _ = keypoint_targets(keypoints, boxes)
    logits = F.one_hot(bins, 56 * 56).double().reshape(4, 3, 56, 56) * 100
    decoded = decode_keypoints(logits, boxes)
    assert ((decoded[:, :, :2] - places).abs() <= size / 112 + 1e-9).all()
    assert_close(decoded[:, :, 2], torch.ones(4, 3, dtype=torch.float64))


def test_the_probability_is_that_of_the_best_bin():
    logits = torch.zeros(1, 1, 2, 2)
    logits[0, 0, 1, 0] = 1.0
    decoded = decode_keypoints(logits, torch.tensor([[0.0, 0.0, 4.0, 8.0]]))
    probability = torch.tensor([1.0, 0, 0, 0]).softmax(dim=0)[0].item()
    assert decoded[0, 0].tolist() == pytest.approx([1.0, 6.0, probability])


def test_of_equal_bins_the_first_counts():
    decoded = decode_keypoints(torch.zeros(1, 1, 2, 2), torch.tensor([[0.0, 0.0, 4.0, 4.0]]))
    assert decoded[0, 0].tolist() == [1.0, 1.0, 0.25]
