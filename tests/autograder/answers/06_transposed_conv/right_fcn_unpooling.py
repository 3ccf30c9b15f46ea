"""Style: DeconvNet: max pooling that remembers, max unpooling on the way up."""

from torch import nn


def conv(a, b):
    return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU())


class DeconvNet(nn.Module):
    def __init__(self, in_channels, num_classes):
        super().__init__()
        widths = [24, 48, 64]
        before = [in_channels, *widths[:-1]]
        self.down = nn.ModuleList([conv(a, b) for a, b in zip(before, widths, strict=True)])
        self.bottom = conv(64, 64)
        after = [48, 24, 24]
        self.up = nn.ModuleList([conv(a, b) for a, b in zip(widths[::-1], after, strict=True)])
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.unpool = nn.MaxUnpool2d(2)
        self.classify = nn.Conv2d(24, num_classes, 1)

    def forward(self, x):
        places = []
        for layer in self.down:
            x, where = self.pool(layer(x))
            places.append(where)
        x = self.bottom(x)
        for layer in self.up:
            x = layer(self.unpool(x, places.pop()))
        return self.classify(x)


def build_fcn(in_channels, num_classes):
    return DeconvNet(in_channels, num_classes)
