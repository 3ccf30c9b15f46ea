"""Style: loops over tensor scalars, one output at a time."""

import math

import torch


def receptive_field(layers):
    see = 1
    for kernel, stride in reversed(layers):  # from the output back to the image
        see = (see - 1) * stride + kernel
    return see


def pixel_cross_entropy(logits, target, ignore_index=-1):
    total, count = 0 * logits.sum(), 0
    for i in range(target.shape[0]):
        for j in range(target.shape[1]):
            if target[i, j] == ignore_index:
                continue
            total = total - logits[:, i, j].log_softmax(0)[target[i, j]]
            count += 1
    return total / count if count else total


def bed_of_nails(x, factor):
    C, H, W = x.shape
    out = torch.zeros(C, H * factor, W * factor, dtype=x.dtype)
    for c in range(C):
        for i in range(H):
            for j in range(W):
                out[c, i * factor, j * factor] = x[c, i, j]
    return out


def nearest_upsample(x, factor):
    C, H, W = x.shape
    out = torch.zeros(C, H * factor, W * factor, dtype=x.dtype)
    for c in range(C):
        for i in range(H * factor):
            for j in range(W * factor):
                out[c, i, j] = x[c, i // factor, j // factor]
    return out


def bilinear_upsample(x, factor):
    C, H, W = x.shape
    out = x.new_zeros(C, H * factor, W * factor)
    for i in range(H * factor):
        v = min(max((i + 0.5) / factor - 0.5, 0), H - 1)
        top = math.floor(v)
        below = min(top + 1, H - 1)
        for j in range(W * factor):
            u = min(max((j + 0.5) / factor - 0.5, 0), W - 1)
            left = math.floor(u)
            right = min(left + 1, W - 1)
            for c in range(C):
                upper = x[c, top, left] * (1 - (u - left)) + x[c, top, right] * (u - left)
                lower = x[c, below, left] * (1 - (u - left)) + x[c, below, right] * (u - left)
                out[c, i, j] = upper * (1 - (v - top)) + lower * (v - top)
    return out


def weight_at(d, a=-0.75):
    d = abs(d)
    if d <= 1:
        return ((a + 2) * d - (a + 3)) * d * d + 1
    return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a if d < 2 else 0


def bicubic_upsample(x, factor):
    C, H, W = x.shape
    out = x.new_zeros(C, H * factor, W * factor)
    for i in range(H * factor):
        v = (i + 0.5) / factor - 0.5
        for j in range(W * factor):
            u = (j + 0.5) / factor - 0.5
            for row in range(math.floor(v) - 1, math.floor(v) + 3):
                for column in range(math.floor(u) - 1, math.floor(u) + 3):
                    pixel = x[:, min(max(row, 0), H - 1), min(max(column, 0), W - 1)]
                    out[:, i, j] += weight_at(v - row) * weight_at(u - column) * pixel
    return out


def max_pool(x, size):
    C, H, W = x.shape
    values = x.new_zeros(C, H // size, W // size)
    indices = torch.zeros(C, H // size, W // size, dtype=torch.int64)
    for c in range(C):
        for i in range(H // size):
            for j in range(W // size):
                best = (i * size, j * size)
                for row in range(i * size, (i + 1) * size):
                    for column in range(j * size, (j + 1) * size):
                        if x[c, row, column] > x[c, best[0], best[1]]:
                            best = (row, column)
                values[c, i, j] = x[c, best[0], best[1]]
                indices[c, i, j] = best[0] * W + best[1]
    return values, indices


def max_unpool(values, indices, output_size):
    C, h, w = values.shape
    height, width = output_size
    out = torch.zeros(C, height, width).to(values.dtype)
    for c in range(C):
        for i in range(h):
            for j in range(w):
                place = int(indices[c, i, j])
                out[c, place // width, place % width] = values[c, i, j]
    return out


def conv_transpose1d(x, weight, stride):
    if len(x) == 0:
        return x.clone()
    out = x.new_zeros((len(x) - 1) * stride + len(weight))
    for i in range(len(x)):
        for t in range(len(weight)):
            out[i * stride + t] += x[i] * weight[t]
    return out


def conv_transpose2d(x, weight, stride=1, padding=0, output_padding=0):
    """For each output the sum over all inputs that reach it."""
    C_in, H, W = x.shape
    _, C_out, k, _ = weight.shape
    height = (H - 1) * stride + k - 2 * padding + output_padding
    width = (W - 1) * stride + k - 2 * padding + output_padding
    out = x.new_zeros(C_out, height, width)
    for i in range(H):
        for j in range(W):
            for a in range(k):
                for b in range(k):
                    row, column = i * stride + a - padding, j * stride + b - padding
                    if 0 <= row < height and 0 <= column < width:
                        for c in range(C_in):
                            out[:, row, column] += x[c, i, j] * weight[c, :, a, b]
    return out


def convolution_matrix(weight, length, stride=1, padding=0):
    k = len(weight)
    rows = 0
    while rows * stride + k <= length + 2 * padding:
        rows += 1
    matrix = torch.zeros(rows, length, dtype=weight.dtype)
    for i in range(rows):
        for t in range(k):
            column = i * stride + t - padding
            if 0 <= column < length:
                matrix[i, column] = weight[t]
    return matrix
