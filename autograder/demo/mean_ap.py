"""The class of 04_map."""

from autograder.class_summary import PARTLY
from autograder.demo.student import Slip, Student, slips, untouched
from autograder.record import FAILED

WHICH_DETECTOR = (
    "The second: at an IoU of 0.5 they are equal, but its boxes fit better, and the mean over "
    "thresholds up to 0.95 sees that."
)

LOOPS = {
    "match_detections": """\
def match_detections(boxes, scores, gt_boxes, iou_threshold=0.5):
    order = sorted(range(len(scores)), key=lambda i: -scores[i].item())
    overlaps = box_iou(boxes, gt_boxes).tolist()
    taken, result = set(), []
    for i in order:
        best, where = 0, None
        for j in range(len(gt_boxes)):
            if j not in taken and overlaps[i][j] >= iou_threshold and overlaps[i][j] > best:
                best, where = overlaps[i][j], j
        result.append(where is not None)
        taken.add(where)
    return torch.tensor(result, dtype=torch.bool)
""",
    "precision_recall": """\
def precision_recall(true_positives, num_gt):
    precision, recall, found = [], [], 0
    for k, hit in enumerate(true_positives.tolist(), start=1):
        found += hit
        precision.append(found / k)
        recall.append(found / num_gt if num_gt else 0.0)
    return (
        torch.tensor(precision, dtype=torch.float64),
        torch.tensor(recall, dtype=torch.float64),
    )
""",
    "average_precision": """\
def average_precision(precision, recall):
    area, best, right = 0.0, 0.0, None
    for p, r in zip(reversed(precision.tolist()), reversed(recall.tolist())):
        if right is not None:
            area += best * (right - r)
        best, right = max(best, p), r
    return area + best * (right or 0.0)
""",
}

NO_ENVELOPE = """\
def average_precision(precision, recall):
    area, before = 0.0, 0.0
    for p, r in zip(precision.tolist(), recall.tolist()):
        area += p * (r - before)
        before = r
    return area
"""

AN_OBJECT_FOUND_TWICE = """\
def match_detections(boxes, scores, gt_boxes, iou_threshold=0.5):
    order = scores.argsort(descending=True, stable=True)
    return (box_iou(boxes[order], gt_boxes) >= iou_threshold).any(dim=1)
"""

STRICTLY_GREATER = """\
def match_detections(boxes, scores, gt_boxes, iou_threshold=0.5):
    order = scores.argsort(descending=True, stable=True)
    overlaps = box_iou(boxes[order], gt_boxes)
    hits = torch.zeros(len(boxes), dtype=torch.bool)
    for k in range(len(boxes) if len(gt_boxes) else 0):
        value, best = overlaps[k].max(dim=0)
        if value > iou_threshold:
            hits[k] = True
            overlaps[:, best] = 0
    return hits
"""

IMAGES_ONE_AFTER_ANOTHER = """\
def mean_average_precision(detections, ground_truth, num_classes, iou_threshold=0.5):
    aps = []
    for label in range(1, num_classes + 1):
        hits, num_gt = [], 0
        for found, truth in zip(detections, ground_truth):
            mine, real = found["labels"] == label, truth["labels"] == label
            num_gt += int(real.sum())
            hits.append(
                match_detections(
                    found["boxes"][mine], found["scores"][mine], truth["boxes"][real], iou_threshold
                )
            )
        if num_gt > 0:
            aps.append(average_precision(*precision_recall(torch.cat(hits), num_gt)))
    return sum(aps) / len(aps) if aps else 0.0
"""

# Hostile: full marks for everything, if this process were the one that gives them.
GRADES_ITSELF = """\
import sys
import course.cases, course.check, course.compare, course.outcome

course.compare.difference = course.outcome.difference = lambda *a, **k: None
for module in list(sys.modules.values()):
    for name in ("assess", "judge", "difference"):
        if hasattr(module, name):
            setattr(module, name, lambda *a, **k: None)
score = points = verdict = "passed"

def whatever(*arguments, **options):
    return True
"""

STUDENTS = (
    Student("Amara Okafor", {"which_detector": WHICH_DETECTOR}, model=True),
    Student("Jonas Lindqvist", LOOPS, model=True),
    slips(
        "Lucas Ferreira",
        {
            "average_precision": Slip(NO_ENVELOPE, "no_envelope"),
            "read_off_the_curve": Slip("read_off_the_curve = [0.67, 0.67, 0.77]", "no_envelope"),
        },
    ),
    slips("Elif Demir", {"match_detections": Slip(AN_OBJECT_FOUND_TWICE, "an_object_found_twice")}),
    slips(
        "Hana Kobayashi",
        {
            "match_detections": Slip(STRICTLY_GREATER, "strictly_greater", PARTLY),
            "mean_average_precision": Slip(IMAGES_ONE_AFTER_ANOTHER, "images_one_after_another"),
        },
    ),
    untouched("Anna Novak"),
    Student(
        "Vera Sokolova",
        {name: f"{name} = whatever" for name in ("match_detections", "perfect_ap", "coco_map")},
        before={"match_detections": GRADES_ITSELF},
        others=FAILED,
    ),
)
