"""FCToConv: the same weights as a fully connected layer and as a convolution."""

import math
from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course import draw
from course.outcome import Case, copy_of
from course.widgets.base import State, Widget
from course.widgets.calling import Calls, Trouble
from course.widgets.networks import applied, seen_by, unfilled

PARTS = ("linear_to_conv", "linear_to_pointwise", "to_fully_convolutional")
MOST_WEIGHTS, LARGEST_INPUT, LARGEST_IMAGE = 48, 8, 32
BIASES = (0.5, -2.0, 3.0, -1.0)
# By name: the (C, H, W) that a classifier is made for, its own stride and its layers.
NETS: dict[str, tuple[tuple[int, int, int], int, tuple[tuple[Any, ...], ...]]] = {
    "the lecture's, small": (
        (1, 14, 14),
        2,
        (
            (nn.Conv2d, 1, 2, 5),
            (nn.ReLU,),
            (nn.MaxPool2d, 2),
            (nn.Flatten,),
            (nn.Linear, 50, 4),
            (nn.ReLU,),
            (nn.Linear, 4, 2),
        ),
    ),
    "not square, with Tanh": (
        (2, 4, 6),
        1,
        (
            (nn.Conv2d, 2, 3, (3, 2)),
            (nn.Tanh,),
            (nn.Flatten,),
            (nn.Linear, 30, 4),
            (nn.Tanh,),
            (nn.Linear, 4, 2),
        ),
    ),
    "without convolutions": ((1, 5, 5), 1, ((nn.Flatten,), (nn.Linear, 25, 2))),
    "without a bias": (
        (1, 6, 6),
        2,
        (
            (nn.Conv2d, 1, 2, 2, 2),
            (nn.ReLU,),
            (nn.Flatten,),
            (nn.Linear, 18, 3, False),
            (nn.ReLU,),
            (nn.Linear, 3, 2, False),
        ),
    ),
    "its convolution pads": (
        (1, 8, 8),
        2,
        (
            (nn.Conv2d, 1, 2, 5, 2, 2),
            (nn.ReLU,),
            (nn.Flatten,),
            (nn.Linear, 32, 2),
        ),
    ),
}


def _example(part: str = PARTS[0], **more: Any) -> State:
    return {
        "part": part,
        "shape": [2, 2, 3],
        "outputs": 2,
        "bias": True,
        "input": [3, 5],
        "net": "the lecture's, small",
        "image": [28, 28],
        "output": 0,
        "cell": 7,
        "at": [0, 1],
        **more,
    }


