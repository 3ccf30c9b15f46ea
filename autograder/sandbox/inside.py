"""The program inside the sandbox: it runs a student's cells and calls their functions.

Nothing here is trusted by the grader: whatever this process says is data to be compared. It knows
no case, no expected value and no secret; it holds one socket. It is one file, long as it is,
because nothing else of the grader's is bound into the sandbox. Started as
`python -I -S inside.py MODE PACKAGES FILTER FD`, MODE being

- `warm`: import the libraries, then fork a child in namespaces of its own for each socket that
  arrives on FD; the parent runs no student's code.
- `cold`: be that child at once, FD being its socket; the sandbox around it is its own.
- `open`: the same without any sandbox, limits or filter (`--no-sandbox`).
"""

import array
import base64
import ctypes
import gc
import io
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

MODE, PACKAGES, FILTER, FD = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
for entry in reversed(PACKAGES.split(os.pathsep)):
    if entry:
        sys.path.insert(0, entry)

NEW_NAMESPACES = 0x10000000 | 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_DUMPABLE = 38, 22, 24, 4
GIB = 1 << 30
MAX_FRAME = 256 << 20
MAX_TEXT = 40_000  # characters that one cell may print
MAX_IMAGES = 20
OWN_ENVIRONMENT = {
    "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1",
    "MPLBACKEND": "Agg", "MPLCONFIGDIR": "/tmp/.mpl", "IPYTHONDIR": "/tmp/.ipython",
}  # fmt: skip


def check(result: int, what: str) -> None:
    """Raise OSError when a call into the C library failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def enter_namespaces(libc: ctypes.CDLL) -> None:
    """Give this process its own user, mount, pid, net, ipc and uts namespaces, and become pid 1."""
    user, group = os.getuid(), os.getgid()
    check(libc.unshare(NEW_NAMESPACES), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    if os.fork():
        os._exit(0)  # the first process of the new pid namespace lives on
    os.setsid()  # a group of its own: kill(0) reaches a whole group, whatever the namespaces
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    check(libc.mount(b"proc", b"/proc", b"proc", flags, None), "mount /proc")
    check(libc.mount(b"tmpfs", b"/tmp", b"tmpfs", flags, b"size=256m,nr_inodes=20k"), "mount /tmp")
    check(libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", flags, b"size=64m"), "mount /dev/shm")


def drop_everything(libc: ctypes.CDLL) -> None:
    """Give up all capabilities and lay on the limits and the filter of system calls."""
    os.nice(5)  # however many processes it starts, the watch outside gets its turn
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = struct.pack("Ii", 0x20080522, 0)
    check(libc.capset(header, bytes(24)), "capset")
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_NPROC, 64),
        (resource.RLIMIT_FSIZE, 256 << 20),
        (resource.RLIMIT_DATA, 4 * GIB),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    if FILTER:
        with open(FILTER, "rb") as file:
            program = file.read()
        code = ctypes.create_string_buffer(program, len(program))
        packed = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
        check(libc.prctl(PR_SET_SECCOMP, 2, packed, 0, 0), "seccomp")


class Pipe:
    """The one way out: frames of a length and that many bytes."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def send(self, data: bytes) -> None:
        """Send one frame."""
        self.connection.sendall(struct.pack(">I", len(data)) + data)

    def receive(self) -> bytes:
        """Return the next frame; the grader closing the pipe ends this process."""
        (length,) = struct.unpack(">I", self._exactly(4))
        if length > MAX_FRAME:
            os._exit(3)
        return self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            part = self.connection.recv(min(count, 1 << 20))
            if not part:
                os._exit(0)
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def import_libraries() -> None:
    """Import what students use, so that a forked child starts at once.

    No torch operation and no thread may start here: a fork would lose the thread.
    """
    import importlib

    os.environ.update(OWN_ENVIRONMENT)
    for name in (
        "numpy", "torch", "torch.nn.functional", "matplotlib.pyplot", "safetensors.torch",
        "IPython.core.interactiveshell", "course", "course.outcome", "course.values",
        "course.check", "course.draw", "course.draw.axes", "course.draw.images",
        "course.draw.marks", "course.rcnn", "course.scenes", "course.similarities",
        "course.training", "course.views", "course.widgets",
    ):  # fmt: skip
        importlib.import_module(name)


