"""Style: a U-Net of two levels: max pooling, bilinear upsampling, concatenated maps."""

import torch
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
