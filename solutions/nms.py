"""Non-maximum suppression: one box for each object, out of the many that a detector fires."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from solutions.boxes import box_iou


def nms(
    boxes: Float[Tensor, "N 4"], scores: Float[Tensor, " N"], iou_threshold: float
) -> Int[Tensor, " kept"]:
    """Return the indices of the boxes that greedy non-maximum suppression keeps.

    Boxes are (x1, y1, x2, y2). Indices are int64 and come in order of falling score; of equal
    scores the lower index comes first. A box is dropped when its IoU with a kept box is strictly
    greater than `iou_threshold`. No boxes give an empty result.

    Source: R-CNN (arXiv:1311.2524), section 2.2. Memory: O(N^2), so N up to about 5,000.
    """
    order = scores.argsort(descending=True, stable=True)
    overlaps = box_iou(boxes[order], boxes[order]) > iou_threshold  # [N, N], best box first
    dropped = torch.zeros_like(order, dtype=torch.bool)
    for i in range(len(order)):
        if not dropped[i]:
            dropped[i + 1 :] |= overlaps[i, i + 1 :]
    return order[~dropped]


def nms_per_class(
    boxes: Float[Tensor, "N 4"],
    scores: Float[Tensor, " N"],
    labels: Int[Tensor, " N"],
    iou_threshold: float,
) -> Int[Tensor, " kept"]:
    """Return the indices of the boxes that NMS keeps when each class is suppressed by itself.

    Boxes of different labels never suppress each other. Indices are int64 and come in order of
    falling score over all classes; of equal scores the lower index comes first. No boxes give an
    empty result.

    Source: R-CNN (arXiv:1311.2524), section 2.2.
    """
    kept = torch.zeros_like(labels, dtype=torch.bool)
    for label in set(labels.tolist()):
        members = (labels == label).nonzero().flatten()
        kept[members[nms(boxes[members], scores[members], iou_threshold)]] = True
    order = scores.argsort(descending=True, stable=True)
    return order[kept[order]]


def soft_nms(
    boxes: Float[Tensor, "N 4"],
    scores: Float[Tensor, " N"],
    sigma: float = 0.5,
    score_threshold: float = 0.001,
) -> tuple[Int[Tensor, " kept"], Float[Tensor, " kept"]]:
    """Return indices and decayed scores of the boxes that Gaussian Soft-NMS selects.

    The best remaining box is selected with the score that it has by then; every other remaining
    score is multiplied by exp(-IoU^2 / sigma) of its overlap with the selected box. A box whose
    score is below `score_threshold`, at the start or later, is dropped. Results come in order of
    selection; of equal scores the lower index comes first. No boxes give two empty results.

    Source: Soft-NMS (arXiv:1704.04503), section 3.
    """
    overlaps = box_iou(boxes, boxes)  # [N, N]
    scores = scores.clone()
    selected, selected_scores = [], []
    remaining = scores >= score_threshold
    while remaining.any():
        best = scores.where(remaining, -torch.inf).argmax()
        selected.append(best)
        selected_scores.append(scores[best].clone())
        remaining[best] = False
        scores[remaining] *= torch.exp(-(overlaps[best, remaining] ** 2) / sigma)
        remaining &= scores >= score_threshold
    if not selected:
        return torch.zeros_like(scores[:0], dtype=torch.int64), scores[:0]
    return torch.stack(selected), torch.stack(selected_scores)
