"""Greedy NMS in blocks: decide among the best, drop what they overlap, go on with what is left.

On a CPU the boxes are numpy arrays, sorted once. A block of the best remaining boxes is decided by
bit sets; the kept ones then drop boxes from the rest, which is compacted, so that each block meets
ever fewer boxes. Many boxes lie in the order of their centres: two boxes whose IoU is above t have
centres that are near for their widths, so that a kept box meets a short stretch of the rest only.
On other devices all pairs are compared at once.
"""

import math
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from solutions.fast.boxes import box_iou

Array = NDArray[Any]
THREAD = threading.local()

FIRST_BLOCK, LAST_BLOCK = 64, 128
LARGEST_IN_BATCH = 512  # boxes of a class
MANY, VERY_MANY = 3000, 8000  # boxes that to sort by centre pays: if most are kept, and anyway
GROUP = 8  # kept boxes that share a stretch of the rest
CHUNK = 1 << 15  # pairs whose buffers fit into a core's cache


def nms(
    boxes: Float[Tensor, "N 4"], scores: Float[Tensor, " N"], iou_threshold: float
) -> Int[Tensor, " kept"]:
    """Return the indices of the boxes that greedy non-maximum suppression keeps.

    Boxes are (x1, y1, x2, y2). Indices come in order of falling score; of equal scores the lower
    index comes first. A box is dropped when its IoU with a kept box is strictly greater than
    `iou_threshold`. Equal to solutions.nms.nms.
    """
    if boxes.device.type != "cpu":
        return nms_all_pairs(boxes, scores, iou_threshold)
    order = falling_order(scores.detach().numpy())
    sides = np.ascontiguousarray(boxes.detach().numpy()[order].T)  # [4, N], best box first
    return torch.from_numpy(order[kept_positions(sides, iou_threshold)])


def nms_per_class(
    boxes: Float[Tensor, "N 4"],
    scores: Float[Tensor, " N"],
    labels: Int[Tensor, " N"],
    iou_threshold: float,
) -> Int[Tensor, " kept"]:
    """Return the indices of the boxes that NMS keeps when each class is suppressed by itself.

    Indices come in order of falling score over all classes; of equal scores the lower index comes
    first. Equal to solutions.nms.nms_per_class.
    """
    order = falling_order(scores.detach().cpu().numpy())
    sides = np.ascontiguousarray(boxes.detach().cpu().numpy()[order].T)  # [4, N], best box first
    kept = np.zeros(len(order), dtype=bool)
    for members in classes_by_size(labels.detach().cpu().numpy()[order]):
        if len(members) == 1:
            kept[members[0, kept_positions(sides[:, members[0]], iou_threshold)]] = True
        else:
            alive = kept_in_batch(sides, members, iou_threshold)
            kept[members[alive]] = True
    return torch.from_numpy(order[kept]).to(boxes.device)


def falling_order(scores: Array) -> Array:
    """Return the indices of the scores, best first, of equal ones the lower first.

    A float32 and its index fit into one integer, and integers sort fast: the bits of a float are
    those of an integer of the same order, but for the sign.
    """
    if scores.dtype != np.float32:
        return np.argsort(-scores, kind="stable")
    bits = (0.0 - scores).view(np.int32).astype(np.int64)  # 0.0 - x has no negative zero
    keys = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits) << 32 | np.arange(len(scores))
    keys.sort()
    return keys & 0xFFFFFFFF


@np.errstate(invalid="ignore", over="ignore")
def kept_positions(sides: Array, iou_threshold: float) -> Array:
    """Return the positions of the boxes [4, N], sorted by score, that NMS keeps, in order."""
    N = sides.shape[1]
    if iou_threshold < 0:
        return np.arange(min(N, 1))  # even boxes that do not touch overlap too much
    fields, alive = with_areas(sides), np.ones(N, dtype=bool)
    rest, position, nearby = fields, np.arange(N), False
    kept: list[Array] = []
    start, block = 0, FIRST_BLOCK
    while start < N:
        members = start + np.flatnonzero(alive[start:])[:block]
        if len(members) == 0:
            break
        chosen = fields.take(members, axis=1)
        winners = decide(chosen, iou_threshold)
        kept.append(members[winners])
        start = int(members[-1]) + 1
        if start < N:
            large = MANY if 2 * len(winners) > block else VERY_MANY
            if not nearby and len(position) > large and stretches_are_safe(rest, iou_threshold):
                by_centre, nearby = np.argsort(rest[0] + rest[2]), True
                rest, position = rest.take(by_centre, axis=1), position.take(by_centre)
            drop = overlapped(chosen.take(winners, axis=1), rest, iou_threshold, nearby)
            alive[position[drop]] = False
            remaining = np.flatnonzero(~drop & (position >= start))
            rest, position = rest.take(remaining, axis=1), position.take(remaining)
        block = LAST_BLOCK
    return np.concatenate(kept) if kept else np.arange(0)


