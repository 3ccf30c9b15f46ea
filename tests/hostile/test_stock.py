"""The controls of class 13: on stock nbgrader its tricks bring points, or leave work to a person."""

from pathlib import Path

import pytest

from tests.hostile.attacks import ATTACKS
from tests.hostile.on_stock import groups, run_on_stock

TRICKS = [attack for attack in ATTACKS if attack.control.startswith("stock")]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """How each trick succeeds on a stock course of nbgrader's, graded by nbgrader."""
    top = tmp_path_factory.mktemp("stock")
    signs: dict[str, str] = {}
    for (style, which), names in groups(TRICKS).items():
        signs |= run_on_stock(Path(top) / f"{style}-{which}", style, names)
    return signs


@pytest.mark.parametrize("attack", TRICKS, ids=lambda attack: attack.name)
def test_a_trick_succeeds_on_stock_nbgrader(found: dict[str, str], attack):
    assert found[attack.name]
