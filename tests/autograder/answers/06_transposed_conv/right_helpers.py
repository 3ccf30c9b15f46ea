"""Style: float64 inside, helper functions, prints and a warning on the way."""

import sys
import warnings
from functools import reduce

import torch
from torch import nn

A = -0.75


def say(*words):
    print("debug:", *words)
    print("debug:", *words, file=sys.stderr)


def receptive_field(layers):
    def further(state, layer):
        field, step = state
        return field + (layer[0] - 1) * step, step * layer[1]

    return reduce(further, layers, (1, 1))[0]


def pixel_cross_entropy(logits, target, ignore_index=-1):
    warnings.warn("this loss is slow", stacklevel=2)
    log_p = nn.LogSoftmax(dim=0)(logits.double())
    losses = [
        -log_p[target[i, j], i, j]
        for i in range(target.size(0))
        for j in range(target.size(1))
        if target[i, j].item() != ignore_index
    ]
    say(len(losses), "pixels")
    result = torch.stack(losses).mean() if losses else log_p.sum() * 0
    return result.to(logits.dtype)


def along_both(x, line):
    """Do the same to each row, then to each column."""
    rows = torch.stack([torch.stack([line(row) for row in plane]) for plane in x])
    rows = rows.transpose(1, 2)
    return torch.stack([torch.stack([line(row) for row in plane]) for plane in rows]).transpose(
        1, 2
    )


def bed_of_nails(x, factor):
    def line(row):
        return torch.cat([row[:, None], row.new_zeros(len(row), factor - 1)], dim=1).flatten()

    return along_both(x, line)


def nearest_upsample(x, factor):
    return along_both(x, lambda row: torch.stack([row] * factor, dim=1).flatten())


def interpolate(row, factor, mix):
    """A helper of the student's own, named like the library's function."""
    values = row.double().tolist()

    def pixel(i):
        return values[max(0, min(i, len(values) - 1))]

    positions = [(i + 0.5) / factor - 0.5 for i in range(len(values) * factor)]
    return row.new_tensor([mix(p, pixel) for p in positions])


def linear(p, pixel):
    before = int(p // 1)
    share = p - before
    return (1 - share) * pixel(before) + share * pixel(before + 1)


def keys(d):
    d = abs(d)
    if d < 1:
        return (A + 2) * d**3 - (A + 3) * d**2 + 1
    return A * d**3 - 5 * A * d**2 + 8 * A * d - 4 * A


def cubic(p, pixel):
    before = int(p // 1)
    return sum(keys(p - i) * pixel(i) for i in range(before - 1, before + 3))


def bilinear_upsample(x, factor):
    return along_both(x, lambda row: interpolate(row, factor, linear))


def bicubic_upsample(x, factor):
    wide = along_both(x.double(), lambda row: interpolate(row, factor, cubic))
    return wide.to(x.dtype)


def max_pool(x, size):
    C, H, W = x.shape
    values, places = [], []
    for plane in x.tolist():
        for top in range(0, H - size + 1, size):
            for left in range(0, W - size + 1, size):
                block = [
                    (plane[r][c], -(r * W + c))
                    for r in range(top, top + size)
                    for c in range(left, left + size)
                ]
                value, place = max(block)
                values.append(value)
                places.append(-place)
    shape = (C, H // size, W // size)
    say("pooled to", shape)
    return (
        torch.tensor(values, dtype=x.dtype).reshape(shape),
        torch.tensor(places, dtype=torch.long).reshape(shape),
    )


def max_unpool(values, indices, output_size):
    height, width = output_size
    planes = []
    for places, numbers in zip(indices, values, strict=True):
        found = dict(zip(places.flatten().tolist(), numbers.flatten().tolist(), strict=True))
        planes.append([found.get(i, 0.0) for i in range(height * width)])
    return torch.tensor(planes, dtype=values.dtype).view(len(values), height, width)


def conv_transpose1d(x, weight, stride):
    if not len(x):
        return torch.tensor([], dtype=x.dtype)
    out = [0.0] * ((len(x) - 1) * stride + len(weight))
    for i, value in enumerate(x.tolist()):
        for t, w in enumerate(weight.tolist()):
            out[i * stride + t] += value * w
    return torch.tensor(out, dtype=x.dtype)


def conv_transpose2d(x, weight, stride=1, padding=0, output_padding=0):
    """Row by row with the one-dimensional one."""
    C_in, H, W = x.shape
    C_out, k = weight.shape[1:3]
    height = (H - 1) * stride + k + output_padding
    width = (W - 1) * stride + k
    canvas = torch.zeros(C_out, height, width, dtype=torch.float64)
    for c in range(C_in):
        for d in range(C_out):
            for i in range(H):
                for a in range(k):
                    row = conv_transpose1d(x[c, i].double(), weight[c, d, a].double(), stride)
                    canvas[d, i * stride + a] += row
    canvas = torch.cat([canvas, canvas.new_zeros(C_out, height, output_padding)], dim=2)
    say("before trimming", tuple(canvas.shape))
    width += output_padding
    return canvas[:, padding : height - padding, padding : width - padding].to(x.dtype)


def convolution_matrix(weight, length, stride=1, padding=0):
    """The transpose of what the transposed convolution does to unit vectors."""
    places = range(0, length + 2 * padding - len(weight) + 1, stride)
    rows = []
    for start in places:
        row = [0.0] * start + weight.tolist()
        row += [0.0] * (length + 2 * padding - len(row))
        rows.append(row[padding : padding + length])
    return torch.tensor(rows, dtype=weight.dtype).reshape(len(rows), length)
