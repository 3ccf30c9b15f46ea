"""The tiers of the sandbox, from a warm process that forks to none at all.

`warm`: bubblewrap around one process that has imported everything and forks a child for each
submission, each child in namespaces of its own (about 30 ms). `cold`: one bubblewrap for each
submission, where nested namespaces are refused. `open`: no sandbox, only when asked for by name.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from autograder.errors import SandboxError, WorkerError
from autograder.sandbox import mounts as seen
from autograder.sandbox.child import Child
from autograder.sandbox.seccomp import filter_program

WARM, COLD, OPEN = "warm", "cold", "open"
START_SECONDS = 120.0
HOW_TO_GET_ONE = """\
No sandbox can be had on this machine: {reason}.
Students' code must not run without one. What helps:
  - install bubblewrap:  sudo apt-get install -y bubblewrap
  - allow user namespaces (some distributions switch them off):
        sudo sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000
        sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0
  - in a container, allow nesting:
        docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined \\
            --security-opt systempaths=unconfined --cap-add SYS_ADMIN IMAGE autograder grade ...
`--no-sandbox` runs students' code with all your rights: only for code that you wrote yourself."""


class Sandbox:
    """One tier that starts children, the first one taking longest; close it when done."""

    def __init__(self, tier: str) -> None:
        self.tier = tier
        self._filter = filter_program() if tier != OPEN else b""
        self._control: socket.socket | None = None
        self._warm: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._spare: Child | None = None

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process of the sandbox."""
        if self._spare is not None:
            self._spare.close()
        if self._control is not None:
            self._control.close()
        if self._warm is not None:
            _end(self._warm)

    def spawn(self) -> Child:
        """Return a child: a fresh process for one submission's code."""
        child, self._spare = self._spare or self._spawn(), None
        return child

    def prepare(self) -> None:
        """Start the next child now; raises what `spawn` would."""
        self._spare = self._spare or self._spawn()

    def start(self) -> None:
        """Start the process that forks children, if this tier has one; do not wait for it."""
        if self.tier == WARM and self._control is None:
            ours, theirs = socket.socketpair()
            with contextlib.ExitStack() as undo, theirs:
                undo.callback(ours.close)
                self._warm = self._start(theirs)
                undo.pop_all()
            self._control = ours

    def _spawn(self) -> Child:
        self.start()
        if self._control is not None and not self._ready:
            self._await(self._control, self._warm, b"w")
            self._ready = True
        with contextlib.ExitStack() as undo:
            ours, theirs = socket.socketpair()
            undo.callback(ours.close)
            with theirs:
                process = self._start(theirs) if self._control is None else None
                if self._control is not None:
                    self._ask_for_child(theirs)
            pidfd = self._await(ours, process or self._warm, b".")
            undo.pop_all()
        return Child(ours, pidfd, process)

    def _ask_for_child(self, theirs: socket.socket) -> None:
        assert self._control is not None
        try:
            socket.send_fds(self._control, [b"f"], [theirs.fileno()])
        except OSError as error:
            raise WorkerError("the warm process has ended") from error

    def _start(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        arguments = [self.tier, "", "", str(theirs.fileno())]
        with os.fdopen(os.memfd_create("filter"), "r+b") as filter_file:
            filter_file.write(self._filter)
            filter_file.seek(0)
            passed = [theirs.fileno()]
            if self.tier == OPEN:
                program = str(Path(__file__).parent / "inside.py")
                arguments[1] = os.pathsep.join(_open_path())
                command = [sys.executable, "-I", "-S", "-B", program, *arguments]
                request = b""
            else:
                passed.append(filter_file.fileno())
                arguments[1:3] = [seen.PACKAGES, seen.FILTER]
                inside = ["-I", "-S", "-B", seen.INSIDE, *arguments]
                command, request = _bubblewrap(inside, filter_file.fileno())
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=passed,
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"},
                start_new_session=True,
            )
        assert process.stdin is not None
        process.stdin.write(request)
        process.stdin.close()
        return process

    def _await(
        self, ours: socket.socket, process: subprocess.Popen[bytes] | None, sign: bytes
    ) -> int:
        """Return the descriptor that comes with the sign that a process is ready, or -1."""
        assert process is not None
        ready, _, _ = select.select([ours], [], [], START_SECONDS)
        data, fds = b"", list[int]()
        if ready:
            data, fds, _, _ = socket.recv_fds(ours, 1, 1)
        if data == sign:
            return fds[0] if fds else -1
        alive = _runs(process) and self.tier == WARM and sign == b"."
        message = "" if alive else _last_words(process)
        raise WorkerError(f"the {self.tier} sandbox did not start a process: {message}".strip(": "))


