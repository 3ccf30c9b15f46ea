"""Values that cross as data come back as they were."""

import numpy as np
import pytest
import torch
from torch import nn

from course.compare import CLOSE, difference
from course.outcome import VALUE, Outcome
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
