import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from solutions.sliding_windows import (
    count_boxes,
    count_positions,
    dense_scores,
    linear_to_conv,
    linear_to_pointwise,
    sliding_window_scores,
    to_fully_convolutional,
)
from tests.solutions.draw import normal


def small_classifier(seed: int = 0, dtype=torch.float64) -> nn.Sequential:
    """The slide's network: 14x14x3 by 5x5 convolution, 2x2 pooling and three linear layers."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(6 * 5 * 5, 12),
        nn.ReLU(),
        nn.Linear(12, 12, bias=False),
        nn.Tanh(),
        nn.Linear(12, 4),
    ).to(dtype)


side = st.integers(1, 9)


@given(side, side, st.integers(1, 11), st.integers(1, 11), st.integers(1, 4))
def test_positions_are_counted_as_the_loop_meets_them(height, width, box_h, box_w, stride):
    tops, lefts = range(0, height - box_h + 1, stride), range(0, width - box_w + 1, stride)
    expected = sum(1 for _ in tops for _ in lefts)
    assert count_positions((height, width), (box_h, box_w), stride) == expected


@given(side, side)
def test_all_boxes_are_the_positions_of_all_sizes(height, width):
    sizes = [(h, w) for h in range(1, height + 1) for w in range(1, width + 1)]
    expected = sum(count_positions((height, width), size) for size in sizes)
    assert count_boxes((height, width)) == expected


def test_the_number_of_boxes_is_exact_for_any_size():
    n = 10**12
    assert count_boxes((n, n)) == (n * (n + 1) // 2) ** 2


@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_and_its_convolution_give_the_same_numbers(bias):
    linear = nn.Linear(3 * 4 * 5, 7, bias=bias).double()
    conv = linear_to_conv(linear, (3, 4, 5))
    x = normal(2, 3, 4, 5, dtype=torch.float64)
    assert conv.kernel_size == (4, 5)
    assert_close(conv(x).flatten(1), linear(x.flatten(1)))


def test_the_convolution_holds_copies_of_the_weights():
    linear = nn.Linear(12, 2)
    conv = linear_to_conv(linear, (3, 2, 2))
    with torch.no_grad():
        conv.weight.zero_()
    assert linear.weight.abs().sum() > 0


def test_a_linear_layer_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"in_shape must hold 12 numbers, got \(3, 2, 3\)"):
        linear_to_conv(nn.Linear(12, 2), (3, 2, 3))


def test_a_pointwise_convolution_applies_the_layer_at_every_position():
    linear = nn.Linear(5, 3).double()
    x = normal(2, 5, 4, 6, dtype=torch.float64)
    expected = linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    assert_close(linear_to_pointwise(linear)(x), expected)


def test_the_fully_convolutional_network_agrees_with_the_classifier_on_its_own_size():
    classifier = small_classifier()
    network = to_fully_convolutional(classifier, (3, 14, 14))
    x = normal(2, 3, 14, 14, dtype=torch.float64)
    assert_close(network(x)[:, :, 0, 0], classifier(x))
    assert not any(isinstance(layer, nn.Linear | nn.Flatten) for layer in network)


def test_converting_leaves_the_classifier_as_it_was():
    classifier = small_classifier().eval()
    before = copy.deepcopy(classifier)
    network = to_fully_convolutional(classifier, (3, 14, 14))
    network(normal(1, 3, 20, 20, dtype=torch.float64))
    assert repr(classifier) == repr(before)
    assert not classifier.training
    for name, value in classifier.state_dict().items():
        assert torch.equal(value, before.state_dict()[name])


@pytest.mark.parametrize("size", [(14, 14), (16, 16), (18, 25), (28, 28)])
def test_one_pass_scores_every_window_as_the_loop_does(size):
    classifier = small_classifier()
    image = normal(3, *size, dtype=torch.float64)
    loop = sliding_window_scores(classifier, image, (14, 14), 2)
    dense = dense_scores(to_fully_convolutional(classifier, (3, 14, 14)), image)
    assert dense.shape[:2] == loop.shape[:2]
    assert_close(dense, loop)


def test_scores_are_probabilities_of_the_right_crop():
    classifier = small_classifier()
    image = normal(3, 20, 17, dtype=torch.float64)
    scores = sliding_window_scores(classifier, image, (14, 14), 3)
    assert scores.shape == (3, 2, 4)
    expected = classifier(image[None, :, 6:20, 3:17]).softmax(dim=1)[0]
    assert_close(scores[2, 1], expected.detach())
    assert_close(scores.sum(dim=2), torch.ones(3, 2, dtype=torch.float64))
