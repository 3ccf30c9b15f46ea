"""Boxes: two ways to write one down, its area, and how far two of them overlap."""

import torch
from jaxtyping import Float
from torch import Tensor


def cxcywh_to_xyxy(boxes: Float[Tensor, "N 4"]) -> Float[Tensor, "N 4"]:
    """Return boxes given as (centre x, centre y, width, height) as their corners (x1, y1, x2, y2).

    All numbers are continuous pixels. No boxes give an empty result.
    """
    center_x, center_y, width, height = boxes.unbind(dim=1)
    return torch.stack(
        [
            center_x - width / 2,
            center_y - height / 2,
            center_x + width / 2,
            center_y + height / 2,
        ],
        dim=1,
    )


def xyxy_to_cxcywh(boxes: Float[Tensor, "N 4"]) -> Float[Tensor, "N 4"]:
    """Return boxes given by their corners (x1, y1, x2, y2) as (centre x, centre y, width, height).

    All numbers are continuous pixels. No boxes give an empty result.
    """
    x1, y1, x2, y2 = boxes.unbind(dim=1)
    return torch.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], dim=1)


def box_area(boxes: Float[Tensor, "N 4"]) -> Float[Tensor, " N"]:
    """Return the area of each box, in square pixels.

    A box is (x1, y1, x2, y2) in continuous pixels: its width is x2 - x1, without "+1".
    A box without width or height has area 0. No boxes give an empty result.
    """
    x1, y1, x2, y2 = boxes.unbind(dim=1)
    return (x2 - x1) * (y2 - y1)


def box_iou(a: Float[Tensor, "N 4"], b: Float[Tensor, "M 4"]) -> Float[Tensor, "N M"]:
    """Return the intersection over union of every box of `a` with every box of `b`.

    Boxes are (x1, y1, x2, y2). Entry [i, j] lies in [0, 1] and belongs to a[i] and b[j]. Boxes
    that do not overlap have IoU 0, and so has a pair whose union is empty (never NaN).

    Source: Everingham et al., The Pascal Visual Object Classes Challenge (IJCV 2010), section 4.2.
    """
    top_left = torch.maximum(a[:, None, :2], b[None, :, :2])  # [N, M, 2]
    bottom_right = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    width, height = (bottom_right - top_left).clamp(min=0).unbind(dim=2)  # [N, M] each
    intersection = width * height
    union = box_area(a)[:, None] + box_area(b)[None, :] - intersection
    return torch.where(union > 0, intersection / union, torch.zeros_like(union))
