"""What a sandbox can see of the disk: an interpreter, the student's own distribution, nothing else.

The packages are an allow-list: the student's wheel and what it requires, found from the installed
distributions' metadata. `.pth` files, editable finders and the rest of site-packages stay outside.
"""

import csv
import importlib.metadata
import importlib.util
import sys
import sysconfig
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.errors import SandboxError

STUDENT_DISTRIBUTION = "detection-course"
PACKAGES = "/env/site-packages"  # on sys.path inside
INSIDE = "/env/inside.py"  # the program that runs inside
FILTER = "/env/filter.bpf"  # the filter of system calls, for that program
STAGING = "/tmp"  # covered, as root, in a mount namespace of the sandbox's own
NEVER_IN_A_PACKAGE = {"notebooks", "build", "__pycache__"}


def mounts() -> list[tuple[Path, str]]:
    """Return (path here, path inside) pairs, each to be bound read-only."""
    here = Path(__file__).parent
    pairs = [(path, str(path)) for path in _interpreter()]
    pairs += [(path, f"{PACKAGES}/{path.name}") for path in _packages()]
    pairs += [(path, f"{PACKAGES}/course/{path.name}") for path in _course_files()]
    return [*pairs, (here / "inside.py", INSIDE)]


def hidden() -> list[str]:
    """Return folders inside the interpreter that are covered by an empty one."""
    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    folders = {sysconfig.get_path(name, vars=base) for name in ("purelib", "platlib")}
    return [folder for folder in sorted(folders) if folder and Path(folder).is_dir()]


def _interpreter() -> list[Path]:
    python = Path(sys.executable).resolve()
    stdlib = Path(sysconfig.get_path("stdlib")).resolve()
    paths = {python, stdlib}
    library = sysconfig.get_config_var("INSTSONAME") or ""
    folder = Path(sysconfig.get_config_var("LIBDIR") or "/nowhere")
    paths |= {path for path in (folder / library,) if library and path.is_file()}
    system = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/fonts", "/usr/share/zoneinfo"]
    system += ["/etc/ld.so.cache", "/etc/localtime", "/etc/fonts"]
    kept = [Path(path) for path in system if Path(path).exists()]
    return [path for path in kept] + sorted(
        path for path in paths if not any(path.is_relative_to(root) for root in kept)
    )


def _packages() -> list[Path]:
    found: dict[Path, None] = {}
    for distribution in _closure(STUDENT_DISTRIBUTION):
        if canonicalize_name(distribution.metadata["Name"]) == STUDENT_DISTRIBUTION:
            continue
        root = Path(str(distribution.locate_file("")))
        for top in _tops(distribution):
            if top not in ("..", "__pycache__", "bin") and not top.endswith(".pth"):
                found[root / top] = None
    return [path for path in found if path.exists()]


def _tops(distribution: importlib.metadata.Distribution) -> dict[str, None]:
    """Return what a distribution put into its folder, in order.

    The text of its RECORD is read here: `files` makes an object of each of 36,000 paths.
    """
    record = distribution.read_text("RECORD")
    if record is None:
        return dict.fromkeys(file.parts[0] for file in distribution.files or ())
    paths = (row[0] for row in csv.reader(record.splitlines()) if row)
    return dict.fromkeys(path.partition("/")[0] for path in paths)


def _closure(name: str) -> list[importlib.metadata.Distribution]:
    """Return the distribution of that name and all that it requires here."""
    seen: dict[str, importlib.metadata.Distribution] = {}
    waiting = [name]
    while waiting:
        key = canonicalize_name(waiting.pop())
        if key in seen:
            continue
        try:
            distribution = importlib.metadata.distribution(key)
        except importlib.metadata.PackageNotFoundError:
            if key == STUDENT_DISTRIBUTION:
                raise SandboxError(
                    f"the distribution {key} must be installed beside the grader: "
                    "pip install ./course"
                ) from None
            continue  # required only elsewhere, for example on another platform
        seen[key] = distribution
        for text in distribution.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return list(seen.values())


def _course_files() -> list[Path]:
    folder = course_package()
    return [
        path
        for path in sorted(folder.iterdir())
        if path.suffix == ".py" or (path.is_dir() and _is_package(path))
    ]


def course_package() -> Path:
    """Return the folder of the student's package, without importing it."""
    found = importlib.util.find_spec("course")
    if found is None or found.origin is None:
        raise SandboxError("the package course must be installed: pip install ./course")
    return Path(found.origin).parent


def _is_package(path: Path) -> bool:
    return path.name not in NEVER_IN_A_PACKAGE and (path / "__init__.py").is_file()