def _bubblewrap(arguments: list[str], filter_file: int) -> tuple[list[str], bytes]:
    """Return the command that starts bubblewrap, and what it reads from standard input."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise SandboxError("bubblewrap is not installed")
    pairs = seen.mounts()
    root = os.geteuid() == 0
    binds: list[str] = []
    for number, (source, target) in enumerate(pairs):
        binds += ["--ro-bind", f"{seen.STAGING}/{number}" if root else str(source), target]
    for folder in seen.hidden():
        binds += ["--tmpfs", folder, "--remount-ro", folder]
    program = [
        bwrap, "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1",
        "--hostname", "sandbox", "--clearenv",
        "--setenv", "OMP_NUM_THREADS", "1", "--setenv", "LANG", "C.UTF-8",
        "--setenv", "MPLCONFIGDIR", "/tmp/.mpl", "--setenv", "HOME", "/tmp",
        *binds, "--ro-bind-data", str(filter_file), seen.FILTER,
        "--proc", "/proc", "--dev", "/dev",
        "--size", str(64 << 20), "--tmpfs", "/dev/shm", "--remount-ro", "/dev",
        "--size", str(256 << 20), "--tmpfs", "/tmp",
        "--remount-ro", "/", "--chdir", "/tmp",
        str(Path(sys.executable).resolve()), *arguments,
    ]  # fmt: skip
    if not root:
        return program, b""
    request = {"staging": seen.STAGING, "mounts": [str(path) for path, _ in pairs]}
    stage = str(Path(__file__).parent / "staging.py")
    content = json.dumps({**request, "program": program}).encode()
    return [sys.executable, "-I", "-S", "-B", stage], content


def _last_words(process: subprocess.Popen[bytes]) -> str:
    _kill(process)
    assert process.stderr is not None
    os.set_blocking(process.stderr.fileno(), False)  # whoever else holds it says nothing any more
    said = (process.stderr.read(4000) or b"").decode(errors="replace").strip()
    process.stderr.close()
    return said[-600:]


def _end(process: subprocess.Popen[bytes]) -> None:
    _kill(process)
    if process.stderr is not None:
        process.stderr.close()


def _runs(process: subprocess.Popen[bytes]) -> bool:
    """Return whether a process runs; it stays to be waited for, so its number stays its own."""
    if process.returncode is not None:
        return False
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:  # this process was forked from the one that started it
        return False


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process with its group: bubblewrap, killed as it starts, leaves its second half."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()


def _open_path() -> list[str]:
    """Return the grader's own search path: without a sandbox nothing is hidden."""
    return [*filter(None, sys.path), str(seen.course_package().parent)]


def open_sandbox(tier: str | None = None, started: Sandbox | None = None) -> Sandbox:
    """Return the best sandbox that this machine allows, or of the tier asked for.

    `started` is one that was told to start before; it is taken if it is of the tier wanted.
    Raises SandboxError, which says how to get one, where there is none.
    """
    reasons = []
    for candidate in [tier] if tier else [WARM, COLD]:
        taken = started is not None and started.tier == candidate
        sandbox = started if started is not None and taken else Sandbox(candidate)
        try:
            sandbox.prepare()
            return sandbox
        except (WorkerError, SandboxError, OSError) as error:
            sandbox.close()
            reasons.append(f"{candidate}: {error}")
    raise SandboxError(HOW_TO_GET_ONE.format(reason="; ".join(reasons)))


class Opening:
    """A sandbox that starts while its owner goes on importing; `result` waits for it.

    There is no thread in this: bubblewrap ends with the thread that started it.
    """

    def __init__(self, tier: str | None = None) -> None:
        self._tier = tier
        self._sandbox = Sandbox(tier or WARM)
        self._ready = False
        with contextlib.suppress(SandboxError, OSError):  # `result` meets it again, and tells
            self._sandbox.start()

    def result(self) -> Sandbox:
        """Return the sandbox once it is ready; raises what `open_sandbox` would."""
        if not self._ready:
            self._sandbox = open_sandbox(self._tier, self._sandbox)
            self._ready = True
        return self._sandbox

    def close(self) -> None:
        """End the sandbox, ready or not."""
        self._sandbox.close()
