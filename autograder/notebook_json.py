"""The JSON of a submitted notebook: bytes of any kind, read as version 4 or said to be no notebook.

How the cells are laid out decides the version, not the number alone: a notebook whose number was
lost or written as text is still one.
"""

import json
import re
from typing import Any

import nbformat

from course.values import count_parts

MAX_PARTS = 3_000_000  # of the file's JSON; each can take 70 bytes when it is read
CONFLICT = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)
SAVE_AGAIN = "save it again in Jupyter"
ITSELF = "hand in the .ipynb file itself"
OTHER_FILES = (
    (b"pk\x03\x04", "a ZIP archive", "unpack it and hand in the notebook that is in it"),
    (b"\x1f\x8b", "a packed archive", "unpack it and hand in the notebook that is in it"),
    (b"%pdf", "a PDF", ITSELF),
    (b"<!doctype", "a web page", ITSELF),
    (b"<html", "a web page", ITSELF),
)


class Unreadable(Exception):
    """Nothing can be judged in this submission; the text says why, for student and instructor."""


def notebook_json(data: bytes) -> dict[str, Any]:
    """Return the notebook as version 4 JSON with a list of cells, or raise Unreadable."""
    content = _json(data)
    held = content if isinstance(content, dict) else {}
    named, version = held.get("nbformat"), _version(held)
    if version in (2, 3, 4) and isinstance(held.get("cells"), list):
        version = 4
    elif version in (2, 3, 4) and isinstance(held.get("worksheets"), list):
        version = min(version, 3)
    if version is not None and 1 <= version < 4:
        held = _converted(held, version) or {}
        version = 4 if held else None
    if version != 4:
        raise Unreadable(
            f"the notebook's format must be version 4, got {str(named)[:20]!r}; {SAVE_AGAIN}"
        )
    cells = held.get("cells")
    if not isinstance(cells, list):
        raise Unreadable(f"the notebook has no list of cells; {SAVE_AGAIN}")
    return {**held, "cells": [cell for cell in cells if isinstance(cell, dict)]}


def _json(data: bytes) -> Any:
    start = data[:200].lstrip().lower()
    for signature, what, cure in OTHER_FILES:
        if start.startswith(signature):
            raise Unreadable(f"the file is {what} and no notebook; {cure}")
    try:
        text = data.decode(json.detect_encoding(data))
    except UnicodeDecodeError:
        raise Unreadable(f"the notebook is not written in UTF-8; {SAVE_AGAIN}") from None
    if count_parts(text.encode("utf-8", "surrogatepass")) > MAX_PARTS:
        raise Unreadable(f"the notebook must have at most {MAX_PARTS:,} parts: clear its outputs")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable(f"the notebook is not valid JSON: {_damage(data, text)}") from None


def _damage(data: bytes, text: str) -> str:
    """Return what is wrong with a text that is no JSON, and the cure."""
    if CONFLICT.search(data):
        return "it holds conflict marks of a merge (<<<<<<<); settle the conflict, then save it"
    if not text.lstrip().startswith(("{", "[")):
        return f"the file is some other text; {ITSELF}"
    return "the file is damaged or cut off; hand it in again"


def _version(content: dict[str, Any]) -> int | None:
    """Return the major version of the format; where none is told, what the layout looks like."""
    named = content.get("nbformat")
    told = re.match(r"\d{1,3}", str(named))
    if told and not isinstance(named, list | dict):
        return int(told.group())
    if isinstance(content.get("cells"), list):
        return 4
    return 3 if isinstance(content.get("worksheets"), list) else None


def _converted(content: dict[str, Any], version: int) -> dict[str, Any] | None:
    try:
        node = nbformat.from_dict({**content, "nbformat": version})
        converted: dict[str, Any] = nbformat.convert(node, 4)
    except Exception:  # its converters raise whatever an odd file provokes
        return None
    return converted
