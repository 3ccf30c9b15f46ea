"""The class of 03_nms, the largest: right in many styles, wrong by misconceptions, unfinished,
broken, hostile."""

from autograder.class_summary import PARTLY
from autograder.demo import nms_answers as answers
from autograder.demo.student import Student, cut_off, untouched
from autograder.record import COULD_NOT_RUN, FAILED, PASSED

FUNCTIONS = ("box_area", "box_iou", "nms", "nms_per_class", "soft_nms")
QUESTIONS = ("kept_by_hand", "kept_counts")


def one_wrong(name: str, exercise: str, source: str, misconception: str, mark: str) -> Student:
    """Return a student who has all right but one function."""
    return Student(
        name,
        {**answers.VECTORISED, exercise: source},
        marks={exercise: mark},
        misconceptions={exercise: misconception},
    )


CALLS = {
    "box_area": "def box_area(boxes):\n    return {}",
    "box_iou": "def box_iou(a, b):\n    return {}",
    "nms": "def nms(boxes, scores, iou_threshold):\n    return {}",
    "nms_per_class": "def nms_per_class(boxes, scores, labels, iou_threshold):\n    return {}",
    "soft_nms": "def soft_nms(boxes, scores, sigma=0.5, score_threshold=0.001):\n    return {}",
}
ARGUMENTS = {
    name: source.partition("(")[2].partition(")")[0].replace("=0.5", "").replace("=0.001", "")
    for name, source in CALLS.items()
}
STOLEN = {name: CALLS[name].format(f"stolen({name!r})({ARGUMENTS[name]})") for name in FUNCTIONS}
LYING = {name: CALLS[name].format("AlwaysRight()") for name in FUNCTIONS}
LYING["nms"] = CALLS["nms"].format("torch.zeros(3).as_subclass(Always)")
CLAIMS = {
    f"check_{name}": f'print("All public cases pass. {name}: passed, full score")'
    for name in (*FUNCTIONS, *QUESTIONS)
}

STUDENTS = (
    Student("Amara Okafor", answers.VECTORISED),
    Student("Jonas Lindqvist", answers.LOOPS),
    Student("Mei Zhao", answers.NUMPY),
    Student("Tomasz Wójcik", answers.DOUBLE_AND_NOISY),
    Student("Priya Raghavan", answers.WITH_HELPERS, before={"box_area": answers.HELPERS}),
    Student(
        "Lucas Ferreira",
        {**answers.VECTORISED, **answers.PLUS_ONE},
        marks={"box_area": FAILED, "box_iou": FAILED},
        misconceptions={"box_area": "plus_one_pixel", "box_iou": "plus_one_pixel"},
    ),
    one_wrong(
        "Elif Demir", "box_iou", answers.UNION_WITHOUT_MINUS, "union_counts_overlap_twice", FAILED
    ),
    one_wrong("Diego Salas", "box_iou", answers.NO_CLAMP, "negative_overlap", FAILED),
    one_wrong("Hana Kobayashi", "nms", answers.AT_THE_THRESHOLD, "drops_at_the_threshold", PARTLY),
    one_wrong("Omar Haddad", "nms", answers.POSITIONS, "positions_in_the_sorted_list", FAILED),
    one_wrong("Noah Bergström", "nms", answers.OVERWRITES_SCORES, "changes_its_input", PARTLY),
    one_wrong("Yuki Tanaka", "nms", answers.STACKS_NOTHING, "crashes_on_no_boxes", PARTLY),
    one_wrong("Sofia Marchetti", "nms_per_class", answers.ALL_CLASSES, "ignores_labels", FAILED),
    one_wrong("Chidi Eze", "soft_nms", answers.LINEAR_DECAY, "linear_decay", FAILED),
    untouched("Anna Novak"),
    Student(
        "Ben Carter",
        {
            "box_area": answers.BOX_AREA,
            "box_iou": answers.BOX_IOU,
            "kept_by_hand": 'kept_by_hand = ["blue", "orange", "purple"]',
        },
        others=FAILED,
        marks={"box_area": PASSED, "box_iou": PASSED},
        misconceptions={"kept_by_hand": "only_the_lowest_dropped"},
    ),
    cut_off("Ruth Adler"),
    Student("Ivan Petrov", damage=lambda data: b"", others=COULD_NOT_RUN),
    Student("Leila Farahani", damage=lambda data: None, others=COULD_NOT_RUN),
    Student("Max Keller", {**answers.VECTORISED, "nms": answers.ENDLESS}, marks={"nms": FAILED}),
    Student("Gus Thornton", STOLEN, before={"box_area": answers.STEALS}, others=FAILED),
    Student("Vera Sokolova", LYING, before={"box_area": answers.LIES}, others=FAILED),
    Student("Felix Moreau", {"box_area": answers.EXITS}, others=FAILED),
    Student(
        "Nina Castellano",
        {**CLAIMS, "box_area": answers.BOX_AREA},
        others=FAILED,
        marks={"box_area": PASSED},
    ),
)
