"""Mask R-CNN's keypoint head: one heat map per keypoint, trained as a choice among its bins.

Source: Mask R-CNN (arXiv:1703.06870), section 5.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F


def keypoint_targets(
    keypoints: Float[Tensor, "N P 3"], boxes: Float[Tensor, "N 4"], size: int = 56
) -> tuple[Int[Tensor, "N P"], Bool[Tensor, "N P"]]:
    """Return the bin of each keypoint in its box's size x size heat map, and whether it counts.

    A keypoint is (x, y, v), visible where v > 0. The bin is row * size + column, rounded down; a
    keypoint on the right or lower edge belongs to the last bin. It counts where it is visible and
    in the box, edges included; one that does not has bin 0. In a box without area none counts.
    """
    x, y, v = keypoints.unbind(dim=2)  # [N, P] each
    x1, y1, x2, y2 = (side[:, None] for side in boxes.unbind(dim=1))  # [N, 1] each
    in_box = (x >= x1) & (x <= x2) & (y >= y1) & (y <= y2)
    valid = in_box & (v > 0) & (x2 > x1) & (y2 > y1)
    width = torch.where(x2 > x1, x2 - x1, torch.ones_like(x1))
    height = torch.where(y2 > y1, y2 - y1, torch.ones_like(y1))
    column = ((x - x1) * size / width).floor().clamp(0, size - 1)
    row = ((y - y1) * size / height).floor().clamp(0, size - 1)
    return torch.where(valid, row * size + column, torch.zeros_like(row)).long(), valid


def keypoint_loss(
    logits: Float[Tensor, "N P H W"], bins: Int[Tensor, "N P"], valid: Bool[Tensor, "N P"]
) -> Float[Tensor, ""]:
    """Return the cross-entropy over the bins of a heat map, mean over the keypoints that count.

    Heat maps have any height and width. No keypoints that count give 0.
    """
    counted = logits.flatten(2)[valid]  # [counted, H * W]
    return F.cross_entropy(counted, bins[valid], reduction="sum") / max(len(counted), 1)


def decode_keypoints(
    logits: Float[Tensor, "N P H W"], boxes: Float[Tensor, "N 4"]
) -> Float[Tensor, "N P 3"]:
    """Return each keypoint as (x, y, probability): the centre of its most likely bin, in the image.

    The probability is the softmax over the heat map at that bin; of equal bins the first counts.
    """
    _, _, H, W = logits.shape
    flat = logits.flatten(2)  # [N, P, H * W]
    best = flat.argmax(dim=2)  # [N, P]
    probability = flat.softmax(dim=2).gather(2, best[:, :, None])[:, :, 0]
    x1, y1, x2, y2 = (side[:, None] for side in boxes.unbind(dim=1))  # [N, 1] each
    x = x1 + (best % W + 0.5) * (x2 - x1) / W
    y = y1 + (best // W + 0.5) * (y2 - y1) / H
    return torch.stack([x, y, probability], dim=2)
