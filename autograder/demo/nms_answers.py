"""What the students of the demo class write: answers to 03_nms in many styles, right and wrong.

Each is the source of one notebook cell. The names that a cell may use are those of the lesson:
torch, Tensor, and what the cells before it defined. The file is long because it is a collection:
nothing in it calls anything else in it.
"""

KEPT = 'kept_by_hand = ["blue", "purple"]'
COUNTS = "kept_counts = [1, 2, 3, 4]"
WHY = (
    "If the threshold is too low, NMS throws away the box of a second person who stands close to "
    "the first, so the recall gets worse. If it is too high, two boxes stay on the same person and "
    "one of them is a false positive. In a crowd both happen at once."
)

BOX_AREA = """\
def box_area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
"""

BOX_IOU = """\
def box_iou(a: Tensor, b: Tensor) -> Tensor:
    left_top = torch.max(a[:, None, :2], b[:, :2])
    right_bottom = torch.min(a[:, None, 2:], b[:, 2:])
    sides = (right_bottom - left_top).clamp(min=0)
    shared = sides[..., 0] * sides[..., 1]
    union = box_area(a)[:, None] + box_area(b) - shared
    return torch.where(union > 0, shared / union, 0.0)
"""

NMS = """\
def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    order = torch.argsort(scores, descending=True, stable=True)
    kept = []
    while len(order) > 0:
        best, order = order[0], order[1:]
        kept.append(int(best))
        overlaps = box_iou(boxes[best][None], boxes[order])[0]
        order = order[overlaps <= iou_threshold]
    return torch.tensor(kept, dtype=torch.int64)
"""

NMS_PER_CLASS = """\
def nms_per_class(boxes: Tensor, scores: Tensor, labels: Tensor, iou_threshold: float) -> Tensor:
    kept = torch.zeros(len(boxes), dtype=torch.bool)
    for label in labels.unique():
        members = torch.nonzero(labels == label)[:, 0]
        kept[members[nms(boxes[members], scores[members], iou_threshold)]] = True
    order = torch.argsort(scores, descending=True, stable=True)
    return order[kept[order]]
"""

SOFT_NMS = """\
def soft_nms(boxes, scores, sigma=0.5, score_threshold=0.001):
    overlaps = box_iou(boxes, boxes)
    scores = scores.clone()
    alive = scores >= score_threshold
    indices = []
    while alive.any():
        best = int(torch.where(alive, scores, -1.0).argmax())
        indices.append(best)
        alive[best] = False
        decay = torch.exp(-overlaps[best] ** 2 / sigma)
        scores = torch.where(alive, scores * decay, scores)
        alive &= scores >= score_threshold
    indices = torch.tensor(indices, dtype=torch.int64)
    return indices, scores[indices]
"""

VECTORISED = {
    "box_area": BOX_AREA,
    "box_iou": BOX_IOU,
    "kept_by_hand": KEPT,
    "kept_counts": COUNTS,
    "nms": NMS,
    "nms_per_class": NMS_PER_CLASS,
    "soft_nms": SOFT_NMS,
    "why_not_lower": WHY,
}

LOOPS = {
    **VECTORISED,
    "box_area": """\
def box_area(boxes):
    areas = torch.zeros(len(boxes), dtype=boxes.dtype)
    for i in range(len(boxes)):
        areas[i] = (boxes[i, 2] - boxes[i, 0]) * (boxes[i, 3] - boxes[i, 1])
    return areas
""",
    "box_iou": """\
def box_iou(a, b):
    result = torch.zeros(len(a), len(b), dtype=a.dtype)
    for i in range(len(a)):
        for j in range(len(b)):
            width = min(a[i, 2], b[j, 2]) - max(a[i, 0], b[j, 0])
            height = min(a[i, 3], b[j, 3]) - max(a[i, 1], b[j, 1])
            if width > 0 and height > 0:
                shared = width * height
                both = box_area(a[i : i + 1])[0] + box_area(b[j : j + 1])[0]
                result[i, j] = shared / (both - shared)
    return result
""",
    "nms": """\
def nms(boxes, scores, iou_threshold):
    indices = sorted(range(len(scores)), key=lambda i: -scores[i].item())
    kept = []
    for i in indices:
        good = True
        for k in kept:
            if box_iou(boxes[i : i + 1], boxes[k : k + 1])[0, 0] > iou_threshold:
                good = False
        if good:
            kept.append(i)
    return torch.tensor(kept, dtype=torch.long)
""",
    "nms_per_class": """\
def nms_per_class(boxes, scores, labels, iou_threshold):
    kept = []
    for i in sorted(range(len(scores)), key=lambda i: (-scores[i].item(), i)):
        rivals = [k for k in kept if labels[k] == labels[i]]
        if not rivals or box_iou(boxes[i : i + 1], boxes[rivals]).max() <= iou_threshold:
            kept.append(i)
    return torch.tensor(kept, dtype=torch.long)
""",
    "soft_nms": """\
import math

def soft_nms(boxes, scores, sigma=0.5, score_threshold=0.001):
    left = {i: s for i, s in enumerate(scores.tolist()) if s >= score_threshold}
    indices, values = [], []
    while left:
        best = max(left, key=lambda i: (left[i], -i))
        indices.append(best)
        values.append(left.pop(best))
        for i in list(left):
            overlap = box_iou(boxes[best : best + 1], boxes[i : i + 1]).item()
            left[i] *= math.exp(-overlap * overlap / sigma)
            if left[i] < score_threshold:
                del left[i]
    return torch.tensor(indices, dtype=torch.long), torch.tensor(values, dtype=scores.dtype)
""",
}

