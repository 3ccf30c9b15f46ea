"""The cases of the exercise `label_anchors`.

Overlaps are whole 256ths, which every arithmetic holds exactly, and clear of the thresholds except
where a threshold is met: there both are quarters.
"""

import numpy as np
import torch
from torch import Tensor

from autograder.exercises.drawing import STRICT, redraw
from course.cases import Group
from course.outcome import Case

LABEL_ANCHORS_GROUPS = (
    Group(
        "anchors that fit",
        "An anchor is positive where its highest IoU is at least the positive threshold, negative "
        "where it is below the negative one, else neutral.",
    ),
    Group(
        "objects that no anchor fits",
        "Each object's best anchors are positive, however low their IoU is.",
    ),
    Group(
        "best for one, more on another",
        "An anchor's match is the object that it overlaps most itself, also where another object "
        "makes it positive.",
        edge=True,
    ),
    Group("given thresholds", "The thresholds are arguments; 0.7 and 0.3 are only defaults.", True),
    Group(
        "IoU equal to a threshold",
        "At the positive threshold an anchor is positive; at the negative one it is not negative.",
        edge=True,
    ),
    Group(
        "equal best anchors", "All anchors that share an object's highest IoU are positive.", True
    ),
    Group(
        "objects that no anchor touches",
        "An object whose highest IoU is 0 has no best anchor.",
        edge=True,
    ),
    Group(
        "equal objects", "Of objects that an anchor overlaps equally the first is its match.", True
    ),
    Group("one object", "With one object the overlaps have one column.", edge=True),
    Group(
        "no objects",
        "Without objects every anchor is negative, and its match is -1.",
        edge=True,
    ),
    Group("no anchors", "Without anchors both results are empty.", edge=True),
    Group("types", "Labels and matches are int64, whatever the overlaps are.", True, STRICT),
)
POSITIVE, NEGATIVE = 0.7, 0.3  # the defaults


