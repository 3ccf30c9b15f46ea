"""Scenes drawn from a seed: shapes in random colours over sky, ground and road.

Equal seeds give equal scenes to the bit, on every machine: all arithmetic is in integers (see
`draws` and `shapes`) up to the last step, which divides colours 0 .. 255 by 255.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.scenes.draws import Draws, Ints
from course.scenes.record import CATEGORIES, CLASSES, Scene, annotated
from course.scenes.shapes import DISTRACTORS, KEYPOINTS, ROUND, SLOTS, THINGS, Mask, Pose

SMALLEST_SIDE = 32  # of a scene, in pixels
SMALLEST_THING = 12  # in pixels: a smaller star is a dot
USUAL_SIDE = 128  # for which the sizes below are meant
FEWEST_PIXELS = 24  # of an object that are visible
TRIES = 80  # to find a place for one object
CONTRAST_TRIES = 20
NOISE_SPREAD = 104  # standard deviation of the sum of two random bytes
LIGHT = 14  # uneven light: at most so much darker or brighter
SKY, GROUND, ROAD = (CATEGORIES.index(name) for name in ("sky", "ground", "road"))
STUFF_CONTRAST = 50


@dataclass(frozen=True)
class Difficulty:
    """How hard it is to find the objects of a scene; colours go from 0 to 255."""

    noise: int  # standard deviation
    contrast: int  # an object's colour differs from what is behind it by so much at least
    distractors: tuple[int, int]  # large shapes that are background
    clutter: tuple[int, int]  # small marks
    visible: int  # percent of an object that are visible at least
    sizes: tuple[int, int]  # pixels
    turn: int  # largest rotation, see `Pose`


DIFFICULTIES = {
    "easy": Difficulty(8, 102, (0, 1), (2, 6), 55, (18, 70), 9),
    "medium": Difficulty(11, 84, (0, 2), (3, 8), 50, (16, 70), 11),
    "hard": Difficulty(15, 71, (0, 3), (4, 12), 40, (14, 70), 14),
}


def scene(
    seed: int,
    size: tuple[int, int] = (128, 128),
    *,
    classes: Sequence[str] = CLASSES,
    objects: tuple[int, int] = (3, 7),
    difficulty: str = "medium",
) -> Scene:
    """Return the scene of that seed, `size` = (height, width) pixels, at least 32 each.

    It has from `objects[0]` to `objects[1]` objects; if the picture is too full for another one,
    fewer. With fewer `classes` the labels still count in `CLASSES`.
    """
    _require(seed, size, classes, objects, difficulty)
    level, draws = DIFFICULTIES[difficulty], Draws(seed)
    stage = _Stage.with_background(draws, *size)
    for _ in range(draws.between(*level.distractors)):
        stage.add_distractor(level)
    for _ in range(draws.between(*level.clutter)):
        stage.add_mark()
    for _ in range(draws.between(*objects)):
        stage.add_thing(classes[draws.below(len(classes))], level)
    return stage.finished(level)


@dataclass
class _Stage:
    """A scene that is being painted, from back to front."""

    draws: Draws
    canvas: Ints  # [3, H, W]
    semantic: NDArray[np.int64]  # [H, W]
    instance: NDArray[np.int64]  # [H, W]
    labels: list[int] = field(default_factory=list)
    areas: list[int] = field(default_factory=list)  # with what is hidden
    keypoints: list[NDArray[np.float32]] = field(default_factory=list)

    @classmethod
    def with_background(cls, draws: Draws, height: int, width: int) -> "_Stage":
        """Return a stage with sky, ground and, in three of four scenes, a road."""
        y, x = np.arange(height, dtype=np.int32)[:, None], np.arange(width, dtype=np.int32)
        horizon = draws.between(height // 4, height * 11 // 20)
        sky = y < horizon + draws.smooth(2, width, max(width // 4, 8), height // 10)[0]
        semantic = np.where(sky, np.int64(SKY), np.int64(GROUND))
        fade = draws.between(-40, 40) * (y - horizon) // height
        grain = draws.smooth(height, width, 4, 36)
        texture = np.where(sky, draws.smooth(height, width, 16, 24) + fade, grain)
        if draws.below(4):
            depth = np.maximum(y - horizon, 0)  # rows below the horizon
            far, near = draws.between(0, width), draws.between(width // 4, width * 3 // 4)
            reach = draws.between(width // 6, width // 3)
            middle = far + (near - far) * depth // (height - horizon)
            half = 2 + reach * depth // (height - horizon)
            aside = np.abs(x - middle)
            road = (aside <= half) & ~sky
            dashes = road & (aside * 12 <= half) & (depth // 6 % 2 == 0)
            semantic[road] = ROAD
            np.copyto(texture, y % 2 * 8, where=road)
            texture[dashes] = draws.between(40, 60) * (1 - 2 * draws.below(2))
        tones = np.array(_apart(draws, 3, STUFF_CONTRAST), dtype=np.int32)
        canvas = tones.T[:, semantic - SKY] + texture
        return cls(draws, canvas, semantic, np.zeros((height, width), dtype=np.int64))

    def add_distractor(self, level: Difficulty) -> None:
        """Paint a large shape of no class."""
        pose = self._pose(level.sizes, turn=40)
        inside = DISTRACTORS[self.draws.below(len(DISTRACTORS))]
        self._paint(pose, pose.covers(inside), level.contrast)

    def add_mark(self) -> None:
        """Paint a small dash or dot."""
        wide, high = self.draws.between(2, 9), self.draws.between(2, 3)
        inside = THINGS[("circle", "rectangle")[self.draws.below(2)]]
        pose = self._somewhere(wide, high, self.draws.between(-40, 40))
        self._paint(pose, pose.covers(inside), 0)

    def add_thing(self, name: str, level: Difficulty) -> None:
        """Paint an object where it hides no other too much; without such a place, none."""
        for attempt in range(TRIES):
            low, high = level.sizes
            sizes = (low, max(low, high - high * attempt // TRIES))  # a smaller one finds room
            pose = self._pose(sizes, turn=0 if name in ROUND else level.turn)
            mask = pose.covers(THINGS[name])
            if self._leaves_others_visible(pose, mask, level.visible):
                break
        else:
            return
        self._paint(pose, mask, level.contrast)
        label = CLASSES.index(name) + 1
        self.labels.append(label)
        self.areas.append(int(mask.sum()))
        self.keypoints.append(_keypoints(name, pose, mask))
        window = pose.window()
        self.semantic[window][mask] = label
        self.instance[window][mask] = len(self.labels)

    def finished(self, level: Difficulty) -> Scene:
        """Return the scene, with light, a little blur and noise, and its annotations."""
        height, width = self.semantic.shape
        painted = _blurred(self.canvas + self.draws.smooth(height, width, 32, LIGHT))
        first, second = self.draws.bytes(2, 3, height, width).astype(np.int32)
        noise = (first + second - 255) * level.noise // NOISE_SPREAD
        image = np.clip(painted + noise, 0, 255).astype(np.uint8).transpose(1, 2, 0)
        masks = self.instance == np.arange(1, len(self.labels) + 1)[:, None, None]
        return annotated(image, self.labels, masks, self._keypoints(masks), self.semantic)

    def _pose(self, sizes: tuple[int, int], turn: int) -> Pose:
        """Return a pose with one side from `sizes` and the other at most a quarter shorter."""
        side = min(self.semantic.shape)
        low, high = (max(SMALLEST_THING, size * side // USUAL_SIDE) for size in sizes)
        long = self.draws.between(low, high)
        sides = [long, long * self.draws.between(12, 16) // 16]
        wide = self.draws.below(2)
        return self._somewhere(sides[wide], sides[1 - wide], self.draws.between(-turn, turn))

    def _somewhere(self, width: int, height: int, turn: int) -> Pose:
        """Return a pose of that size that lies in the picture."""
        right, down = Pose(0, 0, width, height, turn).reach()
        rows, columns = self.semantic.shape
        x = self.draws.between(right, max(right, 2 * columns - right))
        y = self.draws.between(down, max(down, 2 * rows - down))
        return Pose(x, y, width, height, turn)

    def _leaves_others_visible(self, pose: Pose, mask: Mask, percent: int) -> bool:
        if not self.labels:
            return True
        count = len(self.labels) + 1
        visible = np.bincount(self.instance.ravel(), minlength=count)
        hidden = np.bincount(self.instance[pose.window()][mask], minlength=count)
        left = (visible - hidden)[1:]
        enough = np.maximum(percent * np.array(self.areas), 100 * FEWEST_PIXELS)
        return bool((100 * left >= enough).all())

    def _paint(self, pose: Pose, mask: Mask, contrast: int) -> None:
        """Fill the mask with a colour that differs from what is behind: flat, stripes, gradient."""
        part = self.canvas[:, *pose.window()]  # [3, h, w]
        count = max(int(mask.sum()), 1)
        mean = [int(plane.sum(where=mask)) // count for plane in part]
        for _ in range(CONTRAST_TRIES):
            color = self.draws.color()
            if max(abs(a - b) for a, b in zip(color, mean, strict=True)) >= contrast:
                break
        shade = self._shade(mask.shape, sum(color) > 3 * 127)
        for plane, tone in zip(part, color, strict=True):
            np.copyto(plane, shade + tone, where=mask)

    def _shade(self, shape: tuple[int, ...], darker: bool) -> Ints:
        """Return what is added to a colour: nothing, stripes or a gradient."""
        kind, most = self.draws.below(3), self.draws.between(24, 60)
        across, down = self.draws.between(-2, 2), self.draws.between(1, 2)
        wide = self.draws.between(4, 8)
        if kind == 0:
            return np.zeros((1, 1), dtype=np.int32)
        y, x = np.ogrid[: shape[0], : shape[1]]
        x = x * across
        slope = np.asarray(y * down + x - x.min(), dtype=np.int32)
        shade: Ints = (
            slope // wide % 2 * most if kind == 1 else slope * most // max(slope[-1].max(), 1)
        )
        return -shade if darker else shade

    def _keypoints(self, masks: Mask) -> NDArray[np.float32]:
        """Return the keypoints with v = 1 where another object covers them."""
        keypoints = np.zeros((len(masks), SLOTS, 3), dtype=np.float32)
        for n, (mask, places) in enumerate(zip(masks, self.keypoints, strict=True)):
            x, y = places.astype(np.int64).T
            keypoints[n, : len(places), :2] = places
            keypoints[n, : len(places), 2] = 1 + mask[y, x]
        return keypoints


def _keypoints(name: str, pose: Pose, mask: Mask) -> NDArray[np.float32]:
    """Return the middles of the object's pixels that are nearest to its corners, [k, 2]."""
    rows, columns = pose.window()
    y, x = mask.nonzero()
    places = np.array([pose.place(u, v) for u, v in KEYPOINTS[name]])
    across = 2 * (x + columns.start) + 1 - places[:, :1]
    down = 2 * (y + rows.start) + 1 - places[:, 1:]
    nearest = (across * across + down * down).argmin(axis=1)
    pixels = np.stack([x[nearest] + columns.start, y[nearest] + rows.start], axis=1)
    return pixels.astype(np.float32) + np.float32(0.5)


