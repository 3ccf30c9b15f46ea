"""Each attack succeeds where the one defence that it aims at is off: else it would prove nothing."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.course_folder import CourseFolder
from autograder.sandbox import WARM, Sandbox
from autograder.worker import Worker
from tests.hostile import weaker
from tests.hostile.attack import Attack
from tests.hostile.attacks import ATTACKS
from tests.hostile.conftest import TOKEN, Canaries
from tests.hostile.controls import CONTROLS, WEAK_OF, Place


def sandbox_of(attack: Attack) -> str:
    """Return which weak sandbox a control needs; "" for the whole one."""
    name = WEAK_OF.get(attack.control, attack.control)
    return name if name in weaker.WEAKNESSES else ""


BY_SANDBOX = sorted(
    (a for a in ATTACKS if not a.control.startswith("stock")),
    key=lambda attack: (sandbox_of(attack), attack.control, attack.name),
)


class Weak:
    """The weak sandbox that was asked for last; one is open at a time."""

    def __init__(self, factory: pytest.TempPathFactory, sockets: Path) -> None:
        self._factory, self._sockets = factory, sockets
        self._name, self._open = "", None

    def get(self, name: str) -> Sandbox:
        if self._open is None or self._name != name:
            self.close()
            folder = self._factory.mktemp("weak")
            self._open = weaker.weak_sandbox(name, folder, TOKEN, self._sockets)
            self._name, self._sandbox = name, self._open.__enter__()
        return self._sandbox

    def close(self) -> None:
        if self._open is not None:
            self._open.__exit__(None, None, None)
            self._open = None


@pytest.fixture(scope="module")
def weak(canaries: Canaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weak]:
    folder = Path(canaries.places["UNIX"]).parent
    folder.chmod(0o755)
    Path(canaries.places["UNIX"]).chmod(0o777)
    sandboxes = Weak(tmp_path_factory, folder)
    yield sandboxes
    sandboxes.close()


@pytest.fixture(scope="module")
def whole() -> Iterator[Worker]:
    with Worker(WARM) as ready:
        yield ready


@pytest.fixture(scope="module")
def course_of_controls(hostile_course: CourseFolder, tmp_path_factory) -> CourseFolder:
    folder = tmp_path_factory.mktemp("controls") / "course"
    shutil.copytree(hostile_course.root, folder)
    return CourseFolder.open(folder)


@pytest.mark.parametrize("attack", BY_SANDBOX, ids=lambda attack: attack.name)
def test_an_attack_succeeds_where_its_defence_is_off(
    attack: Attack, weak: Weak, whole: Worker, course_of_controls, canaries, monkeypatch
):
    if attack.needs and not attack.needs():
        pytest.skip(f"this machine offers no {attack.name}: nothing could be shown")
    monkeypatch.setenv("PLANTED", TOKEN)
    name = sandbox_of(attack)
    sandbox = weak.get(name) if name else whole.sandbox
    place = Place(sandbox, whole, course_of_controls, canaries.places, monkeypatch)
    assert CONTROLS[attack.control](attack, place)


def test_every_attack_has_a_control():
    named = {a.control for a in ATTACKS if not a.control.startswith("stock")}
    assert named <= set(CONTROLS)
