"""Attacks on what differs in the cold tier: there bubblewrap alone makes the namespaces and folders.

The other attacks meet the same reader, judge and filter as in the warm tier. Each of these runs in
a sandbox that holds, twice where the second is to profit from the first.
"""

from collections.abc import Iterator

import pytest

from autograder.sandbox import COLD, ChildEnded, Sandbox, open_sandbox
from autograder.sandbox import child as child_module
from autograder.session import Session
from tests.hostile import weaker
from tests.hostile.attack import Attack
from tests.hostile.attacks import ATTACKS
from tests.hostile.conftest import Canaries

NAMES = (
    "disk_search", "proc", "descriptors", "tcp", "abstract_socket", "signals", "user_namespace",
    "remembers_inputs", "files_beside_the_devices", "daemon", "disk_bomb", "forked_memory_bomb",
)  # fmt: skip


@pytest.fixture(scope="module")
def cold() -> Iterator[Sandbox]:
    with open_sandbox(COLD) as ready:
        yield ready


@pytest.mark.parametrize("name", NAMES)
def test_the_cold_tier_holds_too(name: str, cold: Sandbox, small_limits, canaries: Canaries):
    attack: Attack = next(attack for attack in ATTACKS if attack.name == name)
    assert not weaker.prevails(cold, attack, canaries.places)
    assert canaries.heard == []


def test_files_count_as_memory(cold: Sandbox, monkeypatch):
    fill = "import time\nwith open('/tmp/big', 'wb') as file:\n"
    fill += "    for _ in range(20): file.write(bytes(10 << 20))\ntime.sleep(3)"
    with Session(cold.spawn()) as session:
        session.run("x = 1")
        before = session._child.usage().memory
        monkeypatch.setattr(child_module, "MAX_MEMORY", before + (150 << 20))
        with pytest.raises(ChildEnded, match="too much memory"):
            session.run(fill)
