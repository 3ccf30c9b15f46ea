"""One process of a student's, seen from outside: frames over a socket, clocks, and the end."""

import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

MAX_FRAME = 64 << 20
MAX_MEMORY = 3 << 30  # of all processes of the child together
INODE = 1024  # bytes of memory that an empty file takes
TICK = 0.05  # seconds between two looks at the clocks
TICKS = os.sysconf("SC_CLK_TCK")


class ChildEnded(Exception):
    """The child is gone or is treated as gone; `kind` says which way it went."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


# The kinds of end.
DIED, TOO_LONG, TOO_MUCH_MEMORY, BROKE_PROTOCOL = (
    "died", "took too long", "used too much memory", "broke the protocol",
)  # fmt: skip


@dataclass(frozen=True)
class Usage:
    """CPU seconds and bytes of memory of all processes of a child."""

    cpu: float
    memory: int


class Child:
    """A process that runs one submission's code."""

    def __init__(
        self, connection: socket.socket, pidfd: int, process: subprocess.Popen[bytes] | None
    ) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.pidfd = pidfd
        self.pid = _pid_of(pidfd)
        self._process = process
        self._received = bytearray()

    def send(self, data: bytes, deadline: float) -> None:
        """Send one frame, or raise ChildEnded."""
        view = memoryview(struct.pack(">I", len(data)) + data)
        while view:
            try:
                view = view[self.connection.send(view) :]
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ChildEnded(TOO_LONG) from None
                select.select([], [self.connection], [], TICK)
            except OSError:
                raise ChildEnded(DIED) from None

    def receive(self, cpu_seconds: float, wall_seconds: float) -> bytes:
        """Return the next frame, or raise ChildEnded when a limit is passed first."""
        start = time.monotonic()
        look = start + TICK  # also when bytes keep coming in, however few
        used: float | None = None
        while True:
            frame = self._frame()
            if frame is not None:
                return frame
            readable, _, _ = select.select([self.connection], [], [], TICK)
            if readable:
                self._read()
                if time.monotonic() < look:
                    continue
            look = time.monotonic() + TICK
            usage = self.usage()
            used = usage.cpu if used is None else used
            if usage.memory > MAX_MEMORY:
                raise ChildEnded(TOO_MUCH_MEMORY)
            if usage.cpu - used > cpu_seconds or time.monotonic() - start > wall_seconds:
                raise ChildEnded(TOO_LONG)

    def expect_silence(self) -> None:
        """Raise ChildEnded when the child has sent anything that was not asked for."""
        if not self._received:
            readable, _, _ = select.select([self.connection], [], [], 0)
            if readable:
                self._read()
        if self._received:
            raise ChildEnded(BROKE_PROTOCOL)

    def _frame(self) -> bytes | None:
        if len(self._received) < 4:
            return None
        (length,) = struct.unpack_from(">I", self._received)
        if length > MAX_FRAME:
            raise ChildEnded(BROKE_PROTOCOL)
        if len(self._received) < 4 + length:
            return None
        frame = bytes(self._received[4 : 4 + length])
        del self._received[: 4 + length]
        return frame

    def _read(self) -> None:
        try:
            part = self.connection.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if not part:
            raise ChildEnded(DIED)
        self._received += part

    def usage(self) -> Usage:
        """Return what the child and all that it started use now."""
        cpu, memory, waiting = 0.0, _in_files(self.pid), [self.pid]
        while waiting:
            pid = waiting.pop()
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                cpu += sum(map(int, fields[11:15])) / TICKS
                status = Path(f"/proc/{pid}/status").read_text()
                for line in status.splitlines():
                    if line.startswith(("RssAnon:", "RssShmem:")):
                        memory += int(line.split()[1]) << 10
                for task in Path(f"/proc/{pid}/task").iterdir():
                    waiting += map(int, (task / "children").read_text().split())
        return Usage(cpu, memory)

    def close(self) -> None:
        """End the child and, with its pid namespace, all that it started."""
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        self.connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stderr is not None:
                self._process.stderr.close()
        with contextlib.suppress(OSError):
            select.select([self.pidfd], [], [], 5.0)  # readable once it has ended
            os.close(self.pidfd)


def _in_files(pid: int) -> int:
    """Return the memory that a child's own temporary folders take; 0 where they cannot be seen."""
    memory = 0
    for top in ("/tmp", "/dev/shm"):
        with contextlib.suppress(OSError):
            theirs = f"/proc/{pid}/root{top}"
            if os.stat(theirs).st_dev != os.stat(top).st_dev:  # without a sandbox it is ours
                found = os.statvfs(theirs)
                memory += (found.f_blocks - found.f_bfree) * found.f_frsize
                memory += (found.f_files - found.f_ffree) * INODE
    return memory


def _pid_of(pidfd: int) -> int:
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    raise OSError("the kernel does not tell a pidfd's process")