def draw_label_anchors(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    given = rng.permutation([(0.8, 0.4), (0.45, 0.2), (0.45, 0.45), (0.8, 0.2)])[:2].tolist()
    positive, negative = float(rng.choice([0.5, 0.75])), 0.25
    single = mixed(rng, 5, 2)
    return [
        Case("anchors that fit", (every_object_fits(rng, 8, 3),)),
        Case("anchors that fit", (every_object_fits(rng, 6, 2), POSITIVE, NEGATIVE)),
        Case("objects that no anchor fits", (with_poor_anchors(rng, 7),)),
        Case("objects that no anchor fits", (with_poor_anchors(rng, 5),)),
        Case("best for one, more on another", (chosen_by_another(rng),)),
        *(Case("given thresholds", (of_all_levels(rng), *thresholds)) for thresholds in given),
        Case("IoU equal to a threshold", (at_the_thresholds(rng, positive), positive, negative)),
        Case("equal best anchors", (equal_best(rng),)),
        Case("objects that no anchor touches", (untouched(rng),)),
        Case("objects that no anchor touches", (torch.zeros(3, 2),)),
        Case("equal objects", (equal_objects(rng),)),
        Case("one object", (mixed(rng, 5, 1),)),
        Case("no objects", (torch.zeros(4, 0),)),
        Case("no anchors", (torch.zeros(0, 3),)),
        Case("types", (single,)),
        Case("types", (single.double(),)),
    ]


def sixty_fourths(rng: np.random.Generator, *shape: int, highest: float = 0.95) -> Tensor:
    """Return overlaps from 1/64 up, all different."""
    count = int(np.prod(shape))
    values = rng.choice(np.arange(1, int(highest * 64) + 1), size=count, replace=False) / 64
    return torch.tensor(values.reshape(shape), dtype=torch.float32)


def labelled(iou: Tensor) -> list[int]:
    """Return the labels at the default thresholds, without any object's best anchors."""
    best = iou.amax(dim=1)
    return [1 if b >= POSITIVE else 0 if b < NEGATIVE else -1 for b in best.tolist()]


def every_object_fits(rng: np.random.Generator, anchors: int, objects: int) -> Tensor:
    """Return overlaps in which each object's best anchor is above the positive threshold."""

    def make() -> Tensor:
        iou = sixty_fourths(rng, anchors, objects, highest=0.65)
        iou[iou > 0.5] /= 4
        at = torch.from_numpy(rng.permutation(anchors)[:objects])
        iou[at, torch.arange(objects)] = sixty_fourths(rng, objects, highest=0.2) + 0.75
        return iou

    return redraw(make, lambda iou: {-1, 0, 1} <= set(labelled(iou)))


def mixed(rng: np.random.Generator, anchors: int, objects: int) -> Tensor:
    """Return overlaps with labels of all three kinds."""

    def fits(iou: Tensor) -> bool:
        return {-1, 0, 1} <= set(labelled(iou))

    return redraw(lambda: sixty_fourths(rng, anchors, objects), fits)


def with_poor_anchors(rng: np.random.Generator, anchors: int) -> Tensor:
    """Return overlaps with three objects, whose best anchors are below the negative threshold,
    between the two, and above the positive one; anchors that are nobody's best are of two kinds."""
    small = rng.choice(np.arange(1, 60), size=(anchors, 3), replace=False)
    small[0, 0] = rng.integers(62, 70)
    small[1, 1] = rng.integers(105, 140)
    small[2, 2] = rng.integers(195, 240)
    small[3, 2] = rng.integers(85, 100)
    rows, columns = rng.permutation(anchors), rng.permutation(3)
    return torch.tensor(small[rows][:, columns] / 256, dtype=torch.float32)


def chosen_by_another(rng: np.random.Generator) -> Tensor:
    """Return overlaps in which an object's best anchor overlaps another object more, which in turn
    has a better anchor."""

    def fits(iou: Tensor) -> bool:
        best, matches = iou.argmax(dim=0).tolist(), iou.argmax(dim=1).tolist()
        others = [(j, matches[i], i) for j, i in enumerate(best)]
        return any(k != j and best[k] != i for j, k, i in others)

    return redraw(lambda: sixty_fourths(rng, 6, 3), fits)


def of_all_levels(rng: np.random.Generator) -> Tensor:
    """Return overlaps whose highest IoU is near 1, 3/4, 1/2, 1/4 or 0; each object fits well."""
    levels = np.array([240, 235, 192, 128, 64, 26, 21]) + rng.integers(-4, 5, size=7)
    columns = np.append([0, 1], rng.integers(0, 2, size=5))
    iou = rng.choice(np.arange(1, 16), size=(7, 1)).repeat(2, axis=1)
    iou[np.arange(7), columns] = levels
    return torch.tensor(rng.permutation(iou) / 256, dtype=torch.float32)


def at_the_thresholds(rng: np.random.Generator, positive: float) -> Tensor:
    """Return overlaps in which anchors that are no object's best meet one of the thresholds."""
    iou = torch.tensor([[0.9375, 0.0625], [0.125, 0.875], [positive, 0.125], [0.0625, 0.25]])
    iou = torch.cat([iou, torch.tensor([[0.25, 0.125], [0.125, positive], [0.125, 0.1875]])])
    return iou[torch.from_numpy(rng.permutation(len(iou)))]


def equal_best(rng: np.random.Generator) -> Tensor:
    """Return overlaps in which two objects have two best anchors each, none near the thresholds."""
    iou = sixty_fourths(rng, 7, 3, highest=0.38)
    iou[:, 2] += 1 / 512  # no anchor overlaps two objects equally
    shared = torch.tensor([33 / 128, 65 / 128])[torch.from_numpy(rng.permutation(2))]
    at = torch.from_numpy(rng.permutation(7)[:4]).reshape(2, 2)
    for j in range(2):
        iou[:, j] = iou[:, j] / 4
        iou[at[j], j] = shared[j]
    return iou


def untouched(rng: np.random.Generator) -> Tensor:
    """Return overlaps with an object that no anchor touches."""
    iou = torch.cat([torch.zeros(6, 1), sixty_fourths(rng, 6, 2)], dim=1)
    return iou[:, torch.from_numpy(rng.permutation([0, 1, 2]))]


def equal_objects(rng: np.random.Generator) -> Tensor:
    """Return overlaps in which some anchors overlap two objects equally, and one all of them."""
    iou = sixty_fourths(rng, 7, 3, highest=0.8)
    for i, value in enumerate([33 / 128, 65 / 128, 113 / 128]):
        pair = torch.from_numpy(rng.permutation(3)[:2])
        iou[i] /= 16
        iou[i, pair] = value
    iou[3] = 0
    return iou[torch.from_numpy(rng.permutation(7))]
