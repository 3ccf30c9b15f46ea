"""Drawing labels, transforms and their targets for the losses of both stages."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

OF_PREDICTIONS = (0, 1)  # the arguments whose gradients count: targets are constants


def shuffled_labels(rng: np.random.Generator, labels: Sequence[int]) -> Tensor:
    """Return the labels in random order."""
    return torch.from_numpy(rng.permutation(np.array(labels, dtype=np.int64)))


def numbers(rng: np.random.Generator, *shape: int, reach: float = 1.0) -> Tensor:
    """Return numbers between -reach and reach, none of them 0.

    At 0 the pieces of some right formulas meet, and their gradients are not the cross-entropy's.
    """
    drawn = np.round(rng.uniform(-reach, reach, size=shape), 2) + 0.005
    return torch.tensor(drawn, dtype=torch.float32)


def targets_near(rng: np.random.Generator, transforms: Tensor) -> Tensor:
    """Return targets whose distances from the transforms [N, 4] lie on both sides of every beta.

    Of a row's four distances one is below 1/9, two lie between 1/9 and 1, one is above 1; none is
    so near to 1/9 or 1 that it matters which side it is on.
    """
    N = len(transforms)
    columns = [
        rng.uniform(*reach, size=N) for reach in ((0.03, 0.1), (0.2, 0.5), (0.5, 0.9), (1.2, 2.5))
    ]
    distance = rng.permuted(np.stack(columns, axis=1), axis=1) * rng.choice([-1, 1], size=(N, 4))
    return transforms + torch.tensor(np.round(distance, 2), dtype=torch.float32)
