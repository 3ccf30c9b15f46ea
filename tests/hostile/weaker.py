"""Sandboxes with one defence less, and attacks run in them."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

import autograder
import solutions
from autograder.sandbox import WARM, ChildEnded, Sandbox
from autograder.sandbox import mounts as mounts_module
from autograder.sandbox import tiers as tiers_module
from autograder.session import Session
from course.outcome import VALUE
from tests.hostile.attack import SCORE, SIGN, Attack, filled

ALLOW_ALL = bytes.fromhex("060000000000ff7f")  # a filter of one instruction
INSIDE = Path(tiers_module.__file__).parent / "inside.py"
BOXES = torch.tensor([[0.0, 0.0, 2.0, 3.0], [1.0, 1.0, 4.0, 5.0], [2.0, 2.0, 2.0, 2.0]])
AREAS = torch.tensor([6.0, 12.0, 0.0])
NAMESPACES = "0x10000000 | 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000"
MOUNT_PROC = 'check(libc.mount(b"proc", b"/proc", b"proc", flags, None), "mount /proc")'
MOUNT_TMP = 'check(libc.mount(b"tmpfs", b"/tmp", b"tmpfs", flags, b"size=256m,nr_inodes=20k"), "mount /tmp")'
MOUNT_SHM = (
    'check(libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", flags, b"size=64m"), "mount /dev/shm")'
)
IMPORTED = "def import_libraries() -> None:\n"
LOADED = "    import_libraries()\n"

SHAPES = """# stands for the package that the reference imports
class Shape:
    def __class_getitem__(cls, item):
        return object

def __getattr__(name):
    return Shape
"""
Replacements = tuple[tuple[str, str], ...]
Program = list[str]


@dataclass(frozen=True)
class Weakness:
    """What is taken out of a sandbox: lines of inside.py, the filter, words of bubblewrap's.

    `shown` makes (path here, path inside) pairs in a folder of its own that are bound as well.
    """

    inside: Replacements = ()
    no_filter: bool = False
    program: Callable[[Program], Program] = field(default=lambda program: program)
    shown: Callable[[Path, str], list[tuple[Path, str]]] = field(default=lambda folder, token: [])
    course: bool = False  # the course's package is a copy that can be written


def without(number: str) -> Replacements:
    """Return the change that leaves out one kind of namespace."""
    return ((NAMESPACES, NAMESPACES.replace(number, "0")),)


def planted(folder: Path, token: str) -> list[tuple[Path, str]]:
    """Return a file with the token, at a place that only the weak inside.py opens."""
    (folder / "token").write_text(token)
    return [(folder / "token", "/env/token")]


def instructors_disk(folder: Path, token: str) -> list[tuple[Path, str]]:
    """Return the reference, the grader, a course folder, a .pth file and a folder of sockets."""
    (folder / "course").mkdir()
    (folder / "course" / "planted.txt").write_text(token)
    (folder / "editable.pth").write_text("/srv/elsewhere\n")
    pairs = [
        (Path(package.__file__).parent, f"{mounts_module.PACKAGES}/{package.__name__}")
        for package in (solutions, autograder)
        if package.__file__
    ]
    (folder / "jaxtyping.py").write_text(SHAPES)
    pairs.append((folder / "jaxtyping.py", f"{mounts_module.PACKAGES}/jaxtyping.py"))
    pairs.append((folder / "course", "/srv/course"))
    return [*pairs, (folder / "editable.pth", f"{mounts_module.PACKAGES}/editable.pth")]


def setting_the_environment(program: Program) -> Program:
    """Let bubblewrap pass the token on."""
    at = program.index("--clearenv") + 1
    return [*program[:at], "--setenv", "PLANTED", os.environ["PLANTED"], *program[at:]]


def sharing_the_network(program: Program) -> Program:
    """Let the sandbox use this machine's network."""
    at = program.index("--unshare-all") + 1
    return [*program[:at], "--share-net", *program[at:]]


def leaving_mounts_writable(program: Program) -> Program:
    """Leave out that mounts below the root are read-only."""
    kept, skip = [], 0
    for word, following in zip(program, [*program[1:], ""], strict=True):
        if word == "--remount-ro" and following != "/":
            skip = 2
        if skip == 0:
            kept.append(word)
        skip = max(skip - 1, 0)
    return kept


def binding_the_course_writable(program: Program) -> Program:
    """Bind the course's package so that it can be written."""
    top = f"{mounts_module.PACKAGES}/course/"
    changed = list(program)
    for at, word in enumerate(program):
        if word.startswith(top) and program[at - 2] == "--ro-bind":
            changed[at - 2] = "--bind"
    return changed