def with_areas(sides: Array) -> Array:
    """Return [5, N]: x1, y1, x2, y2 and the area of each box."""
    x1, y1, x2, y2 = sides
    return np.stack([x1, y1, x2, y2, (x2 - x1) * (y2 - y1)])


def exceeds(a: Array, b: Array, iou_threshold: float) -> Array:
    """Return whether the IoU of each box of a [5, ..., N, 1] with each of b [5, ..., M] is above t.

    The numbers are those of box_iou. Only one side of an intersection needs to be clipped: where
    the other is negative the IoU is too, and t >= 0. An empty union gives NaN, which is above
    nothing. Numbers are spread over a buffer first: numpy's minimum of two rows is three times as
    fast as that of a number and a row.
    """
    shape = (*a.shape[1:-1], b.shape[-1])
    zero, width, height, spare = scratch(a.dtype)[:, : math.prod(shape)].reshape(4, *shape)
    width[...] = a[2]
    np.minimum(width, b[2], out=width)
    spare[...] = a[0]
    width -= np.maximum(spare, b[0], out=spare)
    np.maximum(width, zero, out=width)
    height[...] = a[3]
    np.minimum(height, b[3], out=height)
    spare[...] = a[1]
    height -= np.maximum(spare, b[1], out=spare)
    intersection = np.multiply(width, height, out=width)
    union = np.add(a[4], b[4], out=spare)
    union -= intersection
    iou = np.divide(intersection, union, out=width)
    above: Array = np.greater(iou, iou.dtype.type(iou_threshold))
    return above


def scratch(dtype: Any) -> Array:
    """Return zeros and three buffers, made once: fresh memory costs more than its use."""
    if dtype not in THREAD.__dict__.setdefault("buffers", {}):
        buffers = np.empty((4, LARGEST_IN_BATCH**2), dtype)
        buffers[0] = 0
        THREAD.buffers[dtype] = buffers
    own: Array = THREAD.buffers[dtype]
    return own


def decide(block: Array, iou_threshold: float) -> Array:
    """Return the positions that NMS keeps in a block [5, N] of boxes sorted by score.

    Row i of the overlaps is one integer whose bit j tells whether box i drops box j.
    """
    N = block.shape[1]
    step = CHUNK // N
    overlaps = [
        exceeds(block[:, i : i + step, None], block, iou_threshold) for i in range(0, N, step)
    ]
    rows = np.packbits(np.concatenate(overlaps), axis=1, bitorder="little")
    text, stride = rows.tobytes(), rows.shape[1]
    dropped, winners = 0, []
    for i in range(N):
        if not dropped >> i & 1:
            winners.append(i)
            dropped |= int.from_bytes(text[i * stride : (i + 1) * stride], "little")
    return np.array(winners)


def overlapped(winners: Array, rest: Array, iou_threshold: float, nearby: bool) -> Array:
    """Return which boxes of the rest [5, M] overlap a winner [5, N] too much.

    Where the rest is in the order of its centres, a group of winners meets the stretch that they
    can reach only.
    """
    M = rest.shape[1]
    drop = np.zeros(M, dtype=bool)
    groups = reachable(winners, rest, iou_threshold) if nearby else [(winners, 0, M)]
    for group, start, stop in groups:
        step = CHUNK // group.shape[1]
        for i in range(start, stop, step):
            near = rest[:, i : min(i + step, stop)]
            above = exceeds(group[:, :, None], near, iou_threshold)
            drop[i : i + near.shape[1]] |= above.any(axis=0)
    return drop


