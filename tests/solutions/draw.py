"""Random inputs for the tests: always the same for the same seed."""

import torch
from hypothesis import strategies as st
from torch import Tensor


def random_boxes(count: int, seed: int = 0, extent: float = 100.0, dtype=torch.float32) -> Tensor:
    """Return boxes with sides from 1 to half of the extent, corners from 0 to the extent."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator, dtype=dtype) * extent
    side = torch.rand(count, 2, generator=generator, dtype=dtype) * extent / 2 + 1
    return torch.cat([corner, corner + side], dim=1)


def random_scores(count: int, seed: int = 0, dtype=torch.float32) -> Tensor:
    """Return distinct scores in (0, 1) in random order."""
    generator = torch.Generator().manual_seed(1000 + seed)
    return (torch.randperm(count, generator=generator).to(dtype) + 0.5) / max(count, 1)


def random_labels(count: int, highest: int, seed: int = 0, lowest: int = 0) -> Tensor:
    """Return labels from `lowest` to `highest`."""
    generator = torch.Generator().manual_seed(2000 + seed)
    return torch.randint(lowest, highest + 1, (count,), generator=generator)


def normal(*shape: int, seed: int = 0, dtype=torch.float32) -> Tensor:
    """Return normally distributed numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(3000 + seed), dtype=dtype)


@st.composite
def grid_boxes(draw, min_count: int = 0, max_count: int = 12) -> Tensor:
    """Boxes on a small grid of whole numbers: many touch, coincide, nest or have no area."""
    count = draw(st.integers(min_count, max_count))
    place, sides = st.integers(-4, 6), st.integers(0, 6)
    rows = [
        (x, y, x + w, y + h)
        for x, y, w, h in draw(
            st.lists(st.tuples(place, place, sides, sides), min_size=count, max_size=count)
        )
    ]
    return torch.tensor(rows, dtype=torch.float64).reshape(-1, 4)


def tied_scores(count: int):
    """Scores of which many are equal."""
    levels = st.lists(st.integers(0, 4), min_size=count, max_size=count)
    return levels.map(lambda values: torch.tensor(values, dtype=torch.float64) / 4)
