"""Region features: the part of a feature map inside a box, at one size for every box.

Boxes are given in image pixels; `spatial_scale` is features per pixel (1/16 at stride 16).
"""

import torch
from jaxtyping import Float
from torch import Tensor


def roi_pool(
    features: Float[Tensor, "C H W"],
    boxes: Float[Tensor, "N 4"],
    size: tuple[int, int],
    spatial_scale: float,
) -> Float[Tensor, "N C h w"]:
    """Return the maximum of the features in each of h x w bins of each box.

    A box (x1, y1, x2, y2) in image pixels is scaled to cells and rounded, halves away from zero;
    its last cell belongs to it, so that it has at least one. Counted from its first row, bin i of h
    holds the rows from floor(i * rows / h) to ceil((i + 1) * rows / h), the last one left out, and
    columns alike: bins share a cell where an edge falls inside it. Cells outside the features do
    not count; a bin that has no others is 0.

    Source: Fast R-CNN (arXiv:1504.08083), section 2.1.
    """
    h, w = size
    scaled = boxes * spatial_scale
    whole = scaled.trunc()
    cells = whole + scaled.sign() * ((scaled - whole).abs() >= 0.5)
    pooled = features.new_zeros((len(boxes), len(features), h, w))
    for n, (x1, y1, x2, y2) in enumerate(cells):
        edges_x = torch.arange(w + 1, device=boxes.device) * ((x2 - x1 + 1).clamp(min=1) / w)
        edges_y = torch.arange(h + 1, device=boxes.device) * ((y2 - y1 + 1).clamp(min=1) / h)
        left, right = (x1 + edges_x[:-1].floor()).tolist(), (x1 + edges_x[1:].ceil()).tolist()
        top, bottom = (y1 + edges_y[:-1].floor()).tolist(), (y1 + edges_y[1:].ceil()).tolist()
        for i in range(h):
            for j in range(w):
                rows = slice(max(int(top[i]), 0), max(int(bottom[i]), 0))
                columns = slice(max(int(left[j]), 0), max(int(right[j]), 0))
                part = features[:, rows, columns]
                if part[0].numel() > 0:
                    pooled[n, :, i, j] = part.amax(dim=(1, 2))
    return pooled


def roi_align(
    features: Float[Tensor, "C H W"],
    boxes: Float[Tensor, "N 4"],
    size: tuple[int, int],
    spatial_scale: float,
    sampling_ratio: int = 2,
) -> Float[Tensor, "N C h w"]:
    """Return the mean of the features at sampling_ratio^2 points in each of h x w bins of each box.

    Nothing is rounded. A bin is cut into sampling_ratio x sampling_ratio equal parts, with a point
    in the middle of each; its value is interpolated bilinearly between the four nearest cells. The
    centre of the first cell lies at (0.5, 0.5) of the scaled box's coordinates (torchvision's
    aligned=True). A point up to one cell beyond the outermost centres has the value at the border;
    one further out is 0, and counts in the mean. Differentiable in the features.

    Source: Mask R-CNN (arXiv:1703.06870), section 3.

    Raises ValueError where `sampling_ratio` is below 1.
    """
    if sampling_ratio < 1:
        raise ValueError(
            f"sampling_ratio must be at least 1, got {sampling_ratio}; 2 is the usual choice"
        )
    C, H, W = features.shape
    h, w = size
    pooled = features.new_zeros((len(boxes), C, h, w))
    step_x = (torch.arange(w * sampling_ratio).to(boxes) + 0.5) / (w * sampling_ratio)
    step_y = (torch.arange(h * sampling_ratio).to(boxes) + 0.5) / (h * sampling_ratio)
    for n, (x1, y1, x2, y2) in enumerate(boxes * spatial_scale - 0.5):
        x, y = x1 + (x2 - x1) * step_x, y1 + (y2 - y1) * step_y
        inside = ((y >= -1) & (y <= H))[:, None] & (x >= -1) & (x <= W)
        x, y = x.clamp(0, W - 1), y.clamp(0, H - 1)
        left, top = x.long(), y.long()
        right, bottom = (left + 1).clamp(max=W - 1), (top + 1).clamp(max=H - 1)
        share_x, share_y = (x - left).to(features.dtype), (y - top).to(features.dtype)[:, None]
        upper, lower = features[:, top], features[:, bottom]  # [C, h * ratio, W] each
        points = (
            upper[:, :, left] * (1 - share_x) * (1 - share_y)
            + upper[:, :, right] * share_x * (1 - share_y)
            + lower[:, :, left] * (1 - share_x) * share_y
            + lower[:, :, right] * share_x * share_y
        ) * inside  # [C, h * ratio, w * ratio]
        bins = points.reshape(C, h, sampling_ratio, w, sampling_ratio)
        pooled[n] = bins.mean(dim=(2, 4))  # [C, h, w]
    return pooled
