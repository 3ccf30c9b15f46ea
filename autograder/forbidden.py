"""Finds forbidden shortcuts: names that an answer must not contain, told in the lesson beforehand.

Only code that the answer can reach counts: a student may compare with the library elsewhere. What
a function calls its own variables and helpers is its own affair.
"""

from collections.abc import Sequence

from autograder.source_names import reach


def shortcuts(sources: Sequence[str], function: str, forbidden: dict[str, str]) -> list[str]:
    """Return the forbidden names that `function`, or anything it reaches by name, mentions."""
    if not forbidden:
        return []
    reached = reach(sources, function)
    mentioned = reached.looked_up - reached.bound
    for statement in reached.statements:
        mentioned |= statement.mentioned
    return [name for name in forbidden if name in mentioned]