def _apart(draws: Draws, count: int, contrast: int) -> list[tuple[int, int, int]]:
    """Return colours of which each two differ."""
    chosen: list[tuple[int, int, int]] = []
    while len(chosen) < count:
        new = draws.color()
        if all(max(abs(a - b) for a, b in zip(new, old, strict=True)) > contrast for old in chosen):
            chosen.append(new)
    return chosen


def _blurred(canvas: Ints) -> Ints:
    """Return the mean over a pixel and its neighbours with weights 1 2 1, so that edges soften."""
    rows = 2 * canvas
    rows[:, 1:] += canvas[:, :-1]
    rows[:, :-1] += canvas[:, 1:]
    rows[:, [0, -1]] += canvas[:, [0, -1]]  # beyond the edge it goes on as it is there
    both = 2 * rows
    both[..., 1:] += rows[..., :-1]
    both[..., :-1] += rows[..., 1:]
    both[..., [0, -1]] += rows[..., [0, -1]]
    return np.asarray(both // 16, dtype=np.int32)


def _require(
    seed: int, size: Any, classes: Sequence[str], objects: tuple[int, int], difficulty: str
) -> None:
    """Raise ValueError, with the value and the rule, for an option that cannot be."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**64:
        raise ValueError(f"seed must be a whole number from 0 to 2**64 - 1, got {seed!r}")
    if len(size) != 2 or any(not isinstance(n, int) or n < SMALLEST_SIDE for n in size):
        raise ValueError(
            f"size must be (height, width), whole numbers of at least {SMALLEST_SIDE}, got {size!r}"
        )
    if isinstance(classes, str) or not classes or not set(classes) <= set(CLASSES):
        raise ValueError(f"classes must be some of {', '.join(CLASSES)}, got {classes!r}")
    if len(objects) != 2 or not 0 <= objects[0] <= objects[1]:
        raise ValueError(f"objects must be (fewest, most), at least 0, got {objects!r}")
    if difficulty not in DIFFICULTIES:
        raise ValueError(f"difficulty must be one of {', '.join(DIFFICULTIES)}, got {difficulty!r}")
