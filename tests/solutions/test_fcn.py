import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.autograd import gradcheck
from torch.nn import functional as F
from torch.testing import assert_close

from solutions.fcn import build_fcn, pixel_cross_entropy, receptive_field
from tests.solutions.draw import normal, random_labels

layer_stacks = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), max_size=4)


@given(layer_stacks)
def test_the_receptive_field_is_what_the_gradient_reaches(layers):
    size = receptive_field(layers)
    x = torch.zeros(1, 1, size + 5, requires_grad=True)
    y = x
    for kernel, stride in layers:
        y = F.conv1d(y, torch.ones(1, 1, kernel), stride=stride)
    y[0, 0, 0].backward()
    reached = x.grad[0, 0].nonzero()
    assert int(reached.max() - reached.min()) + 1 == size


def test_three_by_three_layers_grow_the_receptive_field_by_two_each():
    assert [receptive_field([(3, 1)] * n) for n in range(4)] == [1, 3, 5, 7]


@pytest.mark.parametrize("ignore_index", [-1, 2, 255])
def test_pixel_cross_entropy_is_the_mean_over_the_pixels_that_count(ignore_index):
    logits = normal(4, 5, 6)
    target = random_labels(30, highest=3).reshape(5, 6)
    target[0] = ignore_index
    expected = F.cross_entropy(logits[None], target[None], ignore_index=ignore_index)
    assert_close(pixel_cross_entropy(logits, target, ignore_index), expected)


@pytest.mark.parametrize("size", [(3, 2), (0, 4)])
def test_pixel_cross_entropy_of_no_pixels_is_zero_and_has_a_graph(size):
    logits = normal(4, *size).requires_grad_()
    loss = pixel_cross_entropy(logits, torch.full(size, -1))
    loss.backward()
    assert loss.item() == 0.0
    assert not logits.grad.any()


def test_pixel_cross_entropy_is_differentiable():
    logits = normal(3, 2, 3, dtype=torch.float64).requires_grad_()
    target = torch.tensor([[0, 1, -1], [2, 2, 0]])
    assert gradcheck(lambda x: pixel_cross_entropy(x, target), logits)


@pytest.mark.parametrize("size", [(8, 8), (16, 40), (64, 24)])
def test_an_fcn_has_logits_for_every_pixel_of_any_size(size):
    network = build_fcn(3, 5)
    assert network(normal(2, 3, *size)).shape == (2, 5, *size)
    assert not any(isinstance(module, nn.Linear) for module in network.modules())


def test_an_fcn_learns_shapes_that_colour_does_not_tell():
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)

    def scene():
        """A square of class 1 and a plus of class 2, both of one random colour."""
        image = torch.rand(3, 32, 32, generator=generator) * 0.2
        target = torch.zeros(32, 32, dtype=torch.int64)
        colour = torch.rand(3, 1, generator=generator) * 0.5 + 0.4
        top, left = torch.randint(0, 5, (2,), generator=generator).tolist()
        target[top : top + 10, left : left + 10] = 1
        target[top + 20 : top + 23, left + 16 : left + 26] = 2
        target[top + 16 : top + 26, left + 20 : left + 23] = 2
        image[:, target > 0] = colour
        return image, target

    network = build_fcn(3, 3)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(60):
        images, targets = zip(*(scene() for _ in range(4)), strict=True)
        logits = network(torch.stack(images))
        loss = sum(pixel_cross_entropy(x, t) for x, t in zip(logits, targets, strict=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    images, targets = zip(*(scene() for _ in range(8)), strict=True)
    found, targets = network(torch.stack(images)).argmax(dim=1), torch.stack(targets)
    for label in range(3):
        both, either = (found == label) & (targets == label), (found == label) | (targets == label)
        assert both.sum() / either.sum() > 0.7
