"""SlidingWindow: slide a window over a picture, score all windows one by one and in one pass."""

from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from course import draw
from course.outcome import Case, copy_of
from course.widgets.base import State, Widget
from course.widgets.calling import Calls, Trouble, number, tensor
from course.widgets.networks import unfilled

SMALLEST, LARGEST = 6, 64  # sides of the image
MOST_WINDOWS = 230  # that are scored
OBJECT = 8  # the side of the two squares in the picture, where there is room for it
KINDS = ("nothing", "bright", "dark")
LECTURE, SATELLITE = (600, 800), (13_001, 19_001)  # images in which all boxes are counted


def _example(image: tuple[int, int], window: tuple[int, int], stride: int, **more: Any) -> State:
    height, width = image
    return {
        "image": [height, width],
        "window": [*window],
        "stride": stride,
        "bright": more.get("bright", [width // 3, height // 3]),
        "dark": more.get("dark", [width * 2 // 3, height * 2 // 3]),
        "at": more.get("at", [0, 0]),
        "kind": "bright",
    }


class SlidingWindow(Widget):
    """`SlidingWindow(count_positions, sliding_window_scores, dense_scores, count_boxes)`: a window
    to drag, how many places it has, and the scores of all of them, by the loop and by one pass.

    All but the first may be None until they are written. The classifier is a small one with weights
    made by hand: it says "bright" where the middle of the window is bright and its rim is not, and
    "dark" likewise. It also notes which pixels it is given, so that the work is that of the loop.
    """

    functions: ClassVar = (
        "count_positions",
        "sliding_window_scores",
        "dense_scores",
        "count_boxes",
    )
    local: ClassVar = ("at", "kind")
    examples: ClassVar = {
        "8 x 8 windows": _example((28, 28), (14, 14), 2, bright=[9, 10], dark=[19, 17], at=[2, 1]),
        "a rest at the edge": _example((19, 31), (14, 14), 4),
        "a wide window": _example((24, 32), (7, 13), 3, at=[1, 2]),
        "step by step": _example((18, 20), (8, 8), 1, at=[2, 2]),
        "as large as the image": _example((20, 26), (20, 26), 3, bright=[13, 10], dark=[4, 16]),
        "one row of windows": _example((9, 30), (9, 9), 3),
        "longer steps than the window": _example((16, 26), (4, 5), 7),
        "too low by two pixels": _example((12, 30), (14, 14), 4),
        "too small on both sides": _example((12, 10), (14, 14), 1),
    }

    @classmethod
    def rule(cls, state: State) -> str:
        for name, least in (("image", SMALLEST), ("window", 2)):
            sides = state[name]
            if len(sides) != 2 or not all(least <= side <= LARGEST for side in sides):
                return f"{name} must be [height, width] of {least} to {LARGEST}, got {sides}"
        if not 1 <= state["stride"] <= LARGEST:
            return f"stride must lie in 1 to {LARGEST}, got {state['stride']}"
        for name in ("bright", "dark", "at"):
            if len(state[name]) != 2 or not all(0 <= place <= LARGEST for place in state[name]):
                return f"{name} must be two numbers of 0 to {LARGEST}, got {state[name]}"
        if state["kind"] not in KINDS:
            return f"kind must be one of {', '.join(KINDS)}, got {state['kind']!r}"
        return ""

    @classmethod
    def compute(cls, calls: Calls, state: State) -> dict[str, Any]:
        image, window, stride = tuple(state["image"]), tuple(state["window"]), state["stride"]
        counted = calls.count_positions(image, window, stride)
        picture = _picture(state)
        shown: dict[str, Any] = {
            "positions": _whole("count_positions", counted),
            "boxes": None,
            "loop": None,
            "dense": None,
            "image": picture,
            "scored": [],
        }
        if calls.functions["count_boxes"] is not None:
            shown["boxes"] = [
                _whole("count_boxes", calls.count_boxes(size))
                for size in (image, LECTURE, SATELLITE)
            ]
        grid = [max((i - w) // stride + 1, 0) for i, w in zip(image, window, strict=True)]
        shown["fits"] = 1 <= grid[0] * grid[1] <= MOST_WINDOWS
        if not shown["fits"]:
            return shown
        numbered = torch.arange(1.0, picture.numel() + 1).view(picture.shape)
        both = torch.stack([picture, numbered])  # the pixels and their numbers
        if calls.functions["sliding_window_scores"] is not None:
            shown["loop"] = _loop(calls, both, window, stride, grid)
        if calls.functions["dense_scores"] is not None:
            seen = [(n - 1) * stride + w for n, w in zip(grid, window, strict=True)]
            shown["dense"] = _dense(calls, both[:, : seen[0], : seen[1]], window, stride, grid)
        return shown

    @classmethod
    def says(cls, state: State, shown: dict[str, Any]) -> str:
        (height, width), (tall, wide) = state["image"], state["window"]
        return (
            f"A window of {tall} x {wide} in an image of {height} x {width}, stride "
            f"{state['stride']}: count_positions gives {shown['positions']}."
        )

    @classmethod
    def picture(cls, state: State, shown: dict[str, Any]) -> Any:
        (height, width), (tall, wide) = state["image"], state["window"]
        titles = [f"count_positions gives {shown['positions']}"]
        scores = shown["loop"] or shown["dense"]
        if scores:
            titles.append(f"P({state['kind']}) of each window")
        axes = draw.panels(*titles, size=(max(height, tall), max(width, wide)))
        first = axes[0] if scores else axes
        draw.photo(first, torch.as_tensor(shown["image"]))
        top, left = (n * state["stride"] for n in state["at"])
        draw.boxes(first, torch.tensor([[left, top, left + wide, top + tall]]), colors="orange")
        if scores:
            numbers = np.array(scores["scores"]).astype(float)  # infinities are texts
            kind = torch.from_numpy(numbers[..., KINDS.index(state["kind"])])
            rows, columns = kind.shape
            axes[1].set(xlim=(0, columns), ylim=(rows, 0))
            draw.heat(axes[1], kind, limits=(0, 1))
        return first

    @classmethod
    def random_state(cls, rng: np.random.Generator, size: int) -> State:
        image = rng.integers(6, 8 + 3 * size, size=2).tolist()
        window = rng.integers(2, 5 + 2 * size, size=2).tolist()
        stride = int(rng.integers(1, 2 + size))
        bright, dark = (rng.integers(0, image[::-1]).tolist() for _ in range(2))
        return _example(image, window, stride, bright=bright, dark=dark)

    @classmethod
    def state_of(cls, case: Case) -> State | None:
        image, window = case.arguments[:2]
        stride = case.arguments[2] if len(case.arguments) > 2 else 1
        return _example(image, window, int(stride))


class _Notes(nn.Module):
    """The first layer: passes the picture on and notes the numbers of its pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []  # shared by copies of the layer

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach().select(-3, 1).flatten())
        return x.narrow(-3, 0, 1)


def _picture(state: State) -> Tensor:
    """Return the image [H, W]: a bright and a dark square on grey."""
    height, width = state["image"]
    y, x = torch.arange(height)[:, None], torch.arange(width)
    image = 0.45 + (7 * x + 13 * y) % 11 / 110
    half = max(1, min(OBJECT, height // 2, width // 2) // 2)
    for name, value in (("dark", 0.05), ("bright", 0.95)):
        column, row = state[name]
        column, row = min(column, width - 1), min(row, height - 1)
        image[max(row - half, 0) : row + half, max(column - half, 0) : column + half] = value
    return image


def _weights(window: tuple[int, int], stride: int) -> tuple[int, Tensor]:
    """Return the side of the first kernel and the weights [3, 2, rows, columns] on what it gives:
    the middle of the window speaks for a kind, its rim against it."""
    kernel = min(3, *window)
    rows, columns = ((side - kernel) // stride + 1 for side in window)
    down, right = ((torch.arange(n) - (n - 1) / 2).abs() <= n / 4 for n in (rows, columns))
    middle = (down[:, None] & right).float()
    rim = 1 - middle
    each = 24 * (middle / middle.sum().clamp(min=1) - rim / rim.sum().clamp(min=1))
    weights = torch.zeros(len(KINDS), 2, rows, columns)
    weights[1, 0] = weights[2, 1] = each
    return kernel, weights


@cache
def _networks(window: tuple[int, int], stride: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Return the classifier of a window and the same network made fully convolutional."""
    kernel, weights = _weights(window, stride)
    first = unfilled(nn.Conv2d, 1, 2, kernel, stride=stride)
    linear = unfilled(nn.Linear, weights[0].numel(), len(KINDS))
    conv = unfilled(nn.Conv2d, 2, len(KINDS), tuple(weights.shape[2:]))
    signs = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
    limits = torch.tensor([-0.6, 0.4])  # brighter than 0.6, darker than 0.4
    doubt = torch.tensor([3.0, 0.0, 0.0])
    size = (2, 1, kernel, kernel)
    first.load_state_dict({"weight": signs.expand(size) / kernel**2, "bias": limits})
    linear.load_state_dict({"weight": weights.flatten(1), "bias": doubt})
    conv.load_state_dict({"weight": weights, "bias": doubt})
    classifier = nn.Sequential(_Notes(), first, nn.ReLU(), nn.Flatten(), linear)
    network = nn.Sequential(_Notes(), first, nn.ReLU(), conv)
    return classifier.requires_grad_(False), network.requires_grad_(False)


def _loop(
    calls: Calls, both: Tensor, window: tuple[int, int], stride: int, grid: list[int]
) -> dict[str, Any]:
    """Return what the loop gives, how often it called the classifier and read each pixel."""
    name, classifier = "sliding_window_scores", _networks(window, stride)[0]
    seen = _forgotten(classifier)
    found = calls.sliding_window_scores(classifier, both, window, stride)
    scores = tensor(name, found, (*grid, len(KINDS)), both)
    work = _work(seen, both)
    crop = both[:, : window[0], : window[1]].double()
    fine = calls.sliding_window_scores(copy_of(classifier).double(), crop, window, stride)
    tensor(name, fine, (1, 1, len(KINDS)), crop)
    return {"scores": scores, **work}


def _dense(
    calls: Calls, both: Tensor, window: tuple[int, int], stride: int, grid: list[int]
) -> dict[str, Any]:
    """Return what one pass gives, with the same numbers about its work."""
    name, network = "dense_scores", _networks(window, stride)[1]
    seen = _forgotten(network)
    found = calls.dense_scores(network, both)
    scores = tensor(name, found, (*grid, len(KINDS)), both)
    work = _work(seen, both)
    crop = both[:, : window[0], : window[1]].double()
    fine = calls.dense_scores(copy_of(network).double(), crop)
    tensor(name, fine, (1, 1, len(KINDS)), crop)
    return {"scores": scores, **work}


def _forgotten(network: nn.Sequential) -> list[Tensor]:
    notes = network[0]
    assert isinstance(notes, _Notes)
    notes.seen.clear()
    return notes.seen


def _work(seen: list[Tensor], both: Tensor) -> dict[str, Any]:
    """Return how often a network was called and how often it was given each pixel [H, W]."""
    numbers = torch.cat([torch.zeros(1), *[part.float() for part in seen]]).round().long()
    numbers = numbers.clamp(0, both[1].numel())
    counts = torch.bincount(numbers, minlength=both[1].numel() + 1)[1:]
    return {"calls": len(seen), "reads": counts.view(both[1].shape)}


def _whole(name: str, value: Any) -> str:
    """Return a count as text, since a browser's numbers have 16 digits."""
    if isinstance(value, Tensor) and value.ndim == 0:
        value = value.item()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    found = number(name, value)
    if found in (float("inf"), float("-inf")):
        raise Trouble("value", f"`{name}` returned {found}.")
    return repr(found)
