"""Fixtures and settings of the reference's tests."""

import pytest
import torch
from hypothesis import settings

settings.register_profile(
    "reference", deadline=None, derandomize=True, database=None, max_examples=60
)
settings.load_profile("reference")
torch.set_num_threads(1)  # the suite's tensors are small, and its workers many


@pytest.fixture(params=["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"])
def device(request):
    return torch.device(request.param)
