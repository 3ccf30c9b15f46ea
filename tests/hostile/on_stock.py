"""Attacks on a stock course of nbgrader's, in a fence: what succeeds there.

`run_on_stock` builds a course as an instructor writes it for nbgrader alone, with hidden tests in
an ordinary check cell, and runs `nbgrader autograde` on attackers among two honest students. All
of it happens in a bubblewrap of its own: no network but its own loopback, its own processes and
/tmp, everything read-only but the course, and a time after which it is ended. This module is also
the program that runs inside the fence.
"""

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from tests.hostile import batch
from tests.hostile.attack import BROKEN, LEFT, Attack
from tests.hostile.attacks import ATTACKS
from tests.hostile.conftest import Canaries, table_of_public_cases
from tests.hostile.controls import COMPARISONS, HIDDEN_TEST
from tests.hostile.pages import active_parts

ASSIGNMENT = "03_nms"
FIRST, LAST = "aaa_honest", "zzz_honest"
CONFIG = "c = get_config()\nc.Execute.timeout = {seconds}\nc.Execute.startup_timeout = 120\n"
ANSWER = """\
### BEGIN SOLUTION
# planted-0123456789abcdef01234567
def box_area(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
### END SOLUTION
"""
RIGHT = "def box_area(boxes):\n    return (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)"
CREDIT = "1.0 * (got == expected).all()"  # an expression whose value is the points
PARTIAL = "stock_partial"
ALONE = (9, 11, 13)  # classes of which those that harm others have a batch of their own
STOPS = ("pipe_for_a_notebook", "signals")  # these stop a batch, too
PROTOCOL = (2, 3)  # classes of attacks on messages that stock nbgrader does not have


def applies(attack: Attack) -> bool:
    """Return whether an attack has anything to attack on stock nbgrader."""
    if attack.name == "millions_of_parts":
        return False  # it costs the fence's own tests more than it shows
    return attack.kind not in PROTOCOL or attack.name == "daemon_answers_for_the_next"


def style_of(attack: Attack) -> str:
    """Return how the hidden test compares for an attack."""
    if attack.control == PARTIAL:
        return PARTIAL
    told = attack.option if attack.control == "naive" else ""
    return told if told and "VERDICT" not in COMPARISONS[told] else "equal"


def groups(attacks: Iterable[Attack]) -> dict[tuple[str, int | str], list[str]]:
    """Return the attacks that can be graded together, by style and class; some go alone."""
    together: dict[tuple[str, int | str], list[str]] = {}
    for attack in attacks:
        harms = attack.kind in ALONE and attack.shows in (BROKEN, LEFT)
        alone = harms or attack.name in STOPS or attack.control == "own_checks"
        which = attack.name if alone else attack.kind
        together.setdefault((style_of(attack), which), []).append(attack.name)
    return together


def lesson(style: str) -> NotebookNode:
    """Return the source notebook as an instructor writes it for stock nbgrader."""

    def marks(name: str, **kinds: Any) -> dict[str, Any]:
        plain = {"grade": False, "solution": False, "locked": False, "task": False}
        return {"nbgrader": {"schema_version": 3, "grade_id": name, **plain, **kinds}}

    test = CREDIT if style == PARTIAL else COMPARISONS[style]
    hidden = f"### BEGIN HIDDEN TESTS\n{HIDDEN_TEST}{test}\n### END HIDDEN TESTS"
    check = marks("check_box_area", grade=True, locked=True, points=1)
    text = marks("why_not_lower", grade=True, solution=True, points=2)
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("import torch", id="imports"),
            nbformat.v4.new_code_cell(ANSWER, metadata=marks("box_area", solution=True), id="a"),
            nbformat.v4.new_code_cell(hidden, metadata=check, id="b"),
            nbformat.v4.new_markdown_cell("Your answer.", metadata=text, id="c"),
        ]
    )
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    notebook.metadata.course = {"release": ""}
    return notebook


def nbgrader(root: Path, *arguments: str, seconds: float) -> str:
    """Run nbgrader's program in a course; return what it said, or that it did not end."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *arguments],
            cwd=root, capture_output=True, text=True, timeout=seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "TIMEOUT"
    return done.stderr


def make_course(root: Path, style: str, seconds: int) -> None:
    """Build a stock course with nbgrader."""
    (root / "source" / ASSIGNMENT).mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(CONFIG.format(seconds=seconds))
    nbformat.write(lesson(style), root / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb")
    said = nbgrader(root, "generate_assignment", ASSIGNMENT, seconds=600)
    assert (root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").exists(), said


def hand_in(root: Path, student: str, notebook: NotebookNode, attack: Attack | None) -> None:
    """Put a submission into the course."""
    folder = root / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    (folder / f"{ASSIGNMENT}.ipynb").write_text(json.dumps(notebook))
    if attack and attack.place:
        attack.place(folder)


def scores(root: Path) -> dict[str, tuple[float | None, bool]]:
    """Return (auto_score or a manual one, needs a person) of every student's check."""
    query = """
        SELECT sub.student_id, coalesce(grade.manual_score, grade.auto_score),
               grade.needs_manual_grade FROM grade
        JOIN base_cell AS cell ON cell.id = grade.cell_id
        JOIN submitted_notebook AS page ON page.id = grade.notebook_id
        JOIN submitted_assignment AS sub ON sub.id = page.assignment_id
        WHERE cell.name = 'check_box_area'
    """
    with closing(sqlite3.connect(root / "gradebook.db")) as database:
        return {who: (got, bool(look)) for who, got, look in database.execute(query).fetchall()}


