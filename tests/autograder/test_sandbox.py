"""What a student's process can see, reach, use up and leave behind, on each tier.

Each attack is also shown to succeed where the one defence that it aims at is off: an attack that
fails everywhere would prove nothing.
"""

import importlib.metadata
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.errors import SandboxError, WorkerError
from autograder.judging import Workers
from autograder.sandbox import COLD, OPEN, WARM, ChildEnded, Opening, Sandbox, open_sandbox
from autograder.sandbox import child as child_module
from autograder.sandbox import mounts as mounts_module
from autograder.sandbox import tiers as tiers_module
from autograder.session import Session
from autograder.worker import Worker
from tests.autograder.killing import below
from tests.autograder.sandboxed import printed

TOKEN = "planted-" + os.urandom(12).hex()  # what no student's process may find


@pytest.fixture(scope="module", params=[WARM, COLD])
def shut_in(request):
    """A sandbox of each tier."""
    with open_sandbox(request.param) as ready:
        yield ready


@pytest.fixture(scope="module")
def inside(shut_in):
    """A session in the sandbox of each tier, for looking around: nothing may be changed there."""
    with Session(shut_in.spawn()) as started:
        yield started


@pytest.fixture(scope="module")
def outside():
    """A session without any sandbox: the defence that is off."""
    with open_sandbox(OPEN) as ready, Session(ready.spawn()) as started:
        yield started


# --- reading


FIND_ON_DISK = """
import os
found = []
for top in {tops!r}:
    for folder, _, files in os.walk(top):
        for file in files:
            try:
                with open(os.path.join(folder, file), "rb") as f:
                    if {token!r}.encode() in f.read(4_000_000):
                        found.append(file)
            except OSError:
                pass
print("found", found)
"""


def test_nothing_outside_is_on_its_disk(inside, outside, tmp_path):
    planted = tmp_path / "answer.txt"
    planted.write_text(TOKEN)
    everywhere = FIND_ON_DISK.format(tops=[str(tmp_path), "/tmp", "/env", "/etc"], token=TOKEN)
    assert "found []" in printed(inside, everywhere)
    there = FIND_ON_DISK.format(tops=[str(tmp_path)], token=TOKEN)
    assert "answer.txt" in printed(outside, there)


@pytest.mark.parametrize("name", ["torch", "matplotlib", "pyparsing", "six", "ipython", "pyyaml"])
def test_what_a_distribution_holds_is_read_from_its_record_as_the_library_reads_it(name):
    distribution = importlib.metadata.distribution(name)
    assert list(mounts_module._tops(distribution)) == list(
        dict.fromkeys(file.parts[0] for file in distribution.files)
    )


@pytest.mark.parametrize("name", ["solutions", "autograder", "nbgrader", "tests"])
def test_the_reference_and_the_grader_cannot_be_imported(inside, outside, name):
    attempt = f"""
import importlib
try:
    importlib.import_module({name!r})
    print("imported")
except ImportError:
    print("not there")
"""
    assert "not there" in printed(inside, attempt)
    assert "imported" in printed(outside, attempt)


def test_no_line_of_the_reference_is_in_any_file_it_can_read(inside):
    line = "overlaps = box_iou(boxes[order], boxes[order]) > iou_threshold"
    here = Path(__file__).parents[2] / "solutions" / "nms.py"
    assert line in here.read_text()
    search = FIND_ON_DISK.format(tops=["/env", "/tmp", "/etc"], token=line)
    assert "found []" in printed(inside, search)


FIND_IN_MEMORY = """
import re
token = {half!r} + {other!r}
found = 0
for line in open("/proc/self/maps"):
    start, end = (int(part, 16) for part in line.split()[0].split("-"))
    if "r" not in line.split()[1] or "[v" in line:
        continue
    with open("/proc/self/mem", "rb", 0) as memory:
        try:
            memory.seek(start)
            text = memory.read(end - start)
        except (OSError, ValueError, OverflowError):
            continue
        found += len(re.findall(re.escape(token).encode(), text))
print("hits", found > {own})
"""


