"""The exercise `single_stage_detections`."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.nms.greedy_nms import greedy
from autograder.exercises.rpn.single_stage_cases import GROUPS, draw_single_stage
from autograder.exercises.shared_mistakes import (
    crashes_on_no_boxes,
    returns_float32,
)
from solutions.single_stage import single_stage_detections

# The misconceptions run over lists: build calls them some thousand times.

Found = dict[str, Tensor]
Row = list[float]


def _softmax(logits: list[Row]) -> list[Row]:
    rows = [[math.exp(logit - max(row)) for logit in row] for row in logits]
    return [[value / sum(row) for value in row] for row in rows]


def _sigmoid(logits: list[Row]) -> list[Row]:
    return [[1 / (1 + math.exp(-logit)) for logit in row] for row in logits]


def _over_anchors(logits: list[Row]) -> list[Row]:
    columns = _softmax([list(column) for column in zip(*logits, strict=True)])
    return [list(row) for row in zip(*columns, strict=True)]


def _every_class(row: Row, threshold: float) -> list[int]:
    return [label for label in range(1, len(row)) if row[label] > threshold]


def _best_of_all(row: Row, threshold: float) -> list[int]:
    return [label for label in _every_class(row, threshold) if row[label] == max(row)][:1]


def _best_object(row: Row, threshold: float) -> list[int]:
    return [label for label in _every_class(row, threshold) if row[label] == max(row[1:])][:1]


def _decode(anchor: Row, transform: Row) -> Row:
    x1, y1, x2, y2 = anchor
    tx, ty, tw, th = transform
    width, height = x2 - x1, y2 - y1
    x, y = x1 + width / 2 + width * tx, y1 + height / 2 + height * ty
    w, h = width * math.exp(tw) / 2, height * math.exp(th) / 2
    return [x - w, y - h, x + w, y + h]


def _clip(box: Row, size: Sequence[int]) -> Row:
    limits = (size[1], size[0], size[1], size[0])
    return [min(max(side, 0.0), limit) for side, limit in zip(box, limits, strict=True)]


def _iou(a: Row, b: Row) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return shared / (areas - shared) if areas > shared else 0.0


def _detect(
    logits: Tensor,
    transforms: Tensor,
    anchors: Tensor,
    image_size: Sequence[int],
    score_threshold: float,
    iou_threshold: float,
    *,
    probabilities: Callable[[list[Row]], list[Row]] = _softmax,
    candidates: Callable[[Row, float], list[int]] = _every_class,
    score: Callable[[Row, int], float] = lambda row, label: row[label],
    decode: Callable[[Row, Row], Row] = _decode,
    clips: str = "first",
    same: Callable[[int, int], bool] = lambda one, other: one == other,
    order: str = "best first",
    lowest_label: int = 1,
) -> Found:
    """Return detections with one step left out or changed."""
    boxes, scores, labels = [], [], []
    rows = probabilities(logits.tolist())
    for row, anchor, transform in zip(rows, anchors.tolist(), transforms.tolist(), strict=True):
        for label in candidates(row, score_threshold):
            box = decode(anchor, transform)
            boxes.append(_clip(box, image_size) if clips == "first" else box)
            scores.append(score(row, label))
            labels.append(label)
    order_of_equals = -1 if order == "later of equals" else 1
    ranks = sorted(range(len(boxes)), key=lambda i: (-scores[i], order_of_equals * i))
    kept = greedy(
        ranks,
        lambda i, j: same(labels[i], labels[j]) and _iou(boxes[i], boxes[j]) > iou_threshold,
    )
    if order == "class after class":
        kept = sorted(kept, key=lambda i: labels[i])
    elif order == "as given":
        kept = sorted(kept)
    if clips == "last":
        boxes = [_clip(box, image_size) for box in boxes]
    return {
        "boxes": torch.tensor([boxes[i] for i in kept], dtype=logits.dtype).view(-1, 4),
        "scores": torch.tensor([scores[i] for i in kept], dtype=logits.dtype),
        "labels": torch.tensor([labels[i] + lowest_label - 1 for i in kept], dtype=torch.int64),
    }


def _with_size_swapped(*arguments: Any) -> Found:
    logits, transforms, anchors, (height, width), *thresholds = arguments
    return _detect(logits, transforms, anchors, (width, height), *thresholds)


def _float_labels_of_nothing(*arguments: Any) -> Found:
    found = _detect(*arguments)
    return found if len(found["labels"]) else {**found, "labels": torch.tensor([])}


def _crashes_when_nothing_is_found(*arguments: Any) -> Found:
    found = _detect(*arguments)
    if len(arguments[0]) and not len(found["boxes"]):
        raise RuntimeError("nothing to stack")
    return found


SINGLE_STAGE_DETECTIONS = Exercise(
    name="single_stage_detections",
    reference=single_stage_detections,
    groups=GROUPS,
    draw=draw_single_stage,
    misconceptions=(
        Misconception(
            "best_class_only",
            "It takes the likeliest class of each anchor, and nothing where background is the "
            "likeliest: every class above the threshold is a detection of its own.",
            partial(_detect, candidates=_best_of_all),
        ),
        Misconception(
            "best_object_only",
            "It takes one class from each anchor, the likeliest besides background: every class "
            "above the threshold is a detection of its own.",
            partial(_detect, candidates=_best_object),
        ),
        Misconception(
            "background_counted",
            "It reports background as if it were an object: column 0 says that there is none.",
            partial(
                _detect,
                candidates=lambda row, threshold: [
                    label for label, p in enumerate(row) if p > threshold
                ],
            ),
        ),
        Misconception(
            "sigmoid_for_softmax",
            "It turns each logit into a probability by itself, with a sigmoid: background and "
            "classes exclude each other, so they share one softmax.",
            partial(_detect, probabilities=_sigmoid),
        ),
        Misconception(
            "softmax_without_background",
            "It leaves background out before the softmax: then the classes share all probability "
            "also where there is no object.",
            partial(
                _detect,
                probabilities=lambda logits: [
                    [0.0, *row] for row in _softmax([row[1:] for row in logits])
                ],
            ),
        ),
        Misconception(
            "softmax_over_anchors",
            "Its softmax runs over the anchors: it belongs over the classes of each anchor.",
            partial(_detect, probabilities=_over_anchors),
        ),
        Misconception(
            "score_of_any_object",
            "Its score is the probability that there is any object: it is that of the class.",
            partial(_detect, score=lambda row, label: 1 - row[0]),
        ),
        Misconception(
            "no_threshold",
            "It keeps every pair of anchor and class: those at or below score_threshold go.",
            partial(_detect, candidates=lambda row, threshold: list(range(1, len(row)))),
        ),
        Misconception(
            "at_the_threshold",
            "It takes a pair also when its probability equals score_threshold: it has to be "
            "greater.",
            partial(
                _detect,
                candidates=lambda row, threshold: [
                    label for label in range(1, len(row)) if row[label] >= threshold
                ],
            ),
        ),
        Misconception(
            "labels_off_by_one",
            "Its labels count from 0: background is 0, and the first class 1.",
            partial(_detect, lowest_label=0),
        ),
        Misconception(
            "anchors_for_boxes",
            "It returns the anchors themselves: each has a transform that moves it onto the "
            "object.",
            partial(_detect, decode=lambda anchor, transform: anchor),
        ),
        Misconception(
            "suppresses_across_classes",
            "Its boxes drop boxes of other classes: non-maximum suppression runs for each class by "
            "itself.",
            partial(_detect, same=lambda one, other: True),
        ),
        Misconception(
            "no_suppression",
            "It returns all candidates: several anchors see the same object, and non-maximum "
            "suppression keeps the best of them.",
            partial(_detect, same=lambda one, other: False),
        ),
        Misconception(
            "class_after_class",
            "The right detections come class by class: they come best first over all classes.",
            partial(_detect, order="class after class"),
        ),
        Misconception(
            "in_the_order_of_anchors",
            "The right detections come in the order of the anchors: they come best first.",
            partial(_detect, order="as given"),
        ),
        Misconception(
            "later_of_equal_scores",
            "Of equal scores it takes the last anchor first: the lower one comes first.",
            partial(_detect, order="later of equals"),
        ),
        Misconception(
            "not_clipped",
            "Its boxes reach over the edge of the image: clip them to it.",
            partial(_detect, clips="never"),
        ),
        Misconception(
            "clipped_at_the_end",
            "It clips boxes after non-maximum suppression: clip first, since only what lies in the "
            "image counts for the overlap.",
            partial(_detect, clips="last"),
        ),
        Misconception(
            "height_and_width_swapped",
            "It takes the image's size for (width, height): it is (height, width), rows before "
            "columns, as in the shape of an image.",
            _with_size_swapped,
        ),
        Misconception(
            "crashes_when_nothing_is_found",
            "It fails when no probability is above the threshold: the result is empty then.",
            _crashes_when_nothing_is_found,
        ),
        crashes_on_no_boxes(_detect),
        Misconception(
            "float_labels_of_nothing",
            "Where nothing is found its labels are floats: a tensor made of an empty list is float "
            "unless its dtype is given. Labels are int64.",
            _float_labels_of_nothing,
        ),
        returns_float32(_detect),
    ),
)
