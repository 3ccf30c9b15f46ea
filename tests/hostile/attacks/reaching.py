"""Classes 1, 7: to the reference, the cases and the token; hidden calls told from public ones."""

from tests.hostile.attack import MARK, SCORE, Attack, area

SEARCH_TEXT = """
token = "plan" + "ted-"
def holds(data):
    at = data.find(token.encode())
    return at >= 0 and data[at + 8 : at + 12].isalnum()
"""

ATTACKS = (
    Attack(
        "import_reference",
        1,
        "It imports the reference's functions and calls them.",
        SCORE,
        "the sandbox's disk has no reference on it",
        "shown",
        cells=area(
            "for name in ('solutions.boxes', 'autograder.reference'):\n"
            "    try:\n"
            "        return importlib.import_module(name).box_area(boxes)\n"
            "    except (ImportError, AttributeError):\n"
            "        pass",
            "import importlib",
        ),
    ),
    Attack(
        "import_finders",
        1,
        "It asks every finder and importer for modules that are not the course's.",
        MARK,
        "the sandbox's disk has no reference on it",
        "shown",
        first="""
import sys, pkgutil
names = {module.name for module in pkgutil.iter_modules()}
for finder in sys.meta_path:
    names |= {n for n in ("solutions", "autograder", "nbgrader")
              if getattr(finder, "find_spec", None) and finder.find_spec(n, None)}
if names & {"solutions", "autograder", "nbgrader"}:
    won(sorted(names & {"solutions", "autograder", "nbgrader"}))
""",
    ),
    Attack(
        "path_files",
        1,
        "It follows .pth files and editable installs to where the reference lies.",
        MARK,
        ".pth files and the grader's own site-packages are not bound",
        "shown",
        first="""
import glob, os, sys
import sysconfig
tops = {*sys.path, sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), "/env/site-packages"}
for top in filter(None, tops):
    for file in glob.glob(os.path.join(top, "**", "*.pth"), recursive=False) + glob.glob(
            os.path.join(top, "*.pth")) + glob.glob(os.path.join(top, "__editable__*")):
        text = open(file).read()
        if "site-packages" not in text and os.sep in text or "editable" in file:
            won(file)
            sys.path.append(text.strip())
""",
    ),
    Attack(
        "disk_search",
        1,
        "It searches the disk for the planted token, answers, cases, plans and gradebooks.",
        MARK,
        "nothing of the course folder is bound into the sandbox",
        "shown",
        first=SEARCH_TEXT
        + """
import os
loot, tops = [], ["/env", "/home", "/srv", "/var/tmp", "/opt", "/tmp", "/dev/shm", "/run"]
course = os.path.abspath(os.path.join(os.getcwd(), "..", "..", ".."))
tops += [course] if course != "/" else []
for top in tops:
    for folder, folders, files in os.walk(top):
        if folder.endswith("site-packages"):
            folders[:] = [f for f in folders if f in ("course", "solutions", "autograder")]
        for file in files:
            path = os.path.join(folder, file)
            try:
                if os.path.getsize(path) < 4_000_000 and holds(open(path, "rb").read()):
                    loot.append(path)
            except OSError:
                pass
if loot:
    won(loot)
""",
    ),
    Attack(
        "environment",
        1,
        "It reads its environment and arguments.",
        MARK,
        "bubblewrap starts with an empty environment, and inside.py clears its own",
        "environment",
        first=SEARCH_TEXT
        + """
import os, sys
text = repr((dict(os.environ), sys.argv, sys.orig_argv))
if holds(text.encode()):
    won("environment")
""",
    ),
    Attack(
        "proc",
        1,
        "It reads what /proc tells of itself, of process 1 and of all others.",
        MARK,
        "bubblewrap starts with an empty environment: the first block of it stays readable",
        "environment",
        first=SEARCH_TEXT
        + """
import os
for pid in [*filter(str.isdigit, os.listdir("/proc")), "self"]:
    for file in ("environ", "cmdline", "cgroup", "mountinfo", "root/proc/1/environ"):
        try:
            if holds(open(f"/proc/{pid}/{file}", "rb").read()):
                won(pid, file)
        except OSError:
            pass
""",
    ),
    Attack(
        "inherited_memory",
        1,
        "It scans its own memory for what the warm process held before the fork.",
        MARK,
        "the warm process never holds a secret, an expected value or the reference",
        "inherited",
        first=SEARCH_TEXT
        + """
import re
kept, own = set(), token.encode() + b"([0-9a-f]{24})"
for line in open("/proc/self/maps"):
    span, mode = line.split()[:2]
    if "w" not in mode:
        continue
    start, end = (int(part, 16) for part in span.split("-"))
    with open("/proc/self/mem", "rb", 0) as memory:
        try:
            memory.seek(start)
            kept |= set(re.findall(own, memory.read(min(end - start, 1 << 26))))
        except (OSError, ValueError, OverflowError):
            pass
if kept:
    won(kept)
""",
    ),
    Attack(
        "descriptors",
        1,
        "It reads every descriptor that it was born with.",
        MARK,
        "a child holds its socket and /dev/null, and nothing else",
        "descriptor",
        first=SEARCH_TEXT
        + """
import os
for number in range(256):
    try:
        if holds(os.pread(number, 1 << 20, 0)):
            won(number)
    except OSError:
        pass
""",
    ),
    Attack(
        "frames",
        1,
        "It walks up the frames of its caller to a variable called expected.",
        SCORE,
        "the expected value is never in the student's process",
        "naive",
        cells=area(
            "frame = sys._getframe()\n"
            "while frame:\n"
            "    for space in (frame.f_locals, frame.f_globals):\n"
            "        if 'expected' in space:\n"
            "            return space['expected']\n"
            "    frame = frame.f_back",
            "import sys",
        ),
    ),
    Attack(
        "garbage",
        1,
        "It asks the garbage collector for a tensor of the right shape and a telling neighbour.",
        SCORE,
        "the expected value is never in the student's process",
        "naive",
        cells=area(
            "for thing in gc.get_objects():\n"
            "    if type(thing) is dict and isinstance(thing.get('expected'), torch.Tensor):\n"
            "        return thing['expected']",
            "import gc\ngc.unfreeze()",
        ),
    ),
    # --- 7
    Attack(
        "table_of_public_cases",
        7,
        "It knows the public cases by heart.",
        SCORE,
        "hidden cases are drawn apart from the public ones",
        "public_cases",
        cells=area("return TABLE.get(tuple(boxes.flatten().tolist()), boxes)", "TABLE = @TABLE@"),
    ),
    Attack(
        "counts_calls",
        7,
        "It gives the answer of the first public case at the first call, and so on.",
        SCORE,
        "hidden cases are drawn apart from the public ones",
        "public_cases",
        cells=area(
            "calls.append(1)\n"
            "answers = list(TABLE.values())\n"
            "return answers[(len(calls) - 1) % len(answers)]",
            "TABLE = @TABLE@\ncalls = []",
        ),
    ),
    Attack(
        "remembers_inputs",
        7,
        "It keeps the hidden inputs that it sees for whoever is judged next.",
        MARK,
        "each child has a /tmp and a /dev/shm of its own",
        "shared_tmp",
        first="""
import os
def keep(text):
    for top in ("/tmp", "/dev/shm"):
        with open(top + "/inputs", "a") as file:
            file.write(text)
if any(os.path.exists(top + "/inputs") for top in ("/tmp", "/dev/shm")):
    won("inputs of somebody else")
keep("seen")
""",
        cells=area("keep(repr(boxes.tolist()))\nreturn boxes"),
        twice=True,
    ),
    Attack(
        "asks_who_is_calling",
        7,
        "It works only when check or pytest calls it, and tells the grader what it saw otherwise.",
        SCORE,
        "what a call says of itself is no value, and decides nothing",
        "naive",
        option="trusts_a_claim",
        cells=area(
            "names = set()\n"
            "frame = sys._getframe()\n"
            "while frame:\n"
            "    names.add(frame.f_code.co_name)\n"
            "    frame = frame.f_back\n"
            "if 'check' in names:\n"
            "    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])\n"
            "return {'passed': True, 'score': 1.0}",
            "import sys",
        ),
    ),
)
