"""The exercise `receptive_field`."""

from math import prod

import numpy as np

from autograder.exercise import Exercise, Misconception
from autograder.exercises.shared_mistakes import changes_its_input
from course.cases import Group
from course.outcome import Case
from solutions.fcn import receptive_field

Layers = list[tuple[int, int]]

GROUPS = (
    Group(
        "stride 1",
        "One output of no layers sees one pixel; each layer of kernel k with stride 1 adds k - 1.",
    ),
    Group(
        "strides",
        "After a layer of stride s, neighbours lie s times as far apart: a later layer adds k - 1 "
        "steps, each as long as the product of the strides before it.",
    ),
    Group(
        "one layer",
        "One layer sees as many pixels as its kernel has, whatever its own stride: a stride "
        "changes only what comes after it.",
        edge=True,
    ),
    Group(
        "kernels of 1",
        "A kernel of 1 adds nothing, but its stride still makes later steps longer.",
        edge=True,
    ),
    Group("no layers", "Without layers an output is a pixel, and sees one pixel.", edge=True),
    Group("deep stacks", "The rule holds for any number of layers.", edge=True),
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""

    def layers(count: int, kernels: tuple[int, int], strides: tuple[int, int]) -> Layers:
        return [
            (int(rng.integers(*kernels, endpoint=True)), int(rng.integers(*strides, endpoint=True)))
            for _ in range(count)
        ]

    first, last = layers(1, (2, 5), (2, 3)), layers(1, (3, 7), (1, 2))
    pointwise = [(1, int(rng.integers(2, 4)))]
    block = [(3, 1), (3, 1), (2, 2)]
    return [
        Case("stride 1", ([(3, 1)] * int(rng.integers(3, 7)),)),
        Case("stride 1", (layers(4, (2, 7), (1, 1)),)),
        Case("strides", ([*first, *layers(2, (3, 5), (2, 3)), *last],)),
        Case("strides", (layers(5, (3, 5), (2, 3)),)),
        Case("strides", ([(7, 2), (3, 2), *last, (3, 1)],)),
        Case("one layer", (layers(1, (2, 9), (2, 4)),)),
        Case("one layer", (layers(1, (4, 11), (1, 1)),)),
        Case("kernels of 1", ([*pointwise, *last],)),
        Case("kernels of 1", ([*last, (1, 1), *pointwise, *first],)),
        Case("no layers", ([],)),
        Case("deep stacks", (block * int(rng.integers(4, 6)),)),
        Case("deep stacks", ([(3, 1)] * int(rng.integers(40, 90)),)),
    ]


def _from_the_end(layers: Layers) -> int:
    return receptive_field(layers[::-1])


def _own_stride_first(layers: Layers) -> int:
    field, step = 1, 1
    for kernel, stride in layers:
        step *= stride
        field += (kernel - 1) * step
    return field


def _stride_of_the_layer_before(layers: Layers) -> int:
    steps = [1, *(stride for _, stride in layers)]
    return 1 + sum((kernel - 1) * step for (kernel, _), step in zip(layers, steps, strict=False))


def _one_side_only(layers: Layers) -> int:
    return 1 + (receptive_field(layers) - 1) // 2


def _whole_kernels(layers: Layers) -> int:
    steps = [prod(stride for _, stride in layers[:i]) for i in range(len(layers))]
    return sum(kernel * step for (kernel, _), step in zip(layers, steps, strict=True)) or 1


RECEPTIVE_FIELD = Exercise(
    name="receptive_field",
    reference=receptive_field,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "sum_of_kernels",
            "It adds up the kernels: two kernels of 3 in a row see 5 pixels and not 6, since the "
            "windows of neighbours overlap. A layer adds one pixel less than its kernel has.",
            lambda layers: sum(kernel for kernel, _ in layers),
        ),
        Misconception(
            "whole_kernels_by_stride",
            "It adds whole kernels, in steps of the strides before: a kernel of k reaches from its "
            "first to its last value in k - 1 steps.",
            _whole_kernels,
        ),
        Misconception(
            "product_of_kernels",
            "It multiplies the kernels: without strides the field grows by k - 1 with each layer, "
            "which is a sum.",
            lambda layers: prod(kernel for kernel, _ in layers),
        ),
        Misconception(
            "forgets_the_pixel_itself",
            "It is one pixel short everywhere: an output of no layers already sees one pixel, so "
            "count from 1 and not from 0.",
            lambda layers: receptive_field(layers) - 1,
        ),
        Misconception(
            "one_side_only",
            "It counts to one side only: a kernel of 3 reaches one pixel further to the left and "
            "one to the right.",
            _one_side_only,
        ),
        Misconception(
            "ignores_strides",
            "It leaves the strides out: behind a stride of 2 every step is two pixels long.",
            lambda layers: 1 + sum(kernel - 1 for kernel, _ in layers),
        ),
        Misconception(
            "own_stride_first",
            "It uses a layer's own stride for that layer: what one output of a layer sees does not "
            "depend on how far away the next output is. A stride counts for the layers after it.",
            _own_stride_first,
        ),
        Misconception(
            "stride_of_the_layer_before",
            "It uses the stride of the layer just before only: all strides before it multiply.",
            _stride_of_the_layer_before,
        ),
        Misconception(
            "from_the_last_layer",
            "It goes through the layers in the wrong direction: strides make the steps of later "
            "layers longer, and the list begins at the image.",
            _from_the_end,
        ),
        Misconception(
            "no_layers_see_nothing",
            "Without layers it gives 0: then the output is the pixel itself, and sees 1.",
            lambda layers: receptive_field(layers) if layers else 0,
        ),
        changes_its_input(receptive_field, lambda layers: layers.clear(), "the list is used up"),
    ),
)
