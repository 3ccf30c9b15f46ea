"""The cases of a build: public ones and hidden variants, drawn in several processes where it pays.

A set of cases hangs on its exercise and its seed alone, so it is the same to the byte whichever
process draws it.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

from autograder import variants
from autograder.course_folder import write_whole
from autograder.errors import BuildError
from autograder.exercise import Exercise
from autograder.exercises import find
from course.cases import CaseSet

FEW = 200  # sets of cases that are drawn before other processes would have got going
AT_ONCE = 4  # variants that a process draws in one go

Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]

# What this process has drawn, by the exercise's id; the exercise is kept, so the id stays its own.
_public: dict[int, tuple[Exercise, CaseSet]] = {}


def public_cases(exercise: Exercise) -> CaseSet:
    """Return the set that every student gets, drawn once in a process."""
    if id(exercise) not in _public:
        _public[id(exercise)] = exercise, variants.public_cases(exercise)
    return _public[id(exercise)][1]


def hidden_sets(
    exercises: Sequence[Exercise], secret: bytes, number: int, jobs: int = 1
) -> dict[str, CaseSet]:
    """Return one variant of each exercise, by its name.

    `jobs` above 1 draws them in that many processes, forked from this one: it must not have
    computed a gradient before, else torch refuses to compute one there.
    """
    if jobs == 1:
        return {e.name: variants.hidden_cases(e, secret, number) for e in exercises}
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, fork, initializer=_leave_ctrl_c_to_the_parent) as pool:
        names = [exercise.name for exercise in exercises]
        drawn = pool.map(_hidden_bytes, names, repeat(secret), repeat(number))
        return {n: CaseSet.from_bytes(data) for n, data in zip(names, drawn, strict=True)}


@dataclass(frozen=True)
class Drawing:
    """Draws cases here, or in `pool`, which takes only exercises of the course: it finds them by
    name."""

    pool: ProcessPoolExecutor | None = None

    def public(self, exercises: Sequence[Exercise]) -> None:
        """Draw the public cases that `public_cases` is going to be asked for."""
        if self.pool is None:
            return  # drawn when they are asked for
        wanted = [exercise for exercise in exercises if id(exercise) not in _public]
        drawn = self.pool.map(_public_bytes, [exercise.name for exercise in wanted])
        for exercise, data in zip(wanted, drawn, strict=True):
            _public[id(exercise)] = exercise, CaseSet.from_bytes(data)

    def hidden(self, exercise: Exercise, secret: bytes, paths: Sequence[Path]) -> Iterator[None]:
        """Start to draw a variant for each path; go on until all are written."""
        chunks = [
            _Chunk(exercise if self.pool is None else exercise.name, secret, first, paths)
            for first in range(0, len(paths), AT_ONCE)
        ]
        return map(_write, chunks) if self.pool is None else self.pool.map(_write, chunks)


@contextmanager
def drawing(jobs: int | None, sets: int) -> Iterator[Drawing]:
    """Give a Drawing for about that many sets, with `jobs` processes (None: one for each core)."""
    jobs = jobs or len(os.sched_getaffinity(0))
    if jobs == 1 or sets < FEW:
        yield Drawing()
        return
    context = multiprocessing.get_context("forkserver")  # after a plain fork autograd refuses work
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(jobs, context, initializer=_leave_ctrl_c_to_the_parent) as pool:
        try:
            yield Drawing(pool)
        except BrokenProcessPool as error:
            raise BuildError(
                "a process that draws cases must live to its end, got one that was ended; is "
                "there too little memory? Build with --jobs 1"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class _Chunk:
    """Some of an exercise's variants: from number `first` on."""

    exercise: Exercise | str
    secret: bytes
    first: int
    paths: Sequence[Path]


def _write(chunk: _Chunk) -> None:
    exercise = _exercise(chunk.exercise) if isinstance(chunk.exercise, str) else chunk.exercise
    for number in range(chunk.first, min(chunk.first + AT_ONCE, len(chunk.paths))):
        case_set = variants.hidden_cases(exercise, chunk.secret, number)
        write_whole(chunk.paths[number], case_set.to_bytes(), mode=0o600)


def _hidden_bytes(name: str, secret: bytes, number: int) -> bytes:
    return variants.hidden_cases(_exercise(name), secret, number).to_bytes()


def _public_bytes(name: str) -> bytes:
    return variants.public_cases(_exercise(name)).to_bytes()


def _exercise(name: str) -> Exercise:
    exercise = find(name)[1]
    assert isinstance(exercise, Exercise)
    return exercise


def _leave_ctrl_c_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
