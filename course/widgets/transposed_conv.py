"""Transposed convolution: copies of the kernel laid down one by one, trimming, and the matrix."""

from itertools import chain
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from course import draw
from course.outcome import Case
from course.widgets.base import State, Widget
from course.widgets.calling import Calls, Trouble, tensor, tried

MODES = ("1D", "2D", "matrix")
VALUES, SIDE, KERNEL, STRIDE, COLUMNS = 6, 4, 5, 4, 16  # the largest that is shown
LARGEST = 1000.0  # value
CELLS = 900  # of a result
CHANNELS = torch.tensor([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])  # times the kernel, [C_in, C_out]


def _example(mode: str, x: Any, weight: Any, stride: int, *trim: int, step: int = 99) -> State:
    """Return a state; `x` and `weight` are those of the mode, the other mode's stay as they are."""
    state: State = {
        "mode": mode,
        "x": [1.0, 2.0, 3.0],
        "weight": [1.0, 10.0, 100.0],
        "map": [[1.0, 2.0], [3.0, 4.0]],
        "kernel": [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]],
        "stride": stride,
        "padding": trim[0] if trim else 0,
        "output_padding": trim[1] if len(trim) > 1 else 0,
        "step": step,
    }
    names = ("map", "kernel") if mode == "2D" else ("x", "weight")
    parts = zip(names, (x, weight), strict=True)
    return state | {
        name: torch.as_tensor(part, dtype=torch.float32).tolist() for name, part in parts
    }


SLANTED = [[0, 1, 2], [0, 1, 0], [3, 1, 0]]


