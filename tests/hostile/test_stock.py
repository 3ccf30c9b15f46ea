"""The controls of class 13: on stock nbgrader its tricks bring points, or leave work to a person."""

from pathlib import Path

import pytest

from tests.hostile.attacks import ATTACKS
from tests.hostile.on_stock import run_on_stock, style_of

TRICKS = [attack for attack in ATTACKS if attack.control.startswith("stock")]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """How each trick succeeds on a stock course of nbgrader's, graded by nbgrader."""
    top = tmp_path_factory.mktemp("stock")
    styles: dict[str, list[str]] = {}
    for attack in TRICKS:
        styles.setdefault(style_of(attack), []).append(attack.name)
    signs: dict[str, str] = {}
    for style, names in styles.items():
        signs |= run_on_stock(Path(top) / style, style, names)
    return signs


@pytest.mark.parametrize("attack", TRICKS, ids=lambda attack: attack.name)
def test_a_trick_succeeds_on_stock_nbgrader(found: dict[str, str], attack):
    assert found[attack.name]
