"""The exercise `sliding_window_scores`."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import STRICT
from autograder.exercises.shared_mistakes import (
    after,
    changes_its_input,
    returns_float32,
    returns_float64,
    sigmoid_for_softmax,
    with_argument,
)
from autograder.exercises.sliding_windows.networks import brightness, network, sharpen
from course.cases import Group
from course.outcome import Case
from solutions.sliding_windows import sliding_window_scores

Size = tuple[int, int]

WINDOW_GROUPS = (
    Group(
        "every window",
        "Entry [row, col] has the probabilities of the classes for the window whose upper left "
        "corner lies row strides down and col strides to the right.",
    ),
    Group(
        "windows that are not square",
        "A window is (height, width): the height counts downwards, the width to the right.",
    ),
    Group(
        "a rest at the edge",
        "A window that would leave the image is left out, and the pixels at the edge with it.",
        edge=True,
    ),
    Group("one window", "A window as large as the image gives one entry: [1, 1, K].", edge=True),
    Group("one row or column", "With one row or column of windows all axes stay.", edge=True),
    Group(
        "stride longer than the window",
        "The stride may be longer than the window: pixels between are not looked at.",
        edge=True,
    ),
    Group("several channels", "A window has all channels of the image.", edge=True),
    Group("types", "The scores have the dtype of the image, float32 or float64.", True, STRICT),
)


def draw_sliding_window_scores(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    step = int(rng.integers(2, 4))
    return [
        _case(rng, "every window", (4, 4), 2, (3, 4)),
        _case(rng, "every window", (3, 3), 1, (2, 3)),
        _case(rng, "windows that are not square", (3, 5), step, (4, 2)),
        _case(rng, "windows that are not square", (5, 2), 1, (2, 5)),
        _case(rng, "a rest at the edge", (4, 3), 3, (2, 3), rest=(1, 2)),
        _case(rng, "a rest at the edge", (3, 4), 4, (3, 1), rest=(3, 1)),
        _case(rng, "one window", (4, 5), 2, (1, 1)),
        _case(rng, "one row or column", (4, 4), 2, (1, 4)),
        _case(rng, "one row or column", (3, 4), 3, (3, 1)),
        _case(rng, "stride longer than the window", (2, 3), 4, (2, 3)),
        _case(rng, "several channels", (3, 3), 2, (2, 3), channels=3),
        _case(rng, "types", (3, 3), 2, (2, 2)),
        _case(rng, "types", (3, 3), 2, (2, 2), dtype=torch.float64),
    ]


def _case(
    rng: np.random.Generator,
    group: str,
    window: Size,
    stride: int,
    grid: Size,
    *,
    rest: Size = (0, 0),
    channels: int = 1,
    dtype: torch.dtype = torch.float32,
) -> Case:
    """Return an image with a grid of windows, and `rest` rows and columns that are left over.

    The classifier's weights are large enough to tell every window from every other.
    """
    height, width = (w + stride * (n - 1) + r for w, n, r in zip(window, grid, rest, strict=True))
    layers: list[nn.Module] = [nn.Flatten(), nn.Linear(channels * window[0] * window[1], 3)]
    if channels > 1:
        inner = (window[0] - 1) * (window[1] - 1)
        layers = [nn.Conv2d(channels, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(2 * inner, 3)]
    classifier = network(rng, *layers).to(dtype)
    sharpen(classifier, 6)
    image = brightness(rng, channels, height, width).to(dtype)
    return Case(group, (classifier, image, window, stride))


def _softmax(logits: Tensor) -> Tensor:
    """Return probabilities for logits [rows, cols, K]."""
    return logits.softmax(dim=2)


def scores(
    classifier: nn.Module,
    image: Tensor,
    window: Size,
    stride: int,
    *,
    steps: Callable[[int, int, int], range] = lambda n, size, step: range(0, n - size + 1, step),
    down: Callable[[int, Size], int] = lambda stride, window: stride,
    right: Callable[[int, Size], int] = lambda stride, window: stride,
    probabilities: Callable[[Tensor], Tensor] = _softmax,
) -> Tensor:
    """Return the scores with one step changed by an option."""
    tops = steps(image.shape[1], window[0], down(stride, window))
    lefts = steps(image.shape[2], window[1], right(stride, window))
    padded = F.pad(image, (0, window[1], 0, window[0]))  # where a window may leave the image
    crops = [
        padded[:, top : top + window[0], left : left + window[1]] for top in tops for left in lefts
    ]
    with torch.no_grad():
        logits: Tensor = classifier(torch.stack(crops))
    return probabilities(logits.reshape(len(tops), len(lefts), -1))


def _past_the_edge(length: int, size: int, step: int) -> range:
    return range(0, length, step)


def _last_left_out(length: int, size: int, step: int) -> range:
    return range(0, length - size, step)


def _over_the_windows(logits: Tensor) -> Tensor:
    return logits.flatten(0, 1).softmax(dim=0).view_as(logits)


def _columns_first(result: Tensor) -> Tensor:
    """Loop over columns outside, then read the scores as rows."""
    rows, columns, classes = result.shape
    return result.transpose(0, 1).reshape(rows, columns, classes)


def _append_softmax(classifier: nn.Sequential, *rest: Any) -> None:
    classifier.append(nn.Softmax(dim=1))


def _corner_exchanged(classifier: nn.Module, image: Tensor, window: Size, stride: int) -> Tensor:
    """The row's number moves the window to the right, and the column's downwards."""
    padded = F.pad(image, (0, 60, 0, 60))
    rows, columns = scores(classifier, image, window, stride).shape[:2]
    crops = [
        padded[:, col * stride :, row * stride :][:, : window[0], : window[1]]
        for row in range(rows)
        for col in range(columns)
    ]
    with torch.no_grad():
        logits = classifier(torch.stack(crops))
    return _softmax(logits.reshape(rows, columns, -1))


SLIDING_WINDOW_SCORES = Exercise(
    name="sliding_window_scores",
    reference=sliding_window_scores,
    groups=WINDOW_GROUPS,
    draw=draw_sliding_window_scores,
    misconceptions=(
        Misconception(
            "logits_for_probabilities",
            "It gives logits: apply softmax, so that the numbers of a window add up to 1.",
            partial(scores, probabilities=lambda logits: logits),
        ),
        Misconception(
            "softmax_over_the_windows",
            "Softmax goes over the windows, so that they compete with each other: it goes over the "
            "classes of each window.",
            partial(scores, probabilities=_over_the_windows),
        ),
        sigmoid_for_softmax(partial(scores, probabilities=torch.sigmoid)),
        Misconception(
            "best_class_only",
            "It gives the number of the best class: the result has the probabilities of all "
            "classes.",
            after(scores, lambda result: result.argmax(dim=2)),
        ),
        Misconception(
            "columns_before_rows",
            "Rows and columns are exchanged: the first axis counts rows, from top to bottom, the "
            "second columns.",
            after(scores, lambda result: result.transpose(0, 1)),
        ),
        Misconception(
            "looped_over_columns_first",
            "The windows were visited column by column, and then read as rows: the outer loop goes "
            "over the rows.",
            after(scores, _columns_first),
        ),
        Misconception(
            "corner_exchanged",
            "The number of the row moves the window to the right and that of the column moves it "
            "down: rows count downwards.",
            _corner_exchanged,
        ),
        Misconception(
            "one_list",
            "All windows stand in one list, [windows, K]: the result has an axis for the rows and "
            "one for the columns.",
            after(scores, lambda result: result.flatten(0, 1)),
        ),
        Misconception(
            "batch_axis_kept",
            "Each entry still has the axis of the batch of one: the result has three axes, "
            "[rows, cols, K].",
            after(scores, lambda result: result[:, :, None]),
        ),
        Misconception(
            "last_window_left_out",
            "The last row and the last column of windows are missing where they just fit: the last "
            "corner is the image's side minus the window's, and it counts.",
            partial(scores, steps=_last_left_out),
        ),
        Misconception(
            "past_the_edge",
            "Windows hang over the edge and see nothing there: only those that lie in the image "
            "count.",
            partial(scores, steps=_past_the_edge),
        ),
        Misconception(
            "ignores_the_stride",
            "It moves the window by one pixel whatever the stride is: use the argument.",
            with_argument(scores, at=3, change=lambda stride: 1),
        ),
        Misconception(
            "windows_side_by_side",
            "The windows lie side by side: they move by the stride and not by their own size.",
            partial(
                scores,
                down=lambda stride, window: window[0],
                right=lambda stride, window: window[1],
            ),
        ),
        Misconception(
            "stride_in_one_direction",
            "It moves by the stride downwards and by one to the right: the stride is the same in "
            "both directions.",
            partial(scores, right=lambda stride, window: 1),
        ),
        changes_its_input(scores, _append_softmax, "softmax was added to the classifier itself"),
        returns_float32(scores),
        returns_float64(scores),
    ),
)
