"""Class 11: code that does not end, ends too much, or goes on after its end."""

import nbformat
from nbformat import NotebookNode

from tests.hostile.attack import BROKEN, MARK, SCORE, Attack, area

OUTSIDE = "time is measured outside, and the end is the kernel's, by SIGKILL"
ALONE = "a process has one submission, and its exit code means nothing"


def ending(name: str, tries: str, body: str, option: str = "status", before: str = "") -> Attack:
    """Return an attack whose function ends its process."""
    return Attack(name, 11, tries, SCORE, ALONE, "script", cells=area(body, before), option=option)


def endless(name: str, tries: str, first: str) -> Attack:
    """Return an attack whose cell does not end."""
    return Attack(name, 11, tries, BROKEN, OUTSIDE, "alarm_inside", first=first)


def long_cells(notebook: NotebookNode) -> None:
    """Add many cells, each of which ends within the time of one."""
    for number in range(60):
        cell = nbformat.v4.new_code_cell("import time; time.sleep(0.9)", id=f"long-{number}")
        notebook.cells.insert(3, cell)


ATTACKS = (
    ending(
        "exit_code_zero",
        "It ends its process as if all were well.",
        "os._exit(0)",
        before="import os",
    ),
    ending("system_exit", "It raises SystemExit(0), which is no Exception.", "raise SystemExit(0)"),
    ending(
        "keyboard_interrupt",
        "It raises KeyboardInterrupt, as an instructor does who stops a batch.",
        "raise KeyboardInterrupt",
        "batch",
    ),
    ending(
        "generator_exit",
        "It raises GeneratorExit and an exception of no class of exceptions.",
        "class Odd(BaseException): pass\nraise Odd if len(boxes) % 2 else GeneratorExit",
        "batch",
    ),
    ending(
        "segmentation_fault",
        "It reads address 0.",
        "import ctypes\nctypes.string_at(0)",
        "batch",
    ),
    ending(
        "stack_overflow",
        "It recurses until the C stack is full.",
        "import sys\nsys.setrecursionlimit(10**8)\nf = lambda n: sorted([n, n], key=lambda _: f(n + 1))\nf(0)",
        "batch",
    ),
    ending(
        "abort",
        "It aborts, and ignores every signal that can be ignored.",
        "import os, signal\nos.kill(os.getpid(), signal.SIGABRT)\nos.abort()",
        "batch",
    ),
    endless(
        "ignores_interrupts",
        "It loops, and catches or ignores whatever is to stop it.",
        """
import signal
for number in range(1, 32):
    try:
        signal.signal(number, signal.SIG_IGN)
    except OSError:
        pass
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
""",
    ),
    endless(
        "blocks_signals",
        "It blocks all signals and stops the clock that was set for it.",
        """
import signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
signal.alarm(0)
signal.setitimer(signal.ITIMER_REAL, 0)
while True:
    time.sleep(10)
""",
    ),
    endless(
        "loops_in_c",
        "It loops where Python does not look for signals.",
        "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nsum(iter(int, 1))",
    ),
    Attack(
        "daemon",
        11,
        "A process forked twice, in a session of its own, outlives its submission.",
        MARK,
        "its pid namespace ends with it",
        "shared_pids",
        first="""
import os, time
names = [open(f"/proc/{p}/comm").read() for p in os.listdir("/proc") if p.isdigit()]
if any("outlives" in name for name in names):
    won(names)
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    open("/proc/self/comm", "w").write("outlives")
    time.sleep(20)
    os._exit(0)
time.sleep(0.05)
""",
        twice=True,
    ),
    Attack(
        "many_long_cells",
        11,
        "Each of its sixty cells takes a little less time than a cell may.",
        BROKEN,
        "a submission has a deadline, whatever its cells take one by one",
        "no_deadline",
        change=long_cells,
    ),
    Attack(
        "slow_to_be_read",
        11,
        "A cell of a million line ends makes the search for a class's name take hours.",
        BROKEN,
        "the grader's patterns take time in proportion to a text",
        "slow_pattern",
        first="\n" * 300_000 + "pass",
        cells=area("class Mine(Exception): pass\nraise Mine"),
    ),
    Attack(
        "costly_to_parse",
        11,
        "Ten megabytes of code become gigabytes of syntax tree in the grader.",
        BROKEN,
        "the code of a notebook has at most a million characters",
        "much_code",
        first="x = [" + "a," * 499_000 + "]\n" + "\n" * 100,
        cells=area("return boxes", "y = [" + "a," * 200_000 + "]"),
        unreadable=True,
    ),
)
