"""What was judged, kept in the course's private folder: written whole, never judged again.

One file a submission. Its name stands for all that is run: the cells, the versions, the tier. In
it each exercise's verdict has the key of all that it depends on besides: its hidden cases, what is
forbidden, the exercises that it uses. So a killed run goes on where it stopped, a second run
executes nothing, and when the checks of one exercise changed only that one is called again.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.course_folder import CourseFolder, write_whole
from autograder.exercise import Question
from autograder.judge import Task
from autograder.judging import Submission, environment, pending, reference_digest, tasks_of
from autograder.record import ExerciseVerdict, SubmissionRecord
from autograder.sandbox import COLD, OPEN, WARM
from autograder.submission import cells_to_run

TIERS = (None, WARM, COLD, OPEN)


@dataclass(frozen=True)
class Kept:
    """The place of one submission's verdicts: `path`, and the key that each exercise has now."""

    submission: Submission
    path: Path
    keys: Mapping[str, str]

    def record(self, *, runs: bool = True) -> SubmissionRecord | None:
        """Return the record; None where something in it was not judged as it stands now.

        Without `runs`, what the cells displayed, it is read sooner.
        """
        content = self._read()
        if content is None or set(self.keys) - self._known(content).keys():
            return None
        shown = json.loads(content[1]) if runs else []
        return self._assembled(SubmissionRecord.from_json({**content[0]["record"], "runs": shown}))

    def known(self) -> dict[str, ExerciseVerdict]:
        """Return the verdicts that still hold."""
        content = self._read()
        return {} if content is None else self._known(content)

    def keep(self, record: SubmissionRecord) -> SubmissionRecord:
        """Write a record and return it with its key; one that the grader failed is not kept."""
        record = replace(record, key=self.path.stem)
        if self.submission.notebook is None or record.reason == "":
            content = record.to_json()
            runs = content.pop("runs")
            head = json.dumps({"keys": dict(self.keys), "record": content})
            write_whole(self.path, f"{head}\n{json.dumps(runs)}\n".encode(), mode=0o600)
        return record

    def _read(self) -> tuple[dict[str, Any], str] | None:
        try:
            head, _, runs = self.path.read_text().partition("\n")
        except FileNotFoundError:
            return None
        return json.loads(head), runs

    def _known(self, content: tuple[dict[str, Any], str]) -> dict[str, ExerciseVerdict]:
        head = content[0]
        verdicts = map(ExerciseVerdict.from_json, head["record"]["exercises"])
        return {
            verdict.exercise: verdict
            for verdict in verdicts
            if head["keys"].get(verdict.exercise) == self.keys.get(verdict.exercise)
        }

    def _assembled(self, record: SubmissionRecord) -> SubmissionRecord:
        """Return a stored record with what the plan and the release say now."""
        submission = self.submission
        points = {cell.exercise: cell.points for cell in submission.plan.checks}
        verdicts = {verdict.exercise: verdict for verdict in record.exercises}
        return replace(
            record,
            exercises=tuple(replace(verdicts[name], points=points[name]) for name in points),
            release=submission.plan.release,
            manual_pending=pending(submission),
            notes=submission.notes,
        )


def kept(
    course: CourseFolder, submission: Submission, cases: Mapping[str, bytes], tier: str | None
) -> Kept:
    """Return the place of a submission's verdicts under a sandbox tier that was asked for."""
    tasks = tasks_of(submission, {})
    name = _submission_key(submission, tier)
    return Kept(submission, course.results / f"{name}.json", exercise_keys(tasks, cases))


def kept_on_any_tier(
    course: CourseFolder, submission: Submission, cases: Mapping[str, bytes]
) -> Iterator[Kept]:
    """Return all places in which a submission's verdicts may be."""
    first = kept(course, submission, cases, None)
    for tier in TIERS:
        name = _submission_key(submission, tier)
        yield replace(first, path=course.results / f"{name}.json")


def _submission_key(submission: Submission, tier: str | None) -> str:
    named: list[Any] = [environment(), tier, submission.student, submission.plan.assignment]
    if submission.notebook is None:
        named += [submission.reason, submission.plan.to_json()]
    else:
        cells = cells_to_run(submission.notebook, submission.plan)
        named.append([(cell.source, cell.index, cell.shows, cell.given) for cell in cells])
        named.append(submission.beside)
    return _digest(named, 32)


def exercise_keys(tasks: Sequence[Task], cases: Mapping[str, bytes]) -> dict[str, str]:
    """Return, for each exercise and question, the name of all that its verdict depends on.

    That is besides what is run: its cases, what is forbidden, and the exercises that it uses.
    """
    own = {task.name: _own_key(task, cases.get(task.name, b"")) for task in tasks}
    uses = {task.name: getattr(task.definition, "uses", ()) for task in tasks}
    keys = {}
    for name in own:
        reached, waiting = {name}, [name]
        while waiting:
            new = set(uses.get(waiting.pop(), ())) - reached
            reached |= new
            waiting += new
        keys[name] = _digest([own[name], sorted((used, own.get(used)) for used in reached)], 16)
    return keys


def _own_key(task: Task, cases: bytes) -> str:
    definition = task.definition
    if isinstance(definition, Question):
        return _digest([task.untouched, repr(definition)], 16)
    reference = reference_digest() if definition.uses else ""
    data = hashlib.sha256(cases).hexdigest()
    return _digest([data, definition.forbidden, definition.uses, reference], 16)


def _digest(named: Any, length: int) -> str:
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:length]
