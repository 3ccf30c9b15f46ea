"""All attacks, by class."""

from tests.hostile.attack import Attack
from tests.hostile.attacks import (
    bombs,
    endings,
    forging,
    injection,
    kernel,
    network,
    patching,
    poisoning,
    reaching,
    stock,
)

MODULES = (
    reaching, forging, patching, poisoning, network, kernel, bombs, endings, injection, stock,
)  # fmt: skip
ATTACKS: tuple[Attack, ...] = tuple(attack for module in MODULES for attack in module.ATTACKS)
