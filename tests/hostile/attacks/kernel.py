"""Class 9: links in the folder that is handed in, privileges, and calls into the kernel."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

from tests.hostile.attack import BROKEN, MARK, SCORE, Attack

FILTER = "the filter of system calls refuses it"
NOTEBOOK = "03_nms.ipynb"
CALL = """
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    whole = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]  # all 64 bits
    return libc.syscall(number, *whole)
"""


def system_call(
    name: str,
    tries: str,
    body: str,
    control: str = "no_filter",
    why: str = FILTER,
    needs: Callable[[], bool] | None = None,
) -> Attack:
    """Return an attack by calls of x86-64's numbers."""
    return Attack(name, 9, tries, MARK, why, control, first=CALL + body, needs=needs)


def kernel_has_io_uring() -> bool:
    """Return whether this machine's kernel lets anybody set up io_uring."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.syscall(425, 4, ctypes.create_string_buffer(256))
    if handle >= 0:
        os.close(handle)
    return bool(handle >= 0)


def link_file(folder: Path) -> None:
    """Hand in a link to the notebook of somebody who is right."""
    (folder / NOTEBOOK).unlink()
    (folder / NOTEBOOK).symlink_to(Path("..", "..", "honest_right", "03_nms", NOTEBOOK))


def link_folder(folder: Path) -> None:
    """Hand in a link to the folder of somebody who is right."""
    (folder / NOTEBOOK).unlink()
    folder.rmdir()
    folder.symlink_to(Path("..", "honest_right", "03_nms"))


def link_books(folder: Path) -> None:
    """Hand in links to the gradebook and the secret as pictures, and as the notebook."""
    (folder / NOTEBOOK).unlink()
    (folder / NOTEBOOK).symlink_to(Path("..", "..", "..", "gradebook.db"))
    for name in ("a.png", "timestamp.txt"):
        (folder / name).symlink_to(Path("..", "..", "..", "gradebook.db"))


def pipe_for_a_file(folder: Path) -> None:
    """Hand in a pipe, which never ends."""
    (folder / NOTEBOOK).unlink()
    os.mkfifo(folder / NOTEBOOK)


LINKS = "links are not followed, and only regular files are read"

ATTACKS = (
    Attack(
        "link_to_a_notebook",
        9,
        "Its notebook is a link to the one of somebody who is right.",
        SCORE,
        LINKS,
        "follows_links",
        place=link_file,
        unreadable=True,
    ),
    Attack(
        "link_to_a_folder",
        9,
        "Its folder is a link to the one of somebody who is right.",
        SCORE,
        LINKS,
        "follows_links",
        place=link_folder,
        unreadable=True,
    ),
    Attack(
        "link_to_the_gradebook",
        9,
        "Its notebook, its timestamp and a picture are links to the gradebook.",
        MARK,
        LINKS,
        "follows_links",
        place=link_books,
        unreadable=True,
    ),
    Attack(
        "pipe_for_a_notebook",
        9,
        "Its notebook is a named pipe: who opens it waits for ever.",
        SCORE,
        LINKS,
        "follows_links",
        place=pipe_for_a_file,
        unreadable=True,
    ),
    system_call(
        "ptrace",
        "It traces a process that it forked.",
        """
pid = os.fork()
if pid == 0:
    signal.pause()
if libc.ptrace(16, pid, 0, 0) == 0:
    won("ptrace")
os.kill(pid, 9)
""",
    ),
    system_call(
        "reads_another_process",
        "It reads another process's memory by process_vm_readv.",
        """
class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
secret = ctypes.create_string_buffer(b"secret in the other")  # the other has it at this address too
pid = os.fork()
if pid == 0:
    signal.pause()
ctypes.memset(secret, 0, 19)
room = ctypes.create_string_buffer(19)
local, remote = Part(ctypes.addressof(room), 19), Part(ctypes.addressof(secret), 19)
call(310, pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
if room.raw == b"secret in the other":
    won(room.raw)
os.kill(pid, 9)
""",
    ),
    system_call("userfaultfd", "It opens userfaultfd.", "if call(323, 1) >= 0: won()"),
    system_call(
        "io_uring",
        "It sets up io_uring, behind which no filter looks.",
        "room = ctypes.create_string_buffer(256)\nif call(425, 4, room) >= 0: won()",
        control="no_filter_all_rights",
        why="the filter refuses it, and it may lock no memory (both off)",
        needs=kernel_has_io_uring,
    ),
    system_call(
        "keyring",
        "It leaves a key in a keyring that all processes of its user share.",
        "if call(248, b'user', b'loot', b'x', 1, -4) >= 0: won()",
    ),
    system_call(
        "memfd",
        "It takes memory as a file without a name.",
        "if call(319, b'x', 0) >= 0: won()",
    ),
    system_call(
        "shared_memory",
        "It takes System V shared memory, which outlives its process.",
        "if call(29, 7, 4096, 0o1600) >= 0: won()",
    ),
    system_call(
        "user_namespace",
        "It makes a user namespace, in which it is root.",
        "if libc.unshare(0x10000000) == 0: won(open('/proc/self/uid_map').read())",
    ),
    system_call(
        "mounts",
        "It mounts a file system over the one that it was given.",
        "if libc.mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0: won()",
        "no_filter_all_rights",
        "the filter refuses it, and the process has no right to it (both off)",
    ),
    system_call(
        "gains_rights",
        "It makes a program of another user run with that user's rights, and asks for its own.",
        """
with open("/tmp/program", "wb") as file:
    file.write(b"#!/bin/sh")
os.chmod("/tmp/program", 0o6755)
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
if status["NoNewPrivs"].strip() != "1" or int(status["CapBnd"], 16) or int(status["CapEff"], 16):
    won(status["CapEff"])
""",
        "no_filter_all_rights",
        "no_new_privs is set and all rights are given up, the bounding set's too",
    ),
    system_call(
        "signals",
        "It signals every process that it can name, the one that forks all others among them.",
        """
hit = []
for target in [p for p in range(1, 400) if p != os.getpid()]:
    try:
        os.kill(target, 0)
        hit.append(target)
    except OSError:
        pass
if hit:
    won(hit)
    for target in hit:
        os.kill(target, 9)
""",
        "shared_pids",
        "each submission has a pid namespace of its own",
    ),
    Attack(
        "kills_all",
        9,
        "It kills all processes that the kernel lets it kill.",
        BROKEN,
        "each submission has a pid namespace of its own",
        "kills",
        first=CALL + "os.kill(-1, 9)\nos._exit(0)",
        dangerous=True,
    ),
    Attack(
        "kills_its_group",
        9,
        "It kills the process group that the process which forks all of them was started in.",
        BROKEN,
        "each submission has a session and a process group of its own",
        "kills_its_group",
        first="import os\nos.kill(0, 9)\nos._exit(0)",
        dangerous=True,
    ),
    system_call(
        "opens_by_handle",
        "It opens a file by its inode, past all mounts.",
        """
class Handle(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint), ("kind", ctypes.c_int), ("data", ctypes.c_ubyte * 128)]
handle, mount = Handle(128), ctypes.c_int()
if call(303, -100, b"/", ctypes.byref(handle), ctypes.byref(mount), 0) == 0:
    won("a handle of the root folder")
""",
    ),
)
