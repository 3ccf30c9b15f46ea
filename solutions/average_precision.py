"""Average precision: how good a detector is, from its ranked detections and the ground truth.

Detections are matched with ground truths from the best score down, which makes each true or false;
precision and recall after every detection form a curve; its area is the average precision (AP).

Source: The Pascal Visual Object Classes Challenge (IJCV 2010), section 4.2; COCO's evaluation
(https://cocodataset.org/#detection-eval).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from solutions.boxes import box_iou


def match_detections(
    boxes: Float[Tensor, "N 4"],
    scores: Float[Tensor, " N"],
    gt_boxes: Float[Tensor, "M 4"],
    iou_threshold: float = 0.5,
) -> Bool[Tensor, " N"]:
    """Return whether each detection is true, in order of falling score.

    Element k belongs to the k-th best detection; of equal scores the lower index is better. Each
    detection takes the ground truth that it overlaps most among those still free with an IoU of at
    least `iou_threshold` (of equal ones the lowest index), and is false where there is none.
    """
    order = scores.argsort(descending=True, stable=True)
    iou = box_iou(boxes[order], gt_boxes)  # [N, M]
    true_positives = torch.zeros_like(order, dtype=torch.bool)
    if len(gt_boxes) == 0:
        return true_positives
    for k in range(len(order)):
        best = iou[k].argmax()
        if iou[k, best] >= iou_threshold:
            true_positives[k] = True
            iou[:, best] = -1  # taken
    return true_positives


def precision_recall(
    true_positives: Bool[Tensor, " N"], num_gt: int
) -> tuple[Float[Tensor, " N"], Float[Tensor, " N"]]:
    """Return precision and recall after each detection of a ranking, best first.

    Precision is the share of the detections so far that are true, recall the share of the `num_gt`
    ground truths found so far, 0 where there are none. Both are float64: recall is compared with
    COCO's recall levels, which float32 does not hold.
    """
    found = true_positives.double().cumsum(dim=0)
    rank = torch.arange(1, len(found) + 1, dtype=found.dtype, device=found.device)
    return found / rank, found / num_gt if num_gt > 0 else torch.zeros_like(found)


def average_precision(precision: Float[Tensor, " N"], recall: Float[Tensor, " N"]) -> float:
    """Return the area under the precision-recall curve, at all points.

    Precision first becomes monotone: at each recall the best precision at that recall or beyond.
    No detections give 0.

    Source: The Pascal Visual Object Classes Challenge 2012 development kit, section 3.4.1.
    """
    envelope = precision.flip(0).cummax(dim=0).values.flip(0)
    steps = torch.diff(recall, prepend=recall.new_zeros(1))
    return float((envelope * steps).sum())


def average_precision_101(precision: Float[Tensor, " N"], recall: Float[Tensor, " N"]) -> float:
    """Return COCO's average precision: the mean of the monotone precision at 101 recall levels.

    The levels are 0, 0.01, ..., 1. At each one counts the best precision at that recall or beyond,
    0 where it is not reached. No detections give 0.
    """
    envelope = precision.flip(0).cummax(dim=0).values.flip(0)
    levels = torch.arange(101, dtype=torch.float64, device=recall.device) * 0.01
    first = torch.searchsorted(recall.double(), levels)  # N where the level is not reached
    return float(torch.cat([envelope, envelope.new_zeros(1)])[first].mean())


def mean_average_precision(
    detections: list[dict[str, Tensor]],
    ground_truth: list[dict[str, Tensor]],
    num_classes: int,
    iou_threshold: float = 0.5,
) -> float:
    """Return the mean over the classes 1..num_classes of the average precision at all points.

    Both lists hold one dict per image: boxes, scores and labels; boxes and labels. A class is
    ranked over all images together. A class without ground truth is left out; 0.0 where no class
    has any.
    """
    aps = []
    for label in range(1, num_classes + 1):
        num_gt = sum(int((truth["labels"] == label).sum()) for truth in ground_truth)
        if num_gt == 0:
            continue
        scores, hits = [], []
        for found, truth in zip(detections, ground_truth, strict=True):
            mine, real = found["labels"] == label, truth["labels"] == label
            boxes, confidence = found["boxes"][mine], found["scores"][mine]
            hits.append(match_detections(boxes, confidence, truth["boxes"][real], iou_threshold))
            scores.append(confidence.sort(descending=True, stable=True).values)
        order = torch.cat(scores).argsort(descending=True, stable=True)
        aps.append(average_precision(*precision_recall(torch.cat(hits)[order], num_gt)))
    return sum(aps) / len(aps) if aps else 0.0


def coco_map(
    detections: list[dict[str, Tensor]], ground_truth: list[dict[str, Tensor]], num_classes: int
) -> float:
    """Return COCO's mean average precision: over classes and over IoU 0.50, 0.55, ..., 0.95.

    Both lists hold one dict per image: boxes, scores and labels; boxes and labels. The 100 best
    detections of each class in each image count; AP is taken at 101 recall levels. IoUs are
    computed in float64, as COCO's own tool does. A class without ground truth is left out; 0.0
    where no class has any.
    """
    thresholds = [0.5 + k * ((0.95 - 0.5) / 9) for k in range(10)]  # bit for bit numpy.linspace
    aps = []
    for label in range(1, num_classes + 1):
        num_gt = sum(int((truth["labels"] == label).sum()) for truth in ground_truth)
        if num_gt == 0:
            continue
        for threshold in thresholds:
            scores, hits = [], []
            for found, truth in zip(detections, ground_truth, strict=True):
                mine, real = found["labels"] == label, truth["labels"] == label
                order = found["scores"][mine].argsort(descending=True, stable=True)[:100]
                boxes, confidence = found["boxes"][mine][order], found["scores"][mine][order]
                gt_boxes = truth["boxes"][real]
                hits.append(
                    match_detections(boxes.double(), confidence, gt_boxes.double(), threshold)
                )
                scores.append(confidence)
            order = torch.cat(scores).argsort(descending=True, stable=True)
            aps.append(average_precision_101(*precision_recall(torch.cat(hits)[order], num_gt)))
    return sum(aps) / len(aps) if aps else 0.0


def perfect_ap(ranks: list[bool], num_gt: int) -> bool:
    """Return whether a ranking of true and false detections, best first, has AP = 1.

    It has when every ground truth is found and no false detection stands above a true one; false
    ones below do no harm. Without ground truth there is nothing to find, and AP is 0.
    """
    return num_gt > 0 and sum(ranks) == num_gt and all(ranks[:num_gt])
