"""The exercise `keypoint_targets`."""

from collections.abc import Callable
from functools import partial

from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import NO_TORCHVISION
from autograder.exercises.mask_rcnn_heads.keypoint_cases import (
    KEYPOINT_GROUPS,
    SIZE,
    Pair,
    draw_keypoint_targets,
)
from autograder.exercises.shared_mistakes import after, before, crashes_on_no_boxes
from solutions.keypoints import keypoint_targets


def _targets(
    keypoints: Tensor,
    boxes: Tensor,
    size: int = SIZE,
    *,
    visible: Callable[[Tensor], Tensor] = lambda v: v > 0,
    to_bin: Callable[[Tensor, int], Tensor] = lambda at, size: at.floor(),
    bin_of: Callable[[Tensor, Tensor, int], Tensor] = lambda row, column, n: row * n + column,
    last_edge: bool = True,
    anywhere: bool = False,
    flat: bool = False,
    relative: bool = True,
    scale: Callable[[Tensor, Tensor], Pair] = lambda width, height: (width, height),
    zeros: bool = True,
) -> Pair:
    """Return bins and valid as the exercise does; each option changes one step."""
    x, y, v = keypoints.unbind(dim=2)
    x1, y1, x2, y2 = (side[:, None] for side in boxes.unbind(dim=1))
    inside = (x >= x1) & (y >= y1) & ((x <= x2) & (y <= y2) if last_edge else (x < x2) & (y < y2))
    valid = visible(v) & (inside | anywhere) & (((x2 > x1) & (y2 > y1)) | flat)
    width, height = scale(
        (x2 - x1).where(x2 > x1, x1 * 0 + 1), (y2 - y1).where(y2 > y1, y1 * 0 + 1)
    )
    origin_x, origin_y = (x1, y1) if relative else (x1 * 0, y1 * 0)
    column = to_bin((x - origin_x) * size / width, size)
    row = to_bin((y - origin_y) * size / height, size)
    if to_bin is not _overflowing:
        column, row = column.clamp(0, size - 1), row.clamp(0, size - 1)
    bins = bin_of(row, column, size).long()
    return bins.where(valid, bins * 0) if zeros else bins, valid


def _overflowing(at: Tensor, size: int) -> Tensor:
    return at.floor()


def _rounded(at: Tensor, size: int) -> Tensor:
    return (at + 0.5).floor()


def _between_the_edges(at: Tensor, size: int) -> Tensor:
    """Return the bin where the first and the last bin's centres lie on the edges."""
    return (at * (size - 1) / size + 0.5).floor()


def _to_lists(result: Pair) -> Pair:
    bins, valid = result
    return bins[valid], valid


KEYPOINT_TARGETS = Exercise(
    name="keypoint_targets",
    reference=keypoint_targets,
    groups=KEYPOINT_GROUPS,
    draw=draw_keypoint_targets,
    misconceptions=(
        Misconception(
            "column_times_size",
            "It exchanges rows and columns: the bin is row * size + column, as a map is flattened, "
            "and y gives the row.",
            partial(_targets, bin_of=lambda row, column, size: column * size + row),
        ),
        Misconception(
            "rounds_to_the_nearest",
            "It rounds to the nearest whole number, which moves half of the keypoints into the "
            "next bin: a bin is a stretch from one whole number to the next, so round down.",
            partial(_targets, to_bin=_rounded),
        ),
        Misconception(
            "bins_as_points",
            "It spreads the bins as points from edge to edge, with size - 1 steps between them: a "
            "box is cut into size bins of equal width.",
            partial(_targets, to_bin=_between_the_edges),
        ),
        Misconception(
            "right_edge_is_outside",
            "A keypoint on the right or lower edge does not count: the edges belong to the box, "
            "and these two to the last bin.",
            partial(_targets, last_edge=False),
        ),
        Misconception(
            "right_edge_overflows",
            "A keypoint on the right or lower edge gets a bin after the last one, which is the "
            "first of the next row or none at all: it belongs to the last bin.",
            partial(_targets, to_bin=_overflowing),
        ),
        Misconception(
            "only_seen_ones",
            "It counts only v = 2: a keypoint with v = 1 is hidden behind something, but somebody "
            "has marked where it is.",
            partial(_targets, visible=lambda v: v == 2),
        ),
        Misconception(
            "counts_unknown_ones",
            "It counts keypoints with v = 0 too: nobody knows where these are, and their x and y "
            "mean nothing.",
            partial(_targets, visible=lambda v: v >= 0),
        ),
        Misconception(
            "outside_moved_to_the_edge",
            "A keypoint outside the box is moved to its edge and counts: what lies outside cannot "
            "be located in the box.",
            partial(_targets, anywhere=True),
        ),
        Misconception(
            "box_without_area_counts",
            "It counts keypoints in a box without width or height: such a box has no bins.",
            partial(_targets, flat=True),
        ),
        Misconception(
            "counted_from_the_image",
            "It counts bins from the corner of the image: they begin at the box's own corner.",
            partial(_targets, relative=False),
        ),
        Misconception(
            "one_scale_for_both",
            "It divides x and y by the longer side of the box: width and height have as many "
            "bins, whatever the box's shape.",
            partial(_targets, scale=lambda width, height: (width.maximum(height),) * 2),
        ),
        Misconception(
            "takes_y_x",
            "It takes a keypoint for (y, x, v): x comes first, and counts columns.",
            before(_targets, lambda points, *rest: (points[:, :, [1, 0, 2]], *rest)),
        ),
        Misconception(
            "bins_that_do_not_count_are_left",
            "The bins that count are right, but the others hold whatever came out: put 0 there, so "
            "that nobody takes them for a place.",
            partial(_targets, zeros=False),
        ),
        Misconception(
            "only_valid_ones_returned",
            "It returns only the bins of valid keypoints: bins has shape [N, P], so that each "
            "keypoint keeps its place.",
            after(_targets, _to_lists),
        ),
        Misconception(
            "bins_of_floats",
            "Its bins are floats: they are indices, int64.",
            after(_targets, lambda result: (result[0].float(), result[1])),
        ),
        crashes_on_no_boxes(_targets),
    ),
    forbidden=NO_TORCHVISION,
)
