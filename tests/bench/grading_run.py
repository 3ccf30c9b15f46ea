"""One run of grading, watched: python -m tests.bench.grading_run COURSE JOBS; prints JSON."""

import gc
import json
import multiprocessing
import os
import resource
import sys
import time
from pathlib import Path

STARTED = time.time() - (
    time.clock_gettime(time.CLOCK_BOOTTIME)
    - int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    / os.sysconf("SC_CLK_TCK")
)


def main(folder: str, jobs: int) -> None:
    from autograder.cli import COLLECT_AFTER
    from autograder.sandbox import Opening

    gc.set_threshold(COLLECT_AFTER)
    ahead = Opening()
    from autograder.course_folder import CourseFolder
    from autograder.grading import grade_class

    moments: list[tuple[float, float, int]] = []

    def progress(done: int, total: int, record: object) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        moments.append((time.time() - STARTED, _cpu(), pages * os.sysconf("SC_PAGE_SIZE")))

    before = set(os.listdir("/proc/self/fd")), set(os.listdir("/dev/shm"))
    records = grade_class(
        CourseFolder.open(Path(folder)), "03_nms", progress=progress, ahead=ahead, jobs=jobs
    )
    after = set(os.listdir("/proc/self/fd")), set(os.listdir("/dev/shm"))
    left = [len(new - old) for old, new in zip(before, after, strict=True)]
    print(
        json.dumps(
            {
                "moments": moments,
                "right": sum(record.score == record.max_score for record in records),
                "left": {
                    "descriptors": left[0],
                    "shared memory": left[1],
                    "processes": len(multiprocessing.active_children()),
                },
            }
        )
    )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
