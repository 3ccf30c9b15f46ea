"""Wrong answers as students write them: a known mistake, and often a second fault at an edge.

The name of each function is that of its exercise, two underscores, and the mistake to be named.
"""

import numpy as np
import torch
from torch.nn import functional as F


def receptive_field__sum_of_kernels(layers):
    total = 0
    for kernel, _ in layers:
        total = total + kernel
    return total


def receptive_field__own_stride_first(layers):
    """It also fails without layers."""
    jump, see = layers[0][1], layers[0][1] * (layers[0][0] - 1) + 1
    for kernel, stride in layers[1:]:
        jump *= stride
        see += (kernel - 1) * jump
    return see


def receptive_field__stride_of_the_layer_before(layers):
    see, before = 1, 1
    while layers:
        kernel, stride = layers[0]
        see, before = see + (kernel - 1) * before, stride
        layers = layers[1:]
    return see


def receptive_field__from_the_last_layer(layers):
    """The recursion from the output to the image, begun at the image."""
    see = 1
    for kernel, stride in layers:
        see = (see - 1) * stride + kernel
    return see


def receptive_field__ignores_strides(layers):
    """It also counts no layers as nothing."""
    if not layers:
        return 0
    return sum(kernel for kernel, _ in layers) - len(layers) + 1


def pixel_cross_entropy__ignored_in_the_mean(logits, target, ignore_index=-1):
    counted = (target != ignore_index).float()
    labels = target * (target != ignore_index)
    log_p = F.log_softmax(logits, dim=0)
    losses = -log_p.gather(0, labels[None])[0] * counted
    return losses.mean()


def pixel_cross_entropy__ignored_as_background(logits, target, ignore_index=-1):
    target = target.clone()
    target[target == ignore_index] = 0
    return F.cross_entropy(logits[None], target[None])


def pixel_cross_entropy__softmax_over_the_columns(logits, target, ignore_index=-1):
    """It also gives NaN where nothing counts."""
    log_p = F.log_softmax(logits, dim=-1)
    picked = [
        log_p[target[i, j], i, j]
        for i in range(target.shape[0])
        for j in range(target.shape[1])
        if target[i, j] != ignore_index
    ]
    return -sum(picked) / len(picked)


def pixel_cross_entropy__pixels_mixed_up(logits, target, ignore_index=-1):
    """It also gives NaN where nothing counts."""
    flat = logits.reshape(-1, logits.shape[0])
    return F.cross_entropy(flat, target.reshape(-1), ignore_index=ignore_index)


def pixel_cross_entropy__softmax_twice(logits, target, ignore_index=-1):
    """It also gives NaN where nothing counts."""
    p = logits.softmax(dim=0)[None]
    return F.cross_entropy(p, target[None], ignore_index=ignore_index)


def pixel_cross_entropy__nan_of_nothing(logits, target, ignore_index=-1):
    return F.cross_entropy(logits[None], target[None], ignore_index=ignore_index)


def bed_of_nails__in_the_centre(x, factor):
    C, H, W = x.shape
    out = x.new_zeros(C, H * factor, W * factor)
    middle = factor // 2
    out[:, middle::factor, middle::factor] = x
    return out


def bed_of_nails__in_the_lower_right(x, factor):
    """It also forgets the dtype."""
    C, H, W = x.shape
    out = torch.zeros(C, H * factor, W * factor)
    out[:, factor - 1 :: factor, factor - 1 :: factor] = x
    return out


def bed_of_nails__returns_float32(x, factor):
    C, H, W = x.shape
    out = torch.zeros(C, H * factor, W * factor)
    out[:, ::factor, ::factor] = x
    return out


def nearest_upsample__tiled(x, factor):
    rows = torch.cat([x] * factor, dim=1)
    return torch.cat([rows] * factor, dim=2)


def nearest_upsample__repeated_in_one_line(x, factor):
    C, H, W = x.shape
    values = [v for v in x.flatten().tolist() for _ in range(factor * factor)]
    return torch.tensor(values).reshape(C, H * factor, W * factor)


def bilinear_upsample__aligned_corners(x, factor):
    _, H, W = x.shape
    v, u = torch.linspace(0, H - 1, H * factor), torch.linspace(0, W - 1, W * factor)
    top, left = v.long(), u.long()
    below, right = (top + 1).clamp(max=H - 1), (left + 1).clamp(max=W - 1)
    dv, du = (v - top)[:, None], u - left
    upper = x[:, top][:, :, left] * (1 - du) + x[:, top][:, :, right] * du
    lower = x[:, below][:, :, left] * (1 - du) + x[:, below][:, :, right] * du
    return upper * (1 - dv) + lower * dv


