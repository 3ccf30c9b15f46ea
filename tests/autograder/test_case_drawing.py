"""Cases drawn in several processes: the same to the byte, and what ends a build ends them."""

import multiprocessing
import os
import signal
from dataclasses import replace

import pytest
import torch

from autograder import case_drawing, variants
from autograder.build import build
from autograder.case_drawing import FEW, Drawing, drawing, public_cases
from autograder.errors import BuildError, UsageError
from autograder.exercise import Exercise
from autograder.exercises import find
from course.cases import Group
from course.outcome import Case

SECRET = bytes(32)
FEW_EXERCISES = [find(name)[1] for name in ("box_area", "nms", "perfect_ap")]


def one_case(rng):
    return [Case("numbers", (torch.zeros(2),))]


def refuses(x):
    raise ValueError("no")


def ends_its_process(rng):
    os.kill(os.getpid(), signal.SIGKILL)


WRONG = Exercise("wrong", refuses, (Group("numbers", "Numbers."),), one_case, ())


@pytest.fixture
def nothing_drawn(monkeypatch):
    monkeypatch.setattr(case_drawing, "_public", {})


@pytest.fixture(scope="module")
def pool():
    """Two processes that draw."""
    with drawing(jobs=2, sets=FEW) as two:
        assert two.pool is not None
        yield two


def test_other_processes_draw_the_same_bytes(pool, tmp_path):
    for exercise in FEW_EXERCISES:
        paths = [tmp_path / exercise.name / str(number) for number in range(5)]
        assert list(pool.hidden(exercise, SECRET, paths)) == [None, None]
        for number, path in enumerate(paths):
            here = variants.hidden_cases(exercise, SECRET, number).to_bytes()
            assert path.read_bytes() == here
            assert path.stat().st_mode & 0o777 == 0o600


def test_the_number_of_threads_changes_nothing_and_stays_what_it_was():
    exercise = find("box_iou")[1]
    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            drawn = variants.hidden_cases(exercise, SECRET, 0).to_bytes()
            assert torch.get_num_threads() == threads
            assert drawn == variants.hidden_cases(exercise, SECRET, 0).to_bytes()
    finally:
        torch.set_num_threads(before)


def test_public_cases_of_other_processes_are_those_that_are_asked_for(pool, nothing_drawn):
    pool.public(FEW_EXERCISES)
    assert len(case_drawing._public) == len(FEW_EXERCISES)
    for exercise in FEW_EXERCISES:
        drawn = public_cases(exercise).to_bytes()
        assert drawn == variants.public_cases(exercise).to_bytes()


def test_public_cases_are_drawn_once_for_each_definition(nothing_drawn):
    exercise = FEW_EXERCISES[0]
    assert public_cases(exercise) is public_cases(exercise)
    assert public_cases(replace(exercise)) is not public_cases(exercise)


def test_what_a_process_finds_wrong_is_told_as_it_is(pool, tmp_path):
    chunk = case_drawing._Chunk(WRONG, SECRET, 0, [tmp_path / "0"])
    with pytest.raises(BuildError, match="the reference of wrong must answer every case"):
        list(pool.pool.map(case_drawing._write, [chunk]))


def test_a_process_that_is_ended_is_a_build_error_with_the_cure(tmp_path):
    chunk = case_drawing._Chunk(replace(WRONG, draw=ends_its_process), SECRET, 0, [tmp_path / "0"])
    with pytest.raises(BuildError, match="--jobs 1"), drawing(jobs=2, sets=FEW) as two:
        list(two.pool.map(case_drawing._write, [chunk]))


def test_ctrl_c_ends_the_processes_and_what_waits_for_them(tmp_path):
    before = set(multiprocessing.active_children())
    paths = [tmp_path / str(number) for number in range(400)]

    def interrupted():
        with drawing(jobs=2, sets=FEW) as two:
            two.hidden(FEW_EXERCISES[0], SECRET, paths)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert set(multiprocessing.active_children()) <= before
    assert len(list(tmp_path.iterdir())) < len(paths)


def test_a_few_cases_and_one_process_are_drawn_here():
    for jobs, sets in ((2, FEW - 1), (1, 10 * FEW)):
        with drawing(jobs, sets) as here:
            assert here == Drawing()


def test_a_build_needs_a_process(tmp_path):
    with pytest.raises(UsageError, match="jobs must be at least 1, got 0"):
        build(tmp_path / "course", jobs=0)
