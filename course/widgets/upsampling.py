"""Upsampling: the same small map enlarged by each method, and max unpooling beside its pooling."""

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from course import draw
from course.outcome import Case
from course.widgets.base import State, Widget
from course.widgets.calling import Calls, Trouble, tensor, tried

MODES = ("enlarge", "unpool")
METHODS = ("bed_of_nails", "nearest_upsample", "bilinear_upsample", "bicubic_upsample")
SIDE, AREA, FACTOR, ENLARGED = 6, 16, 4, 12  # the largest that is shown; areas only of enlarged
LARGEST = 1000.0  # value
CELLS = 400  # of a result


def _example(mode: str, rows: Any, factor: int, method: str = METHODS[2], **at: int) -> State:
    return {
        "mode": mode,
        "map": np.array(rows, float).tolist(),
        "factor": factor,
        "method": method,
        "row": at.get("row", 1),
        "column": at.get("column", 2),
        "channel": 0,
    }


class Upsampling(Widget):
    """`Upsampling(bed_of_nails, nearest_upsample, bilinear_upsample, max_pool, max_unpool, ...)`.

    The last is `bicubic_upsample`, the bonus. Which input pixels an output mixes is found by one
    call on a map with a channel for each input pixel, in which that pixel alone is 1. What is not
    written yet is left out. The map has a second channel, its negative.
    """

    functions: ClassVar = (*METHODS[:3], "max_pool", "max_unpool", METHODS[3])
    local: ClassVar = ("method", "row", "column", "channel")
    examples: ClassVar = {
        "3 x 3, factor 2": _example("enlarge", [[10, 20, 40], [20, 80, 30], [0, 40, 60]], 2),
        "a row of two": _example("enlarge", [[10, 20]], 2, row=0, column=1),
        "an edge": _example("enlarge", [[0, 100, 100, 100]], 2, METHODS[3], row=0, column=3),
        "2 x 4, factor 3": _example("enlarge", [[8, 0, 4, 2], [0, 12, 6, 10]], 3, row=2, column=4),
        "pool and unpool": _example(
            "unpool", [[4, 1, 0, 2], [3, 2, 5, 1], [0, 6, 1, 3], [2, 1, 7, 4]], 2
        ),
        "pool: equal values": _example("unpool", [[1, 1, 0, 3], [1, 1, 3, 0]], 2),
        "pool: a remainder": _example(
            "unpool", [[1, 8, 3, 2, 9], [4, 2, 6, 1, 9], [9, 9, 9, 9, 9]], 2
        ),
    }

    @classmethod
    def rule(cls, state: State) -> str:
        rows, factor = state["map"], state["factor"]
        if state["mode"] not in MODES:
            return f"mode must be one of {', '.join(MODES)}, got {state['mode']!r}"
        if state["method"] not in METHODS:
            return f"method must be one of {', '.join(METHODS)}, got {state['method']!r}"
        if not 1 <= factor <= FACTOR:
            return f"factor must lie in 1 to {FACTOR}, got {factor}"
        if not 1 <= len(rows) <= SIDE or any(not 1 <= len(row) <= SIDE for row in rows):
            return f"map must have sides of 1 to {SIDE}, got {[len(row) for row in rows]}"
        if any(len(row) != len(rows[0]) for row in rows):
            return f"map must have rows of equal lengths, got {[len(row) for row in rows]}"
        for value in (value for row in rows for value in row):
            if not abs(value) <= LARGEST:
                return f"values must lie in [-{LARGEST:g}, {LARGEST:g}], got {value}"
        sides = (len(rows), len(rows[0]))
        if state["mode"] == "enlarge" and (
            sides[0] * sides[1] > AREA or max(sides) * factor > ENLARGED
        ):
            return (
                f"an enlarged map must have at most {AREA} values and {ENLARGED} in a side of the "
                f"result, got {sides} and factor {factor}"
            )
        return ""

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        x = torch.tensor([state["map"]])
        both = torch.cat([x, -x])
        return (_enlarged if state["mode"] == "enlarge" else _pooled)(calls, both, state["factor"])

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        if state["mode"] == "unpool":
            values, places = (_some(shown[key][0]) for key in ("values", "places"))
            return f"max_pool keeps {values} with the places {places}."
        found = []
        for name, method in shown["methods"].items():
            if "out" in method:
                rows = method["out"][0]
                found.append(f"{name} {len(rows)} x {len(rows[0]) if rows else 0}: {_some(rows)}")
        return f"Enlarged by {state['factor']}: {'; '.join(found) or 'nothing yet'}."

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        if state["mode"] == "unpool":
            found = {key: shown[key][0] for key in ("values", "places", "unpooled") if shown[key]}
            matrices = {"map": state["map"]} | found
        else:
            methods = {name: m["out"][0] for name, m in shown["methods"].items() if "out" in m}
            matrices = {"map": state["map"]} | dict(list(methods.items())[-2:])
        sides = [max(len(rows), *map(len, rows), 1) for rows in matrices.values() if rows]
        axes = draw.panels(*matrices, size=(max(sides), max(sides)))
        every = axes if isinstance(axes, list) else [axes]
        for ax, rows in zip(every, matrices.values(), strict=True):
            matrix = torch.tensor([[float(value) for value in row] for row in rows])
            if matrix.numel():
                draw.numbers(ax, matrix)
        return every[0]

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        sides = rng.integers(1, 2 + min(size, 3), size=2)
        values = rng.integers(-3 if size > 2 else 0, 10, size=sides)
        return {"map": values.astype(float).tolist(), "factor": int(rng.integers(1, 4))}

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        x, factor = case.arguments
        state = _example("enlarge", x[0].tolist(), factor, METHODS[0])
        return None if cls.rule(state) else state


