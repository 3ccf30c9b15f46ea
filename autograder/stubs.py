"""nbgrader's ClearSolutions, for cells that carry the text that students get in their place."""

from typing import Any

from nbgrader.preprocessors import ClearSolutions

RELEASED = "released"  # in a source cell's metadata of the course: the cell as students get it


class NamedStubs(ClearSolutions):
    """Replaces each cell that holds an answer by its released text.

    A cell without one is released as it stands, where nbgrader would replace it whole.
    """

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        """Return the cell as students get it."""
        released = cell.metadata.get("course", {}).get(RELEASED)
        if released is not None:
            cell.source = released
            del cell.metadata["course"]
        elif self.begin_solution_delimeter in cell.source:
            raise ValueError(
                "a cell with an answer must carry its released text, got none: build again"
            )
        return cell, resources
