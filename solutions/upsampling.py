"""Upsampling without weights: by zeros, by copies, by interpolation, and by remembered maxima.

Pixel centres lie at half pixels, so that output pixel i looks at input coordinate
(i + 0.5) / factor - 0.5.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def bed_of_nails(x: Float[Tensor, "C H W"], factor: int) -> Float[Tensor, "C Hf Wf"]:
    """Return x with each value in the upper left corner of a factor x factor block of zeros."""
    C, H, W = x.shape
    nails = x.new_zeros((C, H * factor, W * factor))
    nails[:, ::factor, ::factor] = x
    return nails


def nearest_upsample(x: Float[Tensor, "C H W"], factor: int) -> Float[Tensor, "C Hf Wf"]:
    """Return x with each value copied over a factor x factor block."""
    return x.repeat_interleave(factor, dim=1).repeat_interleave(factor, dim=2)


def bilinear_upsample(x: Float[Tensor, "C H W"], factor: int) -> Float[Tensor, "C Hf Wf"]:
    """Return x enlarged by linear interpolation along both axes.

    Output pixel i of an axis looks at input coordinate (i + 0.5) / factor - 0.5 and mixes the two
    input pixels nearest to it, the closer one weighing more: at 2.25 it takes 0.75 of pixel 2 and
    0.25 of pixel 3. Beyond the outermost pixels the border's value goes on.
    """
    for dim in (1, 2):
        size = x.shape[dim]
        index = torch.arange(size * factor, dtype=x.dtype, device=x.device)
        position = ((index + 0.5) / factor - 0.5).clamp(0, size - 1)
        before = position.long()
        after = (before + 1).clamp(max=size - 1)
        share = position - before
        share = share[:, None] if dim == 1 else share
        x = torch.lerp(x.index_select(dim, before), x.index_select(dim, after), share)
    return x


def bicubic_upsample(x: Float[Tensor, "C H W"], factor: int) -> Float[Tensor, "C Hf Wf"]:
    """Return x enlarged by cubic interpolation along both axes.

    Output pixel i of an axis looks at input coordinate (i + 0.5) / factor - 0.5 and mixes the four
    input pixels nearest to it. One at distance d weighs (a + 2) d^3 - (a + 3) d^2 + 1 up to d = 1,
    and a d^3 - 5a d^2 + 8a d - 4a from there to d = 2, with a = -0.75. Pixels beyond the border
    are copies of the border's. Results may overshoot the input's range.

    Source: Keys, Cubic Convolution Interpolation for Digital Image Processing (1981), equation 15.
    """
    a = -0.75
    for dim in (1, 2):
        size = x.shape[dim]
        index = torch.arange(size * factor, dtype=x.dtype, device=x.device)
        position = (index + 0.5) / factor - 0.5
        total = torch.zeros(())
        for tap in (-1, 0, 1, 2):
            pixel = position.floor() + tap
            d = (position - pixel).abs()
            near = (a + 2) * d**3 - (a + 3) * d**2 + 1
            far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
            weight = torch.where(d <= 1, near, far)
            weight = weight[:, None] if dim == 1 else weight
            total = total + weight * x.index_select(dim, pixel.long().clamp(0, size - 1))
        x = total
    return x


def max_pool(
    x: Float[Tensor, "C H W"], size: int
) -> tuple[Float[Tensor, "C h w"], Int[Tensor, "C h w"]]:
    """Return the largest value of each size x size block and where it was.

    Blocks lie side by side. The place is row * W + column in the plane of x, counted anew in each
    channel; of equal values the first, row by row. Rows and columns that fill no whole block are
    left out.

    Source: DeconvNet (arXiv:1505.04366), section 3.2.1.
    """
    C, H, W = x.shape
    h, w = H // size, W // size
    blocks = x[:, : h * size, : w * size].reshape(C, h, size, w, size)
    blocks = blocks.permute(0, 1, 3, 2, 4).reshape(C, h, w, size * size)
    values, place = blocks.max(dim=3)
    rows = torch.arange(h, device=x.device)[:, None] * size + place // size
    columns = torch.arange(w, device=x.device) * size + place % size
    return values, rows * W + columns


def max_unpool(
    values: Float[Tensor, "C h w"], indices: Int[Tensor, "C h w"], output_size: tuple[int, int]
) -> Float[Tensor, "C H W"]:
    """Return a map of zeros of (height, width) = `output_size` with each value at its index.

    An index is row * width + column in the plane of `output_size`, and each channel has a plane of
    its own. Values may be of any sign. An index that occurs twice, as where pooled blocks overlap,
    has the same value both times: it is put there, not added.

    Source: DeconvNet (arXiv:1505.04366), section 3.2.1.
    """
    height, width = output_size
    planes = values.new_zeros((len(values), height * width))
    planes = planes.scatter(1, indices.flatten(1), values.flatten(1))
    return planes.reshape(len(values), height, width)
