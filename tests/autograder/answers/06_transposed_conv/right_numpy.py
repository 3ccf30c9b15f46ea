"""Style: numpy inside, tensors at the door."""

import numpy as np
import torch


def receptive_field(layers):
    kernels = np.array([kernel for kernel, _ in layers], dtype=np.int64)
    strides = np.array([1] + [stride for _, stride in layers], dtype=np.int64)
    return 1 + ((kernels - 1) * np.cumprod(strides)[:-1]).sum()


def pixel_cross_entropy(logits, target, ignore_index=-1):
    """Gradients need tensors: numpy only chooses the pixels."""
    rows, columns = np.nonzero(target.numpy() != ignore_index)
    if len(rows) == 0:
        return (logits * 0.0).sum()
    chosen = logits[:, rows, columns]
    largest = chosen.max(dim=0, keepdim=True).values
    shifted = chosen - largest
    log_sum = shifted.exp().sum(dim=0).log()
    right = shifted[target[rows, columns], np.arange(len(rows))]
    return (log_sum - right).mean()


def bed_of_nails(x, factor):
    out = np.zeros((x.shape[0], x.shape[1] * factor, x.shape[2] * factor), dtype=x.numpy().dtype)
    out[:, ::factor, ::factor] = x.numpy()
    return torch.from_numpy(out)


def nearest_upsample(x, factor):
    return torch.from_numpy(np.kron(x.numpy(), np.ones((1, factor, factor), x.numpy().dtype)))


def _positions(size, factor):
    return (np.arange(size * factor) + 0.5) / factor - 0.5


def bilinear_upsample(x, factor):
    array = x.numpy()
    for axis in (1, 2):
        size = array.shape[axis]
        lines = np.moveaxis(array, axis, -1)
        flat = lines.reshape(-1, size)
        rows = [np.interp(_positions(size, factor), np.arange(size), line) for line in flat]
        array = np.moveaxis(np.array(rows).reshape(*lines.shape[:-1], -1), -1, axis)
    return torch.from_numpy(np.ascontiguousarray(array)).to(x.dtype)


def bicubic_upsample(x, factor):
    array, a = x.numpy().astype(np.float64), -0.75
    for axis in (1, 2):
        size = array.shape[axis]
        padded = np.concatenate(
            [array.take([0] * 2, axis), array, array.take([size - 1] * 3, axis)], axis
        )
        position = _positions(size, factor)
        first = np.floor(position).astype(int) - 1
        total = 0
        for tap in range(4):
            d = np.abs(position - (first + tap))
            near = (a + 2) * d**3 - (a + 3) * d**2 + 1
            far = a * (d**3 - 5 * d**2 + 8 * d - 4)
            weight = np.where(d < 1, near, far)
            shape = [1, 1, 1]
            shape[axis] = -1
            total = total + weight.reshape(shape) * padded.take(first + tap + 2, axis)
        array = total
    return torch.from_numpy(array.astype(x.numpy().dtype))


def max_pool(x, size):
    array = x.numpy()
    C, H, W = array.shape
    h, w = H // size, W // size
    values, indices = np.zeros((C, h, w), array.dtype), np.zeros((C, h, w), np.int64)
    for c, i, j in np.ndindex(C, h, w):
        block = array[c, i * size : (i + 1) * size, j * size : (j + 1) * size]
        row, column = np.unravel_index(np.argmax(block), block.shape)
        values[c, i, j] = block[row, column]
        indices[c, i, j] = (i * size + row) * W + j * size + column
    return torch.from_numpy(values), torch.from_numpy(indices)


def max_unpool(values, indices, output_size):
    out = np.zeros((len(values), output_size[0] * output_size[1]), dtype=values.numpy().dtype)
    for plane, places, numbers in zip(out, indices.numpy(), values.numpy(), strict=True):
        plane[places.ravel()] = numbers.ravel()
    return torch.from_numpy(out.reshape(len(values), *output_size))


def conv_transpose1d(x, weight, stride):
    if len(x) == 0:
        return torch.zeros(0, dtype=x.dtype)
    stuffed = np.zeros((len(x) - 1) * stride + 1, dtype=x.numpy().dtype)
    stuffed[::stride] = x.numpy()
    return torch.from_numpy(np.convolve(stuffed, weight.numpy()))


def conv_transpose2d(x, weight, stride=1, padding=0, output_padding=0):
    """As a sum of shifted maps, one for each place of the kernel."""
    array, kernels = x.numpy(), weight.numpy()
    _, H, W = array.shape
    k = kernels.shape[2]
    height, width = ((n - 1) * stride + k + output_padding for n in (H, W))
    canvas = np.zeros((kernels.shape[1], height, width), dtype=array.dtype)
    for a in range(k):
        for b in range(k):
            part = np.einsum("chw,cd->dhw", array, kernels[:, :, a, b])
            rows = slice(a, a + (H - 1) * stride + 1, stride)
            columns = slice(b, b + (W - 1) * stride + 1, stride)
            canvas[:, rows, columns] += part
    inner = canvas[:, padding : height - padding, padding : width - padding]
    return torch.from_numpy(np.ascontiguousarray(inner))


def convolution_matrix(weight, length, stride=1, padding=0):
    k = len(weight)
    rows = max(0, (length + 2 * padding - k) // stride + 1)
    column = np.arange(length)[None] + padding - stride * np.arange(rows)[:, None]
    inside = (column >= 0) & (column < k)
    values = weight.numpy()[np.clip(column, 0, k - 1)]
    return torch.from_numpy(np.where(inside, values, np.zeros_like(values)))
