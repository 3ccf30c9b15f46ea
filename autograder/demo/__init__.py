"""The demo class: one module an assignment says what its students write and what it is to get."""
