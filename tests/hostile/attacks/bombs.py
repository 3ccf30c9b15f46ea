"""Class 10: processes, memory, files, output and pictures without end.

Each is sized so that it shows what a limit does and harms no machine where the limit is off.
"""

from pathlib import Path

from tests.hostile.attack import BROKEN, FLOOD, MARK, Attack

PNG = "iVBORw0KGgo"


def bomb(
    name: str, tries: str, first: str, defence: str, control: str, shows: str = MARK, **more: object
) -> Attack:
    """Return an attack that takes more than its share, in a cell."""
    return Attack(name, 10, tries, shows, defence, control, first=first, dangerous=True, **more)  # type: ignore[arg-type]


def many_cells(notebook: object) -> None:
    """Put many cells into the notebook, each of which displays little enough for one."""
    import nbformat

    cells = notebook.cells  # type: ignore[attr-defined]
    text = f"from IPython.display import display\ndisplay({{'image/png': '{PNG}' + 'A' * 3_000_000}}, raw=True)"
    for number in range(30):
        cells.insert(3, nbformat.v4.new_code_cell(text, id=f"much-{number}"))


def many_lists(folder: Path) -> None:
    """Put lists into the notebook's file, where Jupyter keeps nothing."""
    (path,) = folder.glob("*.ipynb")
    path.write_text('{"more": [' + "[]," * 4_000_000 + "0]," + path.read_text()[1:])


ATTACKS = (
    bomb(
        "fork_bomb",
        "It forks as often as it can.",
        """
import os, time
children = []
try:
    for _ in range(120):
        pid = os.fork()
        if pid == 0:
            time.sleep(20)
            os._exit(0)
        children.append(pid)
    won(len(children))
except OSError:
    pass
""",
        "a child may have 64 processes",
        "no_limits",
    ),
    bomb(
        "thread_bomb",
        "It starts as many threads as it can.",
        """
import threading, time
try:
    for _ in range(120):
        threading.Thread(target=time.sleep, args=(3,), daemon=True).start()
    won("threads")
except RuntimeError:
    pass
""",
        "a child may have 64 processes, threads included",
        "no_limits",
    ),
    bomb(
        "memory_bomb",
        "It fills memory and holds it.",
        "import time\nheld = bytearray(b'x') * (900 << 20)\ntime.sleep(0.3)\nwon(len(held))",
        "a watch outside sums the memory of all its processes",
        "no_memory_watch",
    ),
    bomb(
        "forked_memory_bomb",
        "Four processes take memory, each within its own limit.",
        """
import os, time
for _ in range(3):
    if os.fork() == 0:
        held = bytearray(b"x") * (250 << 20)
        time.sleep(20)
        os._exit(0)
held = bytearray(b"x") * (250 << 20)
time.sleep(0.7)
won("one gigabyte")
""",
        "a watch outside sums the memory of all its processes",
        "no_memory_watch",
    ),
    bomb(
        "shared_memory_bomb",
        "It takes memory as shared mappings, which no heap limit counts.",
        """
import mmap, time
held = []
for _ in range(9):
    part = mmap.mmap(-1, 100 << 20)
    part.write(b"x" * (100 << 20))
    held.append(part)
time.sleep(0.3)
won(len(held))
""",
        "a watch outside sums the memory of all its processes, shared memory too",
        "no_memory_watch",
    ),
    bomb(
        "disk_bomb",
        "It fills its temporary folders.",
        """
written = 0
for top in ("/tmp", "/dev/shm"):
    try:
        for number in range(4):
            with open(f"{top}/big{number}", "wb") as file:
                for _ in range(10):
                    written += file.write(bytes(10 << 20))
    except OSError:
        pass
if written > 390 << 20:
    won(written)
""",
        "its temporary folders are small and its own",
        "roomy_tmp",
    ),
    bomb(
        "inode_bomb",
        "It makes as many empty files as it can.",
        """
import os
made = 0
try:
    for made in range(25_000):
        os.close(os.open(f"/tmp/{made}", os.O_CREAT | os.O_WRONLY))
    won(made)
except OSError:
    pass
""",
        "its temporary folder holds 20,000 files",
        "roomy_tmp",
    ),
    bomb(
        "output_bomb",
        "It prints without end.",
        "for _ in range(3000): print('x' * 1000)",
        "a cell's output is cut at 40,000 characters",
        "long_output",
        FLOOD,
    ),
    bomb(
        "display_bomb",
        "It displays two thousand texts.",
        "from IPython.display import display\n"
        "for _ in range(2000): display({'text/plain': 'x' * 2000}, raw=True)",
        "a cell shows 40 outputs",
        "many_outputs",
        FLOOD,
    ),
    bomb(
        "figure_bomb",
        "It leaves a hundred figures open.",
        "import matplotlib.pyplot as plot\nfor _ in range(100): plot.figure(figsize=(0.5, 0.5))",
        "twenty figures of a cell are drawn",
        "many_figures",
        FLOOD,
    ),
    bomb(
        "many_cells_that_display",
        "Thirty cells display three megabytes each.",
        "",
        "all cells of a submission together may display 20 million characters",
        "much_in_all",
        FLOOD,
        change=many_cells,
    ),
    bomb(
        "millions_of_parts",
        "Its notebook has four million empty lists, which are ten times as large once they are read.",
        "",
        "the parts of a file are counted before it is read",
        "parts_of_a_file",
        BROKEN,
        place=many_lists,
        unreadable=True,
    ),
)
