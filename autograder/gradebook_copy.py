"""What build needs of a gradebook, whatever database holds it: a copy to rehearse on, a course."""

from pathlib import Path

from nbgrader.api import Base, Course, Gradebook
from sqlalchemy import create_engine, insert, inspect, select

from autograder.gradebook_faults import explained, refuse_other_versions

LEFT_OUT = ("grade", "comment")  # of all submissions: many, and nothing about a release


def copy_gradebook(url: str, target: Path) -> None:
    """Copy what a gradebook knows of assignments and submissions into a new SQLite file.

    Where the database is empty no file is made.
    """
    with explained(url):
        refuse_other_versions(url)
        source, copy = create_engine(url), create_engine(f"sqlite:///{target}")
        try:
            with source.connect() as connection:
                present = inspect(connection).get_table_names()
                if not present:
                    return
                Base.metadata.create_all(copy)
                with copy.begin() as copied:
                    for table in Base.metadata.sorted_tables:
                        if table.name in present and table.name not in LEFT_OUT:
                            rows = connection.execute(select(table)).mappings().all()
                            if rows:
                                copied.execute(insert(table), [dict(row) for row in rows])
        finally:
            source.dispose()
            copy.dispose()


def add_course(url: str, course_id: str) -> None:
    """Have the course in the gradebook: nbgrader adds none without a name, and servers insist."""
    with explained(url), Gradebook(url, course_id) as gradebook:
        if gradebook.db.get(Course, course_id) is None:
            gradebook.db.add(Course(id=course_id))
            gradebook.db.commit()
