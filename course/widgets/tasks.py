"""Tasks: one scene, and what six tasks say of it."""

from base64 import b64encode
from dataclasses import replace
from functools import lru_cache
from io import BytesIO
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from course import draw
from course.outcome import Case
from course.scenes import CATEGORIES, CLASSES, DIFFICULTIES, Scene, scene
from course.scenes.record import annotated
from course.widgets.base import State, Widget
from course.widgets.calling import Calls, Trouble, tensor

TASKS = (
    "classification",
    "semantic segmentation",
    "detection",
    "instance segmentation",
    "panoptic segmentation",
    "keypoints",
)
SIZE = (96, 128)  # of a scene
LARGEST_MAP, MOST_OBJECTS = 24, 12
TONES = (0xEE, 0xC8, 0xA0, 0xB4, 0x90, 0xD8, 0x78, 0xE0, 0xB0, 0x88)  # greys of a map's picture


def _example(seed: int, task: str = TASKS[2], **more: Any) -> State:
    return {
        "seed": seed,
        "difficulty": "easy",
        "most": 4,
        "category": [],
        "instance": [],
        "task": task,
        "point": [90.0, 52.0],
        "behind": True,
        **more,
    }


def _map(category: str, instance: str, **more: Any) -> State:
    """Return the state of a small panoptic map, written as rows of digits."""
    whole: State = {"point": [2.5, 2.5], **more}
    for name, text in (("category", category), ("instance", instance)):
        whole[name] = [[*map(int, row)] for row in text.split()]
    return _example(0, **whole)


