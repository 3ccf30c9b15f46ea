"""Build: what stands in a course folder, the same every time, and that nothing is lost."""

import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from sqlalchemy.exc import SAWarning

from autograder import course_config, variants
from autograder.assemble import assemble, deciding_sources
from autograder.build import build
from autograder.course_folder import CourseFolder
from autograder.errors import BuildError, CourseError, UsageError
from autograder.exercises import topics
from autograder.lesson import read_lesson
from autograder.source_notebook import answered_question
from autograder.variants import validate
from course.cases import CaseSet, assess
from course.outcome import LocalSubject, observe
from tests.autograder.tiny_lesson import ASSIGNMENT, LESSON, TOPIC, write_lesson

TOPICS = {ASSIGNMENT: TOPIC}
TITLE = "# # Boxes\n"
NOTEBOOK = f"{ASSIGNMENT}.ipynb"


def built(out, lessons, count=2, **options):
    return build(out, count, lessons=lessons, topics=TOPICS, **options)


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    return write_lesson(tmp_path_factory.mktemp("lessons"))


@pytest.fixture(scope="module")
def first(tmp_path_factory, lessons):
    return built(tmp_path_factory.mktemp("first") / "course", lessons)


@pytest.fixture
def course(first, tmp_path):
    """A built course of this test's own."""
    return CourseFolder(Path(shutil.copytree(first.root, tmp_path / "course")))


