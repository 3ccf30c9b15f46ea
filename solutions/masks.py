"""Mask R-CNN's mask head: its targets, its layers, its loss, and masks back in the image.

Source: Mask R-CNN (arXiv:1703.06870), section 3.
"""

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from solutions.rcnn import crop_and_resize


def mask_targets(
    gt_masks: Shaped[Tensor, "M H W"],
    boxes: Float[Tensor, "N 4"],
    matches: Int[Tensor, " N"],
    size: int = 28,
) -> Float[Tensor, "N size size"]:
    """Return what the mask head should say of each box: 1 where its object is, 0 elsewhere.

    The mask of the matched ground truth is cropped to the box, resized to size x size, and 1 where
    it is at least 0.5. A match of -1 gives zeros. Masks are bool or hold 0 and 1.
    """
    targets = boxes.new_zeros((len(boxes), size, size))
    for n, match in enumerate(matches.tolist()):
        if match >= 0:
            mask = gt_masks[match : match + 1].to(boxes.dtype)
            crop = crop_and_resize(mask, boxes[n : n + 1], (size, size))[0, 0]  # [size, size]
            targets[n] = (crop >= 0.5).to(boxes.dtype)
    return targets


class MaskHead(nn.Module):
    """Region features [N, C, 14, 14] to one mask of logits for each class, [N, K, 28, 28].

    Four 3x3 convolutions, a 2x2 transposed convolution of stride 2 and a 1x1 convolution; ReLU
    after all but the last.

    Source: Mask R-CNN (arXiv:1703.06870), figure 4, right.
    """

    def __init__(self, in_channels: int, num_classes: int, hidden: int = 256) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels in (in_channels, hidden, hidden, hidden):
            layers += [nn.Conv2d(channels, hidden, 3, padding=1), nn.ReLU()]
        layers += [nn.ConvTranspose2d(hidden, hidden, 2, stride=2), nn.ReLU()]
        layers += [nn.Conv2d(hidden, num_classes, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Float[Tensor, "N C H W"]) -> Float[Tensor, "N K out_H out_W"]:
        """Return the logits of each region's masks, at twice the features' height and width."""
        logits: Tensor = self.layers(features)
        return logits


def mask_loss(
    logits: Float[Tensor, "N K H W"], targets: Float[Tensor, "N H W"], labels: Int[Tensor, " N"]
) -> Float[Tensor, ""]:
    """Return the binary cross-entropy of the true classes' masks, mean over the positives' pixels.

    A region of label l >= 1 is compared by channel l - 1 only, so that classes do not compete;
    background and neutral regions do not count. No positives give 0. Masks have any height and
    width.
    """
    positive = labels > 0
    own = logits[positive, labels[positive] - 1]  # [positives, H, W]
    loss = F.binary_cross_entropy_with_logits(own, targets[positive], reduction="sum")
    return loss / max(own.numel(), 1)


def paste_masks(
    probabilities: Float[Tensor, "N h w"],
    boxes: Float[Tensor, "N 4"],
    image_size: tuple[int, int],
    threshold: float = 0.5,
) -> Bool[Tensor, "N H W"]:
    """Return each region's mask in the image of (height, width) = `image_size`.

    The probabilities are those of one class each, h x w of them over the whole box. A pixel whose
    centre lies in [x1, x2) x [y1, y2) takes the mask's value there, interpolated bilinearly and
    going on beyond the outermost mask cells' centres; it is set where that is at least `threshold`.
    """
    _, h, w = probabilities.shape
    height, width = image_size
    x = torch.arange(width, dtype=boxes.dtype, device=boxes.device) + 0.5
    y = torch.arange(height, dtype=boxes.dtype, device=boxes.device) + 0.5
    pasted = torch.zeros((len(boxes), height, width), dtype=torch.bool, device=boxes.device)
    for n, (x1, y1, x2, y2) in enumerate(boxes):
        columns, rows = (x >= x1) & (x < x2), (y >= y1) & (y < y2)
        u = ((x[columns] - x1) * w / (x2 - x1) - 0.5).clamp(0, w - 1)
        v = ((y[rows] - y1) * h / (y2 - y1) - 0.5).clamp(0, h - 1)
        left, top = u.long(), v.long()
        right, bottom = (left + 1).clamp(max=w - 1), (top + 1).clamp(max=h - 1)
        across, down = (u - left).to(probabilities), (v - top).to(probabilities)
        upper = torch.lerp(probabilities[n, top][:, left], probabilities[n, top][:, right], across)
        lower = torch.lerp(
            probabilities[n, bottom][:, left], probabilities[n, bottom][:, right], across
        )
        inside = torch.lerp(upper, lower, down[:, None]) >= threshold  # [rows, columns]
        pasted[n, rows[:, None] & columns] = inside.flatten()
    return pasted
