"""The region proposal network around its layers: anchors, their labels, and its proposals.

Source: Faster R-CNN (arXiv:1506.01497), section 3.1.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from solutions.nms import nms
from solutions.rcnn import decode_boxes


def anchor_grid(
    feature_size: tuple[int, int],
    stride: int,
    sizes: Sequence[float] | Sequence[int],
    aspect_ratios: Sequence[float] | Sequence[int],
) -> Float[Tensor, "A 4"]:
    """Return K = len(sizes) * len(aspect_ratios) anchors at every position of a feature map.

    Anchors are (x1, y1, x2, y2) in image pixels, float32, and may reach beyond the image. An anchor
    of `size` and ratio r has area size^2 and height / width = r; at position (row y, column x) its
    centre is ((x + 0.5) * stride, (y + 0.5) * stride). `feature_size` is (height, width). Positions
    come row by row; at each position sizes are the outer, ratios the inner loop. No positions,
    sizes or ratios give an empty result, shape [0, 4].
    """
    H, W = feature_size
    shapes = [
        (size / ratio**0.5, size * ratio**0.5) for size in sizes for ratio in aspect_ratios
    ]  # (width, height)
    half = torch.tensor(shapes).reshape(-1, 2) / 2  # [K, 2]
    y, x = torch.meshgrid(torch.arange(H) + 0.5, torch.arange(W) + 0.5, indexing="ij")
    centers = torch.stack([x, y], dim=2).reshape(-1, 1, 2) * stride  # [H * W, 1, 2]
    return torch.cat([centers - half, centers + half], dim=2).reshape(-1, 4)


def label_anchors(
    iou: Float[Tensor, "N M"], positive: float = 0.7, negative: float = 0.3
) -> tuple[Int[Tensor, " N"], Int[Tensor, " N"]]:
    """Return each anchor's label and the index of the ground truth that it overlaps most.

    The label is 1 where that IoU is at least `positive`, 0 where it is below `negative`, else -1.
    The best anchors of each ground truth, all equal ones with IoU > 0, are 1 too, so that no object
    goes without. The index is the anchor's own best ground truth, the lowest of equals, for every
    anchor; without ground truth all labels are 0 and all indices -1.

    Source: Faster R-CNN (arXiv:1506.01497), section 3.1.2.
    """
    N, M = iou.shape
    if N == 0 or M == 0:
        labels = torch.zeros(N, dtype=torch.int64, device=iou.device)
        return labels, labels - 1
    best, matches = iou.max(dim=1)  # [N] each
    labels = torch.full_like(matches, -1)
    labels[best < negative] = 0
    labels[best >= positive] = 1
    best_of_gt = iou.max(dim=0).values  # [M]
    labels[((iou == best_of_gt) & (iou > 0)).any(dim=1)] = 1
    return labels, matches


def sample_anchors(
    labels: Int[Tensor, " N"],
    batch_size: int = 256,
    positive_fraction: float = 0.5,
    generator: torch.Generator | None = None,
) -> Int[Tensor, " N"]:
    """Return the labels of a random sample of anchors; all other labels become -1.

    At most int(batch_size * positive_fraction) of the positives (label 1) are drawn, then negatives
    (label 0) until `batch_size` is full or none are left, all by chance. The same state of the
    generator, which lives on the CPU, gives the same sample; without one it is another each time.

    Source: Faster R-CNN (arXiv:1506.01497), section 3.1.3.
    """
    sampled = torch.full_like(labels, -1)
    room = int(batch_size * positive_fraction)
    for value in (1, 0):
        candidates = (labels == value).nonzero().flatten()
        chosen = torch.randperm(len(candidates), generator=generator)[:room]
        sampled[candidates[chosen.to(labels.device)]] = value
        room = batch_size - len(chosen)
    return sampled


def propose(
    objectness: Float[Tensor, " A"],
    transforms: Float[Tensor, "A 4"],
    anchors: Float[Tensor, "A 4"],
    image_size: tuple[int, int],
    pre_nms_top_n: int = 2000,
    top_n: int = 300,
    iou_threshold: float = 0.7,
    min_size: float = 1.0,
) -> tuple[Float[Tensor, "N 4"], Float[Tensor, " N"]]:
    """Return the best proposals of an RPN and their probabilities, best first.

    `objectness` holds logits, a higher one for a better anchor; of equal ones the lower index comes
    first. In this order: the `pre_nms_top_n` best anchors are decoded by their transforms; boxes
    are clipped to the image (height, width); those with a side below `min_size` go; NMS at
    `iou_threshold`; the `top_n` best remain. Large logits have equal probabilities in float32, so
    the order is that of the logits. No anchors give empty results, shapes [0, 4] and [0].
    """
    order = objectness.argsort(descending=True, stable=True)[:pre_nms_top_n]
    x1, y1, x2, y2 = decode_boxes(anchors[order], transforms[order]).unbind(dim=1)
    height, width = image_size
    x1, x2 = x1.clamp(0, width), x2.clamp(0, width)
    y1, y2 = y1.clamp(0, height), y2.clamp(0, height)
    large = (x2 - x1 >= min_size) & (y2 - y1 >= min_size)
    boxes = torch.stack([x1, y1, x2, y2], dim=1)[large]
    logits = objectness[order][large]
    keep = nms(boxes, logits, iou_threshold)[:top_n]
    return boxes[keep], logits[keep].sigmoid()
