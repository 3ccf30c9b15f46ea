"""How many attacks succeed on stock nbgrader, and how many here.

The suite of tests/hostile, class by class. On stock nbgrader each attack is handed in to a course
with ordinary hidden tests and graded by `nbgrader autograde`, inside a fence; here all are graded
in one batch. Attacks on messages have nothing to attack there. SOME=1,13 in the environment
chooses classes.
"""

import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from autograder.build import build
from autograder.course_folder import CourseFolder
from autograder.grading import grade_class
from tests.bench.timing import table
from tests.hostile import batch
from tests.hostile.attack import CLASSES, Attack
from tests.hostile.attacks import ATTACKS
from tests.hostile.conftest import (
    ASSIGNMENT,
    TOKEN,
    Canaries,
    set_small_limits,
    short_lesson,
    table_of_public_cases,
)
from tests.hostile.on_stock import applies, groups, run_on_stock

LOOK = "no grade: a person must look"


def main() -> None:
    """Run the suite both ways and print the table."""
    some = {int(kind) for kind in os.environ.get("SOME", "").split(",") if kind}
    attacks = [attack for attack in ATTACKS if not some or attack.kind in some]
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)
        ours = _ours(top, attacks)
        stock = _stock(top, [attack for attack in attacks if applies(attack)])
    rows, sums = [], [0] * 5
    for kind, title in CLASSES.items():
        chosen = [attack for attack in attacks if attack.kind == kind]
        there = [stock[attack.name] for attack in chosen if attack.name in stock]
        won = sum(1 for sign in there if sign and sign != LOOK)
        look = sum(1 for sign in there if sign == LOOK)
        here = sum(1 for attack in chosen if ours[attack.name])
        numbers = [len(chosen), len(there), won, look, here]
        sums = [a + b for a, b in zip(sums, numbers, strict=True)]
        if chosen:
            rows.append([str(kind), title, *map(str, numbers)])
    rows.append(["", "all", *map(str, sums)])
    head = ["", "class", "attacks", "run on stock", "succeed there", "no grade there", "here"]
    table(head, rows)
    for attack in attacks:
        signs = f"{stock.get(attack.name, 'not run there')!r:40} {ours[attack.name]!r}"
        print(f"  {attack.kind:3} {attack.name:30} {signs}", file=sys.stderr)


def _ours(top: Path, attacks: Iterable[Attack]) -> dict[str, str]:
    """Return how each attack succeeds here."""
    set_small_limits()
    os.environ["PLANTED"] = TOKEN
    lessons = short_lesson(top / "lessons")
    course: CourseFolder = build(top / "course", 1, [ASSIGNMENT], lessons=lessons)
    (course.root / "private" / "planted.txt").write_text(TOKEN)
    services = Canaries(top)
    services.places["TABLE"] = table_of_public_cases()
    batch.hand_in_honest(course)
    for attack in attacks:
        batch.hand_in_attack(course, attack, services.places)
    records = {record.student: record for record in grade_class(course, ASSIGNMENT)}
    services.close()
    return {
        attack.name: "".join(batch.success(attack, records[s]) for s in batch.students_of(attack))
        for attack in attacks
    }


def _stock(top: Path, attacks: list[Attack]) -> dict[str, str]:
    """Return how each attack succeeds on stock nbgrader."""
    found: dict[str, str] = {}
    prepared = top / "prepared"
    run_on_stock(prepared, "equal", [])
    for (style, which), names in groups(attacks).items():
        known = prepared if style == "equal" else None
        found |= run_on_stock(top / f"{style}-{which}", style, names, prepared=known)
        print(f"  {style} {which}: {[found[name] for name in names]}", file=sys.stderr, flush=True)
    return found
