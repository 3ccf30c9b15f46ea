"""The class of 02_rcnn_transforms."""

from autograder.class_summary import PARTLY
from autograder.demo.student import Slip, Student, cut_off, slips, untouched

WHY_RELATIVE = (
    "The same object twice as large gives twice the move in pixels, but the same share of the "
    "proposal's width. The logarithm makes half and twice equally far, and a size can never become "
    "negative."
)

LOOPS = {
    "histogram_intersection": """\
def histogram_intersection(a, b):
    total = 0.0
    for x, y in zip(a.tolist(), b.tolist()):
        total += min(x, y)
    return total
""",
    "encode_boxes": """\
import math

def encode_boxes(proposals, gt_boxes):
    result = torch.zeros_like(proposals)
    for i in range(len(proposals)):
        p, g = proposals[i].tolist(), gt_boxes[i].tolist()
        for axis in (0, 1):
            size, wanted = p[axis + 2] - p[axis], g[axis + 2] - g[axis]
            move = (g[axis] + g[axis + 2]) / 2 - (p[axis] + p[axis + 2]) / 2
            result[i, axis] = move / size
            result[i, axis + 2] = math.log(wanted / size)
    return result
""",
    "label_proposals": """\
def label_proposals(iou, gt_labels, positive=0.5, negative=0.3):
    labels, matches = [], []
    for row in iou.tolist():
        best = max(row, default=0)
        match = row.index(best) if row else -1
        if row and best >= positive:
            label = int(gt_labels[match])
        elif not row or best < negative:
            label = 0
        else:
            label = -1
        labels.append(label)
        matches.append(match)
    return torch.tensor(labels, dtype=torch.int64), torch.tensor(matches, dtype=torch.int64)
""",
}

CORNER_FOR_CENTRE = """\
def encode_boxes(proposals, gt_boxes):
    size = proposals[:, 2:] - proposals[:, :2]
    gt_size = gt_boxes[:, 2:] - gt_boxes[:, :2]
    move = (gt_boxes[:, :2] - proposals[:, :2]) / size
    return torch.cat([move, torch.log(gt_size / size)], dim=1)
"""

NO_LIMIT = """\
def decode_boxes(proposals, transforms):
    size = proposals[:, 2:] - proposals[:, :2]
    centre = (proposals[:, 2:] + proposals[:, :2]) / 2 + transforms[:, :2] * size
    size = size * torch.exp(transforms[:, 2:])
    return torch.cat([centre - size / 2, centre + size / 2], dim=1)
"""

NEUTRAL_AS_BACKGROUND = """\
def label_proposals(iou, gt_labels, positive=0.5, negative=0.3):
    if iou.shape[1] == 0:
        nothing = torch.zeros(len(iou), dtype=torch.int64)
        return nothing, nothing - 1
    best, matches = iou.max(dim=1)
    return torch.where(best >= positive, gt_labels[matches], 0), matches
"""

NEUTRAL_IN_THE_LOSS = """\
def rcnn_loss(class_logits, transforms, labels, target_transforms):
    count = max(len(labels), 1)
    labels = labels.clamp(min=0)
    class_loss = F.cross_entropy(class_logits, labels, reduction="sum") / count
    objects = labels > 0
    error = F.smooth_l1_loss(transforms[objects], target_transforms[objects], reduction="sum")
    return class_loss, error / count
"""

WITHOUT_THE_HALF_PIXEL = """\
def crop_and_resize(image, boxes, size):
    C, H, W = image.shape
    h, w = size
    crops = torch.zeros(len(boxes), C, h, w, dtype=image.dtype)
    for n, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        for i in range(h):
            for j in range(w):
                y = min(max(y1 + (i + 0.5) * (y2 - y1) / h, 0), H - 1)
                x = min(max(x1 + (j + 0.5) * (x2 - x1) / w, 0), W - 1)
                top, left = int(y), int(x)
                below, right = min(top + 1, H - 1), min(left + 1, W - 1)
                upper = image[:, top, left] * (left + 1 - x) + image[:, top, right] * (x - left)
                lower = image[:, below, left] * (left + 1 - x) + image[:, below, right] * (x - left)
                crops[n, :, i, j] = upper * (top + 1 - y) + lower * (y - top)
    return crops
"""

FAILS_ON_FEWER_THAN_K = """\
def select_by_background(probabilities, k):
    order = probabilities[:, 0].argsort(stable=True)
    return torch.stack([order[i] for i in range(k)])
"""

STUDENTS = (
    Student("Amara Okafor", {"why_relative": WHY_RELATIVE}, model=True),
    Student("Jonas Lindqvist", LOOPS, model=True),
    slips(
        "Lucas Ferreira",
        {
            "encode_boxes": Slip(CORNER_FOR_CENTRE, "corner_for_centre"),
            "decode_boxes": Slip(NO_LIMIT, "no_limit", PARTLY),
        },
    ),
    slips(
        "Elif Demir",
        {
            "label_proposals": Slip(NEUTRAL_AS_BACKGROUND, "neutral_as_background"),
            "rcnn_loss": Slip(NEUTRAL_IN_THE_LOSS, "neutral_as_background"),
            "targets_by_hand": Slip(
                "targets_by_hand = [2, 0, 2, 0, 1, 0]", "neutral_as_background"
            ),
        },
    ),
    slips(
        "Hana Kobayashi",
        {
            "crop_and_resize": Slip(WITHOUT_THE_HALF_PIXEL, "without_the_half_pixel"),
            "select_by_background": Slip(FAILS_ON_FEWER_THAN_K, "fails_on_fewer_than_k", PARTLY),
        },
    ),
    untouched("Anna Novak"),
    cut_off("Ruth Adler"),
)
