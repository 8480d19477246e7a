"""What is used of ``contextlib``, without importing it and all that it imports: they take as long as ten modules do.

To a type checker the names are those of ``contextlib``.
"""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import contextmanager as contextmanager
    from contextlib import suppress as suppress
else:

    class suppress:  # noqa: N801 -- the name that contextlib has for it
        """Ends what raises one of some exceptions."""

        def __init__(self, *exceptions):
            self._exceptions = exceptions

        def __enter__(self):
            return None

        def __exit__(self, kind, error, traceback):
            return kind is not None and issubclass(kind, self._exceptions)

    class _GeneratorContextManager:
        """The context of one run of a generator."""

        def __init__(self, generator):
            self._generator = generator

        def __enter__(self):
            return next(self._generator)

        def __exit__(self, kind, error, traceback):
            if kind is None:
                for _ in self._generator:
                    raise RuntimeError("generator didn't stop")
                return False
            try:
                self._generator.throw(error)
            except StopIteration as stopped:
                return stopped is not error
            except BaseException as raised:
                # Of a StopIteration that comes out of a generator, Python makes another error.
                made_of_it = isinstance(raised, RuntimeError) and raised.__cause__ is error
                if raised is not error and not (made_of_it and isinstance(error, StopIteration)):
                    raise
                error.__traceback__ = traceback
                return False
            raise RuntimeError("generator didn't stop after throw()")

    def contextmanager(function):
        def made(*arguments, **named):
            return _GeneratorContextManager(function(*arguments, **named))

        made.__name__, made.__qualname__, made.__doc__ = function.__name__, function.__qualname__, function.__doc__
        made.__module__, made.__wrapped__ = function.__module__, function
        return made
