"""nbgrader's ClearSolutions, with a stub that says which exercise a cell waits for."""

from typing import Any

from nbgrader.preprocessors import ClearSolutions


class NamedStubs(ClearSolutions):
    """Replaces every marked model answer by `raise NotAnswered("<exercise>")`.

    A cell without a marked answer (the starter of a question, the place for a written answer) is
    released as it stands, where nbgrader would replace it whole.
    """

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        """Return the cell as students get it."""
        if self.begin_solution_delimeter not in cell.source:
            return cell, resources
        exercise = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        self.code_stub = {"python": stub_of(exercise)}
        stubbed: tuple[Any, Any] = super().preprocess_cell(cell, resources, cell_index)
        return stubbed


def stub_of(exercise: str) -> str:
    """Return the statement that stands where the answer to an exercise belongs."""
    return f'raise NotAnswered("{exercise}")'