class TransposedConv(Widget):
    """`TransposedConv(conv_transpose1d, conv_transpose2d, convolution_matrix)`: copies that add up.

    A step is one more input value: its copy is what the student's function makes of an input in
    which all other values are 0. Later functions may be left out until they are written.
    """

    functions: ClassVar = ("conv_transpose1d", "conv_transpose2d", "convolution_matrix")
    local: ClassVar = ("step",)
    examples: ClassVar = {
        "1D: three copies": _example("1D", [1, 2, 3], [1, 10, 100], 2, step=2),
        "1D: side by side": _example("1D", [3, 1, 2, 4], [1, -1], 2),
        "1D: with gaps": _example("1D", [3, 1, 2], [1, 2], 4),
        "2D: 2 x 2 to 4 x 4": _example(
            "2D", [[1, 2], [3, 4]], [[1, 2, 1], [2, 4, 2], [1, 2, 1]], 2, 1, 1, step=2
        ),
        "2D: a slanted kernel": _example("2D", [[1, 2, 0], [0, 1, 3]], SLANTED, 2),
        "2D: checkerboard": _example("2D", np.ones((3, 3)), np.ones((3, 3)), 2),
        "2D: no checkerboard": _example("2D", np.ones((3, 3)), np.ones((4, 4)), 2, 1),
        "matrix": _example("matrix", [1, 2, 3], [1, 10, 100], 2),
        "matrix, with padding": _example("matrix", [1, 2, 3], [1, 10, 100], 2, 1, 1),
    }

    @classmethod
    def rule(cls, state: State) -> str:
        mode, x, weight = state["mode"], state["x"], state["weight"]
        rows, kernel = state["map"], state["kernel"]
        if mode not in MODES:
            return f"mode must be one of {', '.join(MODES)}, got {mode!r}"
        if not 1 <= len(x) <= VALUES or not 1 <= len(weight) <= KERNEL:
            return (
                f"x must have 1 to {VALUES} values and weight 1 to {KERNEL}, "
                f"got {len(x)} and {len(weight)}"
            )
        if not 1 <= len(rows) <= SIDE or any(not 1 <= len(row) <= SIDE for row in rows):
            return f"map must have sides of 1 to {SIDE}, got {len(rows)} rows"
        if any(len(row) != len(rows[0]) for row in rows):
            return f"map must have rows of equal lengths, got {[len(row) for row in rows]}"
        if not 1 <= len(kernel) <= KERNEL or any(len(row) != len(kernel) for row in kernel):
            return f"kernel must be square with sides of 1 to {KERNEL}, got {kernel}"
        for value in (*x, *weight, *chain(*rows, *kernel)):
            if not abs(value) <= LARGEST:
                return f"values must lie in [-{LARGEST:g}, {LARGEST:g}], got {value}"
        stride, padding, more = state["stride"], state["padding"], state["output_padding"]
        if not 1 <= stride <= STRIDE:
            return f"stride must lie in 1 to {STRIDE}, got {stride}"
        if not 0 <= more < stride:
            return f"output_padding must lie in 0 to stride - 1 = {stride - 1}, got {more}"
        if padding < 0:
            return f"padding must not be negative, got {padding}"
        if mode != "1D" and min(_sides(state)) < 1:
            return f"padding must leave something of the result, got {padding}"
        if mode == "matrix" and _sides(state)[0] > COLUMNS:
            return f"a matrix must have at most {COLUMNS} columns, got {_sides(state)[0]}"
        return ""

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        if state["mode"] == "2D":
            return _two(calls, state)
        return _one(calls, state) if state["mode"] == "1D" else _matrix(calls, state)

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        if state["mode"] == "matrix":
            rows, stride = shown["matrix"], state["stride"]
            columns = len(rows[0]) if rows else 0
            return f"convolution_matrix with stride {stride} gives {len(rows)} x {columns} numbers."
        result, two = shown["result"], state["mode"] == "2D"
        shape = f"{len(result)} x {len(result[0]) if result else 0}" if two else str(len(result[0]))
        name = "conv_transpose2d" if two else "conv_transpose1d"
        first = ", ".join(_told(value) for value in (result[0][:8] if result else ()))
        return (
            f"{name} with stride {state['stride']} makes {len(shown['copies'])} values to {shape}, "
            f"beginning with {first or 'none'}."
        )

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        if state["mode"] == "matrix":
            matrix = _numbers(shown["matrix"])
            return _tables({"convolution_matrix": matrix, "transposed": matrix.T})
        if state["mode"] == "2D":
            named = {"all copies, added up": "whole", "conv_transpose2d": "result"}
            return _tables({title: _numbers(shown[key]) for title, key in named.items()})
        rows = [*shown["copies"], shown["result"][0]]
        width = max(map(len, rows))
        table = _numbers([[*row, *[0.0] * (width - len(row))] for row in rows])
        return _tables({"a copy for each value; last, conv_transpose1d": table})

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        def some(*shape: int) -> Any:
            return rng.integers(-4, 10, size=shape).astype(float).tolist()

        most = 1 + (size + 1) // 2  # 2 to 4
        k, stride = int(rng.integers(1, most + 1)), int(rng.integers(1, most))
        x, sides = some(int(rng.integers(1, most + 1))), rng.integers(1, most, size=2)
        more = int(rng.integers(0, stride))
        shortest = min(len(x), *sides.tolist())
        room = (shortest - 1) * stride + k + more - 1
        return {
            "x": x,
            "weight": some(k),
            "map": some(*sides),
            "kernel": some(k, k),
            "stride": stride,
            "padding": int(rng.integers(0, min(room // 2, 2) + 1)),
            "output_padding": more,
            "step": 99,
        }

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        x, weight, stride = case.arguments
        state = _example("1D", x, weight, stride)
        return None if cls.rule(state) else state


def _sides(state: State) -> list[int]:
    """Return how long the sides of the result are, by the definition."""
    two = state["mode"] == "2D"
    inputs = (state["map"], state["map"][0]) if two else (state["x"],)
    k, more = len(state["kernel"] if two else state["weight"]), state["output_padding"]
    return [(len(n) - 1) * state["stride"] + k - 2 * state["padding"] + more for n in inputs]


def _small(name: str, value: Any, shape: tuple[int | str, ...], like: Tensor) -> Tensor:
    """Return the value as a tensor that is not too large to be shown."""
    found = tensor(name, value, shape, like)
    if found.numel() > CELLS:
        raise Trouble("shape", f"`{name}` returned {[*found.shape]}: too large to show.")
    return found


def _one(calls: Calls, state: State) -> dict[str, Any]:
    x, weight, stride = torch.tensor(state["x"]), torch.tensor(state["weight"]), state["stride"]

    def of(values: Tensor, shape: int | str = "length") -> Tensor:
        found = calls.conv_transpose1d(values, weight.to(values.dtype), stride)
        return _small("conv_transpose1d", found, (shape,), values)

    return {
        "result": [of(x)],
        "copies": [of(row) for row in torch.diag(x)],
        "tried": [
            ["no values give no values", tried(lambda: of(x[:0], 0))],
            ["float64 gives float64", tried(lambda: of(x.double()))],
        ],
    }


def _two(calls: Calls, state: State) -> dict[str, Any]:
    x, kernel = torch.tensor([state["map"]]), torch.tensor([[state["kernel"]]])
    stride, trim = state["stride"], (state["padding"], state["output_padding"])

    def of(values: Tensor, weight: Tensor, *how: int) -> Tensor:
        found = calls.conv_transpose2d(values, weight, stride, *how)
        return _small("conv_transpose2d", found, (weight.shape[1], "height", "width"), values)

    whole = of(x, kernel)[0]
    alone = torch.diag(x.flatten()).reshape(-1, *x.shape)
    times: list[float] = []

    def channels() -> None:
        three = of(torch.cat([x, x]), CHANNELS[:, :, None, None] * kernel[0])
        if three.shape[1:] != whole.shape:
            raise Trouble("shape", f"`conv_transpose2d` made {[*three.shape]} of two channels.")
        ratios = (three.double() * whole).sum(dim=(1, 2)) / whole.double().square().sum()
        times.extend(ratios.tolist() if bool(ratios.isfinite().all()) else [])

    return {
        "result": of(x, kernel, *trim)[0],
        "whole": whole,
        "copies": [of(one, kernel)[0] for one in alone],
        "tried": [
            ["two channels in, three out", tried(channels)],
            ["float64 gives float64", tried(lambda: of(x.double(), kernel.double()))],
        ],
        "times": times,
    }


def _matrix(calls: Calls, state: State) -> dict[str, Any]:
    x, weight, stride = torch.tensor(state["x"]), torch.tensor(state["weight"]), state["stride"]
    (length,) = _sides(state)
    shape: tuple[int | str, ...] = ("rows", "columns")

    def of(kernel: Tensor, columns: int, *how: int) -> Tensor:
        found = calls.convolution_matrix(kernel, columns, *how)
        return _small("convolution_matrix", found, shape, kernel)

    def nothing() -> None:
        none = calls.convolution_matrix(weight, len(weight) - 1)
        tensor("convolution_matrix", none, (0, len(weight) - 1), weight)

    matrix = of(weight, length, stride, state["padding"])
    fits = tuple(matrix.shape) == (len(x), length) and bool(matrix.isfinite().all())
    copies = _small(
        "conv_transpose1d", calls.conv_transpose1d(x, weight, stride), ("length",), weight
    )
    return {
        "matrix": matrix,
        "product": matrix.T @ x if fits else None,
        "result": [copies],
        "tried": [
            ["a kernel longer than the sequence gives no rows", tried(nothing)],
            ["float64 gives float64", tried(lambda: of(weight.double(), length, stride))],
        ],
    }


def _told(value: Any) -> str:
    return f"{float(value):.4g}"


def _numbers(rows: list[list[Any]]) -> Tensor:
    """Return rows of what is shown, infinities as texts among them, as a matrix."""
    columns = len(rows[0]) if rows else 0
    numbers = [float(value) for row in rows for value in row]
    return torch.tensor(numbers).reshape(len(rows), columns)


def _tables(matrices: dict[str, Tensor]) -> Any:
    """Return axes of a picture with matrices side by side."""
    sides = [max(1, *matrix.shape) for matrix in matrices.values()]
    axes = draw.panels(*matrices, size=(max(sides), max(sides)))
    every = axes if isinstance(axes, list) else [axes]
    for ax, matrix in zip(every, matrices.values(), strict=True):
        if matrix.numel():
            draw.numbers(ax, matrix)
    return every[0]
