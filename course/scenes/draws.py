"""Random integers that are the same on every machine and with every version of numpy.

numpy promises that a bit generator's raw stream stays as it is, but not that its distributions do.
So only raw integers are taken from it, and everything else is integer arithmetic.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]


class Draws:
    """A source of random integers; equal seeds give equal integers."""

    def __init__(self, seed: int) -> None:
        self._bits: Any = np.random.Philox(key=seed)
        self._pool: list[int] = []

    def below(self, count: int) -> int:
        """Return one of 0 .. count - 1."""
        if not self._pool:
            self._pool = self._bits.random_raw(256).tolist()
        return ((self._pool.pop() >> 32) * count) >> 32

    def between(self, low: int, high: int) -> int:
        """Return one of low .. high."""
        return low + self.below(high - low + 1)

    def color(self) -> tuple[int, int, int]:
        """Return red, green and blue, each 0 .. 255."""
        return self.below(256), self.below(256), self.below(256)

    def bytes(self, *shape: int) -> NDArray[np.uint8]:
        """Return an array of that shape with values 0 .. 255."""
        count = int(np.prod(shape))
        raw = self._bits.random_raw(-(-count // 8)).astype("<u8")
        return raw.view(np.uint8)[:count].reshape(shape)  # type: ignore[no-any-return]

    def smooth(self, height: int, width: int, cell: int, amplitude: int) -> Ints:
        """Return [height, width] with soft patches about `cell` wide, in -amplitude .. amplitude.

        Random numbers stand on a grid, between which it interpolates linearly.
        """
        down, right = _steps(height, cell), _steps(width, cell)
        grid = self.bytes(height // cell + 2, width // cell + 2).astype(np.int32) - 128
        rows = grid[down[0]] * (cell - down[1])[:, None] + grid[down[0] + 1] * down[1][:, None]
        both = rows[:, right[0]] * (cell - right[1]) + rows[:, right[0] + 1] * right[1]
        scaled: Any = both * amplitude
        return np.asarray(scaled // (128 * cell * cell), dtype=np.int32)


@lru_cache(maxsize=32)
def _steps(length: int, cell: int) -> tuple[Ints, Ints]:
    """Return for each pixel the cell that it is in and how far it is from the cell's start."""
    pixel = np.arange(length, dtype=np.int32)
    return pixel // cell, pixel % cell
