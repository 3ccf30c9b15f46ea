"""A real JupyterLab on this machine, and a page of headless Chromium that works in it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
ELSEWHERE = re.compile(r"(https?|wss?)://(?!127\.0\.0\.1[:/])")
FOLDERS = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
READY = """() => {
    const kernel = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel;
    return kernel?.connectionStatus === "connected" && kernel.status === "idle";
}"""
# All cells ran, or one raised that must not, which stops the run.
DONE = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const cells = [...panel.context.model.cells].filter((cell) => cell.type === "code");
    const raised = (cell) =>
        Array.from({length: cell.outputs.length}, (_, i) => cell.outputs.get(i).type)
            .includes("error");
    const may = (cell) => (cell.getMetadata("tags") ?? []).includes("raises-exception");
    const ran = cells.every((cell) =>
        cell.executionCount !== null && cell.executionState === "idle");
    const stopped = cells.some((cell) => raised(cell) && !may(cell));
    return (ran || stopped) && panel.sessionContext.session.kernel.status === "idle";
}"""
RUN_ALL = "() => jupyterapp.commands.execute('notebook:run-all-cells')"
CELLS = "() => jupyterapp.shell.currentWidget.context.model.toJSON().cells"


@contextmanager
def jupyter_lab(root: Path, home: Path) -> Iterator[str]:
    """Serve a folder in JupyterLab without touching the user's settings; yield its address."""
    port = _free_port()
    options = [
        f"--ServerApp.root_dir={root}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.password=",
        "--IdentityProvider.token=",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    command = ["-m", "jupyter", "lab", "--allow-root", "--no-browser", *options]
    with _serving(command, root, home, f"http://127.0.0.1:{port}", "/api") as address:
        yield address


@contextmanager
def lecture(home: Path) -> Iterator[str]:
    """Serve the lecture; yield its address."""
    port = _free_port()
    command = ["-m", "autograder.cli", "lecture", "--no-browser", "--port", str(port)]
    with _serving(
        command, home.parent, home, f"http://127.0.0.1:{port}", "/voila/static/voila.js"
    ) as address:
        yield address


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _serving(
    command: list[str], folder: Path, home: Path, address: str, page: str
) -> Iterator[str]:
    """Run a server of Python's, with its own settings, until one of its pages answers."""
    home.mkdir(exist_ok=True)
    own = {f"JUPYTER_{name}": str(home / name.lower()) for name in FOLDERS}
    settings = home / "settings"
    asked = settings / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    asked.parent.mkdir(parents=True, exist_ok=True)
    asked.write_text('{"fetchNews": "false"}')  # else it asks over the page
    own["JUPYTERLAB_SETTINGS_DIR"] = str(settings)
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, **own, "HOME": str(home)},
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_for(f"{address}{page}", server)
        yield address
    finally:
        with suppress(ProcessLookupError):  # it ended by itself
            os.killpg(server.pid, signal.SIGTERM)  # it ends its kernels
        server.wait(30)


def _wait_for(address: str, server: subprocess.Popen[bytes], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise TimeoutError(f"no answer from {address} in {seconds} seconds")


@dataclass
class Tab:
    """A page, what its console said was wrong, and which other machines it asked for."""

    page: Page
    errors: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, address: str, notebook: str) -> None:
        """Open a notebook by itself and wait for its kernel."""
        self.page.goto(f"{address}/doc/tree/{notebook}")
        self.page.wait_for_function(READY, timeout=60_000)

    def shut_down(self) -> None:
        """End the notebook's kernel, which would stay until the server ends."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")

    def run_all(self) -> list[dict[str, Any]]:
        """Run all cells, or up to one that stops it; return the cells with their outputs."""
        self.page.evaluate(RUN_ALL)  # comes back early where a cell raises
        self.page.wait_for_function(DONE, timeout=180_000, polling=200)
        cells: list[dict[str, Any]] = self.page.evaluate(CELLS)
        return cells


@contextmanager
def chromium_tab() -> Iterator[Tab]:
    """Open a page that finds no machine but this one."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = Tab(browser.new_page())

        def note(address: str) -> None:
            if ELSEWHERE.match(address):
                tab.asked.append(address)

        def listen(message: Any) -> None:
            if message.type == "error":
                tab.errors.append(message.text)

        tab.page.on("request", lambda request: note(request.url))
        tab.page.on("websocket", lambda socket: note(socket.url))
        tab.page.on("console", listen)
        tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))
        yield tab
        browser.close()
