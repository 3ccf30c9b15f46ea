"""Grading on a Dask cluster: a scheduler and workers in their own folders, and as root in network
namespaces of their own, without a disk that they share.
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest

from autograder import cluster
from autograder.build import build
from autograder.cluster import differences
from autograder.course_folder import CourseFolder
from autograder.demo.nms import STUDENTS
from autograder.demo.run import write_classes
from autograder.errors import UsageError
from autograder.grading import grade_class
from autograder.judging import MAX_TRIES
from tests.autograder.killing import below
from tests.autograder.killing import command as command_line
from tests.autograder.submissions import rows

ROOT = Path(__file__).parents[2]
ASSIGNMENT = "03_nms"
CLASS = ("amara_okafor", "anna_novak", "hana_kobayashi", "mei_zhao")
LOST_AFTER = "15s"  # without a word from a worker
NETWORK = "10.231.77"
HUB = "course-hub"  # a network of the scheduler's: this machine's own sees no change, nor browsers
NEW_NETWORK = 0x40000000


class Machines:
    """A scheduler and what it takes to start workers; each has a folder, and as root a network."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        self._names: list[str] = []
        self.networks = os.geteuid() == 0 and shutil.which("ip") is not None
        host = f"{NETWORK}.1" if self.networks else "127.0.0.1"
        if self.networks:
            ip("netns", "add", HUB)
            ip("-n", HUB, "link", "set", "lo", "up")
            ip("-n", HUB, "link", "add", "bridge", "type", "bridge")
            ip("-n", HUB, "addr", "add", f"{host}/24", "dev", "bridge")
            ip("-n", HUB, "link", "set", "bridge", "up")
        told = folder / "scheduler.json"
        self._start(
            "scheduler", "--host", host, "--port", "0", "--no-dashboard",
            "--scheduler-file", str(told), prefix=self.beside_it,
        )  # fmt: skip
        wait_for(told.exists)
        wait_for(told.read_text)
        self.address = json.loads(told.read_text())["address"]

    @property
    def beside_it(self) -> list[str]:
        """What starts a command on the scheduler's network."""
        return ["ip", "netns", "exec", HUB] if self.networks else []

    @contextlib.contextmanager
    def reached(self) -> Iterator[None]:
        """Let this thread, and those that it starts, reach the scheduler."""
        if not self.networks:
            yield
            return
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as own, open(f"/run/netns/{HUB}") as theirs:
            assert libc.setns(theirs.fileno(), NEW_NETWORK) == 0
            try:
                yield
            finally:
                assert libc.setns(own.fileno(), NEW_NETWORK) == 0

    def worker(self, code: Path | None = None) -> tuple[subprocess.Popen[bytes], str]:
        """Start a worker, of the code in a folder; return its process and its network's name."""
        number = len(self._names) + 2
        name, prefix, host = f"course-w{number}", [], []
        self._names.append(name)
        if self.networks:
            ip("netns", "add", name)
            ip("-n", HUB, "link", "add", name, "type", "veth", "peer", "eth0", "netns", name)
            ip("-n", HUB, "link", "set", name, "master", "bridge", "up")
            ip("-n", name, "addr", "add", f"{NETWORK}.{number}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
            prefix, host = ["ip", "netns", "exec", name], ["--host", f"{NETWORK}.{number}"]
        path = {} if code is None else {"PYTHONPATH": str(code)}
        started = self._start(
            "worker", self.address, "--no-nanny", "--nthreads", "1", "--no-dashboard",
            "--preload", "autograder.cluster", *host,
            prefix=prefix, path=path, folder=name,
        )  # fmt: skip
        return started, name

    def _start(
        self,
        *arguments: str,
        prefix: Sequence[str] = (),
        path: Mapping[str, str] = MappingProxyType({}),
        folder: str = "scheduler",
    ) -> subprocess.Popen[bytes]:
        own = self._folder / folder
        own.mkdir()
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(own),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
            "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": LOST_AFTER,
            **path,
        }
        with (own / "log").open("wb") as log:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "dask", *arguments],
                cwd=own, env=environment, stdout=log, stderr=log,
            )  # fmt: skip
        self._started.append(process)
        return process

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()
        if self.networks:
            for name in [*self._names, HUB]:
                ip("netns", "del", name)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def wait_for(condition, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    course = build(tmp_path_factory.mktemp("course") / "built", 1, [ASSIGNMENT])
    write_classes(course, {ASSIGNMENT: [s for s in STUDENTS if s.id in CLASS]})
    return course


@pytest.fixture(scope="module")
def here(handed_in: CourseFolder, tmp_path_factory: pytest.TempPathFactory):
    """What grading on this machine leaves."""
    course = copy_of(handed_in, tmp_path_factory.mktemp("here") / "course")
    grade_class(course, ASSIGNMENT)
    return rows(course)


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    made = Machines(tmp_path)
    try:
        yield made
    finally:
        made.close()


def copy_of(course: CourseFolder, folder: Path) -> CourseFolder:
    shutil.copytree(course.root, folder)
    return CourseFolder.open(folder)


def judging(worker: subprocess.Popen[bytes]) -> bool:
    """Return whether a student's process runs under a worker now."""
    return len(opened(worker)) >= 3


def opened(worker: subprocess.Popen[bytes]) -> list[int]:
    """Return the processes of a worker's sandbox: bubblewrap, the warm one, students' ones."""
    return [pid for pid in below(worker.pid) if b"inside.py" in command_line(pid)]


def test_a_class_judged_on_two_machines_has_the_books_of_one(handed_in, here, machines, tmp_path):
    for _ in range(2):
        machines.worker()
    course = copy_of(handed_in, tmp_path / "course")
    with machines.reached():
        records = grade_class(course, ASSIGNMENT, scheduler=machines.address)
    assert {record.reason for record in records} == {""}
    assert rows(course) == here
    # The cluster keeps no sandbox of ours.
    assert not any(judging(worker) for worker in machines._started[1:])


@pytest.mark.parametrize("how", ["is killed", "loses its network"])
def test_what_a_lost_worker_had_is_judged_by_another(handed_in, here, machines, tmp_path, how):
    if how == "loses its network" and not machines.networks:
        pytest.skip("only root can make networks, and `ip` (iproute2) is needed")
    worker, network = machines.worker()
    course = copy_of(handed_in, tmp_path / "course")
    command = [sys.executable, "-m", "autograder.cli", "grade", str(course.root), ASSIGNMENT]
    client = subprocess.Popen(
        [*machines.beside_it, *command, "--scheduler", machines.address],
        stdout=subprocess.DEVNULL, cwd=ROOT,
    )  # fmt: skip
    wait_for(lambda: judging(worker))
    machines.worker()
    if how == "is killed":
        worker.send_signal(signal.SIGKILL)
    else:
        ip("-n", HUB, "link", "set", network, "down")
    assert client.wait(300) == 0
    assert rows(course) == here


def test_what_three_workers_were_lost_with_could_not_run_and_is_judged_the_next_time(
    handed_in, here, machines, tmp_path
):
    student = CLASS[0]
    course = copy_of(handed_in, tmp_path / "course")
    told = tmp_path / "told.json"
    command = [sys.executable, "-m", "autograder.cli", "grade", str(course.root), ASSIGNMENT]
    command += ["--student", student, "--json", str(told), "--scheduler", machines.address]
    client = subprocess.Popen([*machines.beside_it, *command], stdout=subprocess.DEVNULL, cwd=ROOT)
    for _ in range(MAX_TRIES):
        worker, _ = machines.worker()
        wait_for(lambda worker=worker: opened(worker))
        worker.send_signal(signal.SIGKILL)
    assert client.wait(300) == 0
    (record,) = json.loads(told.read_text())["submissions"]
    assert "3 workers of the cluster ended or were lost with it" in record["reason"]
    machines.worker()
    with machines.reached():
        (again,) = grade_class(course, ASSIGNMENT, [student], scheduler=machines.address)
    assert again.reason == ""
    for table, lines in rows(course).items():
        assert lines == [line for line in here[table] if student in line]


def test_a_worker_with_other_code_is_refused_and_both_are_named(handed_in, machines, tmp_path):
    other = tmp_path / "other"
    for package in ("autograder", "solutions", "course"):
        shutil.copytree(ROOT / package, other / package)
    with (other / "autograder" / "judge.py").open("a") as file:
        file.write("# another version\n")
    machines.worker(other)
    told = r"must have the versions of here, got autograder \w+ here and \w+ there"
    with machines.reached(), pytest.raises(UsageError, match=told):
        grade_class(handed_in, ASSIGNMENT, scheduler=machines.address)


def test_a_scheduler_that_is_not_there_or_has_no_worker_is_named(handed_in, machines, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECTING_SECONDS", 2.0)
    monkeypatch.setattr(cluster, "JOINING_SECONDS", 1.0)
    told = "must have a worker, got none in 1 s; start one with"
    with machines.reached(), pytest.raises(UsageError, match=told):
        grade_class(handed_in, ASSIGNMENT, scheduler=machines.address)
    for address in ("tcp://127.0.0.1:1", "nowhere"):
        with pytest.raises(UsageError, match=f"running Dask scheduler, got {address}"):
            grade_class(handed_in, ASSIGNMENT, scheduler=address)


def test_differences_name_both_versions():
    assert differences({"torch": "2.13.0", "a": "1"}, {"torch": "2.12.0", "a": "1"}) == (
        "torch 2.13.0 here and 2.12.0 there"
    )
