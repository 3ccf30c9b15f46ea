"""Every concept of the lecture is graded in its notebook, and docs/coverage.md says where."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from autograder import exercises
from autograder.exercise import Exercise
from autograder.exercises import topics
from autograder.lesson import LESSONS, read_lesson
from autograder.plan import CHECK, SOLUTION

DOCS = Path(__file__).parent.parent / "docs"
COVERAGE = (DOCS / "coverage.md").read_text()
CONTRACT = (DOCS / "exercises.md").read_text()
TOPICS = topics()

# Where the lecture's concepts belong: C01 is taken up again at the end.
CONCEPTS = {
    "01_sliding_windows": {1, 2, 3, 4, 5, 6},
    "02_rcnn_transforms": {7, 8, 9, 10, 11},
    "03_nms": {12, 13},
    "04_map": {14, 15},
    "05_rpn": {16, 17, 18, 19, 20, 21, 22},
    "06_transposed_conv": {23, 24, 25, 26, 27, 28, 29, 30},
    "07_mask_rcnn_heads": {1, 31, 32, 33},
}


def section(text, assignment):
    return text.partition(f"\n## {assignment}\n")[2].partition("\n## ")[0]


def rows(assignment):
    """Return (concept number, names in `code`, what is lost) for each row of a table."""
    found = re.findall(
        r"^\| C(\d\d) [^|]+ \| ([^|]+) \| ([^|]+) \|$", section(COVERAGE, assignment), re.M
    )
    return [(int(n), re.findall(r"`(\w+)`", names), lost) for n, names, lost in found]


@pytest.mark.parametrize("assignment", CONCEPTS)
def test_each_concept_is_covered_once_in_exactly_its_notebook(assignment):
    numbers = [number for number, _, _ in rows(assignment)]
    assert sorted(numbers) == sorted(CONCEPTS[assignment])


@pytest.mark.parametrize("assignment", CONCEPTS)
def test_what_covers_a_concept_is_graded_there_and_knows_who_has_not_understood_it(assignment):
    topic = TOPICS[assignment]
    checked = {c.name for c in read_lesson(LESSONS / f"{assignment}.py").cells if c.kind == CHECK}
    items = {item.name: item for item in (*topic.exercises, *topic.questions)}
    for number, names, lost in rows(assignment):
        assert names, number
        assert len(lost.strip()) > 20
        for name in names:
            assert name in checked
            item = items[name]
            assert item.misconceptions if isinstance(item, Exercise) else item.wrong


@pytest.mark.parametrize("assignment", CONCEPTS)
def test_every_function_of_the_contract_has_its_lesson_its_check_and_misconceptions(assignment):
    listed = set(re.findall(r"`(\w+)\([^`]*\)`", section(CONTRACT, assignment)))
    listed &= set(
        re.findall(
            r"`(\w+)\(",
            "\n".join(
                entry.partition(":")[0] for entry in section(CONTRACT, assignment).split("\n- ")[1:]
            ),
        )
    )
    cells = read_lesson(LESSONS / f"{assignment}.py").cells
    assert listed
    assert listed == {cell.name for cell in cells if cell.kind == SOLUTION}
    assert listed <= {cell.name for cell in cells if cell.kind == CHECK}
    exercises = {exercise.name: exercise for exercise in TOPICS[assignment].exercises}
    assert listed == exercises.keys()
    assert all(exercise.misconceptions for exercise in exercises.values())


def test_a_misconception_that_exercises_share_is_written_once():
    said = Counter(
        mistake.sentence
        for topic in TOPICS.values()
        for exercise in topic.exercises
        for mistake in exercise.misconceptions
    )
    shared = {sentence for sentence, times in said.items() if times > 1}
    assert len(shared) > 20
    written = Counter(
        node.value
        for file in Path(exercises.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and node.value in shared
    )
    assert {sentence: times for sentence, times in written.items() if times > 1} == {}