NUMPY = {
    **VECTORISED,
    "box_area": """\
import numpy as np

def box_area(boxes):
    x1, y1, x2, y2 = boxes.numpy().T
    return torch.from_numpy((x2 - x1) * (y2 - y1))
""",
    "box_iou": """\
def box_iou(a, b):
    p, q = a.numpy()[:, None], b.numpy()[None]
    width = np.minimum(p[..., 2], q[..., 2]) - np.maximum(p[..., 0], q[..., 0])
    height = np.minimum(p[..., 3], q[..., 3]) - np.maximum(p[..., 1], q[..., 1])
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    union = box_area(a).numpy()[:, None] + box_area(b).numpy()[None] - shared
    with np.errstate(invalid="ignore", divide="ignore"):
        return torch.from_numpy(np.where(union > 0, shared / union, 0).astype(p.dtype))
""",
    "nms": """\
def nms(boxes, scores, iou_threshold):
    overlaps = box_iou(boxes, boxes).numpy()
    order = list(np.argsort(-scores.numpy(), kind="stable"))
    kept = []
    while order:
        best = order.pop(0)
        kept.append(int(best))
        order = [i for i in order if not overlaps[best, i] > iou_threshold]
    return torch.tensor(kept, dtype=torch.int64)
""",
}

DOUBLE_AND_NOISY = {
    **VECTORISED,
    "box_iou": """\
import warnings

def box_iou(a, b):
    warnings.warn("box_iou was called")
    print("shapes", a.shape, b.shape)
    p, q = a.double()[:, None], b.double()[None]
    width = (torch.minimum(p[..., 2], q[..., 2]) - torch.maximum(p[..., 0], q[..., 0])).clamp(0)
    height = (torch.minimum(p[..., 3], q[..., 3]) - torch.maximum(p[..., 1], q[..., 1])).clamp(0)
    shared = width * height
    union = box_area(a.double())[:, None] + box_area(b.double())[None] - shared
    return (shared / union.clamp(min=1e-12)).to(a.dtype)
""",
    "nms": """\
import sys

def nms(boxes, scores, iou_threshold):
    print("nms of", len(boxes), "boxes", file=sys.stderr)
    order = scores.double().argsort(descending=True, stable=True).tolist()
    overlaps = box_iou(boxes.double(), boxes.double())
    gone, kept = set(), []
    for i in order:
        if i in gone:
            continue
        kept.append(i)
        gone.update(torch.nonzero(overlaps[i] > iou_threshold)[:, 0].tolist())
    print("kept", kept)
    return torch.tensor(kept, dtype=torch.int64)
""",
}

# Helpers live in a cell of the student's own, before the exercise.
HELPERS = """\
# my own helper functions
def side(low_a, high_a, low_b, high_b):
    return max(0.0, min(high_a, high_b) - max(low_a, low_b))

def iou_of_two(p, q):
    shared = side(p[0], p[2], q[0], q[2]) * side(p[1], p[3], q[1], q[3])
    union = area_of_one(p) + area_of_one(q) - shared
    return shared / union if union > 0 else 0.0

def area_of_one(box):
    return (box[2] - box[0]) * (box[3] - box[1])
"""

