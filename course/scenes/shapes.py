"""The shapes of a scene: which points of a plane are inside, and where their keypoints are.

A shape lives in the square from -UNIT to UNIT, v points down. All is integer arithmetic, so that
no platform rounds differently; rotations are rational (Pythagorean triples).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNIT = 1024
SIDE = 900  # half the side of the rectangle
HOLE = 580  # the radius of the ring's hole
ARM = 350  # half the width of the cross's arms
TURN = 64  # a rotation is by 2 * atan(turn / TURN) for a whole number `turn`

Grid = NDArray[np.int64]
Mask = NDArray[np.bool_]

# A star's five tips, clockwise from the top.
TIPS = ((0, -1024), (974, -316), (602, 828), (-602, 828), (-974, -316))
SIDES = ((0, -UNIT), (UNIT, 0), (0, UNIT), (-UNIT, 0))
CORNERS = ((-SIDE, -SIDE), (SIDE, -SIDE), (SIDE, SIDE), (-SIDE, SIDE))

# Keypoints of each class, clockwise from the top (left); a class with fewer leaves slots empty.
SLOTS = 5
KEYPOINTS: dict[str, tuple[tuple[int, int], ...]] = {
    "circle": SIDES,
    "ring": SIDES,
    "triangle": ((0, -UNIT), (UNIT, UNIT), (-UNIT, UNIT)),
    "rectangle": CORNERS,
    "star": TIPS,
    "cross": SIDES,
}
ROUND = ("circle", "ring")  # turned, their top would no longer be on top


def _circle(u: Grid, v: Grid) -> Mask:
    return u * u + v * v <= UNIT * UNIT


def _ring(u: Grid, v: Grid) -> Mask:
    square = u * u + v * v
    return (square <= UNIT * UNIT) & (square >= HOLE * HOLE)


def _triangle(u: Grid, v: Grid) -> Mask:
    return (2 * np.abs(u) <= v + UNIT) & (v <= UNIT)


def _rectangle(u: Grid, v: Grid) -> Mask:
    return (np.abs(u) <= SIDE) & (np.abs(v) <= SIDE)


def _star(u: Grid, v: Grid) -> Mask:
    # The five edges are lines; beyond one of them is a tip, beyond two is outside. Each line is
    # cos 72° = .309 from the middle.
    beyond = sum((x * u + y * v > 316 * UNIT).astype(np.int8) for x, y in TIPS)
    return np.asarray(beyond) <= 1


def _cross(u: Grid, v: Grid) -> Mask:
    a, b = np.abs(u), np.abs(v)
    return (np.minimum(a, b) <= ARM) & (np.maximum(a, b) <= UNIT)


def _leaf(u: Grid, v: Grid) -> Mask:
    return u * u + 9 * v * v <= UNIT * UNIT


def _corner(u: Grid, v: Grid) -> Mask:
    inside = (np.abs(u) <= SIDE) & (np.abs(v) <= SIDE)
    return inside & ((u <= -SIDE // 2) | (v >= SIDE // 2))


def _half(u: Grid, v: Grid) -> Mask:
    return _circle(u, v) & (v <= 0)


Inside = Callable[[Grid, Grid], Mask]
THINGS: dict[str, Inside] = {
    "circle": _circle,
    "ring": _ring,
    "triangle": _triangle,
    "rectangle": _rectangle,
    "star": _star,
    "cross": _cross,
}
# Shapes that resemble things and are background.
DISTRACTORS: tuple[Inside, ...] = (_leaf, _corner, _half)


@dataclass(frozen=True)
class Pose:
    """Where a shape is, in half pixels: its middle (x, y) and half its (width, height).

    It is turned clockwise by 2 * atan(turn / TURN).
    """

    x: int
    y: int
    width: int
    height: int
    turn: int

    def reach(self) -> tuple[int, int]:
        """Return how far the shape reaches at most from its middle, (right, down)."""
        c, s, one = self._rotation()
        return (
            -(-(self.width * c + self.height * abs(s)) // one),
            -(-(self.width * abs(s) + self.height * c) // one),
        )

    def window(self) -> tuple[slice, slice]:
        """Return the rows and columns of pixels that the shape lies in."""
        right, down = self.reach()
        return (
            slice((self.y - down) // 2, -(-(self.y + down) // 2)),
            slice((self.x - right) // 2, -(-(self.x + right) // 2)),
        )

    def covers(self, inside: Inside) -> Mask:
        """Return which pixels of the window have their centre inside of the shape."""
        rows, columns = self.window()
        c, s, one = self._rotation()
        x = 2 * np.arange(columns.start, columns.stop, dtype=np.int64) + 1 - self.x
        y = (2 * np.arange(rows.start, rows.stop, dtype=np.int64) + 1 - self.y)[:, None]
        u = (x * (c * UNIT) + y * (s * UNIT)) // (self.width * one)
        v = (y * (c * UNIT) - x * (s * UNIT)) // (self.height * one)
        return inside(u, v)

    def place(self, u: int, v: int) -> tuple[int, int]:
        """Return where the point (u, v) of the shape's own square is, in half pixels."""
        c, s, one = self._rotation()
        a, b = u * self.width, v * self.height
        x, y = (a * c - b * s) // (one * UNIT), (a * s + b * c) // (one * UNIT)
        return self.x + x, self.y + y

    def _rotation(self) -> tuple[int, int, int]:
        """Return cosine, sine and the number that both are divided by."""
        p, q = self.turn, TURN
        return q * q - p * p, 2 * p * q, q * q + p * p
