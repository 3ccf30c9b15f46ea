"""A lesson of two exercises, one question and one answer in words, and one that comes after it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception, Question, Topic, WrittenAnswer
from course.cases import Group
from course.outcome import Case
from solutions.boxes import box_area, box_iou

ASSIGNMENT = "03_tiny"
LESSON = """\
# %% [markdown]
# # Boxes
# How large is a box, and how much do two overlap?

# %%
import torch
from torch import Tensor

from course import NotAnswered, check

# %% solution="box_area"

# %% check="box_area" points=1
check(box_area)

# %% show=true
areas = box_area(torch.tensor([[0.0, 0.0, 2.0, 3.0]]))
areas

# %% solution="box_iou"

# %% check="box_iou" points=2.5
check(box_iou)

# %% question="largest"
largest = None  # your answer: the number of a box

# %% check="largest" points=0.5
check("largest")

# %% [markdown] written="why_union" points=2

# %% [markdown]
# You measured boxes.
"""


def boxes(rng: np.random.Generator, count: int) -> Tensor:
    corners = rng.integers(0, 400, size=(count, 2))
    sides = rng.integers(1, 400, size=(count, 2))
    return torch.tensor(np.hstack([corners, corners + sides]) / 4, dtype=torch.float32)


def draw_areas(rng: np.random.Generator) -> Sequence[Case]:
    return [
        Case("boxes", (boxes(rng, 4),)),
        Case("boxes", (boxes(rng, 3),)),
        Case("no boxes", (torch.zeros(0, 4),)),
    ]


def draw_overlaps(rng: np.random.Generator) -> Sequence[Case]:
    shift = torch.tensor([500.0, 0.0, 500.0, 0.0])
    first = boxes(rng, 4)
    return [
        Case("overlapping", (boxes(rng, 3), first)),
        Case("apart", (first, boxes(rng, 3) + shift)),
        Case("no boxes", (torch.zeros(0, 4), first)),
    ]


def area_of_pixels(boxes: Tensor) -> Tensor:
    return (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)


def unclamped(a: Tensor, b: Tensor) -> Tensor:
    sides = torch.minimum(a[:, None, 2:], b[None, :, 2:]) - torch.maximum(
        a[:, None, :2], b[None, :, :2]
    )
    overlap = sides.prod(dim=2)
    return overlap / (box_area(a)[:, None] + box_area(b)[None, :] - overlap)


TOPIC = Topic(
    assignment=ASSIGNMENT,
    exercises=(
        Exercise(
            name="box_area",
            reference=box_area,
            groups=(
                Group("boxes", "The area is width times height."),
                Group("no boxes", "No boxes have no areas.", edge=True),
            ),
            draw=draw_areas,
            misconceptions=(
                Misconception("plus_one", "Coordinates are continuous: no +1.", area_of_pixels),
            ),
        ),
        Exercise(
            name="box_iou",
            reference=box_iou,
            groups=(
                Group("overlapping", "IoU is the shared area over the union."),
                Group("apart", "Boxes apart share nothing."),
                Group("no boxes", "No boxes: [0, M].", edge=True),
            ),
            draw=draw_overlaps,
            misconceptions=(
                Misconception("negative_sides", "A negative side means no overlap.", unclamped),
            ),
            uses=("box_area",),
        ),
    ),
    questions=(Question("largest", 2, "the number of a box", 7),),
    written=(
        WrittenAnswer("why_union", "One point for scale; one for saying that a union is larger."),
    ),
)


def write_lesson(folder: Path, text: str = LESSON, name: str = ASSIGNMENT) -> Path:
    """Write a lesson's text into a folder of lessons and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(text)
    return folder


# A second lesson, which is given a function of the first one.
LATER = "05_later"
LATER_LESSON = """\
# %% [markdown]
# # The best overlap

# %%
import torch
from torch import Tensor

from course import NotAnswered, check, given

# %% given="box_iou"

# %% solution="best_overlap"

# %% check="best_overlap" points=2
check(best_overlap)

# %% question="count"
# How many boxes does it take?
count = None  # your answer: a number

# %% check="count" points=1
check("count")
"""


def best_overlap(a: Tensor, b: Tensor) -> Tensor:
    """Return the highest IoU of each box of `a` with any box of `b`, 0 where there is none."""
    overlaps = torch.cat([a.new_zeros(len(a), 1), box_iou(a, b)], dim=1)
    highest, _ = overlaps.max(dim=1)
    return highest


def draw_best(rng: np.random.Generator) -> Sequence[Case]:
    return [
        Case("several", (boxes(rng, 4), boxes(rng, 3))),
        Case("several", (boxes(rng, 2), boxes(rng, 5))),
        Case("none", (boxes(rng, 2), torch.zeros(0, 4))),
    ]


def worst_overlap(a: Tensor, b: Tensor) -> Tensor:
    return box_iou(a, b).min(dim=1).values if len(b) else a.new_zeros(len(a))


LATER_TOPIC = Topic(
    assignment=LATER,
    exercises=(
        Exercise(
            name="best_overlap",
            reference=best_overlap,
            groups=(
                Group("several", "The highest of a row counts."),
                Group("none", "Where there is no box, it is 0.", edge=True),
            ),
            draw=draw_best,
            misconceptions=(
                Misconception("lowest", "It takes the lowest overlap.", worst_overlap),
            ),
            uses=("box_iou",),
            forbidden={"maximum": "Take the highest of each row."},
        ),
    ),
    questions=(Question("count", 2, "a number", 7),),
)


def write_two_lessons(folder: Path, later: str = LATER_LESSON) -> Path:
    """Write both lessons into a folder and return it."""
    write_lesson(folder)
    return write_lesson(folder, later, LATER)
