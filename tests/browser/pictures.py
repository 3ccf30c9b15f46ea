"""Makes the pictures of widgets in the README: python -m tests.browser.pictures"""

import tempfile
from pathlib import Path

from tests.browser.widget_page import Figure, lab_with_widgets

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
SHOWN = ("RoIAlign", "TransposedConv")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, lab_with_widgets(Path(folder), SHOWN) as tab:
        for name in SHOWN:
            figure = Figure(tab, name)
            figure.settle()
            path = FOLDER / f"{name.lower()}.png"
            figure.root.screenshot(path=path)
            print(f"{path.relative_to(FOLDER.parents[1])}: {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
