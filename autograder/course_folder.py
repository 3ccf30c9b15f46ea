"""A course folder: the nbgrader course that `autograder build` makes, and its private part.

    source/ release/ submitted/ autograded/ feedback/ gradebook.db nbgrader_config.py    nbgrader's
    private/secret                            from which variants are drawn and dealt
    private/current.json                      the newest release of each assignment
    private/releases/ID/plan.json             what each cell is
    private/releases/ID/cases/EXERCISE/000    the hidden variants, data (course.cases)
    private/results/                          what was judged, by key

Nobody but the instructor may read `private/`; it is made with mode 0700.
"""

import hashlib
import hmac
import json
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import CourseError, DiskError, UsageError
from autograder.plan import Plan

SECRET_BYTES = 32


@dataclass(frozen=True)
class CourseFolder:
    """The folder at `root`."""

    root: Path

    @classmethod
    def open(cls, root: Path) -> "CourseFolder":
        """Return the built course at `root`, or raise UsageError."""
        folder = cls(root.resolve())
        if not folder._current.is_file():
            raise UsageError(
                f"{root} must be a course that `autograder build --out {root}` made; "
                "it has no private/current.json"
            )
        return folder

    @property
    def private(self) -> Path:
        """The instructor's part."""
        return self.root / "private"

    @property
    def _current(self) -> Path:
        return self.private / "current.json"

    @property
    def results(self) -> Path:
        """Where verdicts are kept, by key."""
        return self.private / "results"

    @property
    def gradebook(self) -> Path:
        """nbgrader's database, where no other db_url is configured."""
        return self.root / "gradebook.db"

    def secret(self) -> bytes:
        """Return the course's secret, made at the first call."""
        path = self.private / "secret"
        if not path.exists():
            self.private.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, secrets.token_hex(SECRET_BYTES).encode(), mode=0o600)
        return bytes.fromhex(path.read_text())

    def assignments(self) -> dict[str, str]:
        """Return the newest release id of every assignment that was built."""
        if not self._current.exists():
            return {}
        content: dict[str, str] = json.loads(self._current.read_text())
        return content

    def set_release(self, plan: Plan) -> None:
        """Store a plan and make it the newest release of its assignment."""
        folder = self.release_folder(plan.release)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(folder / "plan.json", plan.to_json().encode())
        current = {**self.assignments(), plan.assignment: plan.release}
        write_whole(self._current, json.dumps(current, indent=1, sort_keys=True).encode())

    def release_folder(self, release: str) -> Path:
        """Return the private folder of a release."""
        return self.private / "releases" / release

    def plan(self, assignment: str, release: str | None = None) -> Plan:
        """Return the plan of an assignment: of the newest release, or of an older one named."""
        built = self.assignments()
        if assignment not in built:
            known = ", ".join(sorted(built)) or "none"
            raise UsageError(f"assignment must be one that was built ({known}), got {assignment!r}")
        path = self.release_folder(release or built[assignment]) / "plan.json"
        if not path.is_file():
            raise CourseError(f"release {release!r} of {assignment} is unknown: build it again")
        plan = Plan.from_json(path.read_text())
        if plan.assignment != assignment:
            raise CourseError(f"release {release!r} belongs to {plan.assignment}, not {assignment}")
        return plan

    def case_path(self, release: str, exercise: str, variant: int) -> Path:
        """Return where a variant of an exercise's hidden cases is stored."""
        return self.release_folder(release) / "cases" / exercise / f"{variant:03d}"

    def variant_of(self, student: str, assignment: str, exercise: str, count: int) -> int:
        """Return the variant that a student gets: a keyed hash, the same for ever."""
        message = f"{student}\0{assignment}\0{exercise}".encode()
        digest = hmac.digest(self.secret(), message, hashlib.sha256)
        return int.from_bytes(digest[:8], "big") % count

    def case_data(self, student: str, plan: Plan, exercise: str) -> bytes:
        """Return a student's hidden cases of an exercise as they are stored."""
        stored = sorted(self.case_path(plan.release, exercise, 0).parent.glob("[0-9]*"))
        if not stored:
            raise CourseError(f"no hidden cases of {exercise} in release {plan.release}: rebuild")
        number = self.variant_of(student, plan.assignment, exercise, len(stored))
        return stored[number].read_bytes()


def write_whole(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file whole or not at all, also when the process is killed meanwhile."""
    try:
        _write_whole(path, data, mode)
    except OSError as error:
        raise DiskError(
            f"{path} must be writable, got: {error.strerror or error}; make room on its disk, or "
            "give its folder to whoever runs this, then run it again"
        ) from error


def _write_whole(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