class Capped:
    """A text stream that keeps the beginning of what is written to it."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.left = MAX_TEXT

    def write(self, text: str) -> int:
        """Keep what there is room for."""
        if self.left > 0:
            self.parts.append(text[: self.left])
            self.left -= len(text)
            if self.left <= 0:
                self.parts.append("\n[output cut here]\n")
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        """It is no terminal."""
        return False

    encoding = "utf-8"
    errors = "replace"


class Notebook:
    """A shell that runs cells and keeps what they display."""

    def __init__(self) -> None:
        from IPython.core.displayhook import DisplayHook
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        class Show(DisplayHook):
            def __call__(hook, value: object = None) -> None:
                self._show(value)

        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        self.shell = InteractiveShell.instance(config=config)
        self.shell.display_pub.publish = self._display
        self.shell.displayhook = Show(shell=self.shell, parent=self.shell)
        self.shell.display_trap.hook = self.shell.displayhook
        self.shell.showtraceback = self._traceback
        self.shell.showsyntaxerror = self._traceback
        self.outputs: list[list[str]] = []
        self.subject: object = None

    def namespace(self) -> dict[str, Any]:
        """Return the student's names."""
        names: dict[str, Any] = self.shell.user_ns
        return names

    def _display(self, data: dict[str, Any], *arguments: object, **options: object) -> None:
        for kind in ("image/png", "text/plain"):
            if kind in data and len(self.outputs) < 10 * MAX_IMAGES:
                content = data[kind]
                if isinstance(content, bytes):
                    content = base64.b64encode(content).decode()
                self.outputs.append([kind, str(content)[: 4 * MAX_TEXT * MAX_IMAGES]])
                return

    def _show(self, value: object = None) -> None:
        if value is not None:
            data, _ = self.shell.display_formatter.format(value)
            self._display(data)

    def _traceback(self, *arguments: object, **options: object) -> None:
        """Errors are reported once, by `run`."""

    def run(self, source: str) -> dict[str, Any]:
        """Run a cell; return its outputs and the error that ended it."""
        self.outputs = []
        out, err = Capped(), Capped()
        old = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = out, err
        try:
            result = self.shell.run_cell(source, store_history=False)
            self._figures()
        finally:
            sys.stdout, sys.stderr = old
        texts = [["stdout", "".join(out.parts)], ["stderr", "".join(err.parts)]]
        outputs = [pair for pair in texts if pair[1]] + self.outputs
        error = result.error_before_exec or result.error_in_exec
        return {"outputs": outputs, "error": describe(error) if error is not None else None}

    def _figures(self) -> None:
        plot = sys.modules.get("matplotlib.pyplot")
        if plot is None:
            return
        for number in plot.get_fignums()[:MAX_IMAGES]:
            file = io.BytesIO()
            plot.figure(number).savefig(file, format="png", dpi=72, bbox_inches="tight")
            self.outputs.append(["image/png", base64.b64encode(file.getvalue()).decode()])
        plot.close("all")


def ask(pipe: Pipe, name: str) -> Callable[..., Any]:
    """Return a function that the grader answers, to stand for one of the student's."""
    from course.values import dump, load

    def given(*arguments: Any, **named: Any) -> Any:
        pipe.send(dump({"ask": name, "arguments": list(arguments), "named": named}))
        answer = load(pipe.receive())
        if "refused" in answer:
            raise ValueError(answer["refused"])
        return answer["value"]

    given.__name__ = name
    return given


def describe(error: BaseException) -> dict[str, Any]:
    """Return an exception as data."""
    from course.outcome import NotAnswered, raised

    outcome = raised(error)
    known = {"type": outcome.error, "text": outcome.detail, "line": outcome.line}
    if isinstance(error, NotAnswered):
        known["exercise"] = str(error.exercise)[:200]
    if isinstance(error, NameError):
        known["name"] = str(error.name)[:200]
    return known


