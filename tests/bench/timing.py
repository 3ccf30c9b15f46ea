"""How the benchmarks measure: competitors in turn, medians, and what they ran on."""

import os
import pathlib
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import torch

Competitors = dict[str, Callable[[], object]]


def medians(competitors: Competitors, rounds: int = 15, seconds: float = 8.0) -> dict[str, float]:
    """Return each competitor's median time in seconds.

    They run in turn, round after round, so that a busy machine is busy for all. Rounds end after
    `seconds`, but not before the third.
    """
    times: dict[str, list[float]] = {name: [] for name in competitors}
    for run in competitors.values():
        run()
    begin = time.perf_counter()
    for done in range(rounds):
        for name, run in competitors.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
        if done >= 2 and time.perf_counter() - begin > seconds:
            break
    return {name: statistics.median(values) for name, values in times.items()}


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g}" if seconds < 1 else f"{seconds * 1e3:.0f}"


def table(head: list[str], rows: list[list[str]]) -> None:
    """Print rows in aligned columns."""
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def describe_machine(packages: list[str]) -> None:
    """Print processor, load and the versions that matter."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    model = next((line for line in text.splitlines() if line.startswith("model name")), "")
    name = model.partition(":")[2].strip() or platform.processor() or platform.machine()
    print(f"machine: {name}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    versions = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    print(f"versions: {', '.join(versions)}")
    if torch.cuda.is_available():
        print(f"GPU: {torch.cuda.get_device_name()}, CUDA {torch.version.cuda}")
    sys.stdout.flush()
