"""The folders of autograded/ and feedback/: made beside the old one, then put in its place."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbgrader.converters.base import BaseConverter


@contextmanager
def staged(destination: Path) -> Iterator[Path]:
    """Give a new folder beside `destination` to fill; it is gone at the end.

    What a run that was killed left beside it goes too.
    """
    for left in destination.parent.glob(f".{destination.name}.*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = destination.with_name(f".{destination.name}.{uuid.uuid4().hex}")
    try:
        folder.mkdir(parents=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def permit(converter: BaseConverter, folder: Path) -> None:
    """Give a folder of a step, and the files in it, the modes that nbgrader gives them."""
    mode = int(str(converter.permissions), 8)
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(mode)
    if converter.coursedir.groupshared:
        for path in (folder, folder.parent.parent):
            before = path.stat().st_mode
            if before & 0o2770 != 0o2770:
                path.chmod((before | 0o2770) & 0o2777)


def refuse_unwritable(destination: Path) -> None:
    """Raise now what would else be known when it is too late."""
    if destination.is_dir() and not os.access(destination, os.W_OK | os.X_OK, effective_ids=True):
        raise PermissionError(13, "Permission denied", str(destination))


def publish(folder: Path, destination: Path) -> bool:
    """Have in `destination` what is in `folder`, and nothing else; return whether anything changed.

    A file that is there already is left alone, and no moment is without the files.
    """
    if not destination.is_dir():
        os.rename(folder, destination)
        return True
    if folder.stat().st_mode != destination.stat().st_mode:
        destination.chmod(folder.stat().st_mode & 0o7777)
    changed = False
    made = {path.name for path in folder.iterdir()}
    for path in destination.iterdir():
        stale = path.name not in made or path.is_symlink()
        if stale or path.is_dir() != (folder / path.name).is_dir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            changed = True
    for name in sorted(made):
        new, old = folder / name, destination / name
        if new.is_dir() and old.is_dir():
            changed |= publish(new, old)
        elif not _is_same(new, old):
            os.replace(new, old)
            changed = True
    return changed


def _is_same(new: Path, old: Path) -> bool:
    if new.is_dir() or not old.exists() or new.stat().st_mode != old.stat().st_mode:
        return False
    return new.read_bytes() == old.read_bytes()
