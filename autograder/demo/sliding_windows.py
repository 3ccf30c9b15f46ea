"""The class of 01_sliding_windows."""

from autograder.class_summary import PARTLY
from autograder.demo.student import Slip, Student, slips, untouched
from autograder.record import FAILED

WHAT_ONE_PASS_SAVES = (
    "Windows next to each other share most of their pixels, and the loop convolves the shared ones "
    "again in every window. One pass computes each step once and reads all windows off the maps."
)

LOOPS = {
    "cxcywh_to_xyxy": """\
def cxcywh_to_xyxy(boxes):
    result = torch.zeros_like(boxes)
    for i in range(len(boxes)):
        cx, cy, w, h = boxes[i]
        result[i, 0] = cx - w / 2
        result[i, 1] = cy - h / 2
        result[i, 2] = cx + w / 2
        result[i, 3] = cy + h / 2
    return result
""",
    "count_positions": """\
def count_positions(image_size, box_size, stride=1):
    rows = len(range(0, image_size[0] - box_size[0] + 1, stride))
    columns = len(range(0, image_size[1] - box_size[1] + 1, stride))
    return rows * columns
""",
    "dense_scores": """\
def dense_scores(network, image):
    logits = network(image.unsqueeze(0))[0]
    K, rows, columns = logits.shape
    result = torch.zeros(rows, columns, K, dtype=logits.dtype)
    for r in range(rows):
        for c in range(columns):
            result[r, c] = torch.softmax(logits[:, r, c], dim=0)
    return result
""",
}

# The left edge is moved first, and the right one is measured from there.
HALF_FROM_THE_NEW_CORNER = """\
def cxcywh_to_xyxy(boxes):
    boxes = boxes.clone()
    boxes[:, :2] -= boxes[:, 2:] / 2
    boxes[:, 2:] = boxes[:, :2] + boxes[:, 2:] / 2
    return boxes
"""

MEAN_OF_THE_FOUR = """\
def localization_loss(logits, boxes, target_labels, target_boxes, box_weight=1.0):
    class_loss = torch.nn.functional.cross_entropy(logits, target_labels)
    box_loss = torch.nn.functional.mse_loss(boxes, target_boxes)
    return class_loss + box_weight * box_loss
"""

COLUMNS_BEFORE_ROWS = """\
def sliding_window_scores(classifier, image, window, stride):
    h, w = window
    scores = []
    for x in range(0, image.shape[2] - w + 1, stride):
        crops = [image[:, y : y + h, x : x + w] for y in range(0, image.shape[1] - h + 1, stride)]
        scores.append(classifier(torch.stack(crops)).softmax(dim=1))
    return torch.stack(scores)
"""

READ_IN_ANOTHER_ORDER = """\
def dense_scores(network, image):
    scores = network(image[None]).softmax(dim=1)
    B, K, rows, columns = scores.shape
    return scores.view(rows, columns, K)
"""

DOES_NOT_LOOK_WHETHER_IT_FITS = """\
def count_positions(image_size, box_size, stride=1):
    (height, width), (h, w) = image_size, box_size
    return ((height - h) // stride + 1) * ((width - w) // stride + 1)
"""

ENDLESS = """\
def count_boxes(image_size):
    height, width = image_size
    total = 0
    while height > 0:
        total += height * width
    return total
"""

STUDENTS = (
    Student("Amara Okafor", {"what_one_pass_saves": WHAT_ONE_PASS_SAVES}, model=True),
    Student("Jonas Lindqvist", LOOPS, model=True),
    slips(
        "Lucas Ferreira",
        {
            "cxcywh_to_xyxy": Slip(HALF_FROM_THE_NEW_CORNER, "half_from_the_new_corner"),
            "localization_loss": Slip(MEAN_OF_THE_FOUR, "mean_of_the_four"),
        },
    ),
    slips(
        "Elif Demir",
        {
            "sliding_window_scores": Slip(COLUMNS_BEFORE_ROWS, "columns_before_rows"),
            "dense_scores": Slip(READ_IN_ANOTHER_ORDER, "read_in_another_order"),
        },
    ),
    slips(
        "Hana Kobayashi",
        {
            "count_positions": Slip(
                DOES_NOT_LOOK_WHETHER_IT_FITS, "does_not_look_whether_it_fits", PARTLY
            ),
            "shared_steps": Slip("shared_steps = [20, 36]", "steps_not_shared"),
        },
    ),
    untouched("Anna Novak"),
    Student("Max Keller", {"count_boxes": ENDLESS}, model=True, marks={"count_boxes": FAILED}),
)
