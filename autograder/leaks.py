"""A search for what must not leave: model answers, hidden inputs, marking guides, answer keys.

The search reads a finished bundle as a curious student would: archives inside it are opened, the
strings of notebooks and base64 text are decoded, and numbers in text are read as numbers.
"""

import ast
import base64
import binascii
import contextlib
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from autograder.exercise import Question, Topic
from course.cases import CaseSet
from course.outcome import flatten

LINES = 3  # this many lines of a model answer in a row are a leak; of a shorter one, all
NUMBERS, DISTINCT = 8, 6  # a tensor with fewer floats, or fewer different ones, tells nothing
SENTENCE = 30  # characters of a marking guide that are no coincidence
NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")
BASE64 = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}")
WORD = np.dtype("<u8")
WORDS = 64  # so many words of a block are looked at to find a rare one


class Blocks:
    """Blocks of bytes, each with the name of its exercise, that are searched for all at once.

    Each is found by one of its words of eight bytes, that which is rarest among all blocks: many
    begin alike.
    """

    def __init__(self, exercises: dict[bytes, str]) -> None:
        self.exercises = exercises
        words = {block: _words(block) for block in exercises}
        often = Counter(word for some in words.values() for word in some.values())
        self._places: dict[int, list[tuple[int, bytes]]] = {}
        for block, some in words.items():
            place = min(some, key=lambda at: often[some[at]])
            self._places.setdefault(some[place], []).append((place, block))
        self._wanted = np.array(sorted(self._places), dtype=WORD)

    def inside(self, data: bytes) -> Iterator[bytes]:
        """Yield the blocks that occur in `data`."""
        for shift in range(8 if len(self._wanted) else 0):
            count = (len(data) - shift) // 8
            words = np.frombuffer(data, WORD, max(count, 0), shift if count > 0 else 0)
            nearest = np.searchsorted(self._wanted, words).clip(max=len(self._wanted) - 1)
            for i in np.flatnonzero(self._wanted[nearest] == words):
                for place, block in self._places[int(words[i])]:
                    start = shift + 8 * int(i) - place
                    if start >= 0 and data.startswith(block, start):
                        yield block


def _words(block: bytes) -> dict[int, int]:
    """Return some words of a block, by where they are."""
    whole = np.frombuffer(block, WORD, len(block) // 8)
    step = 1 + len(whole) // WORDS
    return {8 * step * i: word for i, word in enumerate(whole[::step].tolist())}


@dataclass(frozen=True)
class Secrets:
    """What is searched for, each with its name.

    `lines` maps runs of normalised lines to a function; `texts` maps normalised text to a question.
    """

    lines: dict[tuple[str, ...], str]
    blocks: Blocks
    texts: dict[str, str]


def answer_lines(sources: Iterable[str], given: Iterable[str] = ()) -> dict[tuple[str, ...], str]:
    """Return every run of lines of an answer in `sources` that a bundle must not contain.

    Lines of functions and classes that are `given`, and lines that others have like them, are none.
    """
    found: dict[tuple[str, ...], str] = {}
    free: set[tuple[str, ...]] = set()
    for text in sources:
        for answer in ast.parse(text).body:
            if not isinstance(answer, ast.FunctionDef | ast.ClassDef):
                continue
            for node in ast.walk(answer):
                if isinstance(node, ast.FunctionDef):
                    runs = _answer_runs(node, text)
                    if answer.name in given:
                        free.update(runs)
                    else:
                        found |= dict.fromkeys(runs, answer.name)
    return {run: name for run, name in found.items() if run not in free}


def _answer_runs(node: ast.FunctionDef, text: str) -> Iterator[tuple[str, ...]]:
    """Yield the runs of lines below a function's docstring."""
    first = node.body[0]
    skip = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    start = (first.end_lineno or 0) if skip else first.lineno - 1
    body = normalised_lines("\n".join(text.splitlines()[start : node.end_lineno]))
    size = min(LINES, len(body))
    if size > 1:
        yield from _runs(body, size)


def hidden_blocks(stored: Iterable[Path], public: Iterable[CaseSet]) -> Blocks:
    """Return the bytes of hidden inputs: each stored set whole, and its telling tensors.

    What is in the public cases too, of whatever exercise and be it as a result, is no secret:
    where inputs are few, as the short lists of `perfect_ap`, a whole hidden set may be drawn equal
    to the public one, and a hidden input of `average_precision` can be the recall of a public case.
    """
    public = list(public)
    found: dict[bytes, str] = {}
    for path in stored:
        data = path.read_bytes()
        case_set = CaseSet.from_bytes(data)
        found |= dict.fromkeys({data, *_tensors(case_set)}, case_set.exercise)
    hidden = Blocks(found)
    known = {block for case_set in public for block in _tensors(case_set)}
    known |= {block for case_set in public for block in hidden.inside(case_set.to_bytes())}
    return Blocks({block: name for block, name in found.items() if block not in known})


def key_texts(topics: Iterable[Topic]) -> dict[str, str]:
    """Return the sentences of marking guides, and questions with their right answers."""
    found = {}
    for topic in topics:
        for written in topic.written:
            for sentence in re.split(r"(?<=[.;:?!])\s|\n", written.guide):
                if len(_squeezed(sentence)) >= SENTENCE:
                    found[_squeezed(sentence)] = written.name
        for question in topic.questions:
            found |= dict.fromkeys(_answers(question), question.name)
    return found


def find_leak(name: str, data: bytes, secrets: Secrets) -> str | None:
    """Return what a file, or an archive with all in it, gives away; None where it is clean."""
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(f"{name}/{each}", archive.read(each)) for each in archive.namelist()]
        return next((leak for each in members if (leak := find_leak(*each, secrets))), None)
    for block in _blocks(data):
        if hidden := next(secrets.blocks.inside(block), None):
            return f"{name} with a hidden input of {secrets.blocks.exercises[hidden]}"
    text = _text(data)
    lines = normalised_lines(text)
    for size in range(2, LINES + 1):
        for run in _runs(lines, size):
            if run in secrets.lines:
                return f"{name} with {size} lines of the answer to {secrets.lines[run]}"
    squeezed = _squeezed(text)
    for key, question in secrets.texts.items():
        if key in squeezed:
            return f"{name} with the answer or the marking guide of {question}"
    return None


