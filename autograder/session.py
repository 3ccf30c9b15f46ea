"""A conversation with one sandboxed process: requests go in, data comes out, clocks run outside.

Whatever comes back is read as data and distrusted: an answer that is late, malformed or was not
asked for ends the process. No name, path or status in it decides anything.
"""

import builtins
import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from autograder.exercises import topics
from autograder.sandbox.child import BROKE_PROTOCOL, Child, ChildEnded
from course.outcome import NOT_ANSWERED, RAISED, VALUE, Gradients, Outcome, same
from course.values import Handle, ValueFormatError, dump, load

MAX_OUTPUTS = 40  # displayed by one cell
MAX_OUTPUT_TEXT = 50_000
MAX_IMAGE_TEXT = 3 << 20
BASE64 = re.compile(r"[A-Za-z0-9+/=\n]*")
MAX_LINE = 120  # characters of a line that are repeated
LINE = re.compile(r"line \d{1,6} of [\w<>]{1,200}: (.{1,120})")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")

KNOWN_EXCEPTIONS = {
    name for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
} | {"OutOfMemoryError", "LinAlgError", "AxisError", "UnboundLocalError"}  # fmt: skip
UNNAMED = "an exception of its own"

Answerer = Callable[[str, list[Any], dict[str, Any]], Any]


@dataclass(frozen=True)
class Limits:
    """Seconds that one request may take: of computing, and by the clock on the wall."""

    cpu: float
    wall: float

    def scaled(self, pace: float) -> "Limits":
        """Return the limits for a machine that is slower by `pace`."""
        return Limits(self.cpu * pace, self.wall * pace)


CELL = Limits(cpu=20, wall=60)
CALL = Limits(cpu=8, wall=24)
TRAIN = Limits(cpu=120, wall=240)  # the lesson promises half a minute for a network of usual size


@dataclass(frozen=True)
class CellResult:
    """What a cell displayed, as (kind, text) pairs, and the error that ended it.

    `missing` is the name that a NameError did not find, `waits_for` the unanswered exercise.
    """

    outputs: tuple[tuple[str, str], ...] = ()
    error: str = ""
    text: str = ""
    line: str = ""
    missing: str = ""
    waits_for: str = ""


class Session:
    """One child process that holds a student's names."""

    def __init__(self, child: Child, pace: float = 1.0, sources: Sequence[str] = ()) -> None:
        self._child = child
        self._pace = pace
        self._sources = sources
        self._number = 0
        self._answer: Answerer | None = None
        self._answered: frozenset[str] = frozenset()
        self.until = math.inf  # a time of the monotonic clock, after which nothing is waited for
        self.trained: dict[str, Outcome] = {}

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._child.close()

    def run(self, source: str) -> CellResult:
        """Run a cell and return what it displayed; an error in it is part of the result."""
        reply = self._request({"verb": "run", "source": source}, CELL)
        error = reply.get("error")
        if not isinstance(error, dict):
            return CellResult(_outputs(reply.get("outputs")))
        return CellResult(
            outputs=_outputs(reply.get("outputs")),
            error=_word(error.get("type")),
            text=_clean(error.get("text"), 500),
            line=self._line(error.get("line")),
            missing=_word(error.get("name")),
            waits_for=_word(error.get("exercise")),
        )

    def defined(self, names: Sequence[str]) -> set[str]:
        """Return which of the names exist."""
        reply = self._request({"verb": "defined", "names": list(names)}, CALL)
        found = reply.get("defined")
        return {name for name in names if isinstance(found, list) and name in _texts(found)}

    def read(self, name: str) -> Outcome:
        """Return the value of a variable, or a NameError as an outcome."""
        reply = self._request({"verb": "read", "name": name}, CALL)
        if reply.get("found") is not True:
            return Outcome(RAISED, error="NameError")
        return Outcome(VALUE, reply.get("value"))

    def replace(self, names: Sequence[str], answer: Answerer) -> None:
        """Let `answer`, on this side, stand for functions of the student."""
        self._answer, self._answered = answer, frozenset(names)
        self._request({"verb": "replace", "names": list(names)}, CALL)

    def subject(self, name: str) -> "RemoteSubject":
        """Return the student's function of that name, to be observed."""
        return RemoteSubject(self, name)

    def perform(self, request: dict[str, Any]) -> Outcome:
        """Make a call and return its outcome; changes of the arguments are found here."""
        reply = self._request(request, TRAIN if request["verb"] == "train" else CALL)
        outcome = self._outcome(reply.get("outcome"))
        sent = request.get("arguments", [])
        return replace(outcome, changed=not same(sent, reply.get("after")) if sent else False)

    def _request(self, message: dict[str, Any], limits: Limits) -> dict[str, Any]:
        self._child.expect_silence()
        self._number += 1
        limits = limits.scaled(self._pace)
        deadline = min(time.monotonic() + limits.wall, self.until)
        self._child.send(dump({"id": self._number, **message}), deadline)
        while True:
            left = deadline - time.monotonic()
            try:
                reply = load(self._child.receive(limits.cpu, left))
            except ValueFormatError:
                raise ChildEnded(BROKE_PROTOCOL) from None
            if not isinstance(reply, dict):
                raise ChildEnded(BROKE_PROTOCOL)
            if "ask" in reply and self._answer is not None:
                self._child.send(dump(self._answer_to(reply)), deadline)
            elif self._is_answer(reply):
                return reply
            else:
                raise ChildEnded(BROKE_PROTOCOL)

    def _is_answer(self, reply: dict[str, Any]) -> bool:
        return type(reply.get("id")) is int and bool(reply["id"] == self._number)

    def _answer_to(self, question: dict[str, Any]) -> dict[str, Any]:
        name, arguments = question["ask"], question.get("arguments")
        named = question.get("named")
        assert self._answer is not None
        if not (isinstance(name, str) and isinstance(arguments, list) and isinstance(named, dict)):
            raise ChildEnded(BROKE_PROTOCOL)
        if name not in self._answered:  # or it would have the very exercise answered that is judged
            raise ChildEnded(BROKE_PROTOCOL)
        try:
            return {"value": self._answer(name, arguments, named)}
        except Exception as error:  # a call that the right function refuses, too
            return {"refused": f"{type(error).__name__}: {error}"[:300]}

    def _outcome(self, raw: Any) -> Outcome:
        if not isinstance(raw, dict):
            raise ChildEnded(BROKE_PROTOCOL)
        match _text(raw.get("kind")):
            case "value":
                return Outcome(VALUE, raw.get("value"))
            case "not answered":
                named = _word(raw.get("error"))
                return Outcome(NOT_ANSWERED, error=named if named in exercise_names() else "")
            case "raised":
                return Outcome(
                    RAISED,
                    error=self._exception(raw.get("error")),
                    detail=_clean(raw.get("detail"), 500),
                    line=self._line(raw.get("line")),
                )
        raise ChildEnded(BROKE_PROTOCOL)

    def _exception(self, claimed: Any) -> str:
        """Return an exception's name: a known one, or a class that the submission defines.

        A name made up while running could carry hidden inputs into the feedback.
        """
        name = _word(claimed)
        own = any(map(definition_of(name).search, self._sources))
        return name if name in KNOWN_EXCEPTIONS or (name and own) else UNNAMED

    def _line(self, claimed: Any) -> str:
        """Return where an error arose, as the whole line of the submission that is claimed.

        Its number is counted here, and no other word of the claim is kept: see `_exception`.
        """
        match = LINE.fullmatch(claimed) if isinstance(claimed, str) else None
        text = match.group(1) if match else ""
        for source in self._sources if text else ():
            for number, line in enumerate(source.splitlines(), 1):
                if line.strip()[:MAX_LINE] == text:
                    return f"line {number}: {text}"
        return ""


