"""Code that runs in a process of its own, which may mount what no other process sees."""

import ctypes
import io
import multiprocessing
import os
import subprocess
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from autograder.cli import app, main

NEW_MOUNTS, NEW_USER = 0x00020000, 0x10000000


def mount(*arguments: str) -> None:
    """Run `mount`."""
    subprocess.run(["mount", *arguments], check=True)


def make_read_only(folder: Path) -> None:
    """Let nobody write in a folder, root included."""
    mount("--bind", str(folder), str(folder))
    mount("-o", "remount,bind,ro", str(folder))


def apart(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return what `work` returns in a forked process with mounts of its own."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    kind, said = ours.recv()
    process.join()
    if kind == "skip":
        pytest.skip(said)
    assert kind == "done", said
    return said


def _child(end: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        _leave_the_mounts()
    except OSError as error:
        end.send(("skip", f"this test mounts a small disk, and may not here: {error}"))
        return
    try:
        end.send(("done", work(*arguments)))
    except BaseException:
        end.send(("failed", traceback.format_exc()))


def _leave_the_mounts() -> None:
    user, group = os.getuid(), os.getgid()
    flags = NEW_MOUNTS if user == 0 else NEW_MOUNTS | NEW_USER
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    done = subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, text=True)
    if done.returncode:
        raise OSError(done.stderr.strip())


def command(*arguments: str) -> tuple[int, str]:
    """Run the grader's command line here; return its exit code and what it wrote."""
    heard = io.StringIO()
    with redirect_stdout(heard), redirect_stderr(heard):
        try:
            main(lambda: app(list(arguments), standalone_mode=False))
        except SystemExit as ended:
            return int(ended.code or 0), heard.getvalue()
    return 0, heard.getvalue()
