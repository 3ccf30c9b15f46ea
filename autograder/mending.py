"""A submission's cells put right: names that were lost, and answers where they do not belong.

Tools strip the metadata by which a cell is known, a key pressed by mistake makes an answer
markdown, and some students write their answer into a cell that is restored before grading. Cells
are recognised by what stands in them. No name that is given here is worth more than one that the
student could have written into the file.
"""

from autograder.exercises import topics
from autograder.plan import CHECK, QUESTION, SOLUTION, WRITTEN, Plan
from autograder.source_names import defines, has_definition
from autograder.submission import Notebook, defined_in_code, stubs

ANSWERS = (SOLUTION, QUESTION)
EDITABLE = (*ANSWERS, WRITTEN)
Cells = list[tuple[str, str, str]]  # type, source and name, as Notebook has them


def mend(notebook: Notebook, plan: Plan) -> tuple[Notebook, tuple[str, ...]]:
    """Return the notebook with its cells put right, and a sentence on each thing that was done."""
    cells = list(notebook.cells)
    notes = [
        *_foreign(notebook.language),
        *_answers_in_restored_cells(cells, plan),
        *_answers_that_are_no_code(cells, notebook, plan),
        *_lost_names(cells, plan),
    ]
    mended = Notebook(tuple(cells), notebook.release, notebook.attachments, notebook.language)
    return mended, tuple(notes)


def of_another(notebook: Notebook, plan: Plan) -> str:
    """Return why a mended notebook is not one of this assignment; "" where it is."""
    own = {cell.grade_id for cell in plan.cells if cell.kind in (*EDITABLE, CHECK)}
    names = {name for _, _, name in notebook.cells}
    if own & names or any(
        has_definition(text, name) for name in stubs(plan) for text in notebook.sources()
    ):
        return ""
    for assignment, topic in topics().items():
        theirs = {exercise.name for exercise in topic.exercises}
        theirs |= {question.name for question in topic.questions}
        if assignment != plan.assignment and theirs & names:
            return f"this is the notebook of {assignment}, not of {plan.assignment}"
    return f"no cell of {plan.assignment} is in this notebook: it seems to be another one"


def _foreign(language: str) -> list[str]:
    if not language or language.lower().startswith(("python", "ipython")):
        return []
    return [f"The file says that it is written in {language}; its cells ran as Python."]


def _answers_in_restored_cells(cells: Cells, plan: Plan) -> list[str]:
    """Take the name off a locked or check cell that holds an answer which is nowhere else."""
    known = {cell.grade_id: cell for cell in plan.cells}
    notes = []
    for exercise, stub in stubs(plan).items():
        holders = [
            i
            for i, (kind, source, name) in enumerate(cells)
            if kind == "code" and source.strip() != stub and defines(source, exercise)
        ]
        restored = [known[cells[i][2]] for i in holders if cells[i][2] in known]
        kept = [
            i for i in holders if cells[i][2] not in known or known[cells[i][2]].kind in EDITABLE
        ]
        if kept or not holders or any(defines(cell.source, exercise) for cell in restored):
            continue
        index = holders[-1]
        cells[index] = ("code", cells[index][1], "")
        notes.append(
            f"Cell {index + 1} is restored before grading but held `{exercise}`: it ran as a cell "
            "of the student's own."
        )
    return notes


def _answers_that_are_no_code(cells: Cells, notebook: Notebook, plan: Plan) -> list[str]:
    """Make code of the cell of an answer that became text, where no code holds the answer."""
    answers = {cell.grade_id: cell.exercise for cell in plan.cells if cell.kind in ANSWERS}
    missing = set(answers.values()) - defined_in_code(notebook, plan)
    released = {cell.source.strip() for cell in plan.cells}
    notes = []
    for index, (kind, source, name) in enumerate(cells):
        if kind == "code" or source.strip() in released:
            continue
        exercise = answers.get(name, "")
        if exercise in missing:
            cells[index] = ("code", source, name)
            notes.append(f"Cell {index + 1}, of `{exercise}`, was no code cell: it ran as one.")
            continue
        for other in sorted(missing - {exercise}):
            if has_definition(source, other):
                notes.append(
                    f"Cell {index + 1} holds `{other}` but is no code cell: it did not run. Make "
                    "it one (Cell Type: Code) and hand the notebook in again."
                )
    return notes


def _lost_names(cells: Cells, plan: Plan) -> list[str]:
    """Give names back to the cells that lost them, by their text, their function, their place."""
    known = {cell.grade_id for cell in plan.cells}
    present = {name for _, _, name in cells}
    missing = [cell for cell in plan.cells if cell.grade_id not in present]
    free = [i for i, (_, _, name) in enumerate(cells) if name not in known]
    found: dict[str, int] = {}
    texts: dict[tuple[str, str], list[int]] = {}
    for i in free:
        texts.setdefault((cells[i][0], cells[i][1].strip()), []).append(i)
    for planned in missing:
        same = texts.get((planned.cell_type, planned.source.strip()), [])
        if same:
            found[planned.grade_id] = same.pop(0)
    taken = set(found.values())
    for planned in missing:
        if planned.kind in ANSWERS:
            holders = [i for i in free if cells[i][0] == "code" and i not in taken]
            holders = [i for i in holders if defines(cells[i][1], planned.exercise)]
            if holders:
                found[planned.grade_id] = holders[-1]
                taken.add(holders[-1])
    for name, index in found.items():
        cells[index] = (*cells[index][:2], name)
    for planned in missing:
        if planned.kind == WRITTEN and planned.grade_id not in found:
            place = _place_of(planned.grade_id, cells, plan)
            if place is not None:
                found[planned.grade_id] = place
                cells[place] = (*cells[place][:2], planned.grade_id)
    answers = [cell for cell in missing if cell.kind in EDITABLE and cell.grade_id in found]
    if not answers:
        return []
    number = "One cell" if len(found) == 1 else f"{len(found)} cells"
    return [f"{number} had lost the name that the release gave: recognised by what is in it."]


def _place_of(name: str, cells: Cells, plan: Plan) -> int | None:
    """Return the nameless text right behind the cell that a written answer follows."""
    order = [cell.grade_id for cell in plan.cells]
    before = order[order.index(name) - 1] if order.index(name) else ""
    for i, (_, _, found) in enumerate(cells[:-1]):
        if found == before and cells[i + 1][0] != "code" and cells[i + 1][2] not in order:
            return i + 1
    return None
