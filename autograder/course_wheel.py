"""The student's wheel, built from course/pyproject.toml: equal sources give equal bytes."""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import course as student_package
from autograder.course_folder import write_whole
from autograder.errors import BuildError

SOURCES = Path(student_package.__file__).parent
LEFT_OUT = ("notebooks", "build", "*.egg-info", "__pycache__", ".*")
OWN = ("course/", "course_server.py", "detection_course-")
EPOCH = "315532800"  # 1 January 1980, the first day that a ZIP knows
BUILD = "import setuptools.build_meta as backend; backend.build_wheel('wheel')"


def course_wheel(cache: Path, sources: Path = SOURCES) -> tuple[str, bytes]:
    """Return name and bytes of the wheel; one that `cache` has from the same sources is reused."""
    if not (sources / "pyproject.toml").is_file():
        raise BuildError(
            f"course must be imported from a checkout, with its pyproject.toml, got {sources}; "
            "install it with `pip install --editable ./course`"
        )
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "course"
        shutil.copytree(sources, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        digest = hashlib.sha256()
        for path in sorted(path for path in copy.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(copy)}\0".encode() + path.read_bytes() + b"\0")
            path.chmod(0o644)
        kept = cache / digest.hexdigest()[:16]
        if not list(kept.glob("*.whl")):
            built = _build(copy)
            write_whole(kept / built.name, built.read_bytes())
    wheel = next(kept.glob("*.whl"))
    return wheel.name, wheel.read_bytes()


def _build(copy: Path) -> Path:
    (copy / "wheel").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", BUILD],
        cwd=copy,
        env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
        capture_output=True,
        text=True,
    )
    wheels = list((copy / "wheel").glob("*.whl"))
    if done.returncode or not wheels:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason"]
        raise BuildError(
            f"course/pyproject.toml must give a wheel, got: {last[0]}; mend it, or install "
            "'setuptools>=77' in this environment"
        )
    _refuse_foreign(wheels[0])
    return wheels[0]


def _refuse_foreign(wheel: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(wheel.read_bytes())) as archive:
        for name in archive.namelist():
            if "notebooks" in name or not name.startswith(OWN):
                raise BuildError(
                    f"the course wheel must hold the package course only, got {name}; "
                    "mend `packages` in course/pyproject.toml"
                )
