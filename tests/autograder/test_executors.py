"""Processes that judge: lost ones are replaced, and nothing of them stays behind."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from autograder import executors, grading
from autograder.errors import SandboxError
from autograder.executors import Lost, Processes, Result, default_count
from autograder.judging import Job
from autograder.plan import Plan
from autograder.record import SubmissionRecord

PLAN = Plan("03_nms", "abc", ())


class NoSandbox:
    """Stands for a sandbox where nothing is run in one."""

    closed = 0

    def close(self) -> None:
        NoSandbox.closed += 1


def job(student: str) -> Job:
    return Job(student, PLAN, b"{}", {})


def record(student: str) -> SubmissionRecord:
    return SubmissionRecord(student, "03_nms", (), sandbox=str(os.getpid()))


@pytest.fixture
def judge(monkeypatch):
    """Let the job's student say what happens to the process that has it."""
    monkeypatch.setattr(executors, "open_sandbox", lambda tier: NoSandbox())
    NoSandbox.closed = 0

    def judge_job(workers, job):
        match job.student.split():
            case ["kill"]:
                os.kill(os.getpid(), signal.SIGKILL)
            case ["leave"]:
                os._exit(3)
            case ["raise"]:
                raise ZeroDivisionError("no divisor")
            case ["unsandboxed"]:
                raise SandboxError("bubblewrap is not installed\nand more lines")
            case ["once", path] if not Path(path).exists():
                Path(path).touch()
                os._exit(3)
            case ["wait"]:
                time.sleep(60)
        return record(job.student)

    monkeypatch.setattr(executors, "judge_job", judge_job)
    monkeypatch.setattr(executors, "prepare", lambda plan, record, data: record.student)


def results(count: int, students: list[str]) -> dict[str, Result]:
    found = {}
    processes = Processes(count)
    try:
        waiting = list(enumerate(students))
        running = 0
        while waiting or running:
            while waiting and processes.room:
                number, student = waiting.pop(0)
                processes.submit(number, job(student))
                running += 1
            number, result = processes.next()
            found[students[number]] = result
            running -= 1
    finally:
        processes.close()
    return found


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def test_two_processes_share_the_jobs(judge):
    before = descriptors()
    found = results(2, ["a", "b", "c", "d"])
    assert {name: result.record.student for name, result in found.items()} == {n: n for n in "abcd"}
    assert {name: result.prepared for name, result in found.items()} == {n: n for n in "abcd"}
    assert str(os.getpid()) not in {result.record.sandbox for result in found.values()}
    assert multiprocessing.active_children() == []
    assert descriptors() == before
    assert NoSandbox.closed == 1


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("kill", "the process that judged it ended (exit code -9)"),
        ("leave", "the process that judged it ended (exit code 3)"),
        ("raise", "a fault of the grader: ZeroDivisionError: no divisor"),
        ("unsandboxed", "bubblewrap is not installed"),
    ],
)
def test_a_job_that_is_lost_says_how_and_the_others_are_judged(judge, how, reason, capfd):
    before = descriptors()
    found = results(2, ["a", how, "b", "c"])
    assert found.pop(how) == Lost(reason)
    assert {result.record.student for result in found.values()} == {"a", "b", "c"}
    assert multiprocessing.active_children() == []
    assert descriptors() == before


def test_a_process_that_says_nothing_is_given_up(judge, monkeypatch):
    monkeypatch.setattr(executors, "PATIENCE", 1.0)
    found = results(2, ["wait", "a"])
    assert found == {
        "wait": Lost("the process that judged it ended (exit code -9)"),
        "a": found["a"],
    }


def test_a_busy_process_is_ended_when_the_executor_is_closed(judge):
    processes = Processes(1)
    processes.submit(0, job("wait"))
    start = time.monotonic()
    processes.close()
    assert time.monotonic() - start < executors.CLOSING_SECONDS
    assert multiprocessing.active_children() == []


def judged(students: list[str]) -> dict[str, SubmissionRecord]:
    """Give the students' jobs out as `grade` does."""

    class Read:
        settled = staticmethod(lambda: None)
        submission = grading.Submission("x", PLAN, None)

        def __init__(self, student):
            self.job = lambda: job(student)
            self.kept = type("Kept", (), {"keep": staticmethod(lambda record: record)})

    given = [Read(student) for student in students]
    found = list(grading._judged(iter(given), lambda: Processes(2)))
    assert sorted(number for number, *_ in found) == list(range(len(students)))
    return {students[number]: record for number, _, record, _ in found}


def test_a_submission_is_tried_again_elsewhere(judge, tmp_path):
    once = f"once {tmp_path / 'tried'}"
    found = judged(["a", once, "b"])
    assert (found[once].student, found[once].reason) == (once, "")


def test_a_submission_that_ends_three_processes_could_not_run(judge):
    found = judged(["a", "kill", "b", "leave", "c"])
    ended = "the grader failed: the process that judged it ended"
    assert found["kill"].reason == f"{ended} (exit code -9)"
    assert found["leave"].reason == f"{ended} (exit code 3)"
    assert [found[name].reason for name in "abc"] == ["", "", ""]


def test_by_default_there_is_a_process_for_each_core_that_memory_bears(monkeypatch):
    assert 1 <= default_count() <= len(os.sched_getaffinity(0))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)))
    monkeypatch.setattr(executors, "MAX_MEMORY", 1 << 60)
    assert default_count() == 1
