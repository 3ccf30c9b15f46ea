"""The report of a large class: seconds to make it, its size, and the time until a browser shows it.

An invented class of 1,000 students hands in all seven assignments. A third passes an exercise,
the others have one of its named mistakes or a message of their own.
"""

import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from autograder.exercises import topics
from autograder.record import (
    COULD_NOT_RUN,
    FAILED,
    PASSED,
    CaseVerdict,
    ExerciseVerdict,
    SubmissionRecord,
)
from autograder.report import write_report
from tests.bench.timing import describe_machine

STUDENTS, ROUNDS = 1_000, 5
# Until the frame with all that is in view has been painted, counted from the start of the navigation.
PAINTED = """new Promise(done => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => done(performance.now());
    channel.port2.postMessage(0);
}))"""


def main() -> None:
    """Print the table."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("chromium must be installed for this benchmark, found none: apt-get install chromium")
        return
    describe_machine(["playwright"])
    records = whole_class(STUDENTS)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        print(
            f"\n{'submissions':>11}{'made in, s':>12}{'CPU, s':>8}{'MB':>6}{'shown after, s':>16}"
        )
        for count in (len(records) // 7, len(records)):
            path, start, used = Path(name) / "report.html", time.perf_counter(), time.process_time()
            write_report(records[:count], path)
            wall, cpu = time.perf_counter() - start, time.process_time() - used
            page = browser.new_page()
            before = _cpu_of_children()
            shown = statistics.median(_seconds_until_shown(page, path) for _ in range(ROUNDS))
            spent = (_cpu_of_children() - before) / ROUNDS
            page.close()
            size = path.stat().st_size / 1e6
            print(f"{count:>11}{wall:>12.1f}{cpu:>8.1f}{size:>6.1f}{shown:>16.2f}{spent:>13.2f}")
            sys.stdout.flush()
        browser.close()
    print(f"shown: median of {ROUNDS} openings, until the frame with all that is in view")
    print("its CPU: of all the browser's processes together, for one opening")


def _cpu_of_children() -> float:
    """Return the CPU seconds of all running processes that descend from this one."""
    fields = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            rest = path.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        fields[int(path.parent.name)] = (int(rest[1]), int(rest[11]) + int(rest[12]))
    ours = {os.getpid()}
    while found := {pid for pid, (parent, _) in fields.items() if parent in ours} - ours:
        ours |= found
    seconds = sum(fields[pid][1] for pid in ours - {os.getpid()})
    return seconds / os.sysconf("SC_CLK_TCK")


def _seconds_until_shown(page: Page, path: Path) -> float:
    page.goto("about:blank")
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelector('.shown').textContent.includes(' of ')")
    return float(page.evaluate(PAINTED)) / 1e3


def whole_class(students: int) -> list[SubmissionRecord]:
    """Return the records of a class, assignment by assignment; the same class each time."""
    chance = random.Random(3)
    return [
        _submission(f"student_{number:04d}", assignment, chance)
        for assignment in sorted(topics())
        for number in range(students)
    ]


def _submission(student: str, assignment: str, chance: random.Random) -> SubmissionRecord:
    topic = topics()[assignment]
    if chance.random() < 0.02:
        reason = "the notebook is not valid JSON: the file is damaged or cut off; hand it in again"
        unread = [ExerciseVerdict(one.name, COULD_NOT_RUN, None, reason) for one in topic.exercises]
        return SubmissionRecord(student, assignment, tuple(unread), reason=reason)
    verdicts = tuple(_verdict(exercise, chance) for exercise in topic.exercises)
    return SubmissionRecord(student, assignment, verdicts, manual_pending=len(topic.written))


def _verdict(exercise, chance: random.Random) -> ExerciseVerdict:
    passed = tuple(CaseVerdict(group.name, PASSED) for group in exercise.groups)
    if chance.random() < 1 / 3 or not exercise.misconceptions:
        return ExerciseVerdict(exercise.name, PASSED, 1.0, cases=passed, points=3.0)
    known = chance.choice(exercise.misconceptions)
    named = chance.random() < 0.7
    said = known.sentence if named else f"It raised ValueError: shape [{chance.randrange(9999)}, 4]"
    first = CaseVerdict(
        passed[0].group, FAILED, f"element {chance.randrange(40)} expected 1, got 0"
    )
    score = chance.choice((0.0, 0.0, 0.5))
    name = known.name if named else None
    return ExerciseVerdict(
        exercise.name, FAILED, score, said, name, (first, *passed[1:]), points=3.0
    )


if __name__ == "__main__":
    main()