def inside(root: Path, style: str, names: Sequence[str], seconds: int) -> dict[str, str]:
    """Build, hand in, grade; return for each attack how it succeeded, "" where it did not."""
    attacks = [attack for attack in ATTACKS if attack.name in names]
    if not (root / "release").exists():
        make_course(root, style, seconds)
    if not names:  # only the course was asked for
        return {}
    services = Canaries(root)
    texts = "".join("".join(attack.sources()) for attack in attacks)
    services.places["TABLE"] = table_of_public_cases() if "@TABLE@" in texts else "{}"
    released = (root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_text()

    def fresh() -> NotebookNode:
        return nbformat.reads(released, as_version=4)

    for student in (LAST,) if len(attacks) <= 2 else (FIRST, LAST, "honest_right"):
        notebook = fresh()
        next(c for c in notebook.cells if "NotImplementedError" in c.source).source = RIGHT
        hand_in(root, student, notebook, None)
    for attack in attacks:
        for student in batch.students_of(attack):
            hand_in(root, student, attack.notebook(fresh(), services.places), attack)
    given = batch.tree(root / "submitted")
    said = nbgrader(root, "autograde", ASSIGNMENT, seconds=(seconds + 20) * (4 + 2 * len(attacks)))
    if any(attack.kind == 12 for attack in attacks):
        nbgrader(root, "generate_feedback", ASSIGNMENT, seconds=600)
    graded = scores(root)
    usual = feedback_of(root, FIRST)
    left = batch.processes_left()
    if len(attacks) > 1 and graded.get(LAST, (None, True))[0] != 1:
        raise SystemExit(f"an honest student got no grade, so nothing can be said: {said[-2000:]}")
    found = {}
    for attack in attacks:
        signs = [
            sign_of(root, student, graded, usual, heard=bool(services.heard))
            for student in batch.students_of(attack)
        ]
        found[attack.name] = max(signs, key=len)
    if len(attacks) == 1:
        found[attacks[0].name] = found[attacks[0].name] or of_the_batch(
            root, said, graded, given, left
        )
    return found


def feedback_of(root: Path, student: str) -> set[str]:
    """Return what acts in a student's feedback."""
    page = root / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html"
    return active_parts(page.read_text()) if page.exists() else set()


def sign_of(
    root: Path,
    student: str,
    graded: dict[str, tuple[float | None, bool]],
    usual: set[str],
    heard: bool,
) -> str:
    """Return how one submission succeeded."""
    score, look = graded.get(student, (None, True))
    if score is not None and score > 0:
        return f"{score:g} points"
    path = root / "autograded" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    if path.exists():
        for cell in nbformat.read(path, as_version=4).cells:
            shown = json.dumps(cell.get("outputs", []))
            if batch.SIGN in shown:
                return "got what it wanted"
            if len(cell.get("outputs", [])) > 100 or len(shown) > 2_000_000:
                return "a page without end"
    if feedback_of(root, student) - usual:
        return "acts in the feedback"
    return "no grade: a person must look" if score is None or look else ""


def of_the_batch(
    root: Path,
    said: str,
    graded: dict[str, tuple[float | None, bool]],
    given: dict[str, str],
    left: Iterable[str],
) -> str:
    """Return what an attack did to all others."""
    if said == "TIMEOUT" or graded.get(LAST, (None, True))[0] != 1:
        return "the batch stopped"
    if batch.tree(root / "submitted") != given:
        return "changed what others handed in"
    if any(comm in entry for entry in left for comm in batch.COMMS):
        return "a process was left"
    return ""


def fence(root: Path, command: Sequence[str]) -> list[str]:
    """Return a command line that runs `command` shut in, with the course alone to write to."""
    here = Path(__file__).parents[2]
    bwrap = shutil.which("bwrap")
    assert bwrap is not None, "bubblewrap is not installed"
    return [
        bwrap, "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534",
        "--die-with-parent", "--new-session", "--cap-drop", "ALL",
        "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
        "--ro-bind", "/proc/sys", "/proc/sys",
        "--size", str(2 << 30), "--tmpfs", "/tmp", "--bind", str(root), str(root),
        "--setenv", "HOME", "/tmp/home", "--setenv", "PYTHONPATH", str(here),
        "--setenv", "PYTHONDONTWRITEBYTECODE", "1", "--setenv", "OMP_NUM_THREADS", "1",
        "--setenv", "PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "--setenv", "PLANTED", "planted-0123456789abcdef01234567",
        "--chdir", str(here), *command,
    ]  # fmt: skip


def run_on_stock(
    root: Path, style: str, names: Sequence[str], seconds: int = 60, prepared: Path | None = None
) -> dict[str, str]:
    """Run attacks whose hidden test compares in one style, in a fence; see `inside`.

    `prepared` is a course that an earlier call made and to which nobody has handed in anything.
    """
    if prepared:
        shutil.copytree(prepared, root)
        (root / "told.json").unlink()
    else:
        root.mkdir(parents=True)

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (8 << 30, 8 << 30))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))

    command = [sys.executable, "-m", "tests.hostile.on_stock", str(root), style, str(seconds)]
    done = subprocess.run(
        fence(root, [*command, *names]), capture_output=True, text=True, preexec_fn=limits
    )
    told = root / "told.json"
    if not told.exists():
        assert len(names) == 1, done.stderr
        return {name: "the batch stopped" for name in names}
    found: dict[str, str] = json.loads(told.read_text())
    return found


if __name__ == "__main__":
    os.makedirs("/tmp/home", exist_ok=True)
    folder, chosen = Path(sys.argv[1]), sys.argv[4:]
    found_all = inside(folder, sys.argv[2], chosen, int(sys.argv[3]))
    (folder / "told.json").write_text(json.dumps(found_all))