@dataclass(frozen=True)
class RemoteSubject:
    """A function in a sandboxed process."""

    session: Session
    name: str

    def call(self, arguments: Sequence[Any], gradients: Gradients = False) -> Outcome:
        """Call the function by position."""
        request = {"verb": "call", "name": self.name, "gradients": gradients}
        return self.session.perform({**request, "arguments": list(arguments)})

    def train(self, arguments: Sequence[Any], training: dict[str, Any]) -> Outcome:
        """Call the function by position and train the module that it returns, once."""
        request = {"verb": "train", "name": self.name, "training": training}
        key = repr((self.name, arguments, training))
        if key not in self.session.trained:
            made = self.session.perform({**request, "arguments": list(arguments)})
            self.session.trained[key] = made
        return self.session.trained[key]

    def fill(self, handle: Handle) -> Outcome:
        """Set the parameters of a module that an earlier call returned."""
        return self.session.perform({"verb": "fill", "handle": handle})

    def apply(self, handle: Handle, argument: Any) -> Outcome:
        """Call a module that an earlier call returned."""
        request = {"verb": "apply", "handle": handle, "arguments": [argument]}
        return self.session.perform(request)

    def parameters(self, handle: Handle) -> Outcome:
        """Return the parameters of a module that an earlier call returned."""
        return self.session.perform({"verb": "parameters", "handle": handle})


@cache
def exercise_names() -> frozenset[str]:
    """Return the names of all exercises: what an unanswered one may be called."""
    return frozenset(e.name for topic in topics().values() for e in topic.exercises)


def definition_of(name: str) -> re.Pattern[str]:
    """Return what finds a class's definition; the time is in proportion to the text's length."""
    return re.compile(rf"^[ \t]*class {name}\b", re.MULTILINE)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(values: list[Any]) -> set[str]:
    return {value for value in values if isinstance(value, str)}


def _word(value: Any) -> str:
    """Return a name that came from outside, if it is one."""
    known = isinstance(value, str) and value.isidentifier() and len(value) <= 60
    return str(value) if known else ""


def _clean(value: Any, length: int) -> str:
    text = value if isinstance(value, str) else ""
    return CONTROL.sub("\ufffd", ANSI.sub("", text[: 2 * length]))[:length]


def _outputs(raw: Any) -> tuple[tuple[str, str], ...]:
    """Return the displayed outputs that are safe to show, cut to size."""
    kept: list[tuple[str, str]] = []
    for item in raw[:MAX_OUTPUTS] if isinstance(raw, list) else []:
        match item:
            case [str(kind), str(text)] if kind in ("stdout", "stderr", "text/plain"):
                kept.append((kind, _clean(text, MAX_OUTPUT_TEXT)))
            case [str(kind), str(text)] if kind == "image/png" and len(text) <= MAX_IMAGE_TEXT:
                if BASE64.fullmatch(text) and text.startswith("iVBORw0KGgo"):
                    kept.append((kind, text))
    return tuple(kept)