def bilinear_upsample__no_half_pixel(x, factor):
    for axis in (1, 2):
        size = x.shape[axis]
        where = torch.arange(size * factor) / factor
        first = where.floor().long()
        second = (first + 1).clamp(max=size - 1)
        shape = (-1, 1) if axis == 1 else (-1,)
        share = (where - first).reshape(shape)
        x = (1 - share) * x.index_select(axis, first) + share * x.index_select(axis, second)
    return x


def bilinear_upsample__fails_at_the_border(x, factor):
    C, H, W = x.shape
    if factor == 1:
        return x.clone()
    out = x.new_zeros(C, H * factor, W * factor)
    for i in range(H * factor):
        for j in range(W * factor):
            v, u = (i + 0.5) / factor - 0.5, (j + 0.5) / factor - 0.5
            top, left = int(np.floor(v)), int(np.floor(u))
            dv, du = v - top, u - left
            out[:, i, j] = (
                x[:, top, left] * (1 - dv) * (1 - du)
                + x[:, top, left + 1] * (1 - dv) * du
                + x[:, top + 1, left] * dv * (1 - du)
                + x[:, top + 1, left + 1] * dv * du
            )
    return out


def bicubic_upsample__a_is_minus_half(x, factor):
    return _bicubic(x, factor, a=-0.5)


def bicubic_upsample__position_limited_to_the_map(x, factor):
    return _bicubic(x, factor, a=-0.75, limit=True)


def _bicubic(x, factor, a, limit=False):
    for axis in (1, 2):
        n = x.shape[axis]
        columns = []
        for i in range(n * factor):
            p = (i + 0.5) / factor - 0.5
            if limit:
                p = min(max(p, 0), n - 1)
            first = int(np.floor(p)) - 1
            column = 0
            for t in range(first, first + 4):
                d = abs(p - t)
                if d <= 1:
                    w = (a + 2) * d**3 - (a + 3) * d**2 + 1
                else:
                    w = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
                column = column + w * x.select(axis, min(max(t, 0), n - 1))
            columns.append(column)
        x = torch.stack(columns, dim=axis)
    return x