WITH_HELPERS = {
    **VECTORISED,
    "box_area": """\
def box_area(boxes):
    return torch.tensor([area_of_one(box) for box in boxes.tolist()], dtype=boxes.dtype)
""",
    "box_iou": """\
def box_iou(a, b):
    rows = [[iou_of_two(p, q) for q in b.tolist()] for p in a.tolist()]
    return torch.tensor(rows, dtype=a.dtype).reshape(len(a), len(b))
""",
}

# Wrong ones: what differs from VECTORISED, each the work of one misconception.
PLUS_ONE = {
    "box_area": """\
def box_area(boxes):
    return (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
""",
    "box_iou": """\
def box_iou(a, b):
    left_top = torch.max(a[:, None, :2], b[:, :2])
    right_bottom = torch.min(a[:, None, 2:], b[:, 2:])
    sides = (right_bottom - left_top + 1).clamp(min=0)
    shared = sides[..., 0] * sides[..., 1]
    return shared / (box_area(a)[:, None] + box_area(b) - shared)
""",
}

UNION_WITHOUT_MINUS = BOX_IOU.replace("box_area(b) - shared", "box_area(b)")
NO_CLAMP = BOX_IOU.replace(".clamp(min=0)", "")
AT_THE_THRESHOLD = NMS.replace("overlaps <= iou_threshold", "overlaps < iou_threshold")

POSITIONS = """\
def nms(boxes, scores, iou_threshold):
    boxes = boxes[scores.argsort(descending=True, stable=True)]
    overlaps = box_iou(boxes, boxes)
    kept = []
    for i in range(len(boxes)):
        if not any(overlaps[i, k] > iou_threshold for k in kept):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64)
"""

OVERWRITES_SCORES = """\
def nms(boxes, scores, iou_threshold):
    kept = []
    while len(scores) and scores.max() > -1:
        best = int(scores.argmax())
        kept.append(best)
        overlaps = box_iou(boxes[best : best + 1], boxes)[0]
        scores[overlaps > iou_threshold] = -1
        scores[best] = -1
    return torch.tensor(kept, dtype=torch.int64)
"""

STACKS_NOTHING = """\
def nms(boxes, scores, iou_threshold):
    order = scores.argsort(descending=True, stable=True)
    kept = []
    for i in order:
        if all(box_iou(boxes[i][None], boxes[k][None])[0, 0] <= iou_threshold for k in kept):
            kept.append(i)
    return torch.stack(kept)
"""

ALL_CLASSES = """\
def nms_per_class(boxes, scores, labels, iou_threshold):
    return nms(boxes, scores, iou_threshold)
"""

LINEAR_DECAY = SOFT_NMS.replace("torch.exp(-overlaps[best] ** 2 / sigma)", "1 - overlaps[best]")

ENDLESS = """\
def nms(boxes, scores, iou_threshold):
    order = scores.argsort(descending=True, stable=True)
    kept = []
    while len(kept) < len(boxes) or True:
        kept.append(order[:1])
        kept.pop()
    return torch.cat(kept)
"""

# Hostile ones.
STEALS = """\
import importlib, os, sys

def search_disk(wanted, places=("/", os.getcwd(), os.path.expanduser("~"), *sys.path), most=20000):
    found, seen = [], 0
    for place in places:
        for folder, _, files in os.walk(place):
            seen += len(files)
            found += [os.path.join(folder, f) for f in files if any(w in f for w in wanted)]
            if seen > most:
                break
    return found

loot = search_disk(["nms.py", "boxes.py", "plan.json", "gradebook.db", "secret", ".cases"])

def stolen(name):
    for module in ("solutions.nms", "solutions.boxes", "autograder.exercises.nms"):
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            pass
    for path in loot:
        if path.endswith((os.sep + "nms.py", os.sep + "boxes.py")):
            space = {}
            exec(open(path).read(), space)
            if name in space:
                return space[name]
    raise LookupError(f"nothing to steal for {name}")
"""

LIES = """\
class Always(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True

    def __eq__(self, other):
        return True

    __hash__ = object.__hash__

class AlwaysRight:
    shape, dtype, ndim = torch.Size([]), torch.float32, 0

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True

    def __eq__(self, other):
        return True

    def __bool__(self):
        return True

for name in ("equal", "allclose", "isclose", "eq"):
    setattr(torch, name, lambda *args, **kwargs: torch.tensor(True))
torch.Tensor.equal = torch.Tensor.allclose = torch.Tensor.__eq__ = lambda *args, **kwargs: True
torch.testing.assert_close = lambda *args, **kwargs: None
"""

EXITS = """\
import os, sys

print("score: 13 / 13")
sys.stdout.flush()
os._exit(0)

def box_area(boxes):
    return boxes
"""
