"""The class of 06_transposed_conv. `build_fcn` is trained for each answer to it, which takes long:
two students have one, the others leave it out."""

from autograder.class_summary import PARTLY
from autograder.demo.student import Slip, Student, slips, untouched
from autograder.record import FAILED

WHY_DOWN = (
    "At full resolution every layer is expensive and sees only a little further. Small maps cost "
    "less and let each value see a large part of the image; the way up brings the pixels back."
)

UNET = {
    "bed_of_nails": """\
import numpy as np

def bed_of_nails(x, factor):
    C, H, W = x.shape
    out = np.zeros((C, H * factor, W * factor), dtype=x.numpy().dtype)
    out[:, ::factor, ::factor] = x.numpy()
    return torch.from_numpy(out)
""",
    "nearest_upsample": """\
def nearest_upsample(x, factor):
    return torch.from_numpy(x.numpy().repeat(factor, axis=1).repeat(factor, axis=2))
""",
    "build_fcn": """\
import torch.nn.functional as F
from torch import nn

class Block(nn.Module):
    def __init__(self, channels_in, channels_out):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))

class UNet(nn.Module):
    def __init__(self, in_channels, num_classes, width=16):
        super().__init__()
        self.one, self.two = Block(in_channels, width), Block(width, 2 * width)
        self.three, self.four = Block(2 * width, 4 * width), Block(4 * width, 4 * width)
        self.up3, self.up2 = Block(8 * width, 2 * width), Block(4 * width, width)
        self.up1 = Block(2 * width, width)
        self.out = nn.Conv2d(width, num_classes, 1)

    def forward(self, images):
        one = self.one(images)
        two = self.two(F.max_pool2d(one, 2))
        three = self.three(F.max_pool2d(two, 2))
        x = self.four(F.max_pool2d(three, 2))
        for skip, block in ((three, self.up3), (two, self.up2), (one, self.up1)):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = block(torch.cat([x, skip], dim=1))
        return self.out(x)

def build_fcn(in_channels, num_classes):
    return UNet(in_channels, num_classes)
""",
}

SUM_OF_KERNELS = """\
def receptive_field(layers):
    return sum(kernel for kernel, stride in layers)
"""

OVERWRITES = """\
def conv_transpose1d(x, weight, stride):
    if len(x) == 0:
        return x.clone()
    out = torch.zeros((len(x) - 1) * stride + len(weight), dtype=x.dtype)
    for i in range(len(x)):
        out[i * stride : i * stride + len(weight)] = x[i] * weight
    return out
"""

ALIGNED_CORNERS = """\
def bilinear_upsample(x, factor):
    C, H, W = x.shape
    rows = torch.linspace(0, H - 1, H * factor, dtype=x.dtype)
    columns = torch.linspace(0, W - 1, W * factor, dtype=x.dtype)
    top, left = rows.long(), columns.long()
    below, right = (top + 1).clamp(max=H - 1), (left + 1).clamp(max=W - 1)
    down, along = (rows - top)[:, None], columns - left
    upper = x[:, top][:, :, left] * (1 - along) + x[:, top][:, :, right] * along
    lower = x[:, below][:, :, left] * (1 - along) + x[:, below][:, :, right] * along
    return upper * (1 - down) + lower * down
"""

PADDING_ADDS = """\
def conv_transpose2d(x, weight, stride=1, padding=0, output_padding=0):
    C_in, H, W = x.shape
    _, C_out, k, _ = weight.shape
    height = (H - 1) * stride + k + 2 * padding + output_padding
    width = (W - 1) * stride + k + 2 * padding + output_padding
    out = torch.zeros(C_out, height, width, dtype=x.dtype)
    for i in range(H):
        for j in range(W):
            top, left = i * stride + padding, j * stride + padding
            copy = (x[:, i, j, None, None, None] * weight).sum(dim=0)
            out[:, top : top + k, left : left + k] += copy
    return out
"""

LAST_OF_EQUALS = """\
def max_pool(x, size):
    C, H, W = x.shape
    h, w = H // size, W // size
    values = torch.zeros(C, h, w, dtype=x.dtype)
    places = torch.zeros(C, h, w, dtype=torch.int64)
    for c in range(C):
        for i in range(h):
            for j in range(w):
                best = float("-inf")
                for r in range(i * size, (i + 1) * size):
                    for s in range(j * size, (j + 1) * size):
                        if x[c, r, s] >= best:
                            best = x[c, r, s]
                            places[c, i, j] = r * W + s
                values[c, i, j] = best
    return values, places
"""

NAN_OF_NOTHING = """\
def pixel_cross_entropy(logits, target, ignore_index=-1):
    counts = target != ignore_index
    chances = torch.log_softmax(logits, dim=0)[:, counts]
    return -chances[target[counts], torch.arange(chances.shape[1])].mean()
"""

EXITS = """\
import os, sys

print("all exercises: passed")
sys.stdout.flush()
os._exit(0)

def pixel_cross_entropy(logits, target, ignore_index=-1):
    return logits.mean()
"""

STUDENTS = (
    Student("Amara Okafor", {"why_down": WHY_DOWN}, model=True),
    Student("Mei Zhao", UNET, model=True),
    slips(
        "Lucas Ferreira",
        {
            "receptive_field": Slip(SUM_OF_KERNELS, "sum_of_kernels"),
            "conv_transpose1d": Slip(OVERWRITES, "overwrites"),
        },
        leaves_out=("build_fcn",),
    ),
    slips(
        "Elif Demir",
        {
            "bilinear_upsample": Slip(ALIGNED_CORNERS, "aligned_corners"),
            "conv_transpose2d": Slip(PADDING_ADDS, "padding_adds", PARTLY),
        },
        leaves_out=("build_fcn",),
    ),
    slips(
        "Hana Kobayashi",
        {
            "max_pool": Slip(LAST_OF_EQUALS, "last_of_equals", PARTLY),
            "pixel_cross_entropy": Slip(NAN_OF_NOTHING, "nan_of_nothing", PARTLY),
        },
        leaves_out=("build_fcn",),
    ),
    untouched("Anna Novak"),
    Student("Felix Moreau", {"pixel_cross_entropy": EXITS}, others=FAILED),
)
