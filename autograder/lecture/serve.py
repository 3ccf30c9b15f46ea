"""Write the lecture's notebook and its page, and serve them with Voila on this machine."""

import os
import shutil
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat

from autograder.errors import UsageError
from autograder.lecture.demos import DEMOS

TEMPLATE = Path(__file__).parent / "template"
EXTENSIONS = (  # all others ask for parts of Lab that Voila has not
    "anywidget",
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager8",
)
NOTEBOOK = "lecture.ipynb"
FIRST = """from course import widgets
from autograder.reference import mistakes_of, reference_of


def show(name):
    widget = getattr(widgets, name)
    right = {name: reference_of(name) for name in widget.functions}
    return widget(*right.values(), reference=right, mistakes=mistakes_of(*widget.exercises))
"""


def write_lecture(folder: Path) -> Path:
    """Write the notebook and Voila's template into `folder`; return the notebook's path."""
    cells = [nbformat.v4.new_code_cell(FIRST, id="first")]
    for demo in DEMOS:
        code = f'show("{demo.widget.__name__}")'
        about = {"name": demo.name, "title": demo.title, "text": demo.text}
        cells.append(nbformat.v4.new_code_cell(code, id=demo.name, metadata={"demo": about}))
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    notebook.metadata["title"] = "Object detection and segmentation"
    path = folder / NOTEBOOK
    nbformat.write(notebook, path)
    shutil.copytree(TEMPLATE, folder / "jupyter" / "voila" / "templates" / "lecture")
    return path


@contextmanager
def lecture_folder() -> Iterator[Path]:
    """Yield a folder with the lecture, for as long as it is served."""
    with tempfile.TemporaryDirectory(prefix="lecture-") as folder:
        write_lecture(Path(folder))
        yield Path(folder)


def serve(port: int | None = None, *, browser: bool = True) -> None:
    """Serve the lecture until it is interrupted; UsageError where the port is taken."""
    port = _free(port)
    address = f"http://127.0.0.1:{port}/"
    with lecture_folder() as folder:
        before = os.environ.get("JUPYTER_PATH")
        own = str(folder / "jupyter")
        os.environ["JUPYTER_PATH"] = own if before is None else f"{own}{os.pathsep}{before}"
        from voila.app import Voila

        from course.course_server import no_delay

        no_delay()
        print(f"The lecture is at {address} (Ctrl+C ends it). Arrow keys step, F is full screen.")
        if browser:
            threading.Timer(2.0, webbrowser.open, [address]).start()
        sys.argv = ["voila"]  # it reads the command line by itself
        Voila.launch_instance(
            argv=[
                str(folder / NOTEBOOK),
                "--no-browser",
                "--Voila.ip=127.0.0.1",
                f"--port={port}",
                "--template=lecture",
                "--theme=light",
                "--preheat_kernel=True",  # it imports torch before somebody looks
                "--pool_size=1",
                *(f"--VoilaConfiguration.extension_allowlist={name}" for name in EXTENSIONS),
                "--Voila.log_level=WARN",
            ]
        )


def _free(port: int | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port or 0))
        except OSError:
            raise UsageError(f"port must be free, got {port}: choose another one") from None
        found: int = probe.getsockname()[1]
        return found
