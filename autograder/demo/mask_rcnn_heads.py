"""The class of 07_mask_rcnn_heads."""

from autograder.class_summary import PARTLY
from autograder.demo.student import Slip, Student, slips, untouched
from autograder.record import FAILED

A_NEW_HEAD = (
    "A head for each region beside the others, on the same features: two numbers for the direction "
    "and a loss over the regions that hold an object, added to the sum with a weight."
)

LOOPS = {
    "instances_of": """\
def instances_of(category, instance):
    boxes, labels = [], []
    for number in range(1, int(instance.max()) + 1 if instance.numel() else 1):
        places = (instance == number).nonzero().tolist()
        if not places:
            continue
        rows, columns = [y for y, x in places], [x for y, x in places]
        boxes.append([min(columns), min(rows), max(columns) + 1, max(rows) + 1])
        labels.append(int(category[rows[0], columns[0]]))
    boxes = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return boxes, torch.tensor(labels, dtype=torch.int64)
""",
    "multi_head_loss": """\
def multi_head_loss(losses, weights):
    total = 0.0
    for name in losses:
        weight = 1.0
        if name in weights:
            weight = weights[name]
        total = total + weight * losses[name]
    return total
""",
}

LABEL_FOR_CHANNEL = """\
def mask_loss(logits, targets, labels):
    positive = labels > 0
    own = logits[positive, labels[positive]]
    return torch.nn.functional.binary_cross_entropy_with_logits(own, targets[positive])
"""

CORNER_OF_THE_BIN = """\
def decode_keypoints(logits, boxes):
    size = logits.shape[-1]
    flat = logits.flatten(2)
    best = flat.argmax(dim=2)
    chance = flat.softmax(dim=2).amax(dim=2)
    x1, y1, x2, y2 = boxes[:, :, None].unbind(dim=1)
    x = x1 + best % size * (x2 - x1) / size
    y = y1 + best // size * (y2 - y1) / size
    return torch.stack([x, y, chance], dim=2)
"""

SIGMOID_FOR_EACH_BIN = """\
def keypoint_loss(logits, bins, valid):
    maps = logits.flatten(2)[valid]
    wanted = torch.nn.functional.one_hot(bins[valid], maps.shape[1]).to(maps.dtype)
    return torch.nn.functional.binary_cross_entropy_with_logits(maps, wanted)
"""

LAST_PIXEL_CUT_OFF = """\
def instances_of(category, instance):
    numbers = [n for n in instance.unique().tolist() if n != 0]
    boxes, labels = torch.zeros(len(numbers), 4), torch.zeros(len(numbers), dtype=torch.int64)
    for i, n in enumerate(numbers):
        y, x = torch.where(instance == n)
        boxes[i] = torch.tensor([x.min(), y.min(), x.max(), y.max()])
        labels[i] = category[y[0], x[0]]
    return boxes, labels
"""

AREA_OF_THE_WHOLE_MASK = """\
def panoptic_merge(semantic, masks, scores, labels, min_area):
    category, instance = semantic.clone(), torch.zeros_like(semantic)
    number = 0
    for i in scores.argsort(descending=True, stable=True):
        if masks[i].sum() >= min_area:
            free = masks[i] & (instance == 0)
            number += 1
            category[free] = labels[i]
            instance[free] = number
    return category, instance
"""

MISSING_WEIGHT_IS_0 = """\
def multi_head_loss(losses, weights):
    return sum(weights.get(name, 0.0) * loss for name, loss in losses.items())
"""

ENDLESS = """\
def panoptic_merge(semantic, masks, scores, labels, min_area):
    category, instance = semantic.clone(), torch.zeros_like(semantic)
    while (instance == 0).any():
        for i in scores.argsort(descending=True, stable=True):
            free = masks[i] & (instance == 0)
            category[free], instance[free] = labels[i], i + 1
    return category, instance
"""

STUDENTS = (
    Student("Amara Okafor", {"a_new_head": A_NEW_HEAD}, model=True),
    Student("Jonas Lindqvist", LOOPS, model=True),
    slips(
        "Lucas Ferreira",
        {
            "mask_loss": Slip(LABEL_FOR_CHANNEL, "label_for_channel"),
            "decode_keypoints": Slip(CORNER_OF_THE_BIN, "corner_of_the_bin"),
        },
    ),
    slips(
        "Elif Demir",
        {
            "keypoint_loss": Slip(SIGMOID_FOR_EACH_BIN, "sigmoid_for_each_bin"),
            "instances_of": Slip(LAST_PIXEL_CUT_OFF, "last_pixel_cut_off"),
        },
    ),
    slips(
        "Hana Kobayashi",
        {
            "panoptic_merge": Slip(AREA_OF_THE_WHOLE_MASK, "area_of_the_whole_mask", PARTLY),
            "multi_head_loss": Slip(MISSING_WEIGHT_IS_0, "missing_weight_is_0"),
        },
    ),
    untouched("Anna Novak"),
    Student(
        "Max Keller", {"panoptic_merge": ENDLESS}, model=True, marks={"panoptic_merge": FAILED}
    ),
)