def normalised_lines(text: str) -> list[str]:
    """Return the lines that hold code, without comments and any white space."""
    lines = ("".join(line.partition("#")[0].split()) for line in text.splitlines())
    return [line for line in lines if line]


def _runs(lines: list[str], size: int) -> Iterator[tuple[str, ...]]:
    return (tuple(lines[i : i + size]) for i in range(len(lines) - size + 1))


def _tensors(case_set: CaseSet) -> Iterator[bytes]:
    """Yield the telling tensors of a set's inputs, as float32 and as float64."""
    for case in case_set.cases:
        for value in flatten([case.arguments, case.apply]):
            if isinstance(value, Tensor) and value.is_floating_point() and _tells(value):
                yield value.float().numpy().tobytes()
                yield value.double().numpy().tobytes()


def _tells(value: Tensor) -> bool:
    return value.numel() >= NUMBERS and len(set(value.flatten().tolist())) >= DISTINCT


def _answers(question: Question) -> list[str]:
    written = {repr(question.answer)}
    with contextlib.suppress(TypeError):  # what JSON cannot write is in no JSON file
        written.add(json.dumps(question.answer))
    forms = [f"{question.name}={{}}", f'"{question.name}":{{}}', f"'{question.name}':{{}}"]
    return [_squeezed(form.format(answer)) for form in forms for answer in written]


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _text(data: bytes) -> str:
    """Return a file as text; of JSON, the strings in it, lists of lines joined."""
    text = data.decode("utf-8", "replace")
    try:
        content = json.loads(text)
    except ValueError:
        return text
    return "\n".join([text, *_strings(content)])


def _strings(content: Any) -> Iterator[str]:
    match content:
        case str():
            yield content
        case list() if content and all(isinstance(item, str) for item in content):
            yield "".join(content)
        case list():
            for item in content:
                yield from _strings(item)
        case dict():
            for item in content.values():
                yield from _strings(item)


def _blocks(data: bytes) -> Iterator[bytes]:
    """Yield a file's bytes, what its base64 text says, and its numbers as float32."""
    yield data
    for run in BASE64.findall(data):
        try:
            yield base64.b64decode(run[: len(run) // 4 * 4])
        except binascii.Error:
            continue
    numbers = NUMBER.findall(data.decode("utf-8", "replace"))
    with np.errstate(over="ignore"):
        yield np.array([float(number) for number in numbers]).astype("<f4").tobytes()
