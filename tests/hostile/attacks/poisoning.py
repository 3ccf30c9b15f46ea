"""Class 6: state that is left behind for later checks and submissions."""

from tests.hostile.attack import MARK, SCORE, Attack, area

OWN_PROCESS = "each submission runs in a process of its own, forked before any student's code ran"


def twice(
    name: str, tries: str, first: str, defence: str = OWN_PROCESS, control: str = ""
) -> Attack:
    """Return an attack whose second run profits from the first."""
    return Attack(name, 6, tries, MARK, defence, control or "one_process", first=first, twice=True)


ATTACKS = (
    twice(
        "torch_defaults",
        "It changes torch's default dtype, device, seed, threads and modes.",
        """
if (torch.get_default_dtype(), torch.is_grad_enabled()) != (torch.float32, True):
    won(torch.get_default_dtype())
torch.set_default_dtype(torch.float64)
torch.set_grad_enabled(False)
torch.manual_seed(1)
torch.use_deterministic_algorithms(True)
torch.set_num_threads(3)
""",
    ),
    twice(
        "process_state",
        "It changes the folder, sys.path, locale, umask, recursion limit and resource limits.",
        """
import locale, os, resource, sys
if sys.getrecursionlimit() == 97 or "/poison" in sys.path or os.getcwd() == "/":
    won(os.getcwd())
sys.path.insert(0, "/poison")
locale.setlocale(locale.LC_ALL, "C")
os.chdir("/")
os.umask(0o777)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
""",
    ),
    twice(
        "signal_handlers",
        "It installs handlers of signals, threads and exits for who comes next.",
        """
import atexit, signal, threading
if signal.getsignal(signal.SIGUSR1) not in (signal.SIG_DFL, None):
    won(signal.getsignal(signal.SIGUSR1))
def handler(*_):
    won("handler")
signal.signal(signal.SIGUSR1, handler)
signal.signal(signal.SIGALRM, handler)
atexit.register(handler)
threading.setprofile(lambda *a: None)
""",
    ),
    twice(
        "plot_settings",
        "It changes matplotlib's settings, and leaves a thousand figures' worth of them open.",
        """
import matplotlib, matplotlib.pyplot as plot
if matplotlib.rcParams["lines.linewidth"] == 77 or plot.get_fignums():
    won("settings")
matplotlib.rcParams["lines.linewidth"] = 77
matplotlib.rcParams["savefig.dpi"] = 10_000
""",
    ),
    twice(
        "patched_modules",
        "It patches modules that the next submission finds patched.",
        """
import sys, math
if hasattr(math, "poisoned") or "poison" in sys.modules:
    won("module")
math.poisoned = True
sys.modules["poison"] = math
torch.equal = lambda *a: True
""",
    ),
    twice(
        "files_in_tmp",
        "It leaves modules and settings in /tmp, /dev/shm and the home folder.",
        """
import os
places = {"/tmp", "/dev/shm", os.path.expanduser("~"), os.environ.get("MPLCONFIGDIR", "/tmp")}
places = {top for top in places if os.path.isdir(top)}
if any(os.path.exists(top + "/json.py") for top in places):
    won(places)
for top in places:
    open(top + "/json.py", "w").write("loads = None")
""",
        "each child has a /tmp and a /dev/shm of its own",
        "shared_tmp",
    ),
    twice(
        "files_beside_the_devices",
        "It leaves files in /dev and wherever else something mounted can be written.",
        """
import os
for line in open("/proc/self/mounts"):
    top = line.split()[1]
    if top.startswith(("/proc", "/tmp", "/dev/shm")) or not os.path.isdir(top):
        continue
    try:
        if os.path.exists(top + "/left"):
            won(top)
        open(top + "/left", "w").write("x")
    except OSError:
        pass
""",
        "all that submissions share is mounted read-only",
        "writable_mounts",
    ),
    twice(
        "cached_bytecode",
        "It rewrites the course's package and its compiled files.",
        """
import course, os
for folder, _, files in os.walk(os.path.dirname(course.__file__)):
    for name in (*files, "left.py", "__pycache__/left.pyc"):
        try:
            open(os.path.join(folder, name), "ab").write(b"")
            won(folder, name)
        except OSError:
            pass
""",
        "what the sandbox has on its disk is bound read-only",
        "writable_course",
    ),
    Attack(
        "poisons_the_next_check",
        6,
        "Its cell changes defaults so that the checks after it compare something else.",
        SCORE,
        "results are compared outside, by libraries that no student can patch",
        "naive",
        option="set_tolerance",
        first="""
import sys
TOLERANCE = 1e9
torch.set_printoptions(precision=0)
torch.set_default_dtype(torch.float64)
""",
        cells=area("return boxes[:, 0] * 0"),
    ),
)
