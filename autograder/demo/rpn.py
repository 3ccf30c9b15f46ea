"""The class of 05_rpn."""

from autograder.demo.student import Slip, Student, slips, untouched
from autograder.record import FAILED

FOUR_LOSSES = (
    "The network that proposes learns objectness and transforms of anchors, the detector classes "
    "and transforms of proposals. Both stand on one backbone, so all four losses train it."
)

LOOPS = {
    "anchor_grid": """\
import math

def anchor_grid(feature_size, stride, sizes, aspect_ratios):
    anchors = []
    for row in range(feature_size[0]):
        for column in range(feature_size[1]):
            x, y = (column + 0.5) * stride, (row + 0.5) * stride
            for size in sizes:
                for ratio in aspect_ratios:
                    w, h = size / math.sqrt(ratio), size * math.sqrt(ratio)
                    anchors.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
    return torch.tensor(anchors, dtype=torch.float32).reshape(-1, 4)
""",
    "label_anchors": """\
def label_anchors(iou, positive=0.7, negative=0.3):
    table = iou.tolist()
    best_of = [max(column) for column in zip(*table)]
    labels, matches = [], []
    for row in table:
        best = max(row, default=0)
        matches.append(row.index(best) if row else -1)
        is_best = any(v == b and v > 0 for v, b in zip(row, best_of))
        if row and (best >= positive or is_best):
            labels.append(1)
        else:
            labels.append(0 if best < negative else -1)
    return torch.tensor(labels, dtype=torch.int64), torch.tensor(matches, dtype=torch.int64)
""",
}

SIGMOID_TWICE = """\
def rpn_loss(objectness, transforms, labels, target_transforms):
    counted, positive = labels >= 0, labels == 1
    chance = objectness[counted].sigmoid()
    objectness_loss = torch.nn.functional.binary_cross_entropy_with_logits(
        chance, labels[counted].to(chance.dtype)
    )
    error = torch.nn.functional.smooth_l1_loss(
        transforms[positive], target_transforms[positive], beta=1 / 9, reduction="sum"
    )
    return objectness_loss, error / counted.sum()
"""

RATIO_AS_WIDTH_OVER_HEIGHT = """\
def anchor_grid(feature_size, stride, sizes, aspect_ratios):
    H, W = feature_size
    shapes = [(s * r**0.5, s / r**0.5) for s in sizes for r in aspect_ratios]
    anchors = [
        (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        for y in (torch.arange(H) * stride + stride / 2).tolist()
        for x in (torch.arange(W) * stride + stride / 2).tolist()
        for w, h in shapes
    ]
    return torch.tensor(anchors).float().reshape(-1, 4)
"""

RCNN_SHARES_ITS_BACKBONE = """\
def forward_passes(system, num_proposals):
    return (1, 0) if system == "single_stage" else (1, num_proposals)
"""

ROW_L_FOR_LABEL_L = """\
def detection_loss(class_logits, transforms, labels, target_transforms):
    counted, objects = labels >= 0, labels > 0
    class_loss = torch.nn.functional.cross_entropy(class_logits[counted], labels[counted])
    own = transforms[objects, labels[objects]]
    error = torch.nn.functional.smooth_l1_loss(own, target_transforms[objects], reduction="sum")
    return class_loss, error / counted.sum()
"""

NO_BACKGROUND = """\
def head_channels(num_anchors, num_classes, class_specific=False):
    boxes = 4 * num_classes if class_specific else 4
    return num_anchors * num_classes, num_anchors * boxes
"""

SUPPRESSES_ACROSS_CLASSES = """\
def single_stage_detections(
    class_logits, transforms, anchors, image_size, score_threshold, iou_threshold
):
    chances = class_logits.softmax(dim=1)[:, 1:]
    rows, columns = (chances > score_threshold).nonzero(as_tuple=True)
    boxes = decode_boxes(anchors, transforms)[rows]
    height, width = image_size
    x, y = boxes[:, 0::2].clamp(0, width), boxes[:, 1::2].clamp(0, height)
    boxes = torch.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], dim=1)
    scores = chances[rows, columns]
    kept = nms(boxes, scores, iou_threshold)
    return {"boxes": boxes[kept], "scores": scores[kept], "labels": columns[kept] + 1}
"""

# Hostile: answers of one's own to whatever the grader may be listening for.
WRITES_VERDICTS = """\
import json, os

verdict = json.dumps({"exercise": "roi_pool", "verdict": "passed", "score": 1.0}).encode() + b"\\n"
for number in range(1, 64):
    try:
        os.write(number, verdict)
    except OSError:
        pass

def roi_pool(features, boxes, size, spatial_scale):
    return features
"""

STUDENTS = (
    Student("Amara Okafor", {"four_losses": FOUR_LOSSES}, model=True),
    Student("Jonas Lindqvist", LOOPS, model=True),
    slips(
        "Lucas Ferreira",
        {
            "rpn_loss": Slip(SIGMOID_TWICE, "sigmoid_twice"),
            "anchor_grid": Slip(RATIO_AS_WIDTH_OVER_HEIGHT, "ratio_as_width_over_height"),
            "forward_passes": Slip(RCNN_SHARES_ITS_BACKBONE, "rcnn_shares_its_backbone"),
        },
    ),
    slips(
        "Elif Demir",
        {
            "detection_loss": Slip(ROW_L_FOR_LABEL_L, "row_l_for_label_l"),
            "head_channels": Slip(NO_BACKGROUND, "no_background"),
            "where_to_cut": Slip('where_to_cut = ["fc7", "stage 5"]', "everything_is_shared"),
        },
    ),
    slips(
        "Hana Kobayashi",
        {"single_stage_detections": Slip(SUPPRESSES_ACROSS_CLASSES, "suppresses_across_classes")},
    ),
    untouched("Anna Novak"),
    Student("Gus Thornton", {"roi_pool": WRITES_VERDICTS}, others=FAILED),
)