def reachable(winners: Array, rest: Array, iou_threshold: float) -> list[tuple[Array, int, int]]:
    """Return groups of winners, and from where to where in the rest boxes may overlap them so much.

    IoU > t asks that the common width is above t times either width. So, for a winner of width w,
    the centres are less than (1 - t) w apart where t >= 1/2, and less than (1 / t - 1) w / 2 else.
    """
    t = iou_threshold * (1 - 1e-4)  # room for rounding
    x1, _, x2, _, _ = winners
    width = x2 - x1
    reach = 2 * width * ((1 - t) if t >= 0.5 else (1 / t - 1) / 2)  # of twice the centre
    reach = reach + 4 * np.finfo(reach.dtype).eps * (np.abs(x1) + np.abs(x2))
    order = np.lexsort([x1 + x2, np.frexp(width)[1]])  # alike in width, then in place
    winners, low, high = winners[:, order], (x1 + x2 - reach)[order], (x1 + x2 + reach)[order]
    starts = np.arange(0, len(order), GROUP)
    centres = rest[0] + rest[2]
    low = np.searchsorted(centres, np.minimum.reduceat(low, starts), side="left")
    high = np.searchsorted(centres, np.maximum.reduceat(high, starts), side="right")
    return [
        (winners[:, start : start + GROUP], int(i), int(j))
        for start, i, j in zip(starts, low, high, strict=True)
    ]


def stretches_are_safe(fields: Array, iou_threshold: float) -> bool:
    """Return whether the bound on the centres holds in floats: no area under- or overflows."""
    areas = fields[4][fields[4] > 0]
    limits = np.finfo(fields.dtype)
    return bool(
        iou_threshold >= 0.1
        and len(areas) > 0
        and areas.min() > limits.tiny / limits.eps
        and areas.max() < limits.max / 4
    )


def classes_by_size(labels: Array) -> Iterator[Array]:
    """Yield the positions of the classes' members, classes of similar size together.

    A batch is [classes, most members], filled up with -1 at the ends; members keep their order. A
    class too large for a batch comes alone.
    """
    if labels.min(initial=0) < 0 or labels.max(initial=0) >= 1 << 16:
        labels = np.unique(labels, return_inverse=True)[1]
    counts = np.bincount(labels)
    counts = counts[counts > 0]
    # numpy sorts 16 bits by counting
    members = np.argsort(
        labels.astype(np.uint16) if len(counts) < 1 << 16 else labels, kind="stable"
    )
    starts = np.cumsum(counts) - counts
    sizes = np.frexp(np.maximum(counts - 1, 1))[1]  # 2 ** size holds the class
    for size in np.unique(sizes):
        own = np.flatnonzero(sizes == size)
        if 2**size > LARGEST_IN_BATCH:
            for k in own:
                yield members[None, starts[k] : starts[k] + counts[k]]
        else:
            column = np.arange(counts[own].max())
            place = starts[own, None] + column
            filled = column < counts[own, None]
            yield np.where(filled, members[np.minimum(place, len(members) - 1)], -1)


@np.errstate(invalid="ignore", over="ignore")
def kept_in_batch(sides: Array, members: Array, iou_threshold: float) -> Array:
    """Return which members [classes, L] NMS keeps, each class by itself; never a filler."""
    K, L = members.shape
    alive: Array = members >= 0
    if iou_threshold < 0:
        alive[:, 1:] = False
        return alive
    fields = with_areas(sides)[:, members]  # [5, K, L]
    for start in range(0, L, FIRST_BLOCK):
        rows, rest = fields[:, :, start : start + FIRST_BLOCK, None], fields[:, :, None, start:]
        step = max(CHUNK // (rows.shape[2] * rest.shape[3]), 1)
        overlaps = np.concatenate(
            [
                exceeds(rows[:, k : k + step], rest[:, k : k + step], iou_threshold)
                for k in range(0, K, step)
            ]
        )  # [K, rows, rest]
        for i in range(rows.shape[2]):
            best = alive[:, start + i, None]
            alive[:, start + i + 1 :] &= ~(overlaps[:, i, i + 1 :] & best)
    return alive


def nms_all_pairs(
    boxes: Float[Tensor, "N 4"], scores: Float[Tensor, " N"], iou_threshold: float
) -> Int[Tensor, " kept"]:
    """Return the indices that NMS keeps, from the overlaps of all pairs at once.

    A box is kept when no kept better box overlaps it. Starting from all boxes, this is applied to
    all at once until nothing changes: after k rounds at least the k best boxes are decided, and in
    practice a few rounds decide all.
    """
    order = scores.argsort(descending=True, stable=True)
    overlaps = drops(boxes[order], iou_threshold)
    kept = torch.ones_like(order, dtype=torch.bool)
    while True:
        again = ~(overlaps & kept[:, None]).any(dim=0)
        if torch.equal(again, kept):
            return order[kept]
        kept = again


def drops(boxes: Float[Tensor, "N 4"], iou_threshold: float) -> Bool[Tensor, "N N"]:
    """Return whether box i, of boxes sorted by score, drops the later box j where it is kept."""
    return (box_iou(boxes, boxes) > iou_threshold).triu(diagonal=1)
