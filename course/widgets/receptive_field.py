"""Receptive field: what one output of a stack of layers sees, by the function and by gradient."""

from typing import Any, ClassVar

import numpy as np
import torch
from torch.nn import functional as F

from course import draw
from course.outcome import Case
from course.widgets.base import State, Widget
from course.widgets.calling import Calls, number

LAYERS, KERNEL, STRIDE, PIXELS = 8, 7, 3, 80  # the largest that is shown


def _example(*layers: tuple[int, int]) -> State:
    return {"layers": [list(layer) for layer in layers], "seen_by": len(layers)}


class ReceptiveField(Widget):
    """`ReceptiveField(receptive_field)`: layers to edit, and how far one of their outputs sees.

    The student's function is called on every beginning of the stack. What is true is found by the
    gradient through real convolutions with weights of 1.
    """

    functions: ClassVar = ("receptive_field",)
    local: ClassVar = ("seen_by",)
    examples: ClassVar = {
        "with strides": _example((3, 1), (3, 2), (3, 1), (2, 2), (3, 1)),
        "three of 3 x 3": _example((3, 1), (3, 1), (3, 1)),
        "three of stride 2": _example((3, 2), (3, 2), (3, 2)),
        "one layer of stride 3": _example((5, 3)),
        "kernels of 1": _example((1, 2), (3, 1), (1, 1), (3, 1)),
        "large ones first": _example((7, 2), (3, 2), (3, 1), (3, 1)),
        "no layers": _example(),
    }

    @classmethod
    def rule(cls, state: State) -> str:
        layers = state["layers"]
        if len(layers) > LAYERS:
            return f"layers must be at most {LAYERS}, got {len(layers)}"
        for layer in layers:
            if len(layer) != 2 or not 1 <= layer[0] <= KERNEL or not 1 <= layer[1] <= STRIDE:
                return (
                    f"a layer must be [kernel, stride] in 1 to {KERNEL} and 1 to {STRIDE}, "
                    f"got {layer}"
                )
        if _pixels(layers) > PIXELS:
            return f"layers must need at most {PIXELS} pixels for an output, got {_pixels(layers)}"
        return ""

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        layers = [(kernel, stride) for kernel, stride in state["layers"]]
        fields = [
            number("receptive_field", calls.receptive_field(layers[:count]))
            for count in range(len(layers) + 1)
        ]
        return {"fields": fields, "ways": _ways(layers)}

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        count = min(max(state["seen_by"], 0), len(state["layers"]))
        reached = _extent(shown["ways"][count])
        field = float(shown["fields"][count])
        return (
            f"After {count} layers the gradient reaches {reached} pixels; "
            f"receptive_field says {field:g}."
        )

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        depths = range(len(shown["fields"]))
        ax = draw.chart("layers", "pixels seen")
        ax.plot(depths, [_extent(ways) for ways in shown["ways"]], "o-", label="gradient")
        ax.plot(depths, [float(f) for f in shown["fields"]], "s--", label="receptive_field")
        ax.set_xticks(depths)
        draw.legend(ax)
        return ax

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        layers: list[list[int]] = []
        for _ in range(int(rng.integers(0, size + 1))):
            layer = [int(rng.integers(1, 4 if size < 4 else 6)), int(rng.integers(1, 4))]
            if _pixels([*layers, layer]) <= PIXELS:
                layers.append(layer)
        return {"layers": layers, "seen_by": len(layers)}

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        state = _example(*case.arguments[0])
        return None if cls.rule(state) else state


def _pixels(layers: list[Any], outputs: int = 1) -> int:
    """Return how many pixels a number of outputs need: what a kernel covers, layer by layer."""
    for kernel, stride in reversed(layers):
        outputs = (outputs - 1) * stride + kernel
    return outputs


def _ways(layers: list[tuple[int, int]]) -> list[list[float]]:
    """Return for each beginning of the stack the gradient of a middle output for every pixel.

    All weights are 1, so that it counts the ways from a pixel to the output.
    """
    several = 3 if _pixels(layers, 3) <= PIXELS else 1
    pixels = torch.zeros(_pixels(layers, several), dtype=torch.float64, requires_grad=True)
    ways, maps = [], pixels.reshape(1, 1, -1)
    for kernel, stride in [*layers, (1, 1)]:
        output = maps[0, 0, (maps.shape[2] - 1) // 2]
        (gradient,) = torch.autograd.grad(output, pixels, retain_graph=True)
        ways.append([float(value) for value in gradient])
        maps = F.conv1d(maps, pixels.new_ones(1, 1, kernel), stride=stride)
    return ways


def _extent(ways: list[float]) -> int:
    """Return how many pixels lie from the first to the last that has a way to the output."""
    reached = [place for place, way in enumerate(ways) if way > 0]
    return reached[-1] - reached[0] + 1
