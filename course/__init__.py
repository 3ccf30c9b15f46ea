"""The student package: checks, pictures, scenes and widgets of the course."""