def test_nothing_of_the_graders_memory_is_in_its_own(shut_in):
    """The warm process is a program of its own: it inherits no memory of the worker's."""
    held = TOKEN * 3
    half, other = TOKEN[:20], TOKEN[20:]
    search = FIND_IN_MEMORY.format(half=half, other=other, own=4)
    with Session(shut_in.spawn()) as session:
        assert "hits False" in printed(session, search)
        session.run(f"planted = [({half!r} + {other!r} + str(i)) for i in range(50)]")
        assert "hits True" in printed(session, search)  # the search itself does find
    assert held


def test_its_environment_and_arguments_say_nothing(monkeypatch):
    monkeypatch.setenv("PLANTED", TOKEN)
    look = "import os\nprint(sorted(os.environ), open('/proc/self/cmdline').read(), "
    look += "open('/proc/self/environ').read(), open('/proc/1/environ').read())"
    with open_sandbox(WARM) as ready, Session(ready.spawn()) as session:
        seen = printed(session, look)
    assert TOKEN not in seen
    assert str(Path(__file__).parents[2]) not in seen
    inherited = subprocess.run(
        [sys.executable, "-c", "print(open('/proc/self/environ').read())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert TOKEN in inherited.stdout


def test_it_holds_no_descriptor_but_its_pipe(inside):
    look = """
import os
kinds = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
         if os.path.exists(f"/proc/self/fd/{fd}") or fd.isdigit() and int(fd) < 3]
print(sum(kind.startswith("socket:") for kind in kinds), [k for k in kinds if
      not k.startswith(("socket:", "/dev/null", "/proc/"))])
"""
    assert printed(inside, look).strip() == "1 []"


def test_it_sees_no_process_but_its_own(inside, outside):
    look = "import os\nprint(len([p for p in os.listdir('/proc') if p.isdigit()]))"
    assert int(printed(inside, look)) == 1
    assert int(printed(outside, look)) > 3


# --- reaching out


CONNECT = """
import socket
try:
    socket.create_connection(("127.0.0.1", {port}), timeout=2)
    print("connected")
except OSError:
    print("no way")
"""


def test_there_is_no_network(inside, outside):
    with socket.create_server(("127.0.0.1", 0)) as server:
        attempt = CONNECT.format(port=server.getsockname()[1])
        assert "no way" in printed(inside, attempt)
        assert "connected" in printed(outside, attempt)


def test_abstract_unix_sockets_of_the_host_are_out_of_reach(inside, outside):
    attempt = f"""
import socket
try:
    socket.socket(socket.AF_UNIX).connect("\\0{TOKEN}")
    print("connected")
except OSError:
    print("no way")
"""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0{TOKEN}")
        server.listen()
        assert "no way" in printed(inside, attempt)
        assert "connected" in printed(outside, attempt)


CALLS = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def refused(result):
    return result < 0
print([name for name, result in {
    "mount": libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
    "unshare": libc.unshare(0x10000000),
    "ptrace": libc.ptrace(0, 0, 0, 0),
    "memfd": libc.syscall(319, b"x", 0),
    "vsock": libc.socket(40, 1, 0),
    "shmget": libc.syscall(29, 7, 4096, 0o1600),
}.items() if not refused(result)])
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of the calls are x86-64's")
def test_calls_into_the_kernels_back_rooms_are_refused(inside, monkeypatch):
    assert printed(inside, CALLS).strip() == "[]"
    monkeypatch.setattr(tiers_module, "filter_program", _filter_that_allows_all)
    with open_sandbox(WARM) as ready, Session(ready.spawn()) as session:
        allowed = printed(session, CALLS)
    assert "unshare" in allowed
    assert "memfd" in allowed


def _filter_that_allows_all():
    return bytes.fromhex("0600 00 00 0000ff7f")


def test_it_has_no_privileges_and_cannot_gain_any(inside):
    status = printed(inside, "print(open('/proc/self/status').read())")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert {fields[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"
    assert "0" not in fields["Uid"].split()


def test_what_it_could_run_on_is_read_only(inside):
    attempt = """
import os
done = []
for path in ("/env/inside.py", "/env/site-packages/course/cases.py", "/etc/x", "/x", "/usr/lib/x",
             "/proc/sys/kernel/core_pattern", "/sys/x"):
    try:
        open(path, "a").write("x")
        done.append(path)
    except OSError:
        pass
print(done)
"""
    assert printed(inside, attempt).strip() == "[]"


def test_its_oom_score_cannot_be_lowered(inside):
    attempt = """
try:
    open("/proc/self/oom_score_adj", "w").write("-1000")
except OSError:
    pass
print(open("/proc/self/oom_score_adj").read())
"""
    assert int(printed(inside, attempt)) >= 0


# --- from one submission to the next


def test_files_of_one_submission_are_gone_in_the_next(shut_in, outside):
    leave = "open('/tmp/left', 'w').write('x')\nopen('/dev/shm/left', 'w').write('x')"
    look = "import os\nprint(os.path.exists('/tmp/left') or os.path.exists('/dev/shm/left'))"
    for expected in ("False", "False"):
        with Session(shut_in.spawn()) as session:
            assert expected in printed(session, look)
            session.run(leave)
            assert "True" in printed(session, look)


def test_nothing_done_to_the_libraries_reaches_the_next_submission(shut_in):
    poison = "import torch\ntorch.equal = lambda *a: True\ntorch.set_default_dtype(torch.float64)"
    look = "import torch\nprint(torch.equal(torch.ones(1), torch.zeros(1)), torch.ones(1).dtype)"
    with Session(shut_in.spawn()) as first:
        first.run(poison)
        assert printed(first, look).strip() == "True torch.float64"
    with Session(shut_in.spawn()) as second:
        assert printed(second, look).strip() == "False torch.float32"


def test_signals_reach_only_its_own_processes(shut_in):
    kill = "import os, signal\nfor target in (-1, 0, 1, 2, os.getppid()):\n"
    kill += "    try:\n        os.kill(target, 9)\n    except OSError:\n        pass\nos._exit(0)"
    with Session(shut_in.spawn()) as beside:
        with Session(shut_in.spawn()) as session, pytest.raises(ChildEnded):
            session.run(kill)
        for other in (beside, Session(shut_in.spawn())):
            with other:
                assert printed(other, "print('alive')").strip() == "alive"


def test_processes_that_it_started_end_with_it(shut_in):
    daemons = "import os, time\nfor _ in range(5):\n    if os.fork() == 0:\n        os.setsid()\n"
    daemons += "        time.sleep(1000)\n        os._exit(0)"
    with Session(shut_in.spawn()) as session:
        session.run(daemons)
        pids = below(session._child.pid)
        assert len(pids) == 5
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


# --- using up


@pytest.fixture
def impatient(monkeypatch):
    """Short limits, so that a test of them is short."""
    from autograder import session as session_module

    monkeypatch.setattr(session_module, "CELL", session_module.Limits(cpu=0.5, wall=2))
    monkeypatch.setattr(session_module, "CALL", session_module.Limits(cpu=0.5, wall=2))


BOMBS = {
    "endless loop": ("while True: pass", "took too long"),
    "endless sleep": ("import time\ntime.sleep(10**6)", "took too long"),
    "ignores interrupts": (
        "import signal\nfor s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except OSError: pass\nwhile True:\n    try:\n        while True: pass\n"
        "    except BaseException: pass",
        "took too long",
    ),
    "exit": ("import os\nos._exit(0)", "died"),
    "crash": ("import ctypes\nctypes.string_at(0)", "died"),
    "forks": (
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        "took too long|too much memory",
    ),
    "threads": (
        "import threading\ndef f():\n    while True: pass\nwhile True:\n    try:\n"
        "        threading.Thread(target=f, daemon=True).start()\n    except RuntimeError: pass",
        "took too long",
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_ends_its_own_process_and_nothing_else(worker, impatient, bomb):
    source, kind = BOMBS[bomb]
    with worker.session() as session, pytest.raises(ChildEnded, match=kind):
        session.run(source)
    assert worker.control()


MEMORY_BOMBS = {
    "private": "x = []\nwhile True: x.append(bytearray(50 << 20))",
    "shared": "import mmap\nk = []\nwhile True:\n    m = mmap.mmap(-1, 50 << 20)\n"
    "    m.write(b'1' * (50 << 20))\n    k.append(m)",
    "forked": "import os\nk = []\nfor _ in range(20):\n    if os.fork() == 0:\n        break\n"
    "while True: k.append(bytearray(20 << 20))",
}


@pytest.mark.parametrize("bomb", MEMORY_BOMBS)
def test_memory_is_limited_over_all_its_processes(worker, bomb):
    with worker.session() as session:
        try:
            ended = session.run(MEMORY_BOMBS[bomb]).error
        except ChildEnded as error:
            ended = error.kind
    assert ended in ("MemoryError", "OSError", "used too much memory", "died")
    assert worker.control()


def test_the_memory_watch_is_what_ends_many_processes(worker, monkeypatch):
    source = (
        "import os, time\nk = bytearray(300 << 20)\nfor _ in range(6):\n    if os.fork() == 0:\n"
    )
    source += "        k = [bytes([i % 256]) * (50 << 20) for i in range(6)]\n"
    source += "        time.sleep(100)\ntime.sleep(2)"
    monkeypatch.setattr(child_module, "MAX_MEMORY", 1 << 30)
    with worker.session() as session, pytest.raises(ChildEnded, match="too much memory"):
        session.run(source)


def test_its_disk_is_small(session):
    fill = """
try:
    with open("/tmp/big", "wb") as file:
        for _ in range(100):
            file.write(bytes(20 << 20))
    print("unlimited")
except OSError:
    print("full")
"""
    assert "full" in printed(session, fill)


def test_endless_output_is_cut(session):
    result = session.run("for i in range(200_000): print('x' * 50)")
    text = "".join(text for _, text in result.outputs)
    assert len(text) <= 60_000
    assert "output cut here" in text


# --- the pipe


FORGE = """
import os, socket, struct
fd = next(int(f) for f in os.listdir("/proc/self/fd")
          if os.readlink(f"/proc/self/fd/{f}").startswith("socket:"))
pipe = socket.socket(fileno=os.dup(fd))
"""


@pytest.mark.parametrize(
    "frame",
    [
        "struct.pack('>I', 5) + b'hello'",
        "struct.pack('>I', 2**32 - 1) + b'x' * 100",
        "b'\\0'",
        "b'\\0' * 100_000",
        "struct.pack('>I', 20) + struct.pack('>I', 16) + b'[' * 16",
    ],
)
def test_forged_frames_end_the_process_and_reach_nothing(worker, impatient, frame):
    def attack(session):
        session.run(FORGE + f"pipe.send({frame})")
        session.run("x = 1")

    with worker.session() as session, pytest.raises(ChildEnded):
        attack(session)
    assert worker.control()


AHEAD = (
    FORGE
    + """
from course.values import dump
def ahead(x):
    data = dump({"id": 3, "outcome": {"kind": "value", "value": "forged"}, "after": [1]})
    pipe.send(struct.pack(">I", len(data)) + data)
    data = dump({"id": 2, "outcome": {"kind": "value", "value": "mine"}, "after": [1]})
    pipe.send(struct.pack(">I", len(data)) + data)
    import time
    time.sleep(1000)
"""
)


def test_an_answer_in_advance_is_noticed(worker, impatient):
    """A reply written before its request is a surplus frame, or one out of turn."""
    with worker.session() as session:
        session.run(AHEAD)
        with pytest.raises(ChildEnded, match="broke the protocol"):
            session.subject("ahead").call([1])


# --- having none


def test_without_bubblewrap_grading_is_refused_with_the_cure(monkeypatch):
    monkeypatch.setattr(tiers_module.shutil, "which", lambda name: None)
    for opened in (open_sandbox, lambda: Opening().result()):
        with pytest.raises(SandboxError, match="apt-get install -y bubblewrap"):
            opened()


def test_where_nested_namespaces_are_refused_the_cold_tier_serves(monkeypatch):
    spawn = Sandbox._spawn

    def refused(self):
        if self.tier == WARM:
            raise OSError("unshare: Operation not permitted")
        return spawn(self)

    monkeypatch.setattr(Sandbox, "_spawn", refused)
    with open_sandbox() as ready:
        assert ready.tier == COLD


def test_the_control_fails_when_the_sandbox_is_gone():
    with Worker(WARM) as broken:
        assert broken.control()
        assert broken.sandbox._warm is not None
        broken.sandbox._warm.kill()
        broken.sandbox._warm.wait()
        assert not broken.control()


def test_closing_leaves_no_process_and_no_file():
    before = set(Path("/tmp").glob("autograder-*"))
    ready = open_sandbox(WARM)
    assert ready._warm is not None
    pid = ready._warm.pid
    child = ready.spawn()
    ready.close()
    child.close()
    assert not Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{child.pid}/exe").exists()
    assert set(Path("/tmp").glob("autograder-*")) <= before


def test_the_sandbox_never_starts_as_root():
    with open_sandbox(WARM) as ready:
        assert ready._warm is not None
        status = Path(f"/proc/{ready._warm.pid}/status").read_text()
    uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
    assert set(uids) == {"65534" if os.geteuid() == 0 else str(os.geteuid())}


# --- what lessons need


SCENES = """
import hashlib
from course.scenes import PHOTOGRAPHS, photograph, scene
made = [scene(7), *map(photograph, PHOTOGRAPHS)]
for item in made:
    print(hashlib.sha256(item.image.numpy().tobytes() + item.masks.numpy().tobytes()).hexdigest())
"""


def test_scenes_and_photographs_inside_are_those_outside(inside, capsys):
    exec(SCENES, {})
    assert printed(inside, SCENES) == capsys.readouterr().out


def test_a_sandbox_that_starts_ahead_is_the_one_that_is_used():
    opening = Opening()
    ready = opening.result()
    with Workers(ahead=opening) as workers:
        for _ in range(2):
            with Session(ready.spawn()) as session:
                assert "1" in printed(session, "print(1)")
        assert workers.get().sandbox is ready
        assert opening.result() is ready
    with pytest.raises(WorkerError):
        ready.spawn()


def test_a_sandbox_that_starts_ahead_can_be_closed_before_it_is_ready():
    before = set(below(os.getpid()))
    opening = Opening()
    (warm,) = set(below(os.getpid())) - before
    opening.close()
    assert not Path(f"/proc/{warm}").exists()


def test_a_sandbox_that_is_killed_as_it_starts_is_not_waited_for_and_leaves_nothing(
    monkeypatch, tmp_path
):
    number = tmp_path / "number"
    halves = f"echo its last words >&2; sleep 300 & echo $! > {number}; exec sleep 300"
    monkeypatch.setattr(tiers_module, "START_SECONDS", 0.5)
    monkeypatch.setattr(tiers_module, "_bubblewrap", lambda *_: (["sh", "-c", halves], b""))
    start = time.monotonic()
    with pytest.raises(SandboxError, match="its last words"):
        open_sandbox(WARM)
    assert time.monotonic() - start < 30  # the second half holds the pipe of what it says
    second = Path(f"/proc/{number.read_text().strip()}")
    deadline = time.monotonic() + 5
    while second.exists() and "Z" not in (second / "stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
