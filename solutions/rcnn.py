"""R-CNN around its network: crops of proposals, box transforms, targets, and choice at test time.

A transform (t_x, t_y, t_w, t_h) moves a proposal's centre by a share of its size and scales its
sides on a logarithmic scale: b_x = p_x + p_w t_x, b_w = p_w exp(t_w), and y and height alike.

Source: R-CNN (arXiv:1311.2524), sections 2 and appendix C.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from solutions.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh


def crop_and_resize(
    image: Float[Tensor, "C H W"], boxes: Float[Tensor, "N 4"], size: tuple[int, int]
) -> Float[Tensor, "N C h w"]:
    """Return the part of the image inside each box, resized to (height, width) = `size`.

    The box (x1, y1, x2, y2) is cut into h x w equal bins, and each output pixel is the image's
    value at the centre of its bin, interpolated bilinearly between the four nearest pixels. The
    centre of the pixel in column c is at x = c + 0.5, so that column j of the result is read at
    column x1 + (j + 0.5) * (x2 - x1) / w - 0.5; rows alike. What lies beyond the centres of the
    outermost pixels takes their value. No boxes give an empty result.
    """
    _, H, W = image.shape
    h, w = size
    x1, y1, x2, y2 = (side[:, None] for side in boxes.unbind(dim=1))  # [N, 1] each
    bin_x = torch.arange(w, dtype=boxes.dtype, device=boxes.device) + 0.5
    bin_y = torch.arange(h, dtype=boxes.dtype, device=boxes.device) + 0.5
    x = (x1 + bin_x * (x2 - x1) / w - 0.5).clamp(0, W - 1)  # [N, w]
    y = (y1 + bin_y * (y2 - y1) / h - 0.5).clamp(0, H - 1)  # [N, h]
    left, top = x.long(), y.long()
    right, bottom = (left + 1).clamp(max=W - 1), (top + 1).clamp(max=H - 1)
    right_share = (x - left).to(image.dtype)[:, None, :]  # [N, 1, w]
    bottom_share = (y - top).to(image.dtype)[:, :, None]  # [N, h, 1]
    upper = torch.lerp(
        image[:, top[:, :, None], left[:, None, :]],
        image[:, top[:, :, None], right[:, None, :]],
        right_share,
    )  # [C, N, h, w]
    lower = torch.lerp(
        image[:, bottom[:, :, None], left[:, None, :]],
        image[:, bottom[:, :, None], right[:, None, :]],
        right_share,
    )
    return torch.lerp(upper, lower, bottom_share).transpose(0, 1)  # [N, C, h, w]


def encode_boxes(
    proposals: Float[Tensor, "N 4"], gt_boxes: Float[Tensor, "N 4"]
) -> Float[Tensor, "N 4"]:
    """Return the transforms (t_x, t_y, t_w, t_h) that turn each proposal into its ground truth.

    t_x is the way from the proposal's centre to that of the ground truth in widths of the proposal,
    t_w the natural logarithm of the ground truth's width over the proposal's; t_y and t_h are the
    same for heights. Boxes are (x1, y1, x2, y2). No boxes give an empty result.

    Raises ValueError where a box has no width or no height: its logarithm does not exist.
    """
    for name, boxes in (("proposals", proposals), ("gt_boxes", gt_boxes)):
        empty = (boxes[:, 2:] <= boxes[:, :2]).any(dim=1)
        if empty.any():
            raise ValueError(
                f"{name} must have positive width and height, got {boxes[empty][0].tolist()}; "
                "leave out boxes without area"
            )
    px, py, pw, ph = xyxy_to_cxcywh(proposals).unbind(dim=1)
    bx, by, bw, bh = xyxy_to_cxcywh(gt_boxes).unbind(dim=1)
    return torch.stack(
        [(bx - px) / pw, (by - py) / ph, torch.log(bw / pw), torch.log(bh / ph)], dim=1
    )


def decode_boxes(
    proposals: Float[Tensor, "N 4"], transforms: Float[Tensor, "N 4"]
) -> Float[Tensor, "N 4"]:
    """Return the boxes (x1, y1, x2, y2) that the transforms (t_x, t_y, t_w, t_h) make of proposals.

    The inverse of encode_boxes: the centre moves by t_x widths and t_y heights of the proposal, the
    width is multiplied by exp(t_w) and the height by exp(t_h). Before that, t_w and t_h above
    log(1000 / 16) are set to it, so that a network that is far off does not overflow exp. No boxes
    give an empty result.
    """
    px, py, pw, ph = xyxy_to_cxcywh(proposals).unbind(dim=1)
    tx, ty, tw, th = transforms.unbind(dim=1)
    limit = math.log(1000 / 16)
    return cxcywh_to_xyxy(
        torch.stack(
            [
                px + pw * tx,
                py + ph * ty,
                pw * torch.exp(tw.clamp(max=limit)),
                ph * torch.exp(th.clamp(max=limit)),
            ],
            dim=1,
        )
    )


def label_proposals(
    iou: Float[Tensor, "N M"],
    gt_labels: Int[Tensor, " M"],
    positive: float = 0.5,
    negative: float = 0.3,
) -> tuple[Int[Tensor, " N"], Int[Tensor, " N"]]:
    """Return each proposal's label and the index of the ground truth that it overlaps most.

    The label is that ground truth's class where their IoU is at least `positive`, 0 (background)
    where it is below `negative`, else -1 (neutral). Of equal overlaps the lowest index counts.
    Every proposal gets the index, whatever its label. Without ground truth (M = 0) every proposal
    is background and its index is -1.
    """
    N, M = iou.shape
    if M == 0:
        return gt_labels.new_zeros(N), gt_labels.new_full((N,), -1)
    best, matches = iou.max(dim=1)  # [N] each
    labels = torch.full_like(matches, -1)
    labels[best < negative] = 0
    labels[best >= positive] = gt_labels[matches[best >= positive]]
    return labels, matches


def select_by_background(
    probabilities: Float[Tensor, "N K_plus_1"], k: int
) -> Int[Tensor, " selected"]:
    """Return the indices of the k proposals that are least likely background.

    The lowest background probability, column 0, comes first; of equal ones the lower index. Fewer
    than k proposals are all returned.
    """
    return probabilities[:, 0].argsort(stable=True)[:k]


def select_per_class(
    probabilities: Float[Tensor, "N K_plus_1"], k: int
) -> Int[Tensor, "K selected"]:
    """Return, for each foreground class, the indices of its k most likely proposals.

    Row l - 1 belongs to label l. The best comes first; of equal ones the lower index. Fewer than k
    proposals are all returned.
    """
    order = probabilities[:, 1:].argsort(dim=0, descending=True, stable=True)  # [N, K]
    return order[:k].T
