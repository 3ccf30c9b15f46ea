"""The exercise `pixel_cross_entropy`."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import STRICT, redraw
from autograder.exercises.shared_mistakes import (
    detached,
    nan_of_nothing,
    no_graph_of_nothing,
    returns_float32,
    takes_probabilities,
)
from course.cases import Group
from course.outcome import Case
from solutions.fcn import pixel_cross_entropy

IGNORED = -1
Loss = Callable[..., Tensor]

GROUPS = (
    Group(
        "every pixel counts",
        "At each pixel the loss is minus the logarithm of the probability of the true class, the "
        "softmax running over the classes; the result is the mean over the pixels.",
    ),
    Group(
        "ignored pixels",
        "Pixels whose target is the ignored label count neither in the sum nor in the number that "
        "it is divided by.",
    ),
    Group(
        "another ignored label",
        "Which label is ignored is an argument: it may be 255, or one of the classes.",
        edge=True,
    ),
    Group(
        "nothing counts",
        "Where every pixel is ignored the loss is 0, and backward can still be called on it.",
        edge=True,
    ),
    Group(
        "large logits",
        "Logits may be large: take the logarithm of the softmax in one step, so that a probability "
        "which rounds to 0 has a finite logarithm.",
        edge=True,
    ),
    Group("one pixel", "An image may be a single pixel.", edge=True),
    Group("gradients", "The loss is trained with: its gradients reach every logit.", edge=True),
    Group("types", "The loss has the dtype of the logits, float32 or float64.", True, STRICT),
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""

    def logits(*shape: int, scale: float = 1.5) -> Tensor:
        return torch.from_numpy(rng.normal(size=shape).round(2) * scale).float()

    def target(*shape: int, classes: int, ignored: int = 0, label: int = IGNORED) -> Tensor:
        """Return labels of which each class occurs and `ignored` are `label`."""

        def labels() -> Tensor:
            drawn = torch.from_numpy(rng.integers(classes, size=shape))
            places = torch.from_numpy(rng.permutation(drawn.numel())[:ignored])
            drawn.view(-1)[places] = label
            return drawn

        left = set(range(classes)) | {label}
        return redraw(labels, lambda drawn: left - {IGNORED, 255} <= set(drawn.flatten().tolist()))

    empty = torch.full((2, 3), IGNORED)
    far = logits(3, 2, 3, scale=100.0)
    return [
        Case("every pixel counts", (logits(3, 2, 4), target(2, 4, classes=3))),
        Case("every pixel counts", (logits(4, 4, 2), target(4, 2, classes=4))),
        Case("every pixel counts", (logits(2, 3, 3), target(3, 3, classes=2))),
        Case("ignored pixels", (logits(3, 3, 4), target(3, 4, classes=3, ignored=4))),
        Case("ignored pixels", (logits(2, 4, 3), target(4, 3, classes=2, ignored=6))),
        Case(
            "another ignored label",
            (logits(3, 3, 4), target(3, 4, classes=3, ignored=4, label=255), 255),
        ),
        Case("another ignored label", (logits(3, 2, 4), target(2, 4, classes=3), 0)),
        Case("nothing counts", (logits(3, 2, 3), empty), gradients=True),
        Case("nothing counts", (logits(2, 2, 3), torch.full((2, 3), 255), 255)),
        Case("large logits", (far, far.argmin(dim=0))),
        Case("one pixel", (logits(4, 1, 1), target(1, 1, classes=1))),
        Case(
            "gradients",
            (logits(3, 3, 4), target(3, 4, classes=3, ignored=3)),
            gradients=True,
        ),
        Case("gradients", (logits(2, 2, 3), target(2, 3, classes=2)), gradients=True),
        Case("types", (logits(3, 2, 3), target(2, 3, classes=3, ignored=1))),
        Case("types", (logits(3, 2, 3).double(), target(2, 3, classes=3, ignored=1))),
    ]


def _counts(logits: Tensor, target: Tensor, ignore_index: int = IGNORED) -> bool:
    return bool((target != ignore_index).any())


def _loss(
    log_probabilities: Callable[[Tensor], Tensor],
    total: Callable[[Tensor, Tensor], Tensor] = lambda losses, counted: (
        losses.sum() / counted.sum().clamp(min=1)
    ),
) -> Loss:
    """Return a loss of other logarithms [K, H, W], or with another way to add up the pixels."""

    def loss(logits: Tensor, target: Tensor, ignore_index: int = IGNORED) -> Tensor:
        counted = target != ignore_index
        labels = torch.where(counted, target, 0)
        of_the_label = log_probabilities(logits).gather(0, labels[None])[0]
        return total(-of_the_label[counted], counted)

    return loss


def _softmax(logits: Tensor) -> Tensor:
    return logits.log_softmax(dim=0)


def _pixels_mixed(logits: Tensor) -> Tensor:
    """Return logarithms after a reshape that takes neighbours in memory for one pixel's classes."""
    K, H, W = logits.shape
    return logits.reshape(-1, K).log_softmax(dim=1).T.reshape(K, H, W)


