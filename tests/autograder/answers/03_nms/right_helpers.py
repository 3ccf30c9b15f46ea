"""Style: helper functions and a class, prints on the way, a warning on stderr."""

import sys
import warnings
from dataclasses import dataclass

import torch

DEBUG = True


@dataclass
class Box:
    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def area(self):
        return (self.x2 - self.x1) * (self.y2 - self.y1)

    def shared_with(self, other):
        width = min(self.x2, other.x2) - max(self.x1, other.x1)
        height = min(self.y2, other.y2) - max(self.y1, other.y1)
        return max(width, 0.0) * max(height, 0.0)

    def iou(self, other):
        shared = self.shared_with(other)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0


def say(*words):
    if DEBUG:
        print("debug:", *words)
        print("debug:", *words, file=sys.stderr)


def to_boxes(tensor):
    return [Box(*row) for row in tensor.tolist()]


def box_area(boxes):
    say("areas of", boxes.shape)
    return boxes.new_tensor([box.area for box in to_boxes(boxes)])


def box_iou(a, b):
    warnings.warn("this IoU is slow", stacklevel=2)
    rows = [[first.iou(second) for second in to_boxes(b)] for first in to_boxes(a)]
    return torch.tensor(rows, dtype=a.dtype).reshape(len(a), len(b))


def by_score(scores):
    values = scores.tolist()
    return sorted(range(len(values)), key=lambda i: values[i], reverse=True)


def survives(box, kept, threshold):
    return all(box.iou(other) <= threshold for other in kept)


def nms(boxes, scores, iou_threshold=0.5):
    everything = to_boxes(boxes)
    kept = []
    for i in by_score(scores):
        if survives(everything[i], [everything[k] for k in kept], iou_threshold):
            kept.append(i)
    say("kept", kept)
    return torch.LongTensor(kept)


def nms_per_class(boxes, scores, labels, iou_threshold=0.5):
    kept = set()
    for label in set(labels.tolist()):
        mask = labels == label
        members = mask.nonzero()[:, 0]
        kept |= set(members[nms(boxes[mask], scores[mask], iou_threshold)].tolist())
    return torch.LongTensor([i for i in by_score(scores) if i in kept])


def soft_nms(boxes, scores, sigma=0.5, score_threshold=0.001):
    everything, kept, values = to_boxes(boxes), [], []
    waiting = {i: score for i, score in enumerate(scores) if score >= score_threshold}
    while waiting:
        best = max(waiting, key=waiting.get)
        say("selected", best)
        kept.append(best)
        values.append(waiting.pop(best))
        for i in list(waiting):
            iou = everything[best].iou(everything[i])
            waiting[i] = waiting[i] * torch.exp(torch.tensor(-(iou**2) / sigma))
            if waiting[i] < score_threshold:
                del waiting[i]
    return torch.LongTensor(kept), torch.stack(values) if values else scores[:0]
