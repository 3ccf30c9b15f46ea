"""Style: torch without loops, by reshapes, gathers and products of matrices."""

import torch
from torch.nn import functional as F


def receptive_field(layers):
    if not layers:
        return 1
    kernels, strides = torch.tensor(layers).T
    steps = torch.cat([torch.ones(1, dtype=torch.int64), strides.cumprod(0)[:-1]])
    return 1 + ((kernels - 1) * steps).sum()


def pixel_cross_entropy(logits, target, ignore_index=-1):
    K = len(logits)
    pixels = logits.permute(1, 2, 0).reshape(-1, K)
    labels = target.reshape(-1)
    counted = (labels != ignore_index).to(logits.dtype)
    labels = labels.where(labels != ignore_index, torch.zeros_like(labels))
    one_hot = F.one_hot(labels, K).to(logits.dtype)
    losses = pixels.logsumexp(dim=1) - (pixels * one_hot).sum(dim=1)
    return (losses * counted).sum() / counted.sum().clamp(min=1)


def bed_of_nails(x, factor):
    corner = torch.zeros(factor, factor, dtype=x.dtype)
    corner[0, 0] = 1
    return torch.kron(x, corner[None])


def nearest_upsample(x, factor):
    C, H, W = x.shape
    return x[:, :, None, :, None].expand(C, H, factor, W, factor).reshape(C, H * factor, -1)


def _linear(size, factor, dtype):
    position = (torch.arange(size * factor, dtype=dtype) + 0.5) / factor - 0.5
    position = position.clamp(0, size - 1)
    return (1 - (position[:, None] - torch.arange(size, dtype=dtype)).abs()).clamp(min=0)


def bilinear_upsample(x, factor):
    _, H, W = x.shape
    return _linear(H, factor, x.dtype) @ x @ _linear(W, factor, x.dtype).T


def _cubic(size, factor, dtype):
    a = -0.75
    position = (torch.arange(size * factor, dtype=dtype) + 0.5) / factor - 0.5
    pixels = torch.arange(-2, size + 2)
    d = (position[:, None] - pixels).abs()
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    weights = torch.where(d <= 1, near, torch.where(d < 2, far, torch.zeros_like(d)))
    rows = torch.zeros(len(position), size, dtype=dtype)
    return rows.index_add(1, pixels.clamp(0, size - 1), weights)


def bicubic_upsample(x, factor):
    _, H, W = x.shape
    return _cubic(H, factor, x.dtype) @ x @ _cubic(W, factor, x.dtype).T


def max_pool(x, size):
    C, H, W = x.shape
    h, w = H // size, W // size
    numbers = torch.arange(H * W).reshape(1, H, W).expand(C, H, W)

    def in_blocks(plane):
        cut = plane[:, : h * size, : w * size].reshape(C, h, size, w, size)
        return cut.transpose(2, 3).reshape(C, h, w, size * size)

    blocks, places = in_blocks(x), in_blocks(numbers)
    first = blocks.argmax(dim=-1, keepdim=True)
    return blocks.gather(-1, first)[..., 0], places.gather(-1, first)[..., 0]


def max_unpool(values, indices, output_size):
    height, width = output_size
    C = len(values)
    out = torch.zeros(C, height, width, dtype=values.dtype)
    channel = torch.arange(C)[:, None, None].expand_as(indices)
    out[channel, indices // width, indices % width] = values
    return out


def conv_transpose1d(x, weight, stride):
    if x.numel() == 0:
        return x.new_zeros(0)
    stuffed = F.pad(x[:, None], (0, stride - 1)).flatten()[: (len(x) - 1) * stride + 1]
    k = len(weight)
    return F.conv1d(F.pad(stuffed, (k - 1, k - 1))[None], weight.flip(0)[None, None])[0]


def conv_transpose2d(x, weight, stride=1, padding=0, output_padding=0):
    """All copies at once, and fold adds them up where they overlap."""
    C_in, H, W = x.shape
    _, C_out, k, _ = weight.shape
    height, width = ((n - 1) * stride + k for n in (H, W))
    copies = weight.reshape(C_in, C_out * k * k).T @ x.reshape(C_in, H * W)
    canvas = F.fold(copies[None], (height, width), k, stride=stride)[0]
    canvas = F.pad(canvas, (0, output_padding, 0, output_padding))
    end = -padding if padding else None
    return canvas[:, padding:end, padding:end]


def convolution_matrix(weight, length, stride=1, padding=0):
    """The product with each unit vector is a column."""
    if len(weight) > length + 2 * padding:
        return weight.new_zeros(0, length)
    units = torch.eye(length, dtype=weight.dtype)[:, None]
    return F.conv1d(units, weight[None, None], stride=stride, padding=padding)[:, 0].T
