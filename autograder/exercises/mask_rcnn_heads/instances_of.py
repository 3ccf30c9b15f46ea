"""The exercise `instances_of`."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_TORCHVISION, STRICT
from autograder.exercises.mask_rcnn_heads.regions import integers
from autograder.exercises.shared_mistakes import after
from course.cases import Group
from course.outcome import Case
from solutions.panoptic import instances_of

STUFF = (7, 8)  # categories of the ground; things are 1 to 5
MAP = (8, 11)
Found = tuple[Tensor, Tensor]

GROUPS = (
    Group(
        "boxes around instances",
        "The box of an instance goes around all its pixels, from the outer edge of the first to "
        "the outer edge of the last: column 3 is the stretch from 3 to 4.",
    ),
    Group(
        "labels",
        "The label of an instance is the category of its own pixels; instances come by rising "
        "number.",
    ),
    Group(
        "instances of one class",
        "Two instances of one class stay two, also where they touch.",
        edge=True,
    ),
    Group("in several parts", "An instance in several parts is one instance with one box.", True),
    Group("numbers with gaps", "Numbers of instances may have gaps.", edge=True),
    Group("one pixel", "An instance of one pixel has a box of width and height 1.", edge=True),
    Group("stuff only", "Stuff has no boxes: without instances both results are empty.", True),
    Group("types", "Boxes are float32 and labels int64.", True, STRICT),
)


def draw(rng: np.random.Generator) -> list[Case]:
    """Return the cases of one variant."""
    x, y = (int(n) for n in rng.integers(0, 3, size=2))
    pixel = [(y + 3, x + 2, 1, 1, 1), (y, x + 5, 1, 1, 2)]
    parts = [(y, x, 2, 2, 1), (y + 3, x + 6, 2, 1, 1), (y + 4, x + 1, 1, 3, 2)]
    gaps = np.sort(rng.choice(np.arange(3, 40), size=3, replace=False)).tolist()
    return [
        Case("boxes around instances", _maps(rng, _corners(rng, 1))),
        Case("boxes around instances", _maps(rng, _apart(rng, [2, 1, 3]))),
        Case("labels", _maps(rng, _corners(rng, int(rng.integers(2, 4))))),
        Case("instances of one class", _maps(rng, _touching(rng), label=int(rng.integers(1, 6)))),
        Case("in several parts", _maps(rng, parts)),
        Case("numbers with gaps", _maps(rng, _apart(rng, gaps))),
        Case("one pixel", _maps(rng, pixel)),
        Case("stuff only", _maps(rng, [])),
        Case("types", _maps(rng, _apart(rng, [1, 2, 3]))),
    ]


Part = tuple[int, int, int, int, int]  # top, left, height, width, number of the instance


def _maps(rng: np.random.Generator, parts: list[Part], label: int = 0) -> tuple[Tensor, Tensor]:
    """Return the category and the instance of every pixel; each instance has another label.

    `label` is one for all. The ground has two kinds of stuff, neither of which is a label.
    """
    category = np.full(MAP, STUFF[0])
    category[int(rng.integers(4, 7)) :] = STUFF[1]
    instance = np.zeros(MAP, dtype=np.int64)
    names = sorted({part[4] for part in parts})
    labels = dict(zip(names, rng.permutation([1, 2, 3, 4, 5]), strict=False))
    for top, left, height, width, number in parts:
        instance[top : top + height, left : left + width] = number
        category[top : top + height, left : left + width] = label or labels[number]
    return integers(category), integers(instance)


def _apart(rng: np.random.Generator, numbers: list[int]) -> list[Part]:
    """Return three rectangles apart, none of them square."""
    x, y = (int(n) for n in rng.integers(0, 2, size=2))
    one, two, three = numbers
    return [(y, x, 2, 3, one), (y + 1, x + 5, 4, 2, two), (y + 4, x, 1, 4, three)]


def _corners(rng: np.random.Generator, first: int) -> list[Part]:
    """Return two L-shapes, which leave most of their boxes to others."""
    x, y = (int(n) for n in rng.integers(0, 2, size=2))
    second, third = first % 3 + 1, (first + 1) % 3 + 1
    return [
        (y + 3, x, 1, 5, first),
        (y, x + 4, 3, 1, first),
        (y + 6, x + 5, 1, 5, second),
        (y + 3, x + 9, 3, 1, second),
        (y, x, 1, 2, third),
    ]


def _touching(rng: np.random.Generator) -> list[Part]:
    x, y = (int(n) for n in rng.integers(0, 3, size=2))
    return [(y, x, 4, 3, 1), (y + 1, x + 3, 4, 2, 2), (y + 4, x, 1, 2, 3)]


def _numbers(instance: Tensor) -> list[int]:
    return sorted({int(n) for n in instance.flatten().tolist() if n > 0})


def _pixels(member: Tensor) -> tuple[Tensor, Tensor]:
    rows, columns = member.nonzero(as_tuple=True)
    return rows, columns


def _box(rows: Tensor, columns: Tensor, plus: int = 1) -> list[int]:
    """Return the box around pixels."""
    last = (int(columns.max()) + plus, int(rows.max()) + plus)
    return [int(columns.min()), int(rows.min()), *last]


def _found(boxes: list[list[int]], labels: list[int]) -> Found:
    return torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4), integers(labels)


def _instances(
    category: Tensor,
    instance: Tensor,
    *,
    numbers: Callable[[Tensor], list[int]] = _numbers,
    box: Callable[[Tensor, Tensor], list[int]] = _box,
    label: Callable[[Tensor, Tensor, list[int]], int] | None = None,
) -> Found:
    """Return boxes and labels as the exercise does; each option changes one step."""
    boxes, labels = [], []
    for number in numbers(instance):
        rows, columns = _pixels(instance == number)
        boxes.append(box(rows, columns))
        own = int(category[rows[0], columns[0]])
        labels.append(label(category, instance, boxes[-1]) if label else own)
    return _found(boxes, labels)


def _counted(instance: Tensor) -> list[int]:
    return list(range(1, len(_numbers(instance)) + 1))


def _as_they_come(instance: Tensor) -> list[int]:
    return list(dict.fromkeys(int(n) for n in instance.flatten().tolist() if n > 0))


def _most_common(category: Tensor, instance: Tensor, box: list[int]) -> int:
    x1, y1, x2, y2 = box
    return int(category[y1:y2, x1:x2].flatten().mode().values)


def _at_the_corner(category: Tensor, instance: Tensor, box: list[int]) -> int:
    return int(category[box[1], box[0]])


def _by_class(category: Tensor, instance: Tensor) -> Found:
    boxes, labels = [], []
    for label in sorted({int(n) for n in category[instance > 0].tolist()}):
        boxes.append(_box(*_pixels((category == label) & (instance > 0))))
        labels.append(label)
    return _found(boxes, labels)


def _stuff_too(category: Tensor, instance: Tensor) -> Found:
    boxes, labels = _instances(category, instance)
    for label in sorted({int(n) for n in category[instance == 0].tolist()}):
        boxes = torch.cat([boxes, boxes.new_tensor([_box(*_pixels(category == label))])])
        labels = torch.cat([labels, labels.new_tensor([label])])
    return boxes, labels


def _parts(member: Tensor) -> list[Tensor]:
    """Return the connected parts of a mask, by their first pixel."""
    left = {tuple(pixel) for pixel in member.nonzero().tolist()}
    parts = []
    while left:
        waiting, part = [min(left)], torch.zeros_like(member)
        left.discard(waiting[0])
        while waiting:
            y, x = waiting.pop()
            part[y, x] = True
            near = {(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)} & left
            waiting += near
            left -= near
        parts.append(part)
    return parts


def _each_part(category: Tensor, instance: Tensor) -> Found:
    boxes, labels = [], []
    for number in _numbers(instance):
        for part in _parts(instance == number):
            rows, columns = _pixels(part)
            boxes.append(_box(rows, columns))
            labels.append(int(category[rows[0], columns[0]]))
    return _found(boxes, labels)


def _to_xywh(found: Found) -> Found:
    boxes, labels = found
    return torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], dim=1), labels


def _crashes_on_stuff(*arguments: Any) -> Found:
    found = _instances(*arguments)
    if not len(found[1]):
        raise RuntimeError("nothing to stack")
    return found


INSTANCES_OF = Exercise(
    name="instances_of",
    reference=instances_of,
    groups=GROUPS,
    draw=draw,
    misconceptions=(
        Misconception(
            "last_pixel_cut_off",
            "Its boxes end at the number of the last pixel, which cuts that pixel off: pixel "
            "number 5 reaches to 6.",
            partial(_instances, box=partial(_box, plus=0)),
        ),
        Misconception(
            "rows_for_x",
            "It puts rows first: a box is (x1, y1, x2, y2), and x counts columns.",
            partial(_instances, box=lambda rows, columns: _box(columns, rows)),
        ),
        Misconception(
            "background_is_an_instance",
            "Instance 0 gets a box: it means that the pixel belongs to no instance.",
            partial(_instances, numbers=lambda instance: sorted(set(instance.flatten().tolist()))),
        ),
        Misconception(
            "stuff_gets_boxes",
            "It draws boxes around stuff: sky or grass has no instances, and a detector knows "
            "nothing of it.",
            _stuff_too,
        ),
        Misconception(
            "one_box_for_each_class",
            "It draws one box for each class: the panoptic map says which pixels are of which "
            "object, so go by instance.",
            _by_class,
        ),
        Misconception(
            "one_box_for_each_part",
            "It draws a box around each connected part: an object behind a post is in two parts "
            "and still one instance.",
            _each_part,
        ),
        Misconception(
            "most_common_label_in_the_box",
            "It takes the label that is most common in the box: other things and stuff lie in the "
            "box too, so look at the instance's own pixels.",
            partial(_instances, label=_most_common),
        ),
        Misconception(
            "label_at_the_corner",
            "It reads the label at the corner of the box, where the instance need not be: read it "
            "at one of the instance's own pixels.",
            partial(_instances, label=_at_the_corner),
        ),
        Misconception(
            "counts_instances",
            "It counts 1, 2, 3, ... up to the number of instances: take the numbers that occur.",
            partial(_instances, numbers=_counted),
        ),
        Misconception(
            "as_they_come",
            "Instances come in the order of their first pixels: they come by rising number.",
            partial(_instances, numbers=_as_they_come),
        ),
        Misconception(
            "returns_xywh",
            "It returns width and height in the place of the lower right corner: a box is (x1, y1, "
            "x2, y2).",
            after(_instances, _to_xywh),
        ),
        Misconception(
            "boxes_of_integers",
            "Its boxes are integers: boxes are float32 here, as those of a detector.",
            after(_instances, lambda found: (found[0].long(), found[1])),
        ),
        Misconception(
            "crashes_on_stuff_only",
            "It fails when there is no instance, as in a picture of sky and sea: return empty "
            "results of the right shape.",
            _crashes_on_stuff,
        ),
    ),
    forbidden=NO_TORCHVISION,
)