WEAKNESSES = {
    "": Weakness(),
    "shown": Weakness(shown=instructors_disk),
    "environment": Weakness(
        inside=(("    os.environ.clear()\n", ""),), program=setting_the_environment
    ),
    "inherited": Weakness(
        inside=((LOADED, f'{LOADED}    sys.kept = [open("/env/token").read() + "."]\n'),),
        shown=planted,
    ),
    "descriptor": Weakness(
        inside=((LOADED, f'{LOADED}    sys.kept = open("/env/token", "rb")\n'),), shown=planted
    ),
    "shared_tmp": Weakness(inside=((MOUNT_TMP, "pass"), (MOUNT_SHM, "pass"))),
    "shared_pids": Weakness(inside=(*without("0x20000000"), (MOUNT_PROC, "pass"))),
    "shared_group": Weakness(inside=(("    os.setsid()", "    pass"),)),
    "network": Weakness(inside=without("0x40000000"), program=sharing_the_network),
    "no_filter": Weakness(no_filter=True),
    "no_filter_all_rights": Weakness(
        no_filter=True, inside=(("        drop_everything(libc)\n", "        pass\n"),)
    ),
    "no_limits": Weakness(inside=(("resource.setrlimit(limit, (value, value))", "pass"),)),
    "roomy_tmp": Weakness(inside=(("size=256m,nr_inodes=20k", "size=1g"), ("size=64m", "size=1g"))),
    "writable_mounts": Weakness(program=leaving_mounts_writable),
    "writable_course": Weakness(program=binding_the_course_writable, course=True),
    "long_output": Weakness(inside=(("MAX_TEXT = 40_000", "MAX_TEXT = 10**9"),)),
    "many_figures": Weakness(inside=(("MAX_IMAGES = 20", "MAX_IMAGES = 10**6"),)),
    "text_length": Weakness(
        inside=((LOADED, f"{LOADED}    sys.modules['course.values'].MAX_TEXT = 10**9\n"),)
    ),
}


@contextmanager
def weak_sandbox(name: str, folder: Path, token: str, sockets: Path) -> Iterator[Sandbox]:
    """Open a warm sandbox with one weakness."""
    weakness = WEAKNESSES[name]
    folder.chmod(0o755)
    source = INSIDE.read_text()
    for old, new in weakness.inside:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    (folder / "inside.py").write_text(source)
    pairs = mounts_module.mounts()
    if weakness.course:
        pairs = [_writable(source, target, folder) for source, target in pairs]
    shown = weakness.shown(folder, token)
    if name == "shown":
        shown.append((sockets, "/srv/sockets"))
    known = [(folder / "inside.py" if path == INSIDE else path, at) for path, at in pairs]
    real = tiers_module._bubblewrap

    def bubblewrap(arguments: list[str], filter_file: int) -> tuple[list[str], bytes]:
        program, request = real(arguments, filter_file)
        if not request:
            return weakness.program(program), request
        told = json.loads(request)
        told["program"] = weakness.program(told["program"])
        return program, json.dumps(told).encode()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mounts_module, "mounts", lambda: [*known, *shown])
        patch.setattr(tiers_module, "_bubblewrap", bubblewrap)
        if weakness.no_filter:
            patch.setattr(tiers_module, "filter_program", lambda: ALLOW_ALL)
        with Sandbox(WARM) as ready:
            ready.prepare()
            yield ready


def _writable(source: Path, target: str, folder: Path) -> tuple[Path, str]:
    if not target.startswith(f"{mounts_module.PACKAGES}/course/"):
        return source, target
    copy = folder / "copy" / source.name
    copy.parent.mkdir(exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, copy)
    else:
        shutil.copy(source, copy)
    for path in (copy.parent, copy, *copy.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    return copy, target


def run_cells(session: Session, sources: Sequence[str]) -> str:
    """Run cells; return all that they showed, and errors as text."""
    shown = []
    for source in sources:
        if source:
            result = session.run(source)
            shown += [text for _, text in result.outputs] + [result.error]
    return "\n".join(shown)


def prevails(
    sandbox: Sandbox, attack: Attack, places: Mapping[str, str], same: bool = False
) -> bool:
    """Return whether an attack shows its sign, or is right, when it runs in a sandbox.

    An attack that two students hand in runs twice: `same` says in one process.
    """
    sources = [filled(text, places) for text in attack.sources()]
    kept: list[Session] = []
    seen = ""
    try:
        for _ in range(2 if attack.twice else 1):
            if not kept or not same:
                kept.append(Session(sandbox.spawn()))
            with suppress(ChildEnded):
                seen = run_cells(kept[-1], sources)
                if attack.shows == SCORE:
                    outcome = kept[-1].subject("box_area").call([BOXES])
                    right = isinstance(outcome.value, torch.Tensor) and outcome.kind == VALUE
                    return right and torch.equal(outcome.value, AREAS)
                kept[-1].subject("box_area").call([BOXES])
            if not same:
                kept[-1].close()
        return SIGN in seen
    finally:
        for session in kept:
            session.close()
