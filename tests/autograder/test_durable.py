"""kill -9 of anything at any moment, then the same command again: the books of a calm run."""

import random
from pathlib import Path

import pytest

from tests.autograder.killing import WHOM, Undisturbed, kill_once, undisturbed

KILLS = 2  # of each kind; `python -m tests.bench durable` kills a hundred times


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return undisturbed(
        tmp_path_factory.mktemp("calm"),
    )


@pytest.mark.parametrize("number", range(KILLS))
@pytest.mark.parametrize("whom", WHOM)
def test_after_a_kill_the_same_command_leaves_the_books_of_a_calm_run(
    calm: Undisturbed, tmp_path: Path, whom: str, number: int
):
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"random.Random({seed})")  # shown where it fails
    told = kill_once(calm, tmp_path / "killed", whom, random.Random(seed))
    print(told)
