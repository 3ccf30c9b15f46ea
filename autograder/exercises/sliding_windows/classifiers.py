"""The cases of the exercise `to_fully_convolutional`."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from autograder.exercises.drawing import STRICT
from autograder.exercises.sliding_windows.networks import images, network
from course.cases import Group
from course.outcome import Case

CLASSIFIER_GROUPS = (
    Group(
        "the classifier's own size",
        "On an image of the classifier's own size the network has one result, the classifier's "
        "logits, in the shape [B, K, 1, 1]; linear layers have become convolutions.",
    ),
    Group(
        "larger images",
        "On a larger image there is one result for each window, in the shape [B, K, rows, "
        "columns]; all layers but Flatten and the linear ones stay as they are.",
    ),
    Group(
        "not square",
        "Images, and the features that enter Flatten, need not be square: sizes are (height, "
        "width).",
        edge=True,
    ),
    Group("one linear layer", "There may be one linear layer after Flatten.", edge=True),
    Group("other activations", "Activations of any kind stay where they are.", edge=True),
    Group("no convolutions", "Flatten may be the first layer.", edge=True),
    Group(
        "padding and strides",
        "Convolutions and poolings keep their padding and their strides.",
        edge=True,
    ),
    Group("without a bias", "Linear layers may have no bias.", edge=True),
    Group(
        "types", "A classifier of float64 gives a network of float64.", edge=True, comparison=STRICT
    ),
)


def draw_to_fully_convolutional(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant; inputs are as small as their layers allow.

    Where a bias, a dtype or a missing convolution is tested one pixel enters Flatten: who mixes up
    its axes is right there, so that both faults are told apart.
    """
    k = int(rng.integers(3, 5))
    square = [nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(2)]  # 2x8x8 becomes 3x3x3
    hidden = [nn.Flatten(), nn.Linear(27, 5), nn.ReLU(), nn.Linear(5, k)]
    plain = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten()]  # 1x4x4 becomes 4x2x2
    deep = [*plain, nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, k)]
    wide = [nn.Conv2d(2, 3, (3, 2)), nn.ReLU(), nn.Flatten()]  # 2x4x4 becomes 3x2x3
    strided = [nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.ReLU(), nn.AvgPool2d(2, stride=1)]
    others = [nn.Linear(16, 4), nn.Tanh(), nn.Linear(4, 4), nn.LeakyReLU(0.25)]
    own, larger, small, one = "the classifier's own size", "larger images", (1, 4, 4), (1, 3, 3)
    cases = [
        (own, [*square, *hidden], (2, 8, 8), [(2, 8, 8)]),
        (own, deep, small, [(1, 4, 4)]),
        (larger, [*square, *hidden], (2, 8, 8), [(1, 12, 10)]),
        (larger, deep, small, [(2, 5, 7)]),
        ("not square", [*wide, *_ending(18)], (2, 4, 4), [(2, 4, 4), (1, 5, 7)]),
        ("one linear layer", [*plain, nn.Linear(16, 3)], small, [(2, 4, 4), (1, 6, 5)]),
        ("other activations", [*plain, *others, nn.Linear(4, 3)], small, [(1, 4, 4), (1, 5, 6)]),
        ("no convolutions", [nn.Flatten(), nn.Linear(4, 3)], (4, 1, 1), [(2, 1, 1), (1, 2, 3)]),
        (
            "padding and strides",
            [*strided, nn.Flatten(), nn.Linear(12, 3)],
            (1, 6, 6),
            [(1, 6, 6), (1, 8, 10)],
        ),
        ("without a bias", [*plain, nn.Linear(4, 3, bias=False)], one, [(1, 3, 3), (1, 4, 5)]),
    ]
    drawn = [_case(rng, *case) for case in cases]
    double = _case(rng, "types", [*plain, nn.Linear(4, 3)], one, [(1, 4, 5)], torch.float64)
    return [*drawn, double]


def _ending(features: int) -> list[nn.Module]:
    return [nn.Linear(features, 4), nn.ReLU(), nn.Linear(4, 3)]


def _case(
    rng: np.random.Generator,
    group: str,
    layers: Sequence[nn.Module],
    shape: tuple[int, int, int],
    sizes: Sequence[tuple[int, int, int]],
    dtype: torch.dtype = torch.float32,
) -> Case:
    """Return a case that looks at the network on inputs of `sizes`, each (batch, height, width)."""
    classifier = network(rng, *layers).to(dtype)
    inputs = [images(rng, batch, shape[0], *size).to(dtype) for batch, *size in sizes]
    linear = group == CLASSIFIER_GROUPS[0].name
    return Case(group, (classifier, shape), apply=tuple(inputs), parameters=linear)
