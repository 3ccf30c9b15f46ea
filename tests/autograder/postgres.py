"""A PostgreSQL server for one test run: a folder of its own, a socket and no port."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

USER = "grader"


def programs() -> Path | None:
    """Return the folder of PostgreSQL's own programs, the newest; None where it is not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in folders), default=None)


class Server:
    """A running server; `stop` and `start` are for tests of what happens without one."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self._programs = folder, programs

    def start(self) -> None:
        """Start it and wait until it answers; nothing is written to disk for sure."""
        options = f"-F -c listen_addresses= -c fsync=off -k {self.folder}"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop it at once."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def make(self) -> None:
        """Make the folder of its data."""
        self._run("initdb", "-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")

    def database(self, name: str) -> str:
        """Return the URL of a new database."""
        address = f"host={self.folder} user={USER} dbname=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://{USER}:secret@/{name}?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self.folder / "data"), *arguments]
        if os.geteuid() == 0:  # the server refuses to run as root
            command = ["setpriv", "--reuid=nobody", "--clear-groups", *command]
        with (self.folder / "heard").open("a") as heard:  # a pipe would stay open in the server
            done = subprocess.run(command, cwd=self.folder, stdout=heard, stderr=heard)
        if done.returncode:
            raise RuntimeError(f"{program}: {(self.folder / 'heard').read_text()[-2000:]}")


@contextmanager
def server() -> Iterator[Server]:
    """Give a server, and end it."""
    found = programs()
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: a socket's path has 107 characters
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    made = Server(folder, found)
    try:
        made.make()
        made.start()
        yield made
        made.stop()
    finally:
        shutil.rmtree(folder)
