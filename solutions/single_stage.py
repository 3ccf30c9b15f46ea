"""Single-stage detection, classes straight from anchors; and what each system computes per image.

Source: SSD (arXiv:1512.02325), section 2.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from solutions.nms import nms_per_class
from solutions.rcnn import decode_boxes


def head_channels(
    num_anchors: int, num_classes: int, class_specific: bool = False
) -> tuple[int, int]:
    """Return the number of class channels and of box channels of a single-stage head.

    `num_classes` leaves background out. At each position every anchor has num_classes + 1 logits,
    background among them, and one transform of four numbers, or one for each class where boxes are
    class-specific.
    """
    transforms = num_classes if class_specific else 1
    return num_anchors * (num_classes + 1), num_anchors * 4 * transforms


def single_stage_detections(
    class_logits: Float[Tensor, "A K_plus_1"],
    transforms: Float[Tensor, "A 4"],
    anchors: Float[Tensor, "A 4"],
    image_size: tuple[int, int],
    score_threshold: float,
    iou_threshold: float,
) -> dict[str, Tensor]:
    """Return the detections of a single-stage head: boxes, scores and labels, best first.

    Every pair of an anchor and a foreground class (label l is column l) whose softmax probability
    is greater than `score_threshold` is a candidate. Its box is the decoded anchor, clipped to the
    image (height, width). NMS then runs for each class by itself. Of equal scores the lower anchor
    comes first. Labels are int64. Without candidates the three results are empty.
    """
    probabilities = class_logits.softmax(dim=1)  # [A, K+1], column 0 is background
    anchor, column = (probabilities[:, 1:] > score_threshold).nonzero(as_tuple=True)
    labels = column + 1
    scores = probabilities[anchor, labels]
    x1, y1, x2, y2 = decode_boxes(anchors[anchor], transforms[anchor]).unbind(dim=1)
    height, width = image_size
    boxes = torch.stack(
        [x1.clamp(0, width), y1.clamp(0, height), x2.clamp(0, width), y2.clamp(0, height)], dim=1
    )
    keep = nms_per_class(boxes, scores, labels, iou_threshold)
    return {"boxes": boxes[keep], "scores": scores[keep], "labels": labels[keep]}


def forward_passes(system: str, num_proposals: int) -> tuple[int, int]:
    """Return how often the backbone and the per-region head run for one image, in this order.

    R-CNN runs its whole network, backbone and head, on the crop of every proposal; Fast and Faster
    R-CNN share one backbone pass and run a head for each proposal; a single-stage detector has no
    per-region head.

    Raises ValueError for a system other than "rcnn", "fast", "faster" and "single_stage".
    """
    passes = {
        "rcnn": (num_proposals, num_proposals),
        "fast": (1, num_proposals),
        "faster": (1, num_proposals),
        "single_stage": (1, 0),
    }
    if system not in passes:
        raise ValueError(f"system must be one of {', '.join(passes)}, got {system!r}")
    return passes[system]
