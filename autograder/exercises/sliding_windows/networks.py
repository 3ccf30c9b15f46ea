"""Small networks and images for cases."""

from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn


def weighted(rng: np.random.Generator, layer: nn.Module) -> nn.Module:
    """Fill a layer with weights that keep its outputs at the size of its inputs."""
    for parameter in layer.parameters():
        scale = 1 / np.sqrt(max(parameter[0].numel(), 1)) if parameter.ndim > 1 else 0.7
        drawn = torch.from_numpy(rng.normal(scale=scale, size=tuple(parameter.shape)))
        parameter.data = drawn.to(parameter.dtype)
    return layer


def linear(rng: np.random.Generator, inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """Return a linear layer with weights drawn from `rng`."""
    layer = weighted(rng, nn.Linear(inputs, outputs, bias=bias))
    assert isinstance(layer, nn.Linear)
    return layer


def network(rng: np.random.Generator, *layers: nn.Module) -> nn.Sequential:
    """Return copies of the layers in a row, with weights drawn from `rng`."""
    return nn.Sequential(*[weighted(rng, deepcopy(layer)) for layer in layers])


def sharpen(drawn: nn.Sequential, factor: float) -> None:
    """Make the last layer's weights larger, so that its probabilities are clearly different."""
    weight = drawn[-1].weight
    assert isinstance(weight, Tensor)
    weight.data *= factor


def images(rng: np.random.Generator, *shape: int) -> Tensor:
    """Return numbers of about size 1, of the given shape."""
    return torch.from_numpy(rng.normal(size=shape)).float()


def brightness(rng: np.random.Generator, *shape: int) -> Tensor:
    """Return an image of the given shape with values from 0 to 1."""
    return torch.from_numpy(rng.uniform(size=shape)).float()
