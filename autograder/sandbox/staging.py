"""Started as root only: builds the sandbox's root folder where no other user can see it, gives up
root for good, and becomes bubblewrap.

A plain user cannot reach an interpreter or a checkout below a folder of mode 0700. So the parts
are bound into a folder of mode 0755 that covers `staging`, in a mount namespace of this process's
own: nothing is left on the disk. The sandbox is never started as root: inside bubblewrap root
could open kernel settings for writing.

Reads from standard input a JSON object: `staging`, a folder; `mounts`, paths, bound there as 0, 1,
2 and so on; `program`, the command line to become.
"""

import ctypes
import json
import os
import sys

NOBODY = 65534
CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18


def main() -> None:
    """Stage, drop privileges, become the program."""
    request = json.loads(sys.stdin.read())
    libc = ctypes.CDLL(None, use_errno=True)

    def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
        encoded = [text.encode() if text else None for text in (source, target, kind)]
        if libc.mount(*encoded, ctypes.c_ulong(flags), data.encode() or None) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"mount {source} on {target}: {os.strerror(number)}")

    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare of the mount namespace failed")
    staging = request["staging"]
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    opened = [os.open(path, os.O_PATH | os.O_CLOEXEC) for path in request["mounts"]]
    mount("tmpfs", staging, "tmpfs", 0, "mode=755,size=64m")
    for number, handle in enumerate(opened):
        target = os.path.join(staging, str(number))
        source = f"/proc/self/fd/{handle}"  # it may lie below the folder that is covered now
        if os.path.isdir(source):
            os.mkdir(target, 0o755)
        else:
            with open(target, "w"):
                pass
        mount(source, target, "", MS_BIND | MS_REC)
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("800")  # set with privilege, so that it cannot be lowered without
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    os.chdir("/")
    os.execv(request["program"][0], request["program"])


if __name__ == "__main__":
    main()
