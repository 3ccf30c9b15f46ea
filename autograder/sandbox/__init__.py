"""Where students' code runs: shut in, watched from outside, and told nothing."""

from autograder.sandbox.child import Child, ChildEnded
from autograder.sandbox.tiers import COLD, OPEN, WARM, Opening, Sandbox, open_sandbox

__all__ = ["COLD", "OPEN", "WARM", "Child", "ChildEnded", "Opening", "Sandbox", "open_sandbox"]
