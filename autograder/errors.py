"""The grader's own errors: each names the value and the cure."""


class AutograderError(Exception):
    """Something that the person who runs the grader can mend."""


class UsageError(AutograderError):
    """The command was given something that is not there or does not fit."""


class BuildError(AutograderError):
    """A lesson, an exercise or a release is not what it must be."""


class SandboxError(AutograderError):
    """No sandbox can be had on this machine, or it does not hold."""


class WorkerError(AutograderError):
    """The grader's own process failed; never a student's doing."""


class Doubt(WorkerError):
    """A student's process died, and it is not known yet whether its code did it."""


class CourseError(AutograderError):
    """A course folder is not what `autograder build` made."""


class DiskError(AutograderError):
    """A file cannot be written: the disk is full, or somebody else's."""
