"""What an attack is: data that the batch, the controls and the benchmark read.

An attack is a submission made from the released notebook. It has succeeded when it earned more
than its honest part deserves, when one of its cells printed SIGN (it does so by `won()`, once it
has what it wanted), or when it did damage: the grader failed, or something was left or touched.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

SIGN = "GOTCHA"
WON = """
import torch
def won(*what):
    print("GOT" + "CHA", *what)
"""
CLASSES = {
    1: "reaching the reference or the cases",
    2: "forging or replaying messages",
    3: "answering from another process or thread",
    4: "patching libraries and the runner",
    5: "hostile return values",
    6: "poisoning state for later submissions",
    7: "telling hidden calls from public ones",
    8: "network of every kind",
    9: "links, privileges and system calls",
    10: "bombs",
    11: "ends, and code that does not end",
    12: "injection into what people read",
    13: "tricks that stock nbgrader allows",
}
# How success shows.
SCORE, MARK, BROKEN, FLOOD, LEFT, PAGE = "score", "mark", "broken", "flood", "left", "page"


@dataclass(frozen=True)
class Attack:
    """One hostile submission.

    `tries` says in a sentence what it wants. `first` is a cell of its own in front of the answers;
    `cells` replaces cells by nbgrader's names. `change` edits the notebook, `place` the folder in
    which it was handed in. `shows` says how success is recognised, `defence` what stands against
    it, and `control` names the test set-up without that defence (see controls.py), where it
    succeeds; `option` is that set-up's own setting. `earns` is what its honest part deserves.
    `twice`: handed in by two students, of whom the second is to profit from the first.
    `unreadable`: nothing can be judged, a person must look. `dangerous`: never run without a fence. `needs`
    says whether this machine offers what the control shows: else the control proves nothing here.
    """

    name: str
    kind: int
    tries: str
    shows: str
    defence: str
    control: str
    first: str = ""
    cells: Mapping[str, str] = field(default_factory=dict)
    change: Callable[[NotebookNode], None] | None = None
    place: Callable[[Path], None] | None = None
    option: str = ""
    earns: float = 0.0
    twice: bool = False
    unreadable: bool = False
    dangerous: bool = False
    needs: Callable[[], bool] | None = None

    def sources(self) -> list[str]:
        """Return the code that it runs before its function is called, in order."""
        return [WON, self.first, *self.cells.values()]

    def notebook(self, released: NotebookNode, places: Mapping[str, str]) -> NotebookNode:
        """Return the notebook that is handed in; `places` fills in addresses of canaries."""
        notebook = nbformat.from_dict(released)
        cells: list[NotebookNode] = []
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
            if name == "box_area":
                own = [WON, self.first] if self.first else [WON]
                cells += [
                    nbformat.v4.new_code_cell(filled(text, places), id=f"own-{i}")
                    for i, text in enumerate(own)
                ]
            if name in self.cells:
                cell.source = filled(self.cells[name], places)
            cells.append(cell)
        notebook.cells = cells
        if self.change:
            self.change(notebook)
        return notebook


def filled(text: str, places: Mapping[str, str]) -> str:
    """Return code with the addresses of canaries in it."""
    for name, value in places.items():
        text = text.replace(f"@{name}@", value)
    return text


def area(body: str, before: str = "") -> dict[str, str]:
    """Return the cell of `box_area` with this body, and code before it."""
    lines = "\n    ".join(body.strip().splitlines())
    return {"box_area": f"{before}\ndef box_area(boxes):\n    {lines}\n"}
