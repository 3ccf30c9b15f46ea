"""Style: an encoder of strided convolutions, a decoder of transposed ones, nothing in between."""

from torch import nn


def build_fcn(in_channels, num_classes):
    layers = []
    for a, b in [(in_channels, 24), (24, 48), (48, 96)]:
        layers += [nn.Conv2d(a, b, 3, stride=2, padding=1), nn.BatchNorm2d(b), nn.ReLU()]
    layers += [nn.Conv2d(96, 96, 3, padding=1), nn.BatchNorm2d(96), nn.ReLU()]
    for a, b in [(96, 48), (48, 24), (24, 16)]:
        layers += [nn.ConvTranspose2d(a, b, 2, stride=2), nn.BatchNorm2d(b), nn.ReLU()]
    layers += [nn.Conv2d(16, num_classes, 3, padding=1)]
    return nn.Sequential(*layers)
