"""roi_align as a weighted sum of rows of a table: torch's embedding_bag, which is made for that.

The table has a row of C features for each cell; a bin of the result is the sum of
4 * sampling_ratio^2 of them. Regions go in chunks, so that indices stay in the cache.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

CHUNK = 1 << 13  # bins at a time: with fewer, threads wait for each other; more leave the cache


def roi_align(
    features: Float[Tensor, "C H W"],
    boxes: Float[Tensor, "N 4"],
    size: tuple[int, int],
    spatial_scale: float,
    sampling_ratio: int = 2,
) -> Float[Tensor, "N C h w"]:
    """Return the mean of the features at sampling_ratio^2 points in each of h x w bins of each box.

    Equal to solutions.roi.roi_align up to rounding; differentiable in the features.

    Raises ValueError where `sampling_ratio` is below 1.
    """
    if sampling_ratio < 1:
        raise ValueError(
            f"sampling_ratio must be at least 1, got {sampling_ratio}; 2 is the usual choice"
        )
    C, H, W = features.shape
    h, w = size
    table = features.flatten(1).T.contiguous()  # [H * W, C]
    x1, y1, x2, y2 = (boxes.detach() * spatial_scale - 0.5).unbind(dim=1)
    row, row_weight = taps(y1, y2, h, sampling_ratio, H)  # [N, h, taps]
    column, column_weight = taps(x1, x2, w, sampling_ratio, W)  # [N, w, taps]
    learning = torch.is_grad_enabled() and features.requires_grad
    whole = learning or boxes.device.type != "cpu"
    step = max(len(boxes) if whole else CHUNK // (h * w), 1)
    pooled = features.new_empty((len(boxes), C, h * w))
    row = row * W  # where the row begins in the table
    for start in range(0, len(boxes), step):
        part = slice(start, start + step)
        index = row[part, :, None, :, None] + column[part, None, :, None, :]
        weight = row_weight[part, :, None, :, None] * column_weight[part, None, :, None, :]
        bins = F.embedding_bag(
            index.flatten(3).flatten(0, 2),
            table,
            mode="sum",
            per_sample_weights=weight.flatten(3).flatten(0, 2).to(table.dtype),
        )  # [n * h * w, C]
        bins = bins.view(-1, h * w, C).transpose(1, 2)  # [n, C, h * w]
        if learning:
            return bins.reshape(-1, C, h, w)
        pooled[part] = bins
    return pooled.view(len(boxes), C, h, w)


def taps(
    start: Float[Tensor, " N"], stop: Float[Tensor, " N"], bins: int, ratio: int, cells: int
) -> tuple[Int[Tensor, "N bins taps"], Float[Tensor, "N bins taps"]]:
    """Return the cells that each bin of an axis reads, and with which weights.

    A point between two cells reads both; a point more than one cell outside reads with weight 0.
    """
    step = (torch.arange(bins * ratio).to(start) + 0.5) / (bins * ratio)
    place = start[:, None] + (stop - start)[:, None] * step  # [N, bins * ratio]
    weight = ((place >= -1) & (place <= cells)).to(start.dtype) / ratio
    place = place.clamp(0, cells - 1)
    before = place.long()
    share = place - before
    cell = torch.stack([before, (before + 1).clamp(max=cells - 1)], dim=2)  # [N, bins * ratio, 2]
    weights = torch.stack([weight * (1 - share), weight * share], dim=2)
    return cell.view(len(start), bins, 2 * ratio), weights.view(len(start), bins, 2 * ratio)
