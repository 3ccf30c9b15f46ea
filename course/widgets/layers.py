"""Layers whose weights a widget sets."""

from typing import Any, TypeVar

import torch
from torch import nn

Layer = TypeVar("Layer", bound=nn.Module)


def unfilled(kind: type[Layer], *options: Any, **named: Any) -> Layer:
    """Return a layer whose weights are to be set, without a change to the notebook's random state.

    (`torch.nn.utils.skip_init` would do, but takes half a second at its first call.)
    """
    with torch.random.fork_rng(devices=[]):
        return kind(*options, **named)
