"""Values for the parameters of a network that nobody has trained, so that its outputs are known.

They hang on the shape of a parameter alone: however a network is written, and in whatever order its
layers are made, equal networks get equal weights.
"""

from functools import lru_cache

import torch
from torch import Tensor, nn

MODULUS = 251  # a prime: the values of a parameter do not repeat for long
BIAS = 0.3


def fill(module: nn.Module) -> None:
    """Set every parameter of `module` in place."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(values(parameter.shape))


@lru_cache(maxsize=256)
def values(shape: torch.Size) -> Tensor:
    """Return numbers of both signs, as large as they may be for outputs to stay about as large.

    The tensor must not be changed: it is made once.
    """
    k = torch.arange(shape.numel())
    spread = ((31 * k * k + 17 * k + 40) % MODULUS) * (2 / (MODULUS - 1)) - 1  # [-1, 1]
    inputs = shape[1:].numel() if len(shape) > 1 else 0
    return (spread * ((6 / inputs) ** 0.5 if inputs else BIAS)).reshape(shape)
