"""What lies beside a submitted notebook: nbgrader's own files, and pictures.

A submission's folder is its student's: no link in it is followed, nothing but regular files is
opened, and only those and pictures are taken along, because formgrader serves what lies in
autograded/, and a page or a drawing that a student made could run there in an instructor's name.
"""

import datetime
import os
import stat
from pathlib import Path

from nbgrader.utils import parse_utc

TIMESTAMP = "timestamp.txt"
SECRET = (
    "submission_secret.txt"  # of nbgrader's exchange: the name under which feedback is released
)
PICTURES = (".png", ".jpg", ".jpeg")
PICTURE_LIMIT = 5_000_000  # bytes of one file
PICTURES_LIMIT = 40
TIMESTAMP_LIMIT = 100


def read_regular(path: Path, limit: int) -> bytes | None:
    """Return a file's bytes; None for a link, anything but a regular file, or one too large."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        data = file.read(limit + 1)
    return data if len(data) <= limit else None


def read_timestamp(folder: Path) -> datetime.datetime | None:
    """Return when a submission was handed in, in UTC; None where its timestamp says no time."""
    data = read_regular(folder / TIMESTAMP, TIMESTAMP_LIMIT)
    try:
        text = (data or b"").decode().strip()
        return parse_utc(text) if text else None
    except (ValueError, OverflowError):
        return None


def copy_submitted(folder: Path, destination: Path) -> None:
    """Copy nbgrader's own files and the pictures at the top of a submission."""
    if folder.is_symlink() or folder.parent.is_symlink() or not folder.is_dir():
        return
    names = sorted(entry.name for entry in os.scandir(folder))
    pictures = [name for name in names if name.lower().endswith(PICTURES)]
    for name in [TIMESTAMP, SECRET, *pictures[:PICTURES_LIMIT]]:
        data = read_regular(folder / name, PICTURE_LIMIT)
        if data is not None:
            (destination / name).write_bytes(data)