class FCToConv(Widget):
    """`FCToConv(linear_to_conv, to_fully_convolutional, linear_to_pointwise)`: what a layer and a
    classifier become, each weight in its place, and what they say about larger inputs.

    The last two may be None until they are written. A kernel is shown as it acts: each of its
    numbers is what the convolution answers to an input that is 1 in one place and 0 elsewhere.
    """

    functions: ClassVar = ("linear_to_conv", "to_fully_convolutional", "linear_to_pointwise")
    local: ClassVar = ("output", "cell", "at")
    examples: ClassVar = {
        "a layer for 2 channels of 2 x 3": _example(),
        "the layer's own size": _example(shape=[1, 3, 3], input=[3, 3], cell=5, at=[0, 0]),
        "without a bias": _example(shape=[3, 2, 2], outputs=3, bias=False, input=[4, 4]),
        "a layer as 1 x 1": _example(PARTS[1], shape=[4, 1, 1], cell=1),
        "as 1 x 1, without a bias": _example(PARTS[1], shape=[3, 1, 1], bias=False, cell=1),
        "a classifier on 28 x 28": _example(PARTS[2], at=[2, 3]),
        "on 16 x 16": _example(PARTS[2], image=[16, 16]),
        "not square, with Tanh": _example(PARTS[2], net="not square, with Tanh", image=[7, 11]),
        "without convolutions": _example(PARTS[2], net="without convolutions", image=[9, 12]),
        "a classifier without a bias": _example(PARTS[2], net="without a bias", image=[12, 16]),
        "its convolution pads": _example(PARTS[2], net="its convolution pads", image=[16, 16]),
    }
    constants: ClassVar = {
        "nets": {name: [list(shape), stride] for name, (shape, stride, _) in NETS.items()}
    }

    @classmethod
    def rule(cls, state: State) -> str:
        for key, among in (("part", PARTS), ("net", tuple(NETS))):
            if state[key] not in among:
                return f"{key} must be one of {', '.join(among)}, got {state[key]!r}"
        shape, size = state["shape"], state["input"]
        if len(shape) != 3 or min(shape) < 1 or math.prod(shape) > MOST_WEIGHTS:
            return f"shape must be [C, H, W] of at most {MOST_WEIGHTS} numbers, got {shape}"
        least = shape[1:] if state["part"] == PARTS[0] else (1, 1)
        if len(size) != 2 or not all(
            a <= b <= LARGEST_INPUT for a, b in zip(least, size, strict=True)
        ):
            return f"input must be [height, width] from {list(least)} to 8, got {size}"
        if not 1 <= state["outputs"] <= len(BIASES):
            return f"outputs must lie in 1 to {len(BIASES)}, got {state['outputs']}"
        least, size = NETS[state["net"]][0][1:], state["image"]
        if len(size) != 2 or not all(
            a <= b <= LARGEST_IMAGE for a, b in zip(least, size, strict=True)
        ):
            return (
                f"image must be [height, width] from {list(least)} to {LARGEST_IMAGE}, got {size}"
            )
        if len(state["at"]) != 2 or min(*state["at"], state["cell"], state["output"]) < 0:
            return f"at, cell and output must not be negative, got {state['at']}"
        return ""

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        given = [name for name in PARTS if calls.functions[name] is not None]
        classifier = state["part"] == PARTS[2]
        with torch.random.fork_rng(devices=[]):  # new layers draw numbers: not from the notebook's
            return {"given": given, **(_classifier if classifier else _layer)(calls, state)}

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        what = "image" if state["part"] == PARTS[2] else "input"
        size, grid = state[what], _size(shown["map"])
        return (
            f"{state['part']}: on an {what} of {size[0]} x {size[1]} the result has "
            f"{grid[0]} x {grid[1]} places."
        )

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        classifier = state["part"] == PARTS[2]
        given = torch.as_tensor(np.array(shown["input"]))[0]
        size = (given.shape[0], given.shape[1])
        found = torch.from_numpy(np.array(shown["map"]).astype(float))[0]
        if classifier:
            axes = draw.panels("image", "output 0 at each place", size=size)
            draw.photo(axes[0], given)
            axes[1].set(xlim=(0, found.shape[1]), ylim=(found.shape[0], 0))
            draw.heat(axes[1], found)
            return axes[0]
        kernel = torch.from_numpy(np.array(shown["kernel"]).astype(float))[0, 0]
        titles = ("input, channel 0", "kernel of output 0", "output 0")
        axes = draw.panels(*titles, size=size)
        for ax, matrix in zip(axes, (given, kernel, found), strict=True):
            draw.numbers(ax, matrix)
        return axes[0]

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        channels, height, width = (int(n) for n in rng.integers(1, [3, 4, 4]) + (size > 2))
        net = list(NETS)[int(rng.integers(len(NETS)))]
        grown = rng.integers(0, 3, size=4)
        (_, tall, wide), stride, _ = NETS[net]
        return {
            "shape": [channels, height, width],
            "outputs": int(rng.integers(1, 4)),
            "bias": bool(rng.integers(2)),
            "input": [height + int(grown[0]), width + int(grown[1])],
            "net": net,
            "image": [tall + stride * int(grown[2]), wide + stride * int(grown[3])],
            "output": 0,
            "cell": 0,
            "at": [0, 0],
        }

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        layer, shape = case.arguments
        size = list(case.apply[0].shape[2:])
        if layer.out_features > len(BIASES) or max(size) > LARGEST_INPUT:
            return None
        more = {"outputs": layer.out_features, "bias": layer.bias is not None, "input": size}
        return _example(shape=list(shape), cell=0, at=[0, 0], **more)


# One layer.


def _linear(inputs: int, outputs: int, bias: bool) -> nn.Linear:
    """Return a layer whose first output has the weights 1, 2, 3, ..., so that one sees where each
    of them goes; the second -1, -2, ..., the others numbers below 10."""
    layer = unfilled(nn.Linear, inputs, outputs, bias=bias)
    counted = torch.arange(1.0, inputs + 1)
    rows = [counted, -counted, counted * 7 % 10, counted * 3 % 8]
    layer.weight.data = torch.stack(rows[:outputs])
    if bias:
        layer.bias.data = torch.tensor(BIASES[:outputs])
    return layer.requires_grad_(False)


def _digits(channels: int, height: int, width: int) -> Tensor:
    """Return an input [C, H, W] of small whole numbers."""
    y, x = torch.arange(height)[:, None], torch.arange(width)
    planes = [(5 * c + 3 * y + 2 * x + x * y) % 7 for c in range(channels)]
    return torch.stack(planes).float()


