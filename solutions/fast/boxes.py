"""box_iou without [N, M, 2] temporaries: a few rows at a time, in buffers that fit the cache."""

import torch
from jaxtyping import Float
from torch import Tensor

CHUNK = 1 << 15  # pairs whose four buffers fit into a core's cache
GPU_CHUNK = 1 << 24  # pairs that fill a GPU, in buffers that are small beside its memory


def box_iou(a: Float[Tensor, "N 4"], b: Float[Tensor, "M 4"]) -> Float[Tensor, "N M"]:
    """Return the intersection over union of every box of `a` with every box of `b`.

    Boxes are (x1, y1, x2, y2). Boxes that do not overlap have IoU 0, and so has a pair whose union
    is empty. Equal to solutions.boxes.box_iou to the last bit; not differentiable.
    """
    a, b = a.detach(), b.detach()
    N, M = len(a), len(b)
    result = torch.empty((N, M), dtype=torch.promote_types(a.dtype, b.dtype), device=a.device)
    if result.numel() == 0:
        return result
    ax1, ay1, ax2, ay2 = a.T.contiguous()[:, :, None]  # [N, 1] each
    bx1, by1, bx2, by2 = b.T.contiguous()  # [M] each
    area_a, area_b = (ax2 - ax1) * (ay2 - ay1), (bx2 - bx1) * (by2 - by1)
    rows = max((CHUNK if a.device.type == "cpu" else GPU_CHUNK) // M, 1)
    buffers = [result.new_empty((min(rows, N), M)) for _ in range(3)]
    for start in range(0, N, rows):
        chunk = slice(start, start + rows)
        part = result[chunk]
        width, height, spare = (buffer[: len(part)] for buffer in buffers)
        torch.minimum(ax2[chunk], bx2, out=width)
        torch.maximum(ax1[chunk], bx1, out=spare)
        width.sub_(spare).clamp_(min=0)
        torch.minimum(ay2[chunk], by2, out=height)
        torch.maximum(ay1[chunk], by1, out=spare)
        height.sub_(spare).clamp_(min=0)
        intersection = width.mul_(height)
        union = torch.add(area_a[chunk], area_b, out=spare).sub_(intersection)
        torch.div(intersection, union, out=part)
    if may_be_undefined(area_a, area_b):
        result.nan_to_num_(nan=0.0)
    return result


def may_be_undefined(area_a: Tensor, area_b: Tensor) -> bool:
    """Return whether 0 / 0 or infinity / infinity may occur among the pairs."""
    smallest = torch.maximum(area_a.min(), area_b.min())
    largest = area_a.max() + area_b.max()
    return not bool((smallest > 0) & largest.isfinite())
