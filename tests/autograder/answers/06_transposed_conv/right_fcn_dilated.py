"""Style: down by 4 only, then dilated convolutions that see far; enlarged by nearest neighbours."""

from torch import nn


def build_fcn(in_channels, num_classes):
    def layer(a, b, **options):
        padding = options.get("dilation", 1)
        convolution = nn.Conv2d(a, b, 3, padding=padding, **options)
        return [convolution, nn.BatchNorm2d(b), nn.ReLU(inplace=True)]

    layers = layer(in_channels, 24, stride=2) + layer(24, 48, stride=2)
    for dilation in (1, 2, 4):
        layers += layer(48, 48, dilation=dilation)
    layers += [nn.Upsample(scale_factor=2), *layer(48, 24), nn.Upsample(scale_factor=2)]
    return nn.Sequential(*layers, *layer(24, 16), nn.Conv2d(16, num_classes, 1))