def _layer(calls: Calls, state: State) -> dict[str, Any]:
    name, outputs = state["part"], state["outputs"]
    pointwise = name == PARTS[1]
    shape = (state["shape"][0], 1, 1) if pointwise else tuple(state["shape"])
    channels, height, width = shape
    count = math.prod(shape)
    layer = _linear(count, outputs, state["bias"])

    def converted(linear: nn.Linear) -> nn.Conv2d:
        found = getattr(calls, name)(*((linear,) if pointwise else (linear, shape)))
        if not isinstance(found, nn.Conv2d):
            got = type(found).__name__
            raise Trouble("type", f"`{name}` must return an nn.Conv2d, got {got}.")
        return found

    conv = converted(layer)
    probes = torch.cat([torch.zeros(1, count), torch.eye(count)]).view(-1, *shape)
    answers = applied(name, conv, probes, outputs)
    if answers.shape[2:] != (1, 1):
        got, wanted = [1, *answers.shape[1:]], [1, outputs, 1, 1]
        text = (
            f"On an input of the layer's own shape, {[1, *shape]}, what `{name}` returned must "
            f"give {wanted}, got {got}."
        )
        raise Trouble("shape", text)
    nothing, single = answers[0, :, 0, 0], answers[1:, :, 0, 0].T  # [K], [K, count]
    given = _digits(channels, *state["input"])
    crops = F.unfold(given[None], (height, width))[0].T  # [places, count]
    places = [side - own + 1 for side, own in zip(state["input"], (height, width), strict=True)]
    applied(name, converted(_linear(count, 1, False).double()), probes[:1].double(), 1)
    return {
        "input": given,
        "layer": layer.weight,
        "bias": layer.bias if state["bias"] else [0.0] * outputs,
        "kernel": (single - nothing[:, None]).view(outputs, *shape),
        "constant": nothing,
        "weight": list(conv.weight.shape),
        "map": applied(name, conv, given[None], outputs)[0],
        "crops": layer(crops).T.view(outputs, *places),
    }


# A whole classifier.


@cache
def _net(name: str) -> nn.Sequential:
    """Return the classifier of that name, with weights from a fixed seed."""
    generator = torch.Generator().manual_seed(155)
    layers = []
    for kind, *options in NETS[name][2]:
        weighted = kind in (nn.Conv2d, nn.Linear)
        layer = unfilled(kind, *options) if weighted else kind(*options)
        for parameter in layer.parameters():
            scale = 2.5 / math.sqrt(parameter[0].numel()) if parameter.ndim > 1 else 0.5
            parameter.data = scale * torch.randn(parameter.shape, generator=generator)
        layers.append(layer)
    return nn.Sequential(*layers).requires_grad_(False)


def _image(channels: int, height: int, width: int) -> Tensor:
    """Return an image [C, H, W]: a bright disc and a dark one on a slope."""
    y, x = torch.arange(height)[:, None], torch.arange(width)
    image = 0.4 + 0.2 * (x + y) / (height + width) + (3 * x + 5 * y) % 4 / 30
    radius = min(height, width) / 5
    for value, row, column in ((1.0, 0.35, 0.3), (0.0, 0.65, 0.7)):
        disc = (y + 0.5 - row * height) ** 2 + (x + 0.5 - column * width) ** 2 < radius**2
        image = torch.where(disc, value, image)
    return torch.stack([image if c % 2 == 0 else 1 - image for c in range(channels)])


def _classifier(calls: Calls, state: State) -> dict[str, Any]:
    name = PARTS[2]
    in_shape, stride, _ = NETS[state["net"]]
    classifier, image = _net(state["net"]), _image(in_shape[0], *state["image"])
    outputs: int = NETS[state["net"]][2][-1][2]

    def converted(net: nn.Sequential) -> nn.Module:
        found = calls.to_fully_convolutional(net, in_shape)
        if not isinstance(found, nn.Module):
            got = type(found).__name__
            raise Trouble("type", f"`{name}` must return an nn.Sequential, got {got}.")
        return found

    network = converted(classifier)
    found = applied(name, network, image[None], outputs)[0]
    _, tall, wide = in_shape
    crops = image.unfold(1, tall, stride).unfold(2, wide, stride)  # [C, rows, cols, tall, wide]
    rows, columns = crops.shape[1:3]
    logits = classifier(crops.permute(1, 2, 0, 3, 4).flatten(0, 1))
    grown = [(tall, wide), (tall + stride, wide + stride), (tall + 7 * stride, wide + 7 * stride)]
    sizes = [
        [[*size], list(applied(name, network, _image(in_shape[0], *size)[None], outputs).shape)]
        for size in grown
    ]
    own = _image(*in_shape)[None].double()
    applied(name, converted(copy_of(classifier).double()), own, outputs)
    return {
        "input": image,
        "map": found,
        "crops": logits.T.view(outputs, rows, columns),
        "sees": [seen_by(name, network, image, dim, found) for dim in (1, 2)],
        "sizes": sizes,
        "weights": [[*p.shape] for p in network.parameters() if p.ndim > 1],
        "before": [[*p.shape] for p in classifier.parameters() if p.ndim > 1],
    }


def _size(planes: list[list[list[Any]]]) -> tuple[int, int]:
    return len(planes[0]), len(planes[0][0])
