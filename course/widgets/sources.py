"""Whose functions a widget shows: the notebook's by name, the reference's, known mistakes."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import FrameType
from typing import Any

REFERENCE = "course.reference"  # the entry point by which an instructor's install brings it


@dataclass(frozen=True)
class Mistake:
    """A wrong function to show in an exercise's place, and what is said about it."""

    exercise: str
    function: Callable[..., Any]
    sentence: str


def lookup(
    names: tuple[str, ...], functions: tuple[Any, ...], caller: FrameType
) -> Callable[[], dict[str, Any]]:
    """Return a function that gives the current functions by name, None for those left out.

    Each is looked up where the caller keeps it, by the variable's name. TypeError for what is no
    function, and for too many.
    """
    space = caller.f_globals
    if len(functions) > len(names):
        raise TypeError(
            f"it takes {len(names)} functions ({', '.join(names)}), got {len(functions)}"
        )
    held: dict[str, tuple[Any, str]] = {}
    for name, function in zip(names, functions, strict=False):
        if function is None:
            continue
        if not callable(function):
            raise TypeError(f"{name} must be a function, got {function!r:.60}")
        known = [key for key, value in list(space.items()) if value is function]
        held[name] = (function, name if name in known else (known or [""])[0])

    def find() -> dict[str, Any]:
        return {
            name: space.get(held[name][1], held[name][0]) if name in held else None
            for name in names
        }

    return find


def kernel_id() -> str:
    """Return the id by which the notebook's server knows this kernel, "" where there is none."""
    if "ipykernel" not in sys.modules:
        return ""
    from ipykernel.connect import get_connection_file

    try:
        return Path(get_connection_file()).stem.removeprefix("kernel-")
    except RuntimeError:
        return ""


@cache
def references() -> tuple[Any, ...]:
    """Return what brings the reference: nothing in a student's install."""
    return tuple(entry_points(group=REFERENCE))


def reference_of(name: str) -> Any:
    """Return the reference's function of that name, None where there is none."""
    for point in references():
        try:
            return point.load()(name)
        except (ImportError, LookupError):
            continue
    return None
