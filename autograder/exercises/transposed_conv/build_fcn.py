"""The exercise `build_fcn`: a network of the student's own, judged by what it does after training.

Untrained networks are judged by shapes and by how far a pixel sees; the rest by the mean IoU that
training in the sandbox reaches on scenes that nobody has seen (course.training has the recipe).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from autograder.exercise import Exercise, Misconception
from course.cases import Group
from course.compare import Comparison
from course.outcome import Case
from course.training import CATEGORIES, RECIPE
from solutions.fcn import build_fcn

AT_LEAST = Comparison(at_least=True)
UNTRAINED = {**RECIPE, "steps": 0}
HIDDEN_SCENES = 60  # their mean IoU moves by 0.01 or so from one draw of scenes to another
# Colour alone stays below 0.2; right designs reach more than 0.42: python -m tests.bench fcn.
FLOOR = 0.30
RAMP = (0.34, 0.38, 0.42)
FORBIDDEN = {
    "Linear": "a linear layer fixes the size of the image: the network has convolutions only.",
    "LazyLinear": "a linear layer fixes the size of the image: the network has convolutions only.",
    "torchvision": "torchvision has finished networks: here you build one.",
}

GROUPS = (
    Group(
        "images to maps",
        "Images [B, C, H, W] become logits [B, K, H, W]: one for each class at each pixel.",
    ),
    Group(
        "surroundings",
        "What a pixel is shows in its surroundings: a change some pixels away must reach it.",
    ),
    Group(
        "learns",
        f"After training it must do better than colour alone: a mean IoU of {FLOOR:.2f}.",
        comparison=AT_LEAST,
        goal=FLOOR,
    ),
    Group("any size", "Every height and width that 8 divides will do, square or not.", edge=True),
    Group(
        "channels and classes", "The numbers of channels and of classes are arguments.", edge=True
    ),
    Group(
        "logits",
        "The result holds logits: the loss applies its own softmax, so there is none at the end.",
        edge=True,
    ),
    *(
        Group(
            f"mean IoU of {goal:.2f}",
            f"After training it reaches a mean IoU of {goal:.2f} on scenes it has not seen.",
            edge=True,
            comparison=AT_LEAST,
            goal=goal,
        )
        for goal in RAMP
    ),
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant: images, and seeds of scenes that are in no dataset."""

    def images(*shape: int) -> Tensor:
        return torch.from_numpy(rng.random(shape, dtype=np.float32))

    def untrained(group: str, view: str, *given: Tensor, arguments: tuple[int, int]) -> Case:
        return Case(group, arguments, apply=given, training=UNTRAINED, view=view)

    usual = (3, CATEGORIES)
    tall = 8 * int(rng.choice([3, 5]))
    channels, classes = int(rng.integers(1, 3)), int(rng.integers(6, 9))
    scenes = tuple(int(seed) for seed in rng.integers(2**50, 2**51, size=HIDDEN_SCENES))
    near = images(1, 3, 32, 32)
    far = near.clone()
    far[:, :, :4, :4] = 1 - far[:, :, :4, :4]

    def trained(group: str) -> Case:
        return Case(group, usual, training=RECIPE, scenes=scenes)

    return [
        untrained("images to maps", "shapes", images(2, 3, 32, 48), arguments=usual),
        untrained("surroundings", "how_far_it_sees", near, far, arguments=usual),
        trained("learns"),
        untrained(
            "any size", "shapes", images(1, 3, 8, 8), images(1, 3, tall, 16), arguments=usual
        ),
        untrained(
            "channels and classes",
            "shapes",
            images(1, channels, 16, 24),
            arguments=(channels, classes),
        ),
        untrained("logits", "sums_to_one", images(1, 3, 16, 16), arguments=usual),
        *(trained(f"mean IoU of {goal:.2f}") for goal in RAMP),
    ]


Build = Callable[[int, int], nn.Module]


def _then(change: Callable[[Tensor], Tensor]) -> Build:
    """Return the reference's network with something behind it."""

    class Changed(nn.Module):
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: Tensor) -> Tensor:
            return change(self.network(images))

    return lambda channels, classes: Changed(build_fcn(channels, classes))


def _one_size(channels: int, classes: int) -> nn.Module:
    class OneSize(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = build_fcn(channels, classes)

        def forward(self, images: Tensor) -> Any:
            logits = self.network(images)
            return logits.reshape(len(images), classes, 64, 64)

    return OneSize()


def _four_times_down(channels: int, classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, 8, 16, stride=16), nn.ConvTranspose2d(8, classes, 16, stride=16)
    )


def pointwise(channels: int, classes: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, 32, 1), nn.ReLU(), nn.Conv2d(32, classes, 1))


def _one_layer(channels: int, classes: int) -> nn.Module:
    return nn.Conv2d(channels, classes, 3, padding=1)


def _odd_border(logits: Tensor) -> Tensor:
    return nn.functional.pad(logits, (0, 1, 0, 1))


BUILD_FCN = Exercise(
    name="build_fcn",
    reference=build_fcn,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "pixel_by_pixel",
            "Every pixel is classified by its own colour: 1x1 convolutions never look at a "
            "neighbour, and colour does not tell the class here.",
            pointwise,
        ),
        Misconception(
            "sees_a_few_pixels",
            "Each pixel sees only a few pixels around it: go down with strides or pooling, so that "
            "a pixel sees whole objects, and come up again.",
            _one_layer,
        ),
        Misconception(
            "stays_small",
            "The map is smaller than the image: the network goes down but does not come up again.",
            _then(lambda logits: logits[:, :, ::8, ::8]),
        ),
        Misconception(
            "a_pixel_too_many",
            "The map is a little larger than the image: the transposed convolutions need the "
            "padding that trims their border.",
            _then(_odd_border),
        ),
        Misconception(
            "one_class_too_many",
            "It has one class more than asked for: background is one of the classes here.",
            lambda channels, classes: build_fcn(channels, classes + 1),
        ),
        Misconception(
            "made_for_one_size",
            "It takes images of one size only: without linear layers and fixed shapes every size "
            "that 8 divides will do.",
            _one_size,
        ),
        Misconception(
            "only_multiples_of_16",
            "It needs sizes that 16 divides: it goes down four times, where 8 allows three.",
            _four_times_down,
        ),
        Misconception(
            "three_channels",
            "It always takes three channels: the number of channels is an argument.",
            lambda channels, classes: build_fcn(3, classes),
        ),
        Misconception(
            "four_classes",
            "It always gives the same number of classes: their number is an argument.",
            lambda channels, classes: build_fcn(channels, CATEGORIES),
        ),
        Misconception(
            "softmax_at_the_end",
            "It ends with softmax: the loss takes logits and applies its own, so the network would "
            "learn through two of them, and badly.",
            _then(lambda logits: logits.softmax(dim=1)),
        ),
        Misconception(
            "returns_labels",
            "It returns the most likely class of each pixel: return the logits of all classes, "
            "from which the loss can learn.",
            _then(lambda logits: logits.argmax(dim=1)),
        ),
        Misconception(
            "channels_last",
            "The classes are the last axis: they come second, as channels do, [B, K, H, W].",
            _then(lambda logits: logits.permute(0, 2, 3, 1)),
        ),
    ),
    forbidden=FORBIDDEN,
)
