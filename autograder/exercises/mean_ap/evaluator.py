"""A detector's evaluation over plain lists, with a switch for each way to get it wrong.

The misconceptions of several exercises are this evaluator with one switch thrown. Lists, because
build calls them some thousand times.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor

from solutions.boxes import box_iou

Images = Sequence[dict[str, Tensor]]
COCO_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())
COCO_LEVELS = tuple(np.linspace(0, 1, 101).tolist())
MOST = 100  # detections of a class in an image that COCO looks at


@dataclass(frozen=True)
class Matching:
    """How detections are matched. The defaults are right."""

    best_first: bool = True  # goes by the scores at all
    worst_first: bool = False
    later_of_equals: bool = False
    as_given: bool = False  # gives the results in the order of the input
    reuses: bool = False  # a ground truth may be found twice
    strict: bool = False  # only an IoU above the threshold
    voc: bool = False  # looks at the best ground truth only, taken or not
    first_fit: bool = False  # takes the first ground truth that will do
    any_overlap: bool = False
    threshold: float | None = None  # whatever was asked for

    def __call__(
        self, boxes: Tensor, scores: Tensor, gt_boxes: Tensor, iou_threshold: float = 0.5
    ) -> list[bool]:
        threshold = iou_threshold if self.threshold is None else self.threshold
        return self.of_table(table(boxes, gt_boxes), scores.tolist(), threshold)

    def of_table(self, iou: list[list[float]], scores: list[float], threshold: float) -> list[bool]:
        """Return the hits for the IoU of each detection with each ground truth."""
        order = self._order(scores)
        taken: set[int] = set()
        hits: dict[int, bool] = {}
        for i in order:
            best = self._choice(iou[i], taken, threshold)
            hits[i] = best is not None
            if best is not None and not self.reuses:
                taken.add(best)
        return [hits[i] for i in (range(len(scores)) if self.as_given else order)]

    def _order(self, scores: list[float]) -> list[int]:
        if not self.best_first:
            return list(range(len(scores)))
        tie = -1 if self.later_of_equals else 1
        order = sorted(range(len(scores)), key=lambda i: (-scores[i], tie * i))
        return order[::-1] if self.worst_first else order

    def _choice(self, row: list[float], taken: set[int], threshold: float) -> int | None:
        free = [j for j in range(len(row)) if self.voc or j not in taken]
        fits = [j for j in free if self._fits(row[j], threshold)]
        if self.first_fit:
            return fits[0] if fits else None
        if not free:
            return None
        best = max(free, key=lambda j: row[j])
        return best if best in fits and best not in taken else None

    def _fits(self, iou: float, threshold: float) -> bool:
        if self.any_overlap:
            return iou > 0
        return iou > threshold if self.strict else iou >= threshold


RIGHT = Matching()


def table(boxes: Tensor, gt_boxes: Tensor) -> list[list[float]]:
    """Return the IoU of each detection with each ground truth, lists that must not be changed.

    All misconceptions of an exercise ask for the same boxes, so the last answers are kept.
    """
    return _table(*(each.double().numpy().tobytes() for each in (boxes, gt_boxes)))


@lru_cache(maxsize=512)
def _table(first: bytes, second: bytes) -> list[list[float]]:
    boxes, gt_boxes = (
        torch.from_numpy(np.frombuffer(data, np.float64).reshape(-1, 4).copy())
        for data in (first, second)
    )
    rows: list[list[float]] = box_iou(boxes, gt_boxes).tolist()
    return rows


def curve(hits: Sequence[bool], num_gt: int) -> tuple[list[float], list[float]]:
    """Return precision and recall after each detection."""
    found = np.cumsum(np.asarray(hits, dtype=float)).tolist()
    precision = [tp / (k + 1) for k, tp in enumerate(found)]
    return precision, [tp / num_gt if num_gt else 0.0 for tp in found]


def envelope(precision: Sequence[float]) -> list[float]:
    """Return the best precision from each place on."""
    best = np.maximum.accumulate(np.asarray(precision, dtype=float)[::-1])[::-1]
    return [float(value) for value in best]


def area(precision: Sequence[float], recall: Sequence[float]) -> float:
    """Return the area under a curve of steps, as it stands."""
    before = [0.0, *recall][: len(recall)]
    return sum(p * (r - b) for p, r, b in zip(precision, recall, before, strict=True))


def all_points(precision: Sequence[float], recall: Sequence[float]) -> float:
    """Return the average precision over all points."""
    return area(envelope(precision), recall)


def at_levels(
    precision: Sequence[float], recall: Sequence[float], levels: Sequence[float] = COCO_LEVELS
) -> float:
    """Return the mean of the best precision at or beyond each level of recall, 0 beyond the end."""
    best = envelope(precision)
    first = np.searchsorted(np.asarray(recall), levels)
    return sum(best[k] if k < len(best) else 0.0 for k in first.tolist()) / len(levels)


@dataclass(frozen=True)
class MeanOverClasses:
    """How the classes' average precisions become one number. The defaults are right for VOC."""

    thresholds: tuple[float, ...] | None = None  # None: the one that is asked for
    ap: Callable[[Sequence[float], Sequence[float]], float] = all_points
    matching: Matching = RIGHT
    most: int | None = None  # detections of a class in an image
    most_of_all_classes: bool = False  # the limit holds for the image
    first_label: int = 1
    by_image: bool = False  # averages over images
    pooled_boxes: bool = False  # a detection may match in another image
    sorts: bool = True  # ranks a class over all images
    counts_empty: bool = False  # a class without ground truth counts as 0
    counts_false_only: bool = False  # ... if it has detections
    weighs: bool = False  # by the number of ground truths
    ignores_labels: bool = False

    def __call__(
        self,
        detections: Images,
        ground_truth: Images,
        num_classes: int,
        iou_threshold: float = 0.5,
    ) -> float:
        thresholds = self.thresholds or (iou_threshold,)
        labels = range(self.first_label, num_classes + self.first_label)
        if self.by_image:
            pairs = zip(detections, ground_truth, strict=True)
            images = [self._mean([one], [true], labels, thresholds) for one, true in pairs]
            known = [value for value in images if value is not None]
            return sum(known) / len(known) if known else 0.0
        return self._mean(detections, ground_truth, labels, thresholds) or 0.0

    def _mean(
        self, found: Images, truth: Images, labels: Iterable[int], thresholds: Sequence[float]
    ) -> float | None:
        aps, weights = [], []
        for label in labels:
            images = [self._of_class(f, t, label) for f, t in zip(found, truth, strict=True)]
            num_gt = sum(len(gt) for _, _, gt in images)
            seen = any(len(scores) for _, scores, _ in images)
            if num_gt == 0 and not (self.counts_empty or (self.counts_false_only and seen)):
                continue
            aps += [self._ap(images, num_gt, threshold) for threshold in thresholds]
            weights += [float(num_gt) if self.weighs else 1.0] * len(thresholds)
        total = sum(weights)
        return sum(a * w for a, w in zip(aps, weights, strict=True)) / total if total else None

    def _of_class(
        self, found: dict[str, Tensor], truth: dict[str, Tensor], label: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        boxes, scores, labels = found["boxes"], found["scores"], found["labels"]
        if self.most_of_all_classes:
            kept = scores.argsort(descending=True, stable=True)[: self.most]
            boxes, scores, labels = boxes[kept], scores[kept], labels[kept]
        mine, real = labels == label, truth["labels"] == label
        if self.ignores_labels:
            mine, real = labels > 0, truth["labels"] > 0
        boxes, scores = boxes[mine], scores[mine]
        if self.most is not None:
            kept = scores.argsort(descending=True, stable=True)[: self.most]
            boxes, scores = boxes[kept], scores[kept]
        return boxes, scores, truth["boxes"][real]

    def _ap(
        self, images: Sequence[tuple[Tensor, Tensor, Tensor]], num_gt: int, threshold: float
    ) -> float:
        if self.pooled_boxes:
            parts = zip(*images, strict=True)
            images = [tuple(map(torch.cat, parts))]  # type: ignore[list-item]
        ranked: list[tuple[float, bool]] = []
        for boxes, scores, gt in images:
            hits = self.matching(boxes, scores, gt, threshold)
            best_first = sorted(scores.tolist(), reverse=True)
            ranked += list(zip(best_first, hits, strict=True))
        if self.sorts:
            ranked.sort(key=lambda pair: -pair[0])
        return self.ap(*curve([hit for _, hit in ranked], num_gt))


COCO = partial(MeanOverClasses, thresholds=COCO_THRESHOLDS, ap=at_levels)
