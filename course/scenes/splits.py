"""Data sets of drawn scenes."""

from typing import Any

from torch.utils.data import Dataset

from course.scenes.generator import scene
from course.scenes.record import Scene

# Seeds below SPLIT_SIZE are free: `scene(7)` in a lesson is in no split.
SPLIT_SIZE = 2**40
SPLITS = {"train": 1, "val": 2, "test": 3}


class SceneDataset(Dataset[Scene]):
    """The scenes of one split, drawn when asked for: a scene costs a few milliseconds."""

    def __init__(self, split: str, n: int, options: dict[str, Any]) -> None:
        self.split, self.n, self.options = split, n, options

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Scene:
        if not 0 <= index < self.n:
            raise IndexError(f"index must be from 0 to {self.n - 1}, got {index}")
        return scene(SPLITS[self.split] * SPLIT_SIZE + index, **self.options)

    def __repr__(self) -> str:
        return f"{self.n} scenes of {self.split}"


def dataset(split: str, n: int, **options: Any) -> SceneDataset:
    """Return the first `n` scenes of "train", "val" or "test", which share no scene.

    `options` are those of `scene`. Scenes have different numbers of objects, so a DataLoader needs
    `collate_fn=list`: a batch is then a list of scenes.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    if not 0 <= n <= SPLIT_SIZE:
        raise ValueError(f"n must be from 0 to 2**40, got {n}")
    return SceneDataset(split, n, options)
