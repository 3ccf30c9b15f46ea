"""The stubs as they are released."""

from course.outcome import NotAnswered


def box_area(boxes):
    raise NotAnswered("box_area")


def box_iou(a, b):
    raise NotAnswered("box_iou")


def nms(boxes, scores, iou_threshold):
    raise NotAnswered("nms")


def nms_per_class(boxes, scores, labels, iou_threshold):
    raise NotAnswered("nms_per_class")


def soft_nms(boxes, scores, sigma=0.5, score_threshold=0.001):
    raise NotAnswered("soft_nms")
