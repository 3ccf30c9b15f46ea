"""nbgrader's configuration of a course: written by build, read wherever nbgrader is called."""

import os
import sys
from importlib.resources import files
from pathlib import Path
from string import Template

from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config, PyFileConfigLoader

from autograder.errors import CourseError
from autograder.nbgrader_plugin import CONFIG_LINES

FILE, LOCAL_FILE = "nbgrader_config.py", "nbgrader_local.py"


def config_text() -> str:
    """Return the text of nbgrader_config.py; it names no path, so that a course can be moved."""
    text = (files("autograder") / "templates" / f"{FILE}.txt").read_text(encoding="utf-8")
    return Template(text).substitute(grading=CONFIG_LINES)


def load_config(root: Path) -> Config:
    """Return the configuration of the course at `root`, the instructor's own settings included."""
    find_alembic()
    try:
        return PyFileConfigLoader(FILE, path=str(root)).load_config()
    except Exception as error:
        raise CourseError(
            f"{root / FILE} must be a readable nbgrader configuration, got "
            f"{type(error).__name__}: {error}; mend {LOCAL_FILE}, or build the course again"
        ) from error


def db_url(root: Path) -> str:
    """Return the URL of the course's gradebook: the instructor's own, or gradebook.db in `root`."""
    url: str = CourseDirectory(config=load_config(root)).db_url
    return url


def course_id(root: Path) -> str:
    """Return nbgrader's name of the course, "" where the instructor gave it none."""
    name: str = CourseDirectory(config=load_config(root)).course_id
    return name


def find_alembic() -> None:
    """Put this environment's programs on the PATH, where nbgrader looks for alembic."""
    programs = str(Path(sys.executable).parent)
    paths = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if programs not in paths:
        os.environ["PATH"] = os.pathsep.join([programs, *paths])