def serve(pipe: Pipe, notebook: Notebook) -> None:
    """Answer the grader's requests, one after another."""
    from course.outcome import RAISED, LocalSubject, Outcome
    from course.values import dump, load

    keeper = LocalSubject(None)
    while True:
        request = load(pipe.receive())
        reply: dict[str, Any] = {"id": request["id"]}
        verb = request["verb"]
        names = notebook.namespace()
        if verb == "run":
            reply.update(notebook.run(request["source"]))
        elif verb == "defined":
            reply["defined"] = [name for name in request["names"] if name in names]
        elif verb == "read":
            found = request["name"] in names
            reply.update(found=found, value=names.get(request["name"]))
        elif verb == "replace":
            for name in request["names"]:
                names[name] = ask(pipe, name)
        else:
            outcome, after = perform(keeper, names, request)
            reply.update(outcome=vars(outcome), after=after)
        try:
            data = dump(reply)
        except Exception as error:  # a result that resists being written down
            failed = Outcome(RAISED, error=type(error).__name__, detail="the result is no value")
            data = dump({"id": request["id"], "outcome": vars(failed), "after": None})
        pipe.send(data)


def perform(keeper: Any, names: dict[str, Any], request: dict[str, Any]) -> tuple[Any, Any]:
    """Carry out `call`, `train`, `fill`, `apply` or `parameters`; return outcome and arguments."""
    from course.outcome import RAISED, Outcome

    arguments = list(request.get("arguments", []))
    old = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Capped(), Capped()
    try:
        if request["verb"] == "call":
            function = names.get(request["name"])
            if not callable(function):
                return Outcome(RAISED, error="NameError", detail="no such function"), None
            outcome = keeper.invoke(function, arguments, request["gradients"])
        elif request["verb"] == "train":
            keeper.function = names.get(request["name"])
            keeper.trained.clear()
            outcome = keeper.train(arguments, request["training"])
        elif request["verb"] == "fill":
            outcome = keeper.fill(request["handle"])
        elif request["verb"] == "apply":
            outcome = keeper.invoke(keeper.modules[request["handle"].number], arguments)
        else:
            outcome = keeper.parameters(request["handle"])
    finally:
        sys.stdout, sys.stderr = old
    return outcome, arguments


def become_child(connection: socket.socket, notebook: Notebook, nested: bool) -> None:
    """Shut this process in, say that it is ready, and serve until the pipe closes."""
    libc = ctypes.CDLL(None, use_errno=True)
    if nested:
        enter_namespaces(libc)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.close(null)
    own = os.pidfd_open(os.getpid())
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [own]))]
    connection.sendmsg([b"."], rights)
    os.close(own)
    os.environ.clear()
    os.environ.update(OWN_ENVIRONMENT)
    os.chdir("/tmp")
    if MODE != "open":
        drop_everything(libc)
    serve(Pipe(connection), notebook)


def fork_children(control: socket.socket, notebook: Notebook) -> None:
    """Fork a child for each socket that arrives on `control`, until it closes."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control.sendall(b"w")
    while True:
        data, rights, _, _ = control.recvmsg(1, socket.CMSG_SPACE(4))
        if not data:
            os._exit(0)
        (fd,) = array.array("i", rights[0][2][:4])
        if os.fork():
            os.close(fd)
            continue
        try:
            control.close()
            become_child(socket.socket(fileno=fd), notebook, nested=True)
        except BaseException as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
        finally:
            os._exit(4)


def main() -> None:
    """Start in the mode that the arguments name."""
    gc.disable()  # looking for cycles all along takes a third of the time
    import_libraries()
    notebook = Notebook()
    gc.collect()
    gc.freeze()  # else a child's first collection copies every page that it looks at
    gc.enable()
    connection = socket.socket(fileno=FD)
    if MODE == "warm":
        fork_children(connection, notebook)
    else:
        become_child(connection, notebook, nested=False)


if __name__ == "__main__":
    main()