def files_of(root, *parts):
    folder = root.joinpath(*parts)
    return {str(p.relative_to(root)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def notebook(course, step):
    return nbformat.read(course.root / step / ASSIGNMENT / NOTEBOOK, as_version=4)


def submit(course):
    """Put a submission with a manual grade into the gradebook and the folder of submissions."""
    folder = course.root / "submitted" / "ada" / ASSIGNMENT
    folder.mkdir(parents=True)
    (folder / NOTEBOOK).write_text("{}")
    with Gradebook(f"sqlite:///{course.gradebook}") as books, warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # of nbgrader's own add_submission
        books.add_student("ada")
        books.add_submission(ASSIGNMENT, "ada")
        grade = books.find_grade("why_union", ASSIGNMENT, ASSIGNMENT, "ada")
        grade.manual_score = 1.5
        books.db.commit()


def manual_score(course):
    with Gradebook(f"sqlite:///{course.gradebook}") as books:
        return books.find_grade("why_union", ASSIGNMENT, ASSIGNMENT, "ada").manual_score


def test_two_builds_are_equal_to_the_byte_whatever_the_secret(first, lessons, tmp_path):
    second = built(tmp_path / "another", lessons)
    assert second.secret() != first.secret()
    for part in ("source", "release"):
        assert files_of(first.root, part) == files_of(second.root, part)
        assert len(files_of(first.root, part)) == 4
    assert first.plan(ASSIGNMENT) == second.plan(ASSIGNMENT)
    hidden = [set(files_of(c.root, "private", "releases").values()) for c in (first, second)]
    assert len(hidden[0] & hidden[1]) == 1  # the plan


def test_the_release_holds_stubs_and_starters_and_no_answer(first):
    cells = {cell.metadata.nbgrader.grade_id: cell for cell in notebook(first, "release").cells}
    assert cells["box_area"].source.endswith('"""\n    raise NotAnswered("box_area")')
    assert cells["largest"].source == "largest = None  # your answer: the number of a box"
    assert cells["why_union"].source == "*Write your answer here.*"
    everything = b"".join(files_of(first.root, "release").values())
    for word in (b"SOLUTION", b"clamp", b"x2 - x1) *", b"One point for scale"):
        assert word not in everything
    assert b"clamp" in b"".join(files_of(first.root, "source").values())


def test_every_cell_has_nbgrader_s_marks_and_an_id(first):
    released = notebook(first, "release")
    nbformat.validate(released)
    marks = [cell.metadata.nbgrader for cell in released.cells]
    assert [m.grade_id for m in marks] == [
        "cell_000", "cell_001", "box_area", "check_box_area", "cell_004", "box_iou",
        "check_box_iou", "largest", "check_largest", "why_union", "cell_010",
    ]  # fmt: skip
    assert {m.grade_id for m in marks if m.grade} == {
        "check_box_area", "check_box_iou", "check_largest", "why_union",
    }  # fmt: skip
    assert {m.grade_id for m in marks if m.solution} == {
        "box_area", "box_iou", "largest", "why_union",
    }  # fmt: skip
    assert all(m.locked != m.solution and m.schema_version == 3 for m in marks)
    assert len({cell.id for cell in released.cells}) == len(marks)
    stamp = {"assignment": ASSIGNMENT, "release": first.plan(ASSIGNMENT).release}
    assert released.metadata.course == stamp


def test_the_instructor_s_notebook_answers_every_public_case(first):
    names = {}
    for cell in notebook(first, "source").cells:
        if cell.cell_type == "code" and not cell.source.startswith("check("):
            exec(cell.source, names)
    for exercise in TOPIC.exercises:
        data = (first.root / f"release/{ASSIGNMENT}/cases/{exercise.name}.cases").read_bytes()
        cases = CaseSet.from_bytes(data)
        subject = LocalSubject(names[exercise.name])
        assert assess(cases, [observe(subject, case) for case in cases.cases]).passed


def test_the_instructor_s_notebook_answers_the_questions_and_students_get_the_starter(first):
    answered, stubs = (
        {cell.metadata.nbgrader.grade_id: cell for cell in notebook(first, step).cells}
        for step in ("source", "release")
    )
    assert answered["largest"].source == "### BEGIN SOLUTION\nlargest = 2\n### END SOLUTION"
    assert answered["largest"].metadata.course == {"released": stubs["largest"].source}
    assert answered["why_union"].source == stubs["why_union"].source
    assert not any("course" in cell.metadata for cell in stubs.values())


@pytest.mark.parametrize(
    ("starter", "answered"),
    [
        ("# A number\nq = None  # yours\n", "# A number\nq = [1, 'a']"),
        ("q = [\n    None,\n]\nprint(q)", "q = [1, 'a']\nprint(q)"),
        ("q: list = None", "q = [1, 'a']"),
        ("a = 3\nq = a\nq = None", "a = 3\nq = a\nq = [1, 'a']"),
        ("for q in ():\n    pass", "for q in ():\n    pass\nq = [1, 'a']"),
    ],
)
def test_the_answer_stands_where_the_starter_assigns_it(starter, answered):
    question = replace(TOPIC.questions[0], name="q", answer=[1, "a"])
    cell = f"### BEGIN SOLUTION\n{answered}\n### END SOLUTION"
    assert answered_question(starter, question) == cell


def test_the_answer_to_a_question_must_be_plain_data():
    question = replace(TOPIC.questions[0], answer=object())
    with pytest.raises(BuildError, match="the answer to largest must be plain data, got <object"):
        answered_question("largest = None", question)


def test_a_cell_with_an_answer_that_has_lost_its_released_text_is_refused(course):
    path = course.root / "source" / ASSIGNMENT / NOTEBOOK
    book = nbformat.read(path, as_version=4)
    del book.cells[2].metadata["course"]
    nbformat.write(book, path)
    command = ["-m", "nbgrader", "generate_assignment", ASSIGNMENT, "--force"]
    done = subprocess.run(
        [sys.executable, *command], cwd=course.root, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "must carry its released text, got none: build again" in done.stderr


def test_the_gradebook_is_nbgrader_s_own_with_every_cell_and_its_points(first):
    plan = first.plan(ASSIGNMENT)
    with Gradebook(f"sqlite:///{first.gradebook}") as books:
        rows = books.find_notebook(ASSIGNMENT, ASSIGNMENT)
        points = {cell.name: cell.max_score for cell in rows.grade_cells}
        sources = {cell.name: cell.source for cell in rows.source_cells}
    assert points == {
        "check_box_area": 1, "check_box_iou": 2.5, "check_largest": 0.5, "why_union": 2,
    }  # fmt: skip
    assert sources == {cell.grade_id: cell.source for cell in plan.cells}


def test_hidden_variants_are_valid_different_and_for_the_instructor_only(first):
    assert first.private.stat().st_mode & 0o777 == 0o700
    plan = first.plan(ASSIGNMENT)
    for exercise in TOPIC.exercises:
        stored = [first.case_path(plan.release, exercise.name, n).read_bytes() for n in range(2)]
        assert stored[0] != stored[1]
        for data in stored:
            validate(exercise, CaseSet.from_bytes(data))


def test_stock_generate_assignment_in_the_course_makes_the_same_release(course):
    before = files_of(course.root, "release")
    shutil.rmtree(course.root / "release")
    command = ["-m", "nbgrader", "generate_assignment", ASSIGNMENT]
    done = subprocess.run(
        [sys.executable, *command], cwd=course.root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert files_of(course.root, "release") == before


def test_a_second_build_draws_nothing_and_keeps_submissions_and_manual_grades(
    course, lessons, monkeypatch
):
    submit(course)
    before = files_of(course.root)
    monkeypatch.setattr(variants, "hidden_cases", None)  # a draw would raise
    said = []
    built(course.root, lessons, progress=said.append)
    after = files_of(course.root)
    books = {"gradebook.db"}  # its pages move
    assert {k: v for k, v in after.items() if k not in books} == {
        k: v for k, v in before.items() if k not in books
    }
    assert manual_score(course) == 1.5
    release = course.plan(ASSIGNMENT).release
    assert f"{ASSIGNMENT}: release {release} keeps its hidden cases" in said


def test_a_changed_lesson_is_a_new_release_and_the_old_one_stays_judgeable(course, tmp_path):
    submit(course)
    old = course.plan(ASSIGNMENT)
    changed = write_lesson(tmp_path / "changed", LESSON.replace(TITLE, "# # Boxes again\n"))
    extra = course.root / "source" / ASSIGNMENT / "notes.txt"
    extra.write_text("an instructor's own file")
    kept = files_of(course.root, "private", "releases", old.release)
    built(course.root, changed)
    new = course.plan(ASSIGNMENT)
    assert new.release != old.release
    assert course.plan(ASSIGNMENT, old.release) == old
    assert files_of(course.root, "private", "releases", old.release) == kept
    assert notebook(course, "release").metadata.course.release == new.release
    assert notebook(course, "release").cells[0].source.startswith("# Boxes again")
    assert manual_score(course) == 1.5
    assert extra.read_text() == "an instructor's own file"


def test_a_build_that_nbgrader_refuses_leaves_the_course_as_it_was(course, tmp_path):
    submit(course)
    changed = {"02_earlier": replace(TOPIC, assignment="02_earlier"), **TOPICS}
    lessons = write_lesson(tmp_path / "lessons", LESSON, "02_earlier")
    write_lesson(lessons)
    build(course.root, 1, lessons=lessons, topics=changed)
    write_lesson(lessons, LESSON.replace(TITLE, "# # Earlier boxes\n"), "02_earlier")
    write_lesson(lessons, LESSON.removesuffix("\n# %% [markdown]\n# You measured boxes.\n"))
    before = files_of(course.root)
    with pytest.raises(BuildError, match=r"a lesson with submissions must keep its cells.*folder"):
        build(course.root, 1, lessons=lessons, topics=changed)
    new = [name for name in files_of(course.root) if name not in before]
    assert all(name.startswith("private/releases/") for name in new)  # drawn, not in use
    assert {k: v for k, v in files_of(course.root).items() if k not in new} == before


def test_a_build_refused_for_its_lesson_makes_no_folder(tmp_path):
    lessons = write_lesson(tmp_path / "lessons", LESSON.replace("points=2.5", ""))
    with pytest.raises(BuildError, match="points must be"):
        built(tmp_path / "course", lessons)
    assert not (tmp_path / "course").exists()


def test_a_build_that_was_cut_short_is_finished_by_the_next(tmp_path, lessons, monkeypatch, first):
    drawn = variants.hidden_cases

    def cut_short(exercise, secret, number):
        if exercise.name == "box_iou":
            raise KeyboardInterrupt
        return drawn(exercise, secret, number)

    monkeypatch.setattr(variants, "hidden_cases", cut_short)
    with pytest.raises(KeyboardInterrupt):
        built(tmp_path / "course", lessons)
    monkeypatch.undo()
    course = built(tmp_path / "course", lessons)
    assert files_of(course.root, "release") == files_of(first.root, "release")
    assert len(files_of(course.root, "private", "releases")) == 5


@pytest.mark.parametrize(
    "change",
    [
        lambda topic: replace(topic, questions=(replace(topic.questions[0], answer=3),)),
        lambda topic: replace(topic, questions=(replace(topic.questions[0], form="a digit"),)),
        lambda topic: replace(topic, exercises=(topic.exercises[0], told_another_way(topic))),
    ],
)
def test_the_release_changes_with_whatever_decides(first, lessons, change):
    lesson = read_lesson(lessons / f"{ASSIGNMENT}.py")
    assert assemble(lesson, TOPIC).plan == first.plan(ASSIGNMENT)
    assert assemble(lesson, change(TOPIC)).plan.release != first.plan(ASSIGNMENT).release


def test_what_decides_a_release_includes_the_reference_and_all_that_draws_cases():
    sources = deciding_sources(TOPIC.exercises)
    assert set(sources) == {TOPIC.exercises[0].draw.__module__, "solutions.boxes"}
    assert "def box_iou" in sources["solutions.boxes"]
    assert "autograder.exercises.drawing" in deciding_sources(topics()["03_nms"].exercises)


def told_another_way(topic):
    exercise = topic.exercises[1]
    first, *rest = exercise.groups
    return replace(exercise, groups=(replace(first, sentence="Another sentence."), *rest))


def test_the_instructor_s_own_settings_stay_and_are_used(course, tmp_path):
    url = f"sqlite:///{shutil.copy(course.gradebook, tmp_path / 'elsewhere.db')}"
    course.gradebook.unlink()
    local = course.root / course_config.LOCAL_FILE
    local.write_text(f"c.CourseDirectory.db_url = {url!r}\n")
    built(course.root, write_lesson(tmp_path / "other", LESSON.replace(TITLE, "# # Other boxes\n")))
    assert local.read_text() == f"c.CourseDirectory.db_url = {url!r}\n"
    assert course_config.db_url(course.root) == url
    with Gradebook(url) as books:
        cell = books.find_source_cell("cell_000", ASSIGNMENT, ASSIGNMENT)
        assert cell.source.startswith("# Other boxes")
    assert not course.gradebook.exists()


def test_settings_that_cannot_be_read_are_named(course):
    (course.root / course_config.LOCAL_FILE).write_text("c.CourseDirectory.db_url = \n")
    with pytest.raises(CourseError, match=r"readable nbgrader configuration.*mend nbgrader_local"):
        course_config.db_url(course.root)


def test_a_course_can_be_moved(course, lessons, tmp_path):
    moved = Path(shutil.move(course.root, tmp_path / "moved"))
    assert course_config.db_url(moved) == f"sqlite:///{moved}/gradebook.db"
    built(moved, lessons)


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path, lessons):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match=r"out must be a new or empty folder.*name another"):
        built(tmp_path, lessons)
    with pytest.raises(UsageError, match=r"out must be a folder, got the file"):
        built(tmp_path / "thesis.tex", lessons)
    assert files_of(tmp_path) == {"thesis.tex": b"mine"}


def test_less_than_one_variant_is_refused(tmp_path, lessons):
    with pytest.raises(UsageError, match="variants must be at least 1, got 0"):
        built(tmp_path / "course", lessons, 0)


def test_a_lesson_without_a_topic_and_a_topic_without_a_lesson_are_refused(tmp_path, lessons):
    out = tmp_path / "course"
    with pytest.raises(BuildError, match=r"03_tiny.py must have a Topic .* got none; write one"):
        build(out, lessons=lessons, topics={})
    with pytest.raises(BuildError, match=r"04_map must have a lesson in .* write 04_map.py"):
        build(out, lessons=lessons, topics={**TOPICS, "04_map": TOPIC})
    with pytest.raises(BuildError, match=r"04_map must have a lesson"):
        built(out, lessons, assignments=["04_map"])
    with pytest.raises(BuildError, match=r"lessons must be a folder of texts like 03_nms.py"):
        build(out, lessons=tmp_path / "none", topics={})


def test_an_exercise_that_uses_one_of_another_notebook_is_refused(tmp_path, lessons):
    area, iou = TOPIC.exercises
    changed = {ASSIGNMENT: replace(TOPIC, exercises=(area, replace(iou, uses=("nms",))))}
    with pytest.raises(BuildError, match=r"box_iou must use exercises of its own .*, got nms"):
        build(tmp_path / "course", lessons=lessons, topics=changed)


def test_the_example_of_a_question_must_be_plain_data(tmp_path, lessons):
    question = replace(TOPIC.questions[0], example={1, 2})
    changed = {ASSIGNMENT: replace(TOPIC, questions=(question,))}
    with pytest.raises(BuildError, match="the example of a question must be plain data"):
        build(tmp_path / "course", lessons=lessons, topics=changed)
