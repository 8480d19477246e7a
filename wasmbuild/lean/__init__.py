"""What is used of some modules of the standard library, without importing them and all that they import.

A step of another build takes a twentieth of a second. Python's ``typing``, ``pathlib``, ``contextlib``, ``functools``,
``json`` and ``signal`` would take as long again, half of it for enums and regular expressions; a build's ``queue`` and
``threading`` are a tenth of one after an edit. Each module here has the name of the one that it stands in for, and to a
type checker it is that one; ``importing`` is how modules of our own are found.
"""