def _small(name: str, value: Any, channels: int, dtype: Tensor | torch.dtype) -> Tensor:
    """Return the value as a map of so many channels that is not too large to be shown."""
    found = tensor(name, value, (channels, "height", "width"), dtype)
    if found.numel() > CELLS * channels:
        raise Trouble("shape", f"`{name}` returned {[*found.shape]}: too large to show.")
    return found


def _enlarged(calls: Calls, both: Tensor, factor: int) -> dict[str, Any]:
    """Return what each method makes of the map, and what each pixel weighs in it."""
    _, height, width = both.shape
    pixels = torch.eye(height * width).reshape(-1, height, width)

    def by(name: str) -> dict[str, Any]:
        def of(values: Tensor) -> Tensor:
            return _small(name, getattr(calls, name)(values, factor), len(values), values)

        try:
            found = {"out": of(both), "weights": of(pixels)}
        except Trouble as trouble:
            if trouble.kind in ("endless", "stopped") or (
                trouble.kind == "waiting" and name == METHODS[0]
            ):
                raise
            return {"trouble": trouble.told()}
        return found | {"tried": [["float64 gives float64", tried(lambda: of(both.double()))]]}

    return {"methods": {name: by(name) for name in METHODS}}


def _pooled(calls: Calls, both: Tensor, size: int) -> dict[str, Any]:
    """Return the map pooled, and unpooled again with its own values and with 1, 2, 3, ..."""
    _, height, width = both.shape

    def pool(x: Tensor, block: int) -> tuple[Tensor, Tensor]:
        found = calls.max_pool(x, block)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise Trouble("type", "`max_pool` must return two tensors, values and places.")
        values = _small("max_pool", found[0], len(x), x)
        places = _small("max_pool", found[1], len(x), torch.int64)
        if values.shape != places.shape:
            shapes = f"{[*values.shape]} and {[*places.shape]}"
            raise Trouble("shape", f"`max_pool` must return equal shapes, got {shapes}.")
        return values, places

    def nothing() -> None:
        values, _ = pool(both[:, :1], 2)
        tensor("max_pool", values, (2, 0, width // 2), both)

    values, places = pool(both, size)
    shown: dict[str, Any] = {
        "values": values,
        "places": places,
        "tried": [
            ["max_pool of a single row with blocks of 2 gives nothing", tried(nothing)],
            ["max_pool of float64 gives float64", tried(lambda: pool(both.double(), size))],
        ],
    }
    if bool(((places < 0) | (places >= height * width)).any()):
        why = "`max_unpool` is not called: a place of your `max_pool` lies beyond the channel."
        return shown | {"unpooled": [], "trouble": why}

    def unpool(given: Tensor, at: Tensor, target: tuple[int, int]) -> Tensor:
        found = calls.max_unpool(given, at, target)
        return _small("max_unpool", found, len(given), given)

    numbers = torch.arange(1.0, values[0].numel() + 1).reshape(1, *values.shape[1:])
    later = torch.cat([numbers, -numbers])
    two, none = torch.tensor([[[2.0, 2.0]]]), torch.zeros(2, 0, 2)
    try:
        shown |= {
            "unpooled": unpool(values, places, (height, width)),
            "later": unpool(later, places, (height, width)),
            "twice": unpool(two, torch.tensor([[[1, 1]]]), (1, 3))[0],
        }
    except Trouble as trouble:
        if trouble.kind in ("endless", "stopped"):
            raise
        return shown | {"unpooled": [], "trouble": trouble.text}
    empty = none.long()

    def nowhere() -> None:
        tensor("max_unpool", unpool(none, empty, (1, 5)), (2, 1, 5), none)

    def precise() -> None:
        unpool(values.double(), places, (height, width))

    shown["tried"] += [
        ["max_unpool of no values gives zeros", tried(nowhere)],
        ["max_unpool of float64 gives float64", tried(precise)],
    ]
    return shown


def _some(rows: list[list[Any]]) -> str:
    """Return the first numbers as text."""
    numbers = [f"{float(value):.4g}" for row in rows for value in row]
    return ", ".join(numbers[:6]) + (", ..." if len(numbers) > 6 else "") or "none"