def _ignored_as_background(logits: Tensor, target: Tensor, ignore_index: int = IGNORED) -> Tensor:
    labels = torch.where(target == ignore_index, 0, target)
    return pixel_cross_entropy(logits, labels, -100)


def _always_minus_one(logits: Tensor, target: Tensor, ignore_index: int = IGNORED) -> Tensor:
    return pixel_cross_entropy(logits, target, IGNORED)


PIXEL_CROSS_ENTROPY = Exercise(
    name="pixel_cross_entropy",
    reference=pixel_cross_entropy,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "ignored_in_the_mean",
            "It divides by the number of all pixels: an image with few labelled pixels would count "
            "less. Divide by the number of those that count.",
            _loss(_softmax, lambda losses, counted: losses.sum() / counted.numel()),
        ),
        Misconception(
            "ignored_as_background",
            "It teaches ignored pixels to be background: nobody knows what they show, so they "
            "enter neither the sum nor the count.",
            _ignored_as_background,
        ),
        Misconception(
            "softmax_over_the_columns",
            "Its softmax runs along a row of the image: the numbers of one pixel compete, one for "
            "each class, and the classes are the first axis.",
            _loss(lambda logits: logits.log_softmax(dim=2)),
        ),
        Misconception(
            "pixels_mixed_up",
            "It reshapes the logits as if the classes were the last axis, so that numbers of "
            "different pixels are taken for one pixel's classes: move the axis first.",
            _loss(_pixels_mixed),
        ),
        Misconception(
            "sum_instead_of_mean",
            "It adds up the pixels: the result is their mean, or a large image would weigh more.",
            _loss(_softmax, lambda losses, counted: losses.sum()),
        ),
        Misconception(
            "divided_by_the_classes_too",
            "It divides by the number of all logits: a pixel has one loss, however many classes "
            "there are.",
            lambda logits, *rest: pixel_cross_entropy(logits, *rest) / len(logits),
        ),
        Misconception(
            "forgets_the_minus",
            "It comes out below 0: a logarithm of a probability is negative, and the loss is minus "
            "that.",
            lambda *arguments: -pixel_cross_entropy(*arguments),
        ),
        Misconception(
            "logits_for_logarithms",
            "It takes the logits themselves for logarithms of probabilities: softmax makes them "
            "add up to 1 first.",
            _loss(lambda logits: logits),
        ),
        takes_probabilities(pixel_cross_entropy, 0, partial(torch.softmax, dim=0)),
        Misconception(
            "always_minus_one",
            "It ignores label -1 whatever it is told: the third argument says which label it is.",
            _always_minus_one,
        ),
        Misconception(
            "logarithm_of_a_rounded_softmax",
            "With large logits it gives infinity: a probability that rounds to 0 has no logarithm. "
            "There is one function for both steps together.",
            _loss(lambda logits: logits.softmax(dim=0).log()),
        ),
        nan_of_nothing(pixel_cross_entropy, _counts),
        no_graph_of_nothing(pixel_cross_entropy, _counts),
        detached(pixel_cross_entropy),
        returns_float32(pixel_cross_entropy),
    ),
    forbidden=dict.fromkeys(
        ("cross_entropy", "nll_loss", "CrossEntropyLoss", "NLLLoss"),
        "it is this very loss: here you write it from log_softmax on.",
    ),
)