def max_pool__places_in_the_block(x, size):
    C, H, W = x.shape
    x = x[:, : H // size * size, : W // size * size]
    blocks = x.reshape(C, H // size, size, W // size, size).transpose(2, 3)
    return blocks.reshape(C, H // size, W // size, -1).max(dim=-1)


def max_pool__width_without_the_remainder(x, size):
    """It crops first and forgets the old width."""
    C, H, W = x.shape
    H, W = H - H % size, W - W % size
    x = x[:, :H, :W]
    values = x.new_zeros(C, H // size, W // size)
    places = torch.zeros(C, H // size, W // size, dtype=torch.int64)
    for i in range(H // size):
        for j in range(W // size):
            block = x[:, i * size : (i + 1) * size, j * size : (j + 1) * size].flatten(1)
            values[:, i, j], k = block.max(dim=1)
            places[:, i, j] = (i * size + k // size) * W + j * size + k % size
    return values, places


def max_pool__last_of_equals(x, size):
    C, H, W = x.shape
    values = x.new_zeros(C, H // size, W // size)
    places = torch.zeros(C, H // size, W // size, dtype=torch.int64)
    for c, i, j in np.ndindex(*values.shape):
        best, at = x[c, i * size, j * size], i * size * W + j * size
        for r in range(i * size, i * size + size):
            for s in range(j * size, j * size + size):
                if x[c, r, s] >= best:
                    best, at = x[c, r, s], r * W + s
        values[c, i, j], places[c, i, j] = best, at
    return values, places


def max_unpool__all_in_the_first_channel(values, indices, output_size):
    height, width = output_size
    out = torch.zeros(len(values) * height * width)
    for value, place in zip(values.flatten(), indices.flatten(), strict=True):
        out[place] = value
    return out.view(len(values), height, width)


def max_unpool__height_and_width_swapped(values, indices, output_size):
    width, height = output_size
    out = values.new_zeros(len(values), height, width)
    for c in range(len(values)):
        for value, place in zip(values[c].flatten(), indices[c].flatten(), strict=True):
            out[c, place // width, place % width] = value
    return out


def conv_transpose1d__overwrites(x, weight, stride):
    """It also computes a length where there is nothing."""
    out = torch.zeros(max((len(x) - 1) * stride + len(weight), 0), dtype=x.dtype)
    for i, value in enumerate(x):
        out[i * stride : i * stride + len(weight)] = value * weight
    return out


def conv_transpose1d__kernel_flipped(x, weight, stride):
    """It convolves the values with zeros between them, as a convolution does."""
    k = len(weight)
    stuffed = x.new_zeros(max((len(x) - 1) * stride + 1, 0))
    stuffed[::stride] = x
    padded = F.pad(stuffed, (k - 1, k - 1))
    if len(x) == 0:
        return x.clone()
    return torch.stack([(padded[i : i + k] * weight).sum() for i in range(len(padded) - k + 1)])


def conv_transpose1d__one_too_short(x, weight, stride):
    """It cuts the last copy; without values its length is nothing by luck."""
    length = max((len(x) - 1) * stride + len(weight) - 1, 0) if len(x) else 0
    out = x.new_zeros(length)
    for i in range(len(x)):
        for t in range(len(weight)):
            if i * stride + t < length:
                out[i * stride + t] += x[i] * weight[t]
    return out


def conv_transpose2d__overwrites(x, weight, stride=1, padding=0, output_padding=0):
    _, H, W = x.shape
    _, C_out, k, _ = weight.shape
    height, width = ((n - 1) * stride + k + output_padding for n in (H, W))
    out = x.new_zeros(C_out, height, width)
    for i in range(H):
        for j in range(W):
            copy = torch.einsum("c,cdab->dab", x[:, i, j], weight)
            out[:, i * stride : i * stride + k, j * stride : j * stride + k] = copy
    return out[:, padding : height - padding, padding : width - padding]


def conv_transpose2d__padding_adds(x, weight, stride=1, padding=0, output_padding=0):
    """It leaves the output padding out, too."""
    C_in, H, W = x.shape
    _, C_out, k, _ = weight.shape
    height, width = (H - 1) * stride + k + 2 * padding, (W - 1) * stride + k + 2 * padding
    out = x.new_zeros(C_out, height, width)
    for i in range(H):
        for j in range(W):
            top, left = i * stride + padding, j * stride + padding
            for c in range(C_in):
                out[:, top : top + k, left : left + k] += x[c, i, j] * weight[c]
    if output_padding:
        out = F.pad(out, (0, output_padding, 0, output_padding))
    return out


def conv_transpose2d__channels_of_the_weight_exchanged(
    x, weight, stride=1, padding=0, output_padding=0
):
    C_out, C_in, k, _ = weight.shape
    _, H, W = x.shape
    if C_in != len(x):
        raise ValueError(f"{C_in} channels of weights for {len(x)} of the map")
    height, width = ((n - 1) * stride + k + output_padding for n in (H, W))
    out = x.new_zeros(C_out, height, width)
    for i in range(H):
        for j in range(W):
            copy = sum(x[c, i, j] * weight[:, c] for c in range(C_in))
            out[:, i * stride : i * stride + k, j * stride : j * stride + k] += copy
    return out[:, padding : height - padding, padding : width - padding]


def conv_transpose2d__output_padding_after_trimming(
    x, weight, stride=1, padding=0, output_padding=0
):
    _, H, W = x.shape
    _, C_out, k, _ = weight.shape
    out = x.new_zeros(C_out, (H - 1) * stride + k, (W - 1) * stride + k)
    for i in range(H):
        for j in range(W):
            copy = (x[:, i, j].reshape(-1, 1, 1, 1) * weight).sum(0)
            out[:, i * stride : i * stride + k, j * stride : j * stride + k] += copy
    if padding > 0:
        out = out[:, padding:-padding, padding:-padding]
    return F.pad(out, (0, output_padding, 0, output_padding))


def convolution_matrix__columns_of_the_padding(weight, length, stride=1, padding=0):
    """It also fails where the kernel does not fit."""
    n, k = length + 2 * padding, len(weight)
    rows = []
    for start in range(0, n - k + 1, stride):
        rows.append(F.pad(weight, (start, n - k - start)))
    return torch.stack(rows)


def convolution_matrix__transposed(weight, length, stride=1, padding=0):
    """A column for each output."""
    n, k = length + 2 * padding, len(weight)
    starts = range(0, n - k + 1, stride)
    matrix = torch.zeros(n, len(starts), dtype=weight.dtype)
    for column, start in enumerate(starts):
        matrix[start : start + k, column] = weight
    return matrix[padding : n - padding]


def build_fcn__pixel_by_pixel(in_channels, num_classes):
    """It also always takes three channels."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 32, 1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(32, num_classes, 1),
    )


def build_fcn__softmax_at_the_end(in_channels, num_classes):
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(in_channels, 16, 3, stride=4, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(16, num_classes, 8, stride=8),
        nn.Softmax(dim=1),
    )
