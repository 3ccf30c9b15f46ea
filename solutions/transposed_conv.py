"""Transposed convolution: learnable upsampling, one copy of the kernel per input value.

A convolution is a matrix; the transposed convolution is the product with that matrix transposed.
It goes by many names: up-convolution, fractionally strided convolution, and, wrongly,
deconvolution, since it does not undo a convolution's numbers, only its shape.
"""

from jaxtyping import Float
from torch import Tensor


def conv_transpose1d(
    x: Float[Tensor, " L"], weight: Float[Tensor, " k"], stride: int
) -> Float[Tensor, " out"]:
    """Return the transposed convolution of a sequence: a copy of the kernel for each value.

    Copy i is scaled by x[i] and starts at i * stride; where copies overlap they add up. The result
    has (L - 1) * stride + k values; none for an empty sequence.
    """
    L, k = len(x), len(weight)
    output = x.new_zeros((L - 1) * stride + k if L > 0 else 0)
    for i in range(L):
        output[i * stride : i * stride + k] += x[i] * weight
    return output


def conv_transpose2d(
    x: Float[Tensor, "C_in H W"],
    weight: Float[Tensor, "C_in C_out k k"],
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
) -> Float[Tensor, "C_out out_H out_W"]:
    """Return the transposed convolution of a map: a copy of the kernel for each position.

    The copy of position (i, j) is the sum over the input channels of x[c, i, j] * weight[c]; it
    starts at (i * stride, j * stride), and where copies overlap they add up. Then `padding` is
    trimmed from every side, after `output_padding` zeros were put at the lower and right ends:
    a side of n gives (n - 1) * stride + k - 2 * padding + output_padding.
    """
    _, H, W = x.shape
    _, C_out, k, _ = weight.shape
    height = (H - 1) * stride + k + output_padding
    width = (W - 1) * stride + k + output_padding
    canvas = x.new_zeros((C_out, height, width))
    for i in range(H):
        for j in range(W):
            copy = (x[:, i, j, None, None, None] * weight).sum(dim=0)  # [C_out, k, k]
            canvas[:, i * stride : i * stride + k, j * stride : j * stride + k] += copy
    return canvas[:, padding : height - padding, padding : width - padding]


def convolution_matrix(
    weight: Float[Tensor, " k"], length: int, stride: int = 1, padding: int = 0
) -> Float[Tensor, "out length"]:
    """Return the matrix whose product with a sequence is its convolution with `weight`.

    The sequence has `length` values and `padding` zeros at both ends. Row i holds the kernel,
    shifted by i * stride; kernels are not flipped. The transposed matrix is the transposed
    convolution. A kernel longer than the padded sequence gives no rows.
    """
    k, padded = len(weight), length + 2 * padding
    out = max((padded - k) // stride + 1, 0)
    matrix = weight.new_zeros((out, padded))
    for i in range(out):
        matrix[i, i * stride : i * stride + k] = weight
    return matrix[:, padding : padding + length]
