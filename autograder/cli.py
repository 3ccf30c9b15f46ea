"""The command line: `autograder build, release, grade, check, try, show, report, feedback,
demo, lab` and `lecture`.

Exit codes: 0 done; 1 something did not pass (check, try); 2 usage; 3 the grader itself failed.
"""

import gc
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from autograder.console import grading_progress, open_console, plain, print_table
from autograder.course_folder import CourseFolder
from autograder.errors import AutograderError, UsageError
from autograder.record import PASSED, ExerciseVerdict, SubmissionRecord
from autograder.sandbox import COLD, OPEN, WARM, Opening

DONE, NOT_PASSED, USAGE, GRADER_FAILED = 0, 1, 2, 3
COLLECT_AFTER = 100_000  # new objects: looking for cycles at every 700 is a third of the imports

app = typer.Typer(
    help="Builds the course, grades notebooks in a sandbox, and keeps nbgrader's gradebook.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Course = Annotated[Path, typer.Argument(help="A course folder that `autograder build` made.")]
Json = Annotated[bool, typer.Option("--json", help="Print the record as JSON.")]
Variant = Annotated[int, typer.Option(help="Which hidden cases: any number from 0.", min=0)]
Tier = Annotated[
    str | None, typer.Option("--tier", help="Force a sandbox tier, warm or cold.", hidden=True)
]
NoSandbox = Annotated[
    bool,
    typer.Option(
        "--no-sandbox",
        help="Run the code with all your rights. Only for code that you wrote yourself.",
    ),
]


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="The course folder, new or built before.")] = Path(
        "course-built"
    ),
    variants: Annotated[int, typer.Option(help="Hidden variants an exercise.", min=1)] = 64,
    jobs: Annotated[
        int | None,
        typer.Option(help="Processes that draw them; one for each core by default.", min=1),
    ] = None,
) -> None:
    """Build an nbgrader course: source/, release/, gradebook, hidden variants."""
    from autograder.build import build as build_course

    console = open_console()
    course = build_course(
        out, variants, jobs=jobs, progress=lambda line: console.print(line, markup=False)
    )
    console.print(f"The course is in {course.root}.", markup=False)


@app.command()
def release(
    assignment: Annotated[str, typer.Argument(help="For example 03_nms.")],
    out: Annotated[Path, typer.Option(help="The ZIP to write.")],
    course: Annotated[Path, typer.Option(help="The built course folder.")] = Path("course-built"),
    given_anyway: Annotated[
        bool, typer.Option(help="Release also before answers that it contains are due.")
    ] = False,
) -> None:
    """Write the bundle that students download."""
    from autograder.release import release as write_release

    path = write_release(CourseFolder.open(course), assignment, out, given_anyway=given_anyway)
    open_console().print(f"Wrote {path}.", markup=False)


@app.command()
def grade(
    course_dir: Course,
    assignment: str,
    student: Annotated[list[str] | None, typer.Option(help="Only this student.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the records to this file.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(help="Processes that judge; by default as many as the machine bears.", min=1),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Judge on the Dask cluster whose scheduler has this address."),
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(
            help="Judge all on the cases of this release (an id, or newest), not each on those of "
            "the release that it was made from."
        ),
    ] = None,
    tier: Tier = None,
    no_sandbox: NoSandbox = False,
) -> None:
    """Grade all submissions of an assignment into the gradebook.

    What was judged before is not judged again; a run that was stopped goes on where it stopped.
    """
    tier = _tier(tier, no_sandbox)
    course = CourseFolder.open(course_dir)
    ahead = None if scheduler else Opening(tier)
    from autograder.grading import grade_class

    with grading_progress() as progress:
        records = grade_class(
            course, assignment, student, tier, progress,
            ahead=ahead, jobs=jobs, scheduler=scheduler, release=release,
        )  # fmt: skip
    print_table(records)
    if json_file:
        content = {"submissions": [_public(record) for record in records]}
        json_file.write_text(json.dumps(content, indent=1) + "\n")


@app.command()
def check(
    notebook: Annotated[Path, typer.Argument(help="A notebook of an assignment.")],
    assignment: Annotated[str, typer.Option(help="Its assignment, for example 03_nms.")],
    variant: Variant = 0,
    as_json: Json = False,
    tier: Tier = None,
    no_sandbox: NoSandbox = False,
) -> None:
    """Judge one notebook without a gradebook."""
    tier = _tier(tier, no_sandbox)
    ahead = Opening(tier)
    from autograder.checking import check_notebook
    from autograder.judging import Workers

    with Workers(tier, ahead) as workers:
        cores = len(os.sched_getaffinity(0))
        record = check_notebook(notebook, assignment, workers, variant, jobs=cores)
    if as_json:
        print(json.dumps(_public(record), indent=1))
    else:
        print_table([record])
        _print_verdicts(record.exercises)
    full = all(verdict.verdict == PASSED for verdict in record.exercises)
    raise typer.Exit(DONE if full else NOT_PASSED)


@app.command(name="try")
def try_(
    exercise: Annotated[str, typer.Argument(help="For example nms.")],
    file: Annotated[Path, typer.Argument(help="A Python file that defines the function.")],
    variant: Variant = 0,
    as_json: Json = False,
    tier: Tier = None,
    no_sandbox: NoSandbox = False,
) -> None:
    """Judge one Python file that defines an exercise's function."""
    tier = _tier(tier, no_sandbox)
    ahead = Opening(tier)
    from autograder.checking import try_file
    from autograder.judging import Workers

    with Workers(tier, ahead) as workers:
        verdict = try_file(exercise, file, workers, variant)
    if as_json:
        print(json.dumps(verdict.to_json(), indent=1))
    else:
        _print_verdicts((verdict,))
    raise typer.Exit(DONE if verdict.verdict == PASSED else NOT_PASSED)


