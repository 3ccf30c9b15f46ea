"""The exercise `box_iou`."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import (
    NO_BOXES,
    NO_TORCHVISION,
    STRICT,
    boxes_around,
    quarters,
    random_boxes,
)
from autograder.exercises.nms.box_area import (
    IN_PLACE,
    PLUS_ONE,
    XYWH,
    area_of_pixels,
    to_width_and_height_in_place,
)
from autograder.exercises.shared_mistakes import (
    changes_its_input,
    crashes_on_no_boxes,
    returns_float32,
    returns_float64,
)
from course.cases import Group
from course.outcome import Case
from solutions.boxes import box_area, box_iou

IOU_GROUPS = (
    Group(
        "overlapping boxes",
        "IoU is the area that two boxes share over the area that they cover together; row i, "
        "column j belongs to a[i] and b[j].",
    ),
    Group("boxes apart", "Boxes that do not overlap share nothing: their IoU is 0."),
    Group("touching boxes", "Boxes that only touch share no area: their IoU is 0.", edge=True),
    Group(
        "one box inside another",
        "A box inside another covers only a part of it: the IoU is the smaller area over the "
        "larger.",
        edge=True,
    ),
    Group("identical boxes", "A box and itself have IoU 1.", edge=True),
    Group(
        "one box against many",
        "With one box on a side the result still has two axes: [1, M] or [N, 1].",
        edge=True,
    ),
    Group("no boxes", "Without boxes the result is empty and has shape [N, M] all the same.", True),
    Group(
        "boxes without area",
        "Where the union is empty the IoU is 0: a division of 0 by 0 would give NaN.",
        edge=True,
    ),
    Group(
        "negative coordinates",
        "A box may lie left of or above the image: negative coordinates are as good as others.",
        edge=True,
    ),
    Group("types", "The IoU has the dtype of the boxes, float32 or float64.", True, STRICT),
)


def draw_box_iou(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant.

    Gaps between boxes apart are small beside the boxes, so that every spelling of a formula that
    forgets them still divides by a positive union and gives the same wrong numbers.
    """
    outer = random_boxes(rng, 2, corner=(10, 14), sides=(30, 40))
    inner = random_boxes(rng, 3, corner=(16, 24), sides=(6, 14))
    x, y = rng.integers(2, 20, size=2)
    point, line = [x, y, x, y], [x, y - 2, x, y + 9]
    around = [x - 3, y - 4, x + 5, y + 2]
    same = boxes_around(rng, 3)
    return [
        Case("overlapping boxes", (boxes_around(rng, 3), boxes_around(rng, 4))),
        Case("overlapping boxes", (boxes_around(rng, 4), boxes_around(rng, 2))),
        Case("boxes apart", _apart(rng)),
        Case("touching boxes", _touching(rng)),
        Case("one box inside another", (outer, inner)),
        Case("identical boxes", (same, same.clone())),
        Case("one box against many", (boxes_around(rng, 1), boxes_around(rng, 4))),
        Case("one box against many", (boxes_around(rng, 3), boxes_around(rng, 1))),
        Case("no boxes", (NO_BOXES, random_boxes(rng, 3))),
        Case("no boxes", (random_boxes(rng, 2), NO_BOXES)),
        Case("no boxes", (NO_BOXES, NO_BOXES)),
        Case("boxes without area", (quarters([point, line, around]), quarters([line, point]))),
        Case("negative coordinates", _around_twice(rng, (-60, -45))),
        Case("negative coordinates", _around_twice(rng, (2, -3))),
        Case("types", _around_twice(rng, (40, 50))),
        Case("types", tuple(boxes.double() for boxes in _around_twice(rng, (50, 40)))),
    ]


def _around_twice(rng: np.random.Generator, centre: tuple[float, float]) -> tuple[Tensor, Tensor]:
    return boxes_around(rng, 2, centre), boxes_around(rng, 3, centre)


