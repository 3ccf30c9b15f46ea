"""Semantic segmentation by a fully convolutional network: a class for every pixel, down and up.

Source: Fully convolutional networks (arXiv:1411.4038); U-Net (arXiv:1505.04597) for the
connections that carry fine detail past the bottleneck.
"""

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


def receptive_field(layers: list[tuple[int, int]]) -> int:
    """Return how many input pixels, along one axis, one output of a stack of layers sees.

    A layer is (kernel, stride), the first one nearest to the image. A layer of kernel k adds k - 1
    steps, each as long as the product of the strides before it. No layers see one pixel.
    """
    field, step = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * step
        step *= stride
    return field


def pixel_cross_entropy(
    logits: Float[Tensor, "K H W"], target: Int[Tensor, "H W"], ignore_index: int = -1
) -> Float[Tensor, ""]:
    """Return the cross-entropy averaged over the pixels whose target is not `ignore_index`.

    At each pixel it is minus the logarithm of the true class's probability, the softmax of the K
    logits there. Background is one of the K classes, 0. Where no pixel counts the loss is 0, and
    has a gradient all the same.
    """
    counted = target != ignore_index
    pixels, labels = logits[:, counted].T, target[counted]  # [counted, K], [counted]
    log_probabilities = pixels.log_softmax(dim=1)
    losses = -log_probabilities.gather(1, labels[:, None])
    return losses.sum() / max(len(labels), 1)


def build_fcn(in_channels: int, num_classes: int) -> nn.Module:
    """Return an untrained network that gives logits for every pixel: [B, C, H, W] to [B, K, H, W].

    C is `in_channels`, K `num_classes`, background among them. H and W are any numbers that 8
    divides. It has no linear layers, and its logits go through no softmax.
    """

    # Three convolutions of stride 2 go down, three transposed ones come up; each level adds the map
    # of its size from the way down, which knows where edges are.

    def conv(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
        )

    class FCN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = conv(in_channels, 16, stride=1)
            self.down1 = nn.Sequential(conv(16, 32, stride=2), conv(32, 32, stride=1))
            self.down2 = nn.Sequential(conv(32, 64, stride=2), conv(64, 64, stride=1))
            self.down3 = nn.Sequential(conv(64, 96, stride=2), conv(96, 96, stride=1))
            self.up3 = nn.ConvTranspose2d(96, 64, 4, stride=2, padding=1)
            self.up2 = nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1)
            self.up1 = nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1)
            self.classify = nn.Conv2d(16, num_classes, 3, padding=1)

        def forward(self, images: Tensor) -> Tensor:
            full = self.stem(images)
            half = self.down1(full)  # [B, 32, H / 2, W / 2]
            quarter = self.down2(half)  # [B, 64, H / 4, W / 4]
            x = self.down3(quarter)  # [B, 96, H / 8, W / 8]
            x = F.relu(self.up3(x) + quarter)
            x = F.relu(self.up2(x) + half)
            x = F.relu(self.up1(x) + full)
            logits: Tensor = self.classify(x)
            return logits

    return FCN()
