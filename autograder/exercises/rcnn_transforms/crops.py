"""The exercise `crop_and_resize`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_TORCHVISION
from autograder.exercises.rcnn_transforms.crops_cases import GROUPS, draw_crops
from autograder.exercises.shared_mistakes import (
    after,
    changes_its_input,
    crashes_on_no_boxes,
    height_and_width_swapped,
    returns_float32,
    returns_float64,
)
from solutions.rcnn import crop_and_resize


def _centre(start: Tensor, end: Tensor, count: int) -> Tensor:
    """Return where `count` bins between `start` and `end` [N, 1] have their centres, [N, count]."""
    return start + (torch.arange(count) + 0.5).to(start) * (end - start) / count


def _left_edge(start: Tensor, end: Tensor, count: int) -> Tensor:
    return start + torch.arange(count).to(start) * (end - start) / count


def _corner_to_corner(start: Tensor, end: Tensor, count: int) -> Tensor:
    """Return points from the first pixel of a box to its last one, half a pixel from its edges."""
    steps = torch.arange(count).to(start) / max(count - 1, 1)
    return start + 0.5 + steps * (end - start - 1)


def _at(plane: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Return images [C, H, W] at rows y [N, h] and columns x [N, w] inside it, [N, C, h, w].

    Each row of weights says how much each pixel counts: at most two beside each other do.
    """
    _, height, width = plane.shape
    down = (1 - (y[:, :, None] - torch.arange(height).to(y)).abs()).clamp(min=0).to(plane)
    across = (1 - (x[:, :, None] - torch.arange(width).to(x)).abs()).clamp(min=0).to(plane)
    return down[:, None] @ plane @ across[:, None].mT


def _clamped(index: Tensor, last: int) -> Tensor:
    return index.clamp(0, last)


@dataclass(frozen=True)
class Crop:
    """A crop with exchangeable steps; `half` is where a pixel's centre lies in it."""

    sample: Callable[[Tensor, Tensor, int], Tensor] = _centre
    half: float = 0.5
    outside: Callable[[Tensor, int], Tensor] = _clamped
    whole: Callable[[Tensor], Tensor] = lambda index: index
    columns: tuple[int, int, int, int] = (0, 1, 2, 3)  # where a box has x1, y1, x2, y2

    def __call__(self, image: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
        _, height, width = image.shape
        x1, y1, x2, y2 = (boxes[:, at, None] for at in self.columns)
        x = self.whole(self.sample(x1, x2, size[1]) - self.half)
        y = self.whole(self.sample(y1, y2, size[0]) - self.half)
        return _at(image, self.outside(y, height - 1), self.outside(x, width - 1))


right = Crop()


def _other_way_round(index: Tensor, last: int) -> Tensor:
    """Count a negative index from the end, as Python does, and stop at the last pixel."""
    return torch.where(index < 0, index % (last + 1), index).clamp(max=last)


def _clipped(image: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    _, height, width = image.shape
    limits = torch.tensor([width, height, width, height]).to(boxes)
    return right(image, torch.minimum(boxes.clamp(min=0), limits), size)


def _first_box(image: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    return right(image, boxes[:1].expand(len(boxes), -1), size)


def _mean_of_bin(image: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Average over 2 x 2 samples of each bin instead of one in its middle."""
    fine = right(image, boxes, (2 * size[0], 2 * size[1]))
    return fine.reshape(*fine.shape[:2], size[0], 2, size[1], 2).mean(dim=(3, 5))


CROP_AND_RESIZE = Exercise(
    name="crop_and_resize",
    reference=crop_and_resize,
    groups=GROUPS,
    draw=draw_crops,
    misconceptions=(
        Misconception(
            "without_the_half_pixel",
            "Everything is half a pixel off: the centre of the pixel in column 0 lies at x = 0.5, "
            "so that half a pixel is taken off on the way from a coordinate to an index.",
            Crop(half=0.0),
        ),
        Misconception(
            "corners_of_the_bins",
            "It reads at the upper left corner of each bin: the centre is half a bin further.",
            Crop(sample=_left_edge),
        ),
        Misconception(
            "corners_of_the_bins_as_indices",
            "It reads at the upper left corner of each bin and takes the coordinate for an index: "
            "a sample lies half a bin further, and a pixel's centre half a pixel off its edge.",
            Crop(sample=_left_edge, half=0.0),
        ),
        Misconception(
            "from_the_first_pixel_to_the_last",
            "It spreads the samples from the first pixel of the box to its last one: bins share "
            "out the whole box evenly, and each is read at its centre.",
            Crop(sample=_corner_to_corner),
        ),
        Misconception(
            "nearest_pixel",
            "It takes the nearest pixel: interpolate between the four pixels around, each the "
            "more the nearer it is.",
            Crop(whole=lambda index: (index + 0.5).floor()),
        ),
        Misconception(
            "pixel_to_the_upper_left",
            "It cuts the fraction of the position off and takes one pixel: the fraction says how "
            "much the next pixels count.",
            Crop(whole=torch.floor),
        ),
        Misconception(
            "boxes_at_whole_pixels",
            "It rounds the box to whole pixels before it cuts it out: boxes are continuous, and "
            "the fraction of a pixel counts.",
            lambda image, boxes, size: right(image, (boxes + 0.5).floor(), size),
        ),
        Misconception(
            "mean_of_each_bin",
            "It averages over several places in each bin: one sample, at the centre, is asked for.",
            _mean_of_bin,
        ),
        Misconception(
            "x_for_y",
            "It takes x for the row and y for the column: a box is (x1, y1, x2, y2), and rows of "
            "an image go with y.",
            Crop(columns=(1, 0, 3, 2)),
        ),
        Misconception(
            "takes_xywh",
            "It takes the last two numbers of a box for its width and height: they are the lower "
            "right corner.",
            lambda image, boxes, size: right(
                image, torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1), size
            ),
        ),
        height_and_width_swapped(right, at=2),
        Misconception(
            "channels_first",
            "The first two axes are exchanged: the result has an image for each box, and its "
            "channels in it.",
            after(right, partial(torch.transpose, dim0=0, dim1=1)),
        ),
        Misconception(
            "one_box_for_all",
            "It cuts out the first box again and again: each box has its own crop.",
            _first_box,
        ),
        Misconception(
            "black_outside",
            "It takes the image for black beyond its edge: samples out there take the value of "
            "the nearest pixel at the edge.",
            Crop(outside=lambda index, last: index),
        ),
        Misconception(
            "negative_indices",
            "A sample left of the image or above it takes a pixel of the opposite side, since a "
            "negative index counts from the end: limit positions to the image first.",
            Crop(outside=_other_way_round),
        ),
        Misconception(
            "clips_the_boxes",
            "It cuts the boxes off at the image's edge, so that what is left of them is stretched: "
            "the box stays, and only the samples beyond the edge are moved to it.",
            _clipped,
        ),
        changes_its_input(
            right,
            lambda image, boxes, size: boxes.sub_(0.5),
            "half a pixel was taken off the boxes",
        ),
        crashes_on_no_boxes(right),
        returns_float32(right),
        returns_float64(right),
    ),
    forbidden={
        **NO_TORCHVISION,
        "grid_sample": "it reads between the pixels for you: here you write that yourself.",
        "map_coordinates": "it reads between the pixels for you: here you write that yourself.",
    },
)