def _apart(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return boxes of which those of `b` lie right of, below and diagonally off those of `a`."""
    a = random_boxes(rng, 2, corner=(5, 8), sides=(24, 30))
    right, below = a.amax(dim=0)[2:] + quarters(rng.uniform(2, 5, size=2))
    size = quarters(rng.uniform(20, 30, size=2))
    corners = torch.stack(
        [torch.stack([x, y]) for x, y in [(right, a[0, 1]), (a[0, 0], below), (right, below)]]
    )
    return a, torch.cat([corners, corners + size], dim=1)


def _touching(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return a box, and others that share one side or one corner with it."""
    a = random_boxes(rng, 1)
    width, height = (a[0, 2:] - a[0, :2]).tolist()
    shifts = torch.tensor([[width, 0], [0, -height], [-width, height]])
    return a, a + torch.cat([shifts, shifts], dim=1)


def _sizes(a: Tensor, b: Tensor) -> Tensor:
    """Return width and height of what each pair shares; negative where it is apart, [N, M, 2]."""
    return torch.minimum(a[:, None, 2:], b[None, :, 2:]) - torch.maximum(
        a[:, None, :2], b[None, :, :2]
    )


def _shared(a: Tensor, b: Tensor) -> Tensor:
    return _sizes(a, b).clamp(min=0).prod(dim=2)


def _areas(a: Tensor, b: Tensor) -> Tensor:
    """Return the sum of the areas of each pair, [N, M]."""
    return box_area(a)[:, None] + box_area(b)


def _over(shared: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole != 0, shared / whole, torch.zeros_like(shared))


def _with_shared(share: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """Return IoU where the intersection is computed by `share`."""

    def iou(a: Tensor, b: Tensor) -> Tensor:
        shared = share(a, b)
        return _over(shared, _areas(a, b) - shared)

    return iou


def _iou_of_pixels(a: Tensor, b: Tensor) -> Tensor:
    shared = (_sizes(a, b) + 1).clamp(min=0).prod(dim=2)
    return _over(shared, area_of_pixels(a)[:, None] + area_of_pixels(b) - shared)


def _iou_of_xywh(a: Tensor, b: Tensor) -> Tensor:
    def to_xyxy(boxes: Tensor) -> Tensor:
        return torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1)

    return _with_shared(_shared)(to_xyxy(a), to_xyxy(b))


def _over_hull(a: Tensor, b: Tensor) -> Tensor:
    low = torch.minimum(a[:, None, :2], b[None, :, :2])
    high = torch.maximum(a[:, None, 2:], b[None, :, 2:])
    return _over(_shared(a, b), (high - low).prod(dim=2))


def _pairs_only(a: Tensor, b: Tensor) -> Tensor:
    size = torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])
    shared = size.clamp(min=0).prod(dim=1)
    return _over(shared, box_area(a) + box_area(b) - shared)


def _flat_when_empty(a: Tensor, b: Tensor) -> Tensor:
    return box_iou(a, b) if len(a) else a.new_zeros(0)


def _both_in_place(a: Tensor, b: Tensor) -> None:
    to_width_and_height_in_place(a)
    to_width_and_height_in_place(b)


BOX_IOU = Exercise(
    name="box_iou",
    reference=box_iou,
    groups=IOU_GROUPS,
    draw=draw_box_iou,
    misconceptions=(
        Misconception(
            "negative_overlap",
            "Boxes apart get an overlap: the width or height that they share comes out negative "
            "and is multiplied all the same. A shared width or height is never below 0.",
            _with_shared(lambda a, b: _sizes(a, b).prod(dim=2)),
        ),
        Misconception(
            "clamps_the_product",
            "Two boxes that are apart in x and in y get an overlap: two negative lengths have a "
            "positive product. Width and height must each be made 0 before they are multiplied.",
            _with_shared(lambda a, b: _sizes(a, b).prod(dim=2).clamp(min=0)),
        ),
        Misconception("plus_one_pixel", PLUS_ONE, _iou_of_pixels),
        Misconception("takes_xywh", XYWH, _iou_of_xywh),
        Misconception(
            "union_counts_overlap_twice",
            "Its union is the sum of the two areas: what the boxes share is counted twice in it.",
            lambda a, b: _over(_shared(a, b), _areas(a, b)),
        ),
        Misconception(
            "over_the_smaller_box",
            "It divides by the smaller of the two areas, so a box inside a large one has 1: IoU "
            "divides by the union.",
            lambda a, b: _over(_shared(a, b), torch.minimum(box_area(a)[:, None], box_area(b))),
        ),
        Misconception(
            "over_the_first_box",
            "It divides by the area of the first box: IoU divides by the union, and is the same "
            "when the two boxes change places.",
            lambda a, b: _over(_shared(a, b), box_area(a)[:, None].expand(-1, len(b))),
        ),
        Misconception(
            "over_the_hull",
            "It divides by the smallest box that holds both: the union is only what the two boxes "
            "themselves cover.",
            _over_hull,
        ),
        Misconception(
            "transposed",
            "Rows and columns are exchanged: row i belongs to a[i] and column j to b[j], shape "
            "[N, M].",
            lambda a, b: box_iou(b, a),
        ),
        Misconception(
            "pairs_only",
            "It compares a[i] with b[i] only: every box of a is to be compared with every box of "
            "b, which may be more or fewer.",
            _pairs_only,
        ),
        Misconception(
            "nan_on_an_empty_union",
            "Two boxes without area give NaN, 0 divided by 0: an IoU whose union is empty is 0.",
            lambda a, b: _shared(a, b) / (_areas(a, b) - _shared(a, b)),
        ),
        Misconception(
            "flat_when_empty",
            "Without boxes in a the result loses its second axis: its shape is [0, M].",
            _flat_when_empty,
        ),
        changes_its_input(box_iou, _both_in_place, IN_PLACE),
        crashes_on_no_boxes(box_iou),
        returns_float32(box_iou),
        returns_float64(box_iou),
    ),
    uses=("box_area",),
    forbidden=NO_TORCHVISION,
)