class Tasks(Widget):
    """`Tasks()` or `Tasks(instances_of)`: one scene as six tasks answer for it.

    With the function the boxes of detection are those that it reads off the panoptic map; without
    it they are the scene's own. A state may hold a small panoptic map in the scene's place.
    """

    functions: ClassVar = ("instances_of",)
    local: ClassVar = ("task", "point", "behind")
    examples: ClassVar = {
        "two triangles that touch": _example(102, TASKS[1], point=[56.0, 50.0]),
        "one in front of the other": _example(11, TASKS[4], difficulty="medium", most=5),
        "a street with a cross": _example(33, TASKS[5]),
        "a map of 4 x 6 pixels": _map(
            "777777 722755 822258 888288", "000000 044011 044410 000400", task=TASKS[4]
        ),
        "two of a class, in any order": _map(
            "777777777 733733377 733733377 888833388 558888888 558888888",
            "000000000 099044400 099044400 000044400 220000000 220000000",
        ),
        "one object in two parts": _map(
            "7777777777 7117711777 7117711888 8888888888 6888888888",
            "0000000000 0110011000 0110011000 0000000000 2000000000",
        ),
        "around another one": _map(
            "7777777 7444447 7433347 7433347 7444447 8888888",
            "0000000 0111110 0122210 0122210 0111110 0000000",
        ),
        "thin ones": _map(
            "7777777777 7777277777 5777277777 5772277777 8888888888",
            "0000000000 0000200000 3000200000 3002200000 0000000000",
        ),
        "only sky and road": _map("7777 7777 9999", "0000 0000 0000"),
    }

    @classmethod
    def pictures(cls) -> dict[str, Any]:
        return {"categories": list(CATEGORIES), "colors": list(_colors()), "tasks": list(TASKS)}

    @classmethod
    def rule(cls, state: State) -> str:
        if not 0 <= state["seed"] < 2**40:
            return f"seed must lie in 0 to 2**40 - 1, got {state['seed']}"
        for key, among in (("task", TASKS), ("difficulty", tuple(DIFFICULTIES))):
            if state[key] not in among:
                return f"{key} must be one of {', '.join(among)}, got {state[key]!r}"
        if not 1 <= state["most"] <= MOST_OBJECTS:
            return f"most, the number of objects, must be 1 to {MOST_OBJECTS}, got {state['most']}"
        if len(state["point"]) != 2 or not all(0 <= v <= max(SIZE) for v in state["point"]):
            return f"point must be [x, y] in the picture, got {state['point']}"
        return _wrong_maps(state["category"], state["instance"])

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        it = _scene_of(state)
        found = None
        if calls.functions["instances_of"] is not None:
            found = _found(calls, it.semantic, it.instance)
        return {**_told(it), "photo": _photo(it), "found": found}

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        names = ", ".join(each["name"] for each in shown["objects"]) or "no objects"
        return f"A picture with {names}, as {state['task']} answers for it."

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        it, task = _scene_of(state), state["task"]
        names = [CATEGORIES[label] for label in it.labels.tolist()]
        height, width = it.semantic.shape
        ax = draw.panels(task, size=(height, width))
        if task == TASKS[1]:
            draw.segments(ax, it.semantic, CATEGORIES)
            return ax
        if task == TASKS[4]:
            things = [f"{name}, object {n + 1}" for n, name in enumerate(names)]
            both = torch.where(it.instance > 0, it.instance + len(CATEGORIES) - 1, it.semantic)
            draw.segments(ax, both, [*CATEGORIES, *things])
            return ax
        draw.photo(ax, it.image)
        if task == TASKS[0]:
            ax.set_title(f'{task}: "{shown["whole"]}"')
        elif task == TASKS[3]:
            draw.masks(ax, it.masks, names)
        elif task == TASKS[5]:
            draw.boxes(ax, it.boxes, width=1.2)
            draw.keypoints(ax, it.keypoints)
        elif shown["found"]:
            boxes = np.array(shown["found"]["boxes"]).astype(float).reshape(-1, 4)
            draw.boxes(ax, torch.from_numpy(boxes), shown["found"]["names"])
        else:
            draw.boxes(ax, it.boxes, names)
        return ax

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        height, width = 3 + size, 4 + size
        category = np.full((height, width), 7)
        category[height // 2 :] = 8
        instance = np.zeros_like(category)
        for number in rng.choice(np.arange(1, 20), size=min(size, 4), replace=False).tolist():
            label = int(rng.integers(1, 7))
            for _ in range(int(rng.integers(1, 3))):
                top, left = int(rng.integers(height)), int(rng.integers(width))
                part = np.s_[top : top + 1 + size // 2, left : left + int(rng.integers(1, 4))]
                instance[part] = number
                category[part] = label
        return {"category": category.tolist(), "instance": instance.tolist()}

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        category, instance = (part.tolist() for part in case.arguments)
        if _wrong_maps(category, instance):
            return None
        return _example(0, category=category, instance=instance, point=[2.5, 2.5])


def _colors() -> tuple[str, ...]:
    from course.draw.images import SEGMENTS

    return SEGMENTS


def _wrong_maps(category: Any, instance: Any) -> str:
    """Return what is wrong with two maps given as rows, "" if nothing is, or if both are empty."""
    if not category and not instance:
        return ""
    sizes = []
    for name, rows, most in (("category", category, 9), ("instance", instance, 99)):
        if not 1 <= len(rows) <= LARGEST_MAP or not all(isinstance(row, list) for row in rows):
            return f"{name} must be at most {LARGEST_MAP} rows, got {rows!r:.60}"
        if not 1 <= len(rows[0]) <= LARGEST_MAP or {len(row) for row in rows} != {len(rows[0])}:
            return f"{name} must have rows of one length, at most {LARGEST_MAP}, got {rows!r:.60}"
        for value in (value for row in rows for value in row):
            if type(value) is not int or not 0 <= value <= most:
                return f"{name} must have whole numbers of 0 to {most}, got {value!r:.20}"
        sizes.append((len(rows), len(rows[0])))
    if sizes[0] != sizes[1]:
        return f"category and instance must have one size, got {sizes[0]} and {sizes[1]}"
    pairs = {
        (i, c) for r, s in zip(instance, category, strict=True) for i, c in zip(r, s, strict=True)
    }
    things = [i for i, _ in pairs if i]
    if len(things) != len(set(things)) or len(things) > MOST_OBJECTS:
        return f"an instance must have one category, and there are at most {MOST_OBJECTS} of them"
    return ""


@lru_cache(maxsize=16)
def _drawn(seed: int, difficulty: str, most: int) -> Scene:
    return scene(seed, size=SIZE, objects=(min(3, most), most), difficulty=difficulty)


def _scene_of(state: State) -> Scene:
    """Return the scene of a seed, or one made of the state's two maps, in greys."""
    if not state["category"]:
        return _drawn(state["seed"], state["difficulty"], state["most"])
    category, instance = np.array(state["category"]), np.array(state["instance"])
    numbers = [int(n) for n in np.unique(instance) if n]
    masks = np.stack([instance == n for n in numbers] or [np.zeros((0, *instance.shape))]).astype(
        bool
    )
    masks = masks.reshape(-1, *instance.shape)
    labels = [int(category[mask][0]) for mask in masks]
    grey = np.array(TONES, dtype=np.uint8)[category]
    empty = np.zeros((len(numbers), 5, 3), dtype=np.float32)
    made = annotated(np.stack([grey] * 3, axis=-1), labels, masks, empty, category)
    return replace(made, instance=torch.from_numpy(instance.astype(np.int64)))


def _photo(it: Scene) -> str:
    """Return the picture as a data URL."""
    pixels = (it.image * 255).round().byte().permute(1, 2, 0).numpy()
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return "data:image/png;base64," + b64encode(file.getvalue()).decode()


def _told(it: Scene) -> dict[str, Any]:
    """Return everything that is known of a scene, maps as rows of letters."""
    numbers = sorted({int(n) for n in it.instance.flatten().tolist() if n})
    place = torch.zeros(max(numbers, default=0) + 1, dtype=torch.int64)
    for index, number in enumerate(numbers):
        place[number] = index + 1
    objects: list[dict[str, Any]] = []
    for n, number in enumerate(numbers):
        objects.append(
            {
                "name": CATEGORIES[int(it.labels[n])],
                "label": int(it.labels[n]),
                "number": number,
                "box": it.boxes[n],
                "spot": _deepest(it.masks[n]),
                "area": int(it.masks[n].sum()),
                "keypoints": it.keypoints[n],
            }
        )
    seen = sorted(set(it.semantic.flatten().tolist()))
    largest = max(objects, key=lambda each: each["area"], default=None)
    return {
        "semantic": ["".join(map(str, row)) for row in it.semantic.tolist()],
        "instance": ["".join(map(_letter, row)) for row in place[it.instance].tolist()],
        "objects": objects,
        "spots": [[c, _deepest(it.semantic == c)] for c in seen],
        "whole": largest["name"] if largest else CATEGORIES[seen[0]],
    }


def _letter(number: int) -> str:
    return "0123456789abcdefghijklmnop"[number]


def _deepest(mask: Tensor) -> list[float]:
    """Return the middle [x, y] of a pixel that is farthest from the mask's rim."""
    inner: NDArray[np.bool_] = mask.numpy()
    last = inner
    while inner.any():
        last, around = inner, np.pad(inner, 1)
        inner = inner & around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    rows, columns = last.nonzero()
    if not len(rows):
        return [0.5, 0.5]
    return [float(columns[len(rows) // 2]) + 0.5, float(rows[len(rows) // 2]) + 0.5]


def _found(calls: Calls, category: Tensor, instance: Tensor) -> dict[str, Any]:
    """Return the boxes, labels and their names that the function reads off a panoptic map."""
    name = "instances_of"
    result = calls.instances_of(category, instance)
    if not isinstance(result, tuple | list) or len(result) != 2:
        got = type(result).__name__ + (f" of {len(result)}" if hasattr(result, "__len__") else "")
        raise Trouble("type", f"`{name}` must return (boxes, labels), got {got}.")
    boxes = tensor(name, result[0], ("n", 4), torch.float32)
    labels = tensor(name, result[1], ("n",), torch.int64)
    if len(boxes) != len(labels):
        text = f"`{name}` must return as many labels as boxes, got {len(labels)} and {len(boxes)}."
        raise Trouble("shape", text)
    if len(boxes) > 2 * MOST_OBJECTS:
        raise Trouble("shape", f"`{name}` returned {len(boxes)} boxes, more than can be shown.")
    known = [CATEGORIES[n] if 0 <= n < len(CATEGORIES) else f"label {n}" for n in labels.tolist()]
    return {"boxes": boxes, "labels": labels, "names": known}


assert len(CLASSES) < len(CATEGORIES) <= 10  # a category is one digit
