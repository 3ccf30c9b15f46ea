"""Values that cross as data come back as they were."""

import numpy as np
import pytest
import torch
from torch import nn

from course.compare import CLOSE, difference
from course.outcome import VALUE, Outcome, copy_of, same
from course.values import dump, load


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_module_comes_back_with_the_dtype_and_every_digit_of_its_weights(dtype):
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.BatchNorm2d(2), nn.Flatten()).to(dtype)
    loaded = load(dump(module))
    assert repr(loaded) == repr(module)
    for name, value in module.state_dict().items():
        assert loaded.state_dict()[name].dtype == value.dtype
        assert torch.equal(loaded.state_dict()[name], value)


@pytest.mark.parametrize(("got", "expected"), [(np.int64(3), 3), (np.float32(0.5), 0.5)])
def test_a_number_of_numpy_serves_for_a_plain_one(got, expected):
    assert difference(Outcome(VALUE, got), Outcome(VALUE, expected), CLOSE) is None
    assert difference(Outcome(VALUE, got + 1), Outcome(VALUE, expected), CLOSE) is not None


def test_a_copy_of_a_module_is_equal_and_shares_nothing():
    module = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.Flatten()).eval()
    copy = copy_of(module)
    assert same(module, copy)
    assert not copy[1].training
    for name, value in copy.state_dict().items():
        assert value.data_ptr() != module.state_dict()[name].data_ptr()
    copy[1].running_mean += 1
    copy.append(nn.ReLU())
    copy[0].register_forward_hook(lambda *_: 1 / 0)
    assert len(module) == 3
    assert module(torch.zeros(1, 1, 3, 3)).shape == (1, 2)
    assert module[1].running_mean.sum() == 0
