"""The class of `make demo`: invented students, what they hand in, and what each is to get.

Right in many styles, wrong by misconceptions, unfinished, broken, hostile. `hand_in` makes a
student's notebook from the released one, as a student would: by filling cells.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode

from autograder import demo_answers as answers
from autograder.class_summary import PARTLY
from autograder.record import COULD_NOT_RUN, FAILED, PASSED

ASSIGNMENT = "03_nms"
QUESTIONS = ("kept_by_hand", "kept_counts")
FUNCTIONS = ("box_area", "box_iou", "nms", "nms_per_class", "soft_nms")


@dataclass(frozen=True)
class Student:
    """One submission. `cells` maps nbgrader's name of a cell to what the student writes there.

    `before` adds cells of the student's own in front of a cell; `damage` is what happens to the
    file on its way (None: it never arrives). `marks` and `misconceptions` say, by exercise, what
    the grader is to find; an exercise that is not named there is to pass.
    """

    name: str
    cells: dict[str, str] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    damage: Callable[[bytes], bytes | None] = bytes
    marks: dict[str, str] = field(default_factory=dict)
    misconceptions: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The name of the student's folder."""
        plain = self.name.translate(str.maketrans("óöš", "oos")).lower()
        return plain.replace(" ", "_").replace("-", "_")

    def expected_mark(self, exercise: str) -> str:
        """Return "passed", "partly", "failed" or "could_not_run"."""
        return self.marks.get(exercise, PASSED)


def hand_in(student: Student, released: bytes) -> bytes | None:
    """Return the bytes that a student hands in, made from the released notebook's."""
    notebook = nbformat.reads(released.decode(), as_version=4)
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if name in student.before:
            own = nbformat.v4.new_code_cell(student.before[name], id=f"own-{len(cells)}")
            cells.append(own)
        if name in student.cells:
            cell.source = student.cells[name]
        cells.append(cell)
    notebook.cells = cells
    return student.damage(nbformat.writes(notebook).encode())


def all_marks(mark: str, except_for: Iterable[str] = ()) -> dict[str, str]:
    """Return one mark for every exercise and question but a few."""
    return {name: mark for name in (*FUNCTIONS, *QUESTIONS) if name not in except_for}


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
    Student("Anna Novak", marks=all_marks(FAILED)),
    Student(
        "Ben Carter",
        {
            "box_area": answers.BOX_AREA,
            "box_iou": answers.BOX_IOU,
            "kept_by_hand": 'kept_by_hand = ["blue", "orange", "purple"]',
        },
        marks=all_marks(FAILED, except_for=("box_area", "box_iou")),
        misconceptions={"kept_by_hand": "only_the_lowest_dropped"},
    ),
    Student(
        "Ruth Adler",
        answers.VECTORISED,
        damage=lambda data: data[: len(data) // 2],
        marks=all_marks(COULD_NOT_RUN),
    ),
    Student("Ivan Petrov", damage=lambda data: b"", marks=all_marks(COULD_NOT_RUN)),
    Student("Leila Farahani", damage=lambda data: None, marks=all_marks(COULD_NOT_RUN)),
    Student("Max Keller", {**answers.VECTORISED, "nms": answers.ENDLESS}, marks={"nms": FAILED}),
    Student("Gus Thornton", STOLEN, before={"box_area": answers.STEALS}, marks=all_marks(FAILED)),
    Student("Vera Sokolova", LYING, before={"box_area": answers.LIES}, marks=all_marks(FAILED)),
    Student("Felix Moreau", {"box_area": answers.EXITS}, marks=all_marks(FAILED)),
    Student(
        "Nina Castellano",
        {**CLAIMS, "box_area": answers.BOX_AREA},
        marks=all_marks(FAILED, except_for=("box_area",)),
    ),
)
NAMES = {student.id: student.name for student in STUDENTS}