@app.command()
def show(
    course_dir: Course,
    assignment: str,
    student: str,
    tier: Tier = None,
    no_sandbox: NoSandbox = False,
) -> None:
    """Show a submission's hidden inputs, got and expected, for an appeal. Instructors only."""
    from autograder.show import show as show_submission

    show_submission(CourseFolder.open(course_dir), assignment, student, _tier(tier, no_sandbox))


@app.command()
def report(
    course_dir: Course,
    assignment: Annotated[str | None, typer.Argument(help="All of them by default.")] = None,
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    anonymous: Annotated[bool, typer.Option(help="Leave the students' names out.")] = False,
) -> None:
    """Write one self-contained HTML file about a graded class."""
    from autograder.grading import graded_records, submitted_students
    from autograder.report import write_report

    course = CourseFolder.open(course_dir)
    names = [assignment] if assignment else sorted(course.assignments())
    records = [record for name in names for record in graded_records(course, name)]
    if not records:
        raise UsageError(f"nothing is graded in {course_dir}: run `autograder grade` first")
    ungraded = sum(len(submitted_students(course, name)) for name in names) - len(records)
    if ungraded:
        open_console().print(f"{ungraded} submissions are not graded yet and are left out.")
    write_report(records, out, anonymous=anonymous, secret=course.secret())
    open_console().print(f"Wrote {out}.", markup=False)


@app.command()
def feedback(
    course_dir: Course,
    assignment: str,
    student: Annotated[list[str] | None, typer.Option(help="Only this student.")] = None,
    jobs: Annotated[
        int | None,
        typer.Option(help="Processes that make pages; one for each core by default.", min=1),
    ] = None,
) -> None:
    """Write the feedback pages, as `nbgrader generate_feedback` does and many times faster."""
    from autograder.feedback import write_feedback

    made = write_feedback(CourseFolder.open(course_dir), assignment, student, jobs)
    open_console().print(
        f"Wrote {len(made.written)} pages in {course_dir}/feedback; "
        f"{len(made.kept)} were up to date.",
        markup=False,
    )


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where the demo course is built.")] = Path("demo"),
) -> None:
    """Build the course, make a small class, grade all that it hands in, write its report."""
    from autograder.demo.run import run_demo

    raise typer.Exit(run_demo(out))


@app.command()
def lab(
    assignment: Annotated[str | None, typer.Argument(help="The first by default.")] = None,
    out: Annotated[Path, typer.Option(help="The demo course's folder.")] = Path("demo"),
) -> None:
    """Open an assignment in JupyterLab as a student gets it, the others beside it."""
    from autograder.demo.run import open_lab

    raise typer.Exit(open_lab(out, assignment))


@app.command()
def lecture(
    port: Annotated[int | None, typer.Option(help="A free one by default.")] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Serve the widgets as slides for a lecture, driven by the reference."""
    from autograder.lecture.serve import serve

    serve(port, browser=browser)


def _tier(tier: str | None, no_sandbox: bool) -> str | None:
    if tier not in (None, WARM, COLD):
        raise UsageError(f"tier must be warm or cold, got {tier!r}")
    if not no_sandbox:
        return tier
    print(
        "Warning: without a sandbox the code can read and change everything that you can, "
        "answers and grades included.",
        file=sys.stderr,
    )
    return OPEN


def _public(record: SubmissionRecord) -> dict[str, Any]:
    """Return the record that `--json` promises, without what the cells displayed."""
    content = record.to_json()
    del content["runs"]
    return content


def _print_verdicts(verdicts: tuple[ExerciseVerdict, ...]) -> None:
    console = open_console()
    for verdict in verdicts:
        score = "no score" if verdict.score is None else f"{verdict.score:.0%}"
        words = verdict.verdict.replace("_", " ")
        console.print(f"{verdict.exercise}: {words}, {score}", style="bold", markup=False)
        if verdict.message:
            console.print(f"  {plain(verdict.message)}", markup=False)
        for case in verdict.cases:
            if case.verdict != PASSED:
                console.print(f"  - {plain(case.group)}: {plain(case.message)}", markup=False)


@contextmanager
def _errors_explained() -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        print(f"autograder: {error}", file=sys.stderr)
        sys.exit(USAGE)
    except AutograderError as error:
        print(f"autograder: {error}", file=sys.stderr)
        sys.exit(GRADER_FAILED)
    except KeyboardInterrupt:
        print("autograder: stopped; run the same command again to go on", file=sys.stderr)
        sys.exit(GRADER_FAILED)
    except Exception as error:
        import traceback

        traceback.print_exc()
        print(f"autograder: a fault of the grader: {error}", file=sys.stderr)
        sys.exit(GRADER_FAILED)


def main(run: Callable[[], Any] = app) -> None:
    """Run the command line."""
    gc.set_threshold(COLLECT_AFTER)
    try:
        with _errors_explained():
            run()
    finally:
        gc.freeze()  # else the interpreter looks at every object once more as it ends: a second


if __name__ == "__main__":
    main()
