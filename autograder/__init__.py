"""The autograder: builds the course, runs students' code in a sandbox and decides the verdicts."""
