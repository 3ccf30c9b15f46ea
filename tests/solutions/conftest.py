"""Fixtures and settings of the reference's tests."""

import pytest
import torch
from hypothesis import settings

settings.register_profile(
    "reference", deadline=None, derandomize=True, database=None, max_examples=60
)
settings.load_profile("reference")
torch.set_num_threads(1)  # the suite's tensors are small, and its workers many


@pytest.fixture(
    params=[
        "cpu",
        pytest.param(
            "cuda",
            marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
        ),
    ]
)
def device(request):
    return torch.device(request.param)
