"""The exercises that count: `head_channels` and `forward_passes`."""

from collections.abc import Callable

import numpy as np

from autograder.exercise import Exercise, Misconception
from autograder.exercises.shared_mistakes import after
from course.cases import Group
from course.outcome import Case
from solutions.single_stage import forward_passes, head_channels

HEAD_GROUPS = (
    Group(
        "one transform for each anchor",
        "Each anchor has a logit for every class and one for background, and one transform of four "
        "numbers.",
    ),
    Group(
        "one transform for each class",
        "Class-specific regression gives each anchor one transform of four numbers for every "
        "class; background needs none.",
    ),
    Group(
        "not class-specific by default",
        "Where nothing is said about it, all classes share the transform of an anchor.",
        edge=True,
    ),
    Group("one class", "With one class there are still two logits: it and background.", edge=True),
    Group("one anchor", "With one anchor at each position the same counts hold.", edge=True),
)


def draw_head_channels(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    anchors = [int(n) for n in rng.choice(np.arange(3, 16), size=5, replace=False)]
    classes = [int(n) for n in rng.choice(np.arange(5, 92), size=5, replace=False)]
    shared, specific = "one transform for each anchor", "one transform for each class"
    return [
        Case(shared, (anchors[0], classes[0], False)),
        Case(shared, (anchors[1], classes[1], False)),
        Case(specific, (anchors[2], classes[2], True)),
        Case(specific, (anchors[3], classes[3], True)),
        Case("not class-specific by default", (anchors[4], classes[4])),
        Case("one class", (anchors[0], 1, False)),
        Case("one class", (anchors[1], 1, True)),
        Case("one anchor", (1, classes[0], False)),
        Case("one anchor", (1, classes[1], True)),
    ]


def _counted(
    of_classes: Callable[[int, int], int] = lambda anchors, classes: anchors * (classes + 1),
    of_boxes: Callable[[int, int, bool], int] = lambda anchors, classes, specific: (
        anchors * 4 * (classes if specific else 1)
    ),
) -> Callable[..., tuple[int, int]]:
    """Return `head_channels` with one of its two counts replaced."""

    def wrong(anchors: int, classes: int, specific: bool = False) -> tuple[int, int]:
        return of_classes(anchors, classes), of_boxes(anchors, classes, specific)

    return wrong


HEAD_CHANNELS = Exercise(
    name="head_channels",
    reference=head_channels,
    groups=HEAD_GROUPS,
    draw=draw_head_channels,
    misconceptions=(
        Misconception(
            "no_background",
            "It gives each anchor a logit for every class only: background is one more, since most "
            "anchors hold no object.",
            _counted(of_classes=lambda anchors, classes: anchors * classes),
        ),
        Misconception(
            "object_or_not",
            "It counts the channels of an RPN, one logit for each anchor: a single-stage head "
            "tells the classes apart already here.",
            _counted(of_classes=lambda anchors, classes: anchors),
        ),
        Misconception(
            "objectness_besides_the_classes",
            "It gives each anchor an objectness besides background and the classes: background "
            "among the classes says it already.",
            _counted(of_classes=lambda anchors, classes: anchors * (classes + 2)),
        ),
        Misconception(
            "classes_once_for_all_anchors",
            "It counts the class logits once for a position: every anchor there has its own.",
            _counted(of_classes=lambda anchors, classes: classes + 1),
        ),
        Misconception(
            "background_once_for_all_anchors",
            "It counts background once for a position: every anchor has its own, since one may "
            "hold an object where the next holds none.",
            _counted(of_classes=lambda anchors, classes: anchors * classes + 1),
        ),
        Misconception(
            "four_once_for_all_anchors",
            "It counts the four numbers of a transform once for a position: every anchor there "
            "has its own transform.",
            _counted(of_boxes=lambda anchors, classes, specific: 4 * (classes if specific else 1)),
        ),
        Misconception(
            "a_transform_for_background",
            "Its class-specific boxes have a transform for background too: background has no box "
            "to move to.",
            _counted(
                of_boxes=lambda anchors, classes, specific: (
                    anchors * 4 * (classes + 1 if specific else 1)
                )
            ),
        ),
        Misconception(
            "never_class_specific",
            "It counts one transform for each anchor also where boxes are class-specific: then "
            "each class has its own.",
            _counted(of_boxes=lambda anchors, classes, specific: anchors * 4),
        ),
        Misconception(
            "always_class_specific",
            "It counts a transform for each class also where all classes share one.",
            _counted(of_boxes=lambda anchors, classes, specific: anchors * 4 * classes),
        ),
        Misconception(
            "class_specific_by_default",
            "It takes boxes for class-specific where nothing is said about it: the default is one "
            "transform for each anchor.",
            lambda anchors, classes, specific=True: head_channels(anchors, classes, specific),
        ),
        Misconception(
            "boxes_first",
            "It returns the box channels first: first come those of the classes.",
            after(head_channels, lambda channels: channels[::-1]),
        ),
    ),
)

PASSES_GROUPS = (
    Group(
        "R-CNN",
        "R-CNN cuts out every proposal and runs its whole network, backbone and head, on each.",
    ),
    Group(
        "Fast and Faster R-CNN",
        "Both run the backbone once for the whole image, and the light head once for each "
        "proposal; they differ in where proposals come from.",
    ),
    Group(
        "single stage",
        "A single-stage detector runs the backbone once and has no part that runs for each "
        "proposal.",
    ),
    Group(
        "no proposals",
        "Without proposals no head runs; a backbone that sees the whole image runs all the same.",
        edge=True,
    ),
    Group("one proposal", "One proposal is one pass through the head.", edge=True),
)
PER_REGION = ("rcnn", "fast", "faster")


def draw_forward_passes(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    counts = [int(n) for n in rng.choice(np.arange(50, 3000), size=6, replace=False)]
    shared = "Fast and Faster R-CNN"
    return [
        Case("R-CNN", ("rcnn", counts[0])),
        Case("R-CNN", ("rcnn", counts[1])),
        Case(shared, ("fast", counts[2])),
        Case(shared, ("faster", counts[3])),
        Case("single stage", ("single_stage", counts[4])),
        *(Case("no proposals", (system, 0)) for system in (*PER_REGION, "single_stage")),
        *(Case("one proposal", (system, 1)) for system in PER_REGION),
    ]


def _replaced(system: str, passes: Callable[[int], tuple[int, int]]) -> Callable[..., object]:
    """Return `forward_passes` with another answer for one system."""
    return lambda name, n: passes(n) if name == system else forward_passes(name, n)


def _nothing_without_proposals(system: str, n: int) -> tuple[int, int]:
    return forward_passes(system, n) if n or system == "single_stage" else (0, 0)


FORWARD_PASSES = Exercise(
    name="forward_passes",
    reference=forward_passes,
    groups=PASSES_GROUPS,
    draw=draw_forward_passes,
    misconceptions=(
        Misconception(
            "rcnn_shares_its_backbone",
            "It lets R-CNN run its backbone once: sharing it is what Fast R-CNN brought, R-CNN "
            "runs everything on every crop.",
            _replaced("rcnn", lambda n: (1, n)),
        ),
        Misconception(
            "rcnn_without_a_head",
            "It gives R-CNN no head: its network has the same last layers, and they run on every "
            "crop too.",
            _replaced("rcnn", lambda n: (n, 0)),
        ),
        Misconception(
            "rcnn_head_once",
            "It runs R-CNN's head once: it classifies every crop, so it runs for each.",
            _replaced("rcnn", lambda n: (n, 1)),
        ),
        Misconception(
            "fast_is_like_rcnn",
            "It runs Fast R-CNN's backbone for each proposal: regions are cut out of the features "
            "of one pass over the whole image.",
            _replaced("fast", lambda n: (n, n)),
        ),
        Misconception(
            "one_head_for_all_proposals",
            "It counts one pass of the head for all proposals: they go through it side by side, "
            "but each is computed.",
            lambda system, n: (
                (1, min(n, 1)) if system in ("fast", "faster") else forward_passes(system, n)
            ),
        ),
        Misconception(
            "faster_has_two_backbones",
            "It runs a backbone for the proposals and another for the regions in Faster R-CNN: "
            "both work on the features of one pass.",
            _replaced("faster", lambda n: (2, n)),
        ),
        Misconception(
            "faster_without_a_head",
            "It lets the proposal network stand in for the head in Faster R-CNN: it only proposes, "
            "and each proposal still goes through the head.",
            _replaced("faster", lambda n: (1, 0)),
        ),
        Misconception(
            "single_stage_with_a_head",
            "It runs a head for each proposal in a single-stage detector: that one classifies its "
            "anchors directly, in layers that see the whole image.",
            _replaced("single_stage", lambda n: (1, n)),
        ),
        Misconception(
            "single_stage_head_once",
            "It counts the layers behind a single-stage detector's backbone as a head: a head here "
            "is what runs for each region, and there is none.",
            _replaced("single_stage", lambda n: (1, 1)),
        ),
        Misconception(
            "nothing_without_proposals",
            "It runs nothing where there are no proposals: the shared backbone has looked at the "
            "image before anybody knows that.",
            _nothing_without_proposals,
        ),
        Misconception(
            "head_first",
            "It returns the passes of the head first: first come those of the backbone.",
            after(forward_passes, lambda passes: passes[::-1]),
        ),
    ),
)
