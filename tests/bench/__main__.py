"""Runs every benchmark of this folder and prints its tables: python -m tests.bench [NAME ...]

A benchmark is a module bench_NAME.py with a function main(). Without names all of them run.
"""

import importlib
import pathlib
import sys


def main(wanted: list[str]) -> int:
    here = pathlib.Path(__file__).parent
    names = sorted(path.stem.removeprefix("bench_") for path in here.glob("bench_*.py"))
    unknown = sorted(set(wanted) - set(names))
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(names)}")
        return 2
    print(f"command: python -m tests.bench {' '.join(wanted)}".rstrip())
    for name in wanted or names:
        print(f"\n== {name} ==")
        importlib.import_module(f"tests.bench.bench_{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
