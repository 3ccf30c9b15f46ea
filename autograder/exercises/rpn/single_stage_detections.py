"""The exercise `single_stage_detections`."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from autograder.exercise import Exercise, Misconception
from autograder.exercises.drawing import overlap_table
from autograder.exercises.nms.greedy_nms import best_first, greedy
from autograder.exercises.rpn.single_stage_cases import GROUPS, draw_single_stage
from autograder.exercises.shared_mistakes import (
    after,
    crashes_on_no_boxes,
    height_and_width_swapped,
    with_argument,
)
from solutions.rcnn import decode_boxes
from solutions.single_stage import single_stage_detections

Found = dict[str, Tensor]


def _softmax(logits: Tensor) -> Tensor:
    return logits.softmax(dim=1)


def _every_class(p: Tensor, threshold: float) -> Tensor:
    candidates = p > threshold
    candidates[:, 0] = False
    return candidates


def _with_background(p: Tensor, threshold: float) -> Tensor:
    return p > threshold


def _at_the_threshold(p: Tensor, threshold: float) -> Tensor:
    candidates = p >= threshold
    candidates[:, 0] = False
    return candidates


def _no_threshold(p: Tensor, threshold: float) -> Tensor:
    return _every_class(p, -1.0)


def _best_of_all(p: Tensor, threshold: float) -> Tensor:
    """Each anchor has its likeliest column, if that is no background."""
    best = torch.zeros_like(p, dtype=torch.bool)
    if len(p):
        best[torch.arange(len(p)), p.argmax(dim=1)] = True
    return best & _every_class(p, threshold)


def _best_object(p: Tensor, threshold: float) -> Tensor:
    """Each anchor has its likeliest class other than background."""
    best = torch.zeros_like(p, dtype=torch.bool)
    if len(p):
        best[torch.arange(len(p)), p[:, 1:].argmax(dim=1) + 1] = True
    return best & _every_class(p, threshold)


def _without_background(logits: Tensor) -> Tensor:
    return torch.cat([torch.zeros_like(logits[:, :1]), logits[:, 1:].softmax(dim=1)], dim=1)


def _clip(boxes: Tensor, image_size: tuple[int, int]) -> Tensor:
    height, width = image_size
    limit = boxes.new_tensor([width, height, width, height])
    return boxes.clamp(min=0).minimum(limit)


def _detect(
    logits: Tensor,
    transforms: Tensor,
    anchors: Tensor,
    image_size: tuple[int, int],
    score_threshold: float,
    iou_threshold: float,
    *,
    probabilities: Callable[[Tensor], Tensor] = _softmax,
    candidates: Callable[[Tensor, float], Tensor] = _every_class,
    score_of_object: bool = False,
    clips: str = "before",
    suppresses: str = "by class",
    order: str = "best first",
) -> Found:
    """Return detections with one step left out or changed."""
    p = probabilities(logits)
    anchor, labels = candidates(p, score_threshold).nonzero(as_tuple=True)
    scores = 1 - p[anchor, 0] if score_of_object else p[anchor, labels]
    boxes = decode_boxes(anchors[anchor], transforms[anchor])
    if clips == "before":
        boxes = _clip(boxes, image_size)
    iou, names = overlap_table(boxes), labels.tolist()
    together: Callable[[int, int], bool] = {
        "by class": lambda i, j: names[i] == names[j],
        "together": lambda i, j: True,
        "never": lambda i, j: False,
    }[suppresses]
    ranks = best_first(scores)
    if order == "later of equals":
        ranks = best_first(-scores)[::-1]
    kept = greedy(ranks, lambda i, j: together(i, j) and iou[i][j] > iou_threshold)
    if order == "class after class":
        kept = sorted(kept, key=lambda i: names[i])
    elif order == "as given":
        kept = sorted(kept)
    if clips == "after":
        boxes = _clip(boxes, image_size)
    keep = torch.tensor(kept, dtype=torch.int64)
    return {"boxes": boxes[keep], "scores": scores[keep], "labels": labels[keep]}


def _columns_for_labels(found: Found) -> Found:
    return {**found, "labels": found["labels"] - 1}


def _cast(dtype: torch.dtype, found: Found) -> Found:
    return {**found, "boxes": found["boxes"].to(dtype), "scores": found["scores"].to(dtype)}


def _float_labels_of_nothing(found: Found) -> Found:
    return found if len(found["labels"]) else {**found, "labels": torch.tensor([])}


def _flat_boxes_of_nothing(found: Found) -> Found:
    return found if len(found["boxes"]) else {**found, "boxes": found["boxes"].flatten()}


def _crashes_when_nothing_is_found(*arguments: Any) -> Found:
    found = single_stage_detections(*arguments)
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
            partial(_detect, candidates=_with_background),
        ),
        Misconception(
            "sigmoid_for_softmax",
            "It turns each logit into a probability by itself, with a sigmoid: background and "
            "classes exclude each other, so they share one softmax.",
            partial(_detect, probabilities=torch.sigmoid),
        ),
        Misconception(
            "softmax_without_background",
            "It leaves background out before the softmax: then the classes share all probability "
            "also where there is no object.",
            partial(_detect, probabilities=_without_background),
        ),
        Misconception(
            "logits_for_probabilities",
            "It compares logits with the threshold: the scores are probabilities, after a softmax "
            "over background and classes.",
            partial(_detect, probabilities=lambda logits: logits),
        ),
        Misconception(
            "softmax_over_anchors",
            "Its softmax runs over the anchors: it belongs over the classes of each anchor.",
            partial(_detect, probabilities=lambda logits: logits.softmax(dim=0)),
        ),
        Misconception(
            "score_of_any_object",
            "Its score is the probability that there is any object: it is that of the class.",
            partial(_detect, score_of_object=True),
        ),
        Misconception(
            "no_threshold",
            "It keeps every pair of anchor and class: those at or below score_threshold go.",
            partial(_detect, candidates=_no_threshold),
        ),
        Misconception(
            "at_the_threshold",
            "It takes a pair also when its probability equals score_threshold: it has to be "
            "greater.",
            partial(_detect, candidates=_at_the_threshold),
        ),
        Misconception(
            "labels_off_by_one",
            "Its labels count from 0: background is 0, and the first class 1.",
            after(single_stage_detections, _columns_for_labels),
        ),
        Misconception(
            "anchors_for_boxes",
            "It returns the anchors themselves: each has a transform that moves it onto the "
            "object.",
            with_argument(single_stage_detections, 1, torch.zeros_like),
        ),
        Misconception(
            "suppresses_across_classes",
            "Its boxes drop boxes of other classes: non-maximum suppression runs for each class by "
            "itself.",
            partial(_detect, suppresses="together"),
        ),
        Misconception(
            "no_suppression",
            "It returns all candidates: several anchors see the same object, and non-maximum "
            "suppression keeps the best of them.",
            partial(_detect, suppresses="never"),
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
            partial(_detect, clips="after"),
        ),
        height_and_width_swapped(single_stage_detections, at=3),
        Misconception(
            "crashes_when_nothing_is_found",
            "It fails when no probability is above the threshold: the result is empty then.",
            _crashes_when_nothing_is_found,
        ),
        crashes_on_no_boxes(single_stage_detections),
        Misconception(
            "float_labels_of_nothing",
            "Where nothing is found its labels are floats: a tensor made of an empty list is float "
            "unless its dtype is given. Labels are int64.",
            after(single_stage_detections, _float_labels_of_nothing),
        ),
        Misconception(
            "flat_boxes_of_nothing",
            "Where nothing is found its boxes have shape [0]: no boxes are a table without rows, "
            "shape [0, 4].",
            after(single_stage_detections, _flat_boxes_of_nothing),
        ),
        Misconception(
            "returns_float32",
            "It returns float32 also where float64 was given: the result has the dtype of the "
            "input, so make new tensors with the dtype of the old ones.",
            after(single_stage_detections, partial(_cast, torch.float32)),
        ),
        Misconception(
            "returns_float64",
            "It returns float64 also where float32 was given: you may compute in float64, but the "
            "result has the dtype of the input.",
            after(single_stage_detections, partial(_cast, torch.float64)),
        ),
    ),
)
