"""Style: as the first FCN: classify the small map, then one large transposed convolution."""

from collections import OrderedDict

from torch import nn


def build_fcn(in_channels, num_classes):
    parts = OrderedDict()
    channels = in_channels
    for number, width in enumerate((32, 64, 96), start=1):
        parts[f"conv{number}"] = nn.Conv2d(channels, width, 5, padding=2)
        parts[f"norm{number}"] = nn.BatchNorm2d(width)
        parts[f"relu{number}"] = nn.LeakyReLU(0.1)
        parts[f"pool{number}"] = nn.AvgPool2d(2)
        channels = width
    parts["score"] = nn.Conv2d(channels, 8 * num_classes, 1)
    parts["up"] = nn.ConvTranspose2d(8 * num_classes, num_classes, 16, stride=8, padding=4)
    return nn.Sequential(parts)
