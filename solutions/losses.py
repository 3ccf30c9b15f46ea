"""The losses that detectors are trained with: what it is, and where it is.

Each returns 0, still attached to its inputs' graph, where there is nothing to learn from. Neutral
examples, label -1, enter no loss; boxes of background have nothing to be compared with.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F


def localization_loss(
    logits: Float[Tensor, "B K"],
    boxes: Float[Tensor, "B 4"],
    target_labels: Int[Tensor, " B"],
    target_boxes: Float[Tensor, "B 4"],
    box_weight: float = 1.0,
) -> Float[Tensor, ""]:
    """Return the multitask loss of a network that names and locates one object in each image.

    It is the cross-entropy, averaged over the images, plus `box_weight` times the squared L2
    distance between box and target, averaged over the images too: for each image the squared
    errors of the four numbers are added up. Labels are 0..K-1. No images give 0, on which backward
    can be called. The loss stays finite however large the logits are.
    """
    count = max(len(logits), 1)
    class_loss = F.cross_entropy(logits, target_labels, reduction="sum") / count
    box_loss = ((boxes - target_boxes) ** 2).sum() / count
    return class_loss + box_weight * box_loss


def rcnn_loss(
    class_logits: Float[Tensor, "N K_plus_1"],
    transforms: Float[Tensor, "N 4"],
    labels: Int[Tensor, " N"],
    target_transforms: Float[Tensor, "N 4"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return the class loss and the box loss of R-CNN's proposals.

    Labels are 1..K for positives, 0 for background and -1 for neutral proposals, which count
    nowhere. The class loss is the cross-entropy averaged over the proposals that are not neutral.
    The box loss is the smooth L1 distance (beta 1) of the transforms, summed over the four numbers
    of all positives and divided by the same count as the class loss, so that few positives weigh
    no more than many. A loss over nothing is 0, and backward can be called on it.

    Source: Fast R-CNN (arXiv:1504.08083), section 2.3.
    """
    counted, positive = labels >= 0, labels > 0
    count = counted.sum().clamp(min=1)
    class_loss = F.cross_entropy(class_logits[counted], labels[counted], reduction="sum")
    box_loss = F.smooth_l1_loss(transforms[positive], target_transforms[positive], reduction="sum")
    return class_loss / count, box_loss / count


def rpn_loss(
    objectness: Float[Tensor, " N"],
    transforms: Float[Tensor, "N 4"],
    labels: Int[Tensor, " N"],
    target_transforms: Float[Tensor, "N 4"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return the objectness loss and the box loss of a region proposal network.

    `objectness` holds logits, labels are 1 (object), 0 (background) or -1 (neutral). The first is
    the binary cross-entropy averaged over the anchors that are not neutral; the second the smooth
    L1 distance (beta 1/9) of the four numbers, summed over the positives and divided by the same
    count. Logits of any size give finite losses. Where nothing counts a loss is 0, and backward
    can still be called on it.

    Source: Faster R-CNN (arXiv:1506.01497), section 3.1.2.
    """
    counted, positive = labels >= 0, labels > 0
    count = counted.sum().clamp(min=1)
    objectness_loss = F.binary_cross_entropy_with_logits(
        objectness[counted], labels[counted].to(objectness.dtype), reduction="sum"
    )
    box_loss = F.smooth_l1_loss(
        transforms[positive], target_transforms[positive], reduction="sum", beta=1 / 9
    )
    return objectness_loss / count, box_loss / count


def detection_loss(
    class_logits: Float[Tensor, "N K_plus_1"],
    transforms: Float[Tensor, "N K 4"],
    labels: Int[Tensor, " N"],
    target_transforms: Float[Tensor, "N 4"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return the class loss and the box loss of the second stage of Faster R-CNN.

    Every class has a transform of its own: a positive of label l is compared by transforms[:, l-1]
    only, whatever the logits say. Otherwise as for R-CNN: cross-entropy averaged over the proposals
    that are not neutral (-1), smooth L1 (beta 1) of the four numbers, summed over the positives and
    divided by the same count. Logits of any size give finite losses. Where nothing counts a loss is
    0, and backward can still be called on it.

    Source: Fast R-CNN (arXiv:1504.08083), section 2.3.
    """
    counted, positive = labels >= 0, labels > 0
    count = counted.sum().clamp(min=1)
    class_loss = F.cross_entropy(class_logits[counted], labels[counted], reduction="sum")
    own = transforms[positive, labels[positive] - 1]  # [positives, 4]
    box_loss = F.smooth_l1_loss(own, target_transforms[positive], reduction="sum")
    return class_loss / count, box_loss / count


def multi_head_loss(
    losses: dict[str, Float[Tensor, ""]], weights: dict[str, float]
) -> Float[Tensor, ""]:
    """Return the weighted sum of the heads' losses; a loss without a weight counts once.

    A weight without a loss changes nothing. No losses give 0.

    Source: Mask R-CNN (arXiv:1703.06870), section 3: L = L_cls + L_box + L_mask.
    """
    total = torch.zeros(())
    for name, loss in losses.items():
        total = total + weights.get(name, 1.0) * loss
    return total
