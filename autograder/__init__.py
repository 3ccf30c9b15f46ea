"""The autograder: builds the course, runs students' code in a sandbox and decides the verdicts."""

import sys

# jsonschema, which nbformat imports, would build this package's grammar of internationalised web
# addresses: two seconds at each start, for a check that no notebook asks for.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
