"""What the package uses of ``typing`` while it runs, without importing it: that, and its named tuples, are a quarter of
what a build with nothing to do takes.

To a type checker the names are those of ``typing``. Annotations are never evaluated here, so that most of them need
not mean anything. Files that run elsewhere alone, and models, whose annotations are read, take ``typing`` itself.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import IO as IO
    from typing import Any as Any
    from typing import Generic as Generic
    from typing import NamedTuple as NamedTuple
    from typing import NoReturn as NoReturn
    from typing import Protocol as Protocol
    from typing import Self as Self
    from typing import TextIO as TextIO
    from typing import TypeVar as TypeVar
    from typing import cast as cast
else:
    try:
        from _collections import _tuplegetter
    except ImportError:  # an interpreter that is not in C
        from collections import _tuplegetter

    class _SpecialForm:
        """Stands for any type, alone, with parameters and as a base."""

        __slots__ = ()

        def __class_getitem__(cls, parameters):
            return cls

    Any = Generic = IO = NoReturn = Protocol = Self = TextIO = _SpecialForm

    def _any(name, *constraints, **bounds):
        return _SpecialForm

    TypeVar = _any

    def cast(form, value):
        return value

    _UNKNOWN_FIELD = TypeError if sys.version_info >= (3, 13) else ValueError

    _tuple = tuple.__new__

    class _Named(tuple):
        """What all named tuples have, with the names and meanings of ``collections.namedtuple``."""

        __slots__ = ()

        def __new__(cls, *values, **named):
            if named or len(values) != cls._size:
                missing = cls._size - len(values)
                defaults = cls._defaults
                if not named and 0 < missing <= len(defaults):
                    values += defaults[len(defaults) - missing :]
                else:
                    values = _arguments(cls, values, named)
            return _tuple(cls, values)

        @classmethod
        def _make(cls, values):
            made = tuple.__new__(cls, values)
            if len(made) != cls._size:
                raise TypeError(f"{cls.__name__} takes {cls._size} values, and {len(made)} were given")
            return made

        def _replace(self, /, **named):
            values = tuple(map(named.pop, self._fields, self))
            if named:
                raise _UNKNOWN_FIELD(f"Got unexpected field names: {list(named)!r}")
            return tuple.__new__(type(self), values)

        # What `copy.replace` asks for, since Python 3.13.
        __replace__ = _replace

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self):
            shown = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({shown})"

        def __getnewargs__(self):
            return tuple(self)

    def _arguments(cls, values, named):
        """Return the values of all fields, as a call gives them. Raises TypeError as that of a function would."""
        if len(values) > cls._size:
            raise TypeError(f"{cls.__name__} takes {cls._size} values, and {len(values)} were given")
        rest = cls._fields[len(values) :]
        defaults = cls._field_defaults
        try:
            values += tuple([named.pop(name) if name in named else defaults[name] for name in rest])
        except KeyError as error:
            raise TypeError(f"{cls.__name__} needs a value for {error}") from None
        if named:
            raise TypeError(f"{cls.__name__} has no field {next(iter(named))!r}, or it was given twice")
        return values

    class _Maker(type):
        """Makes a class of annotated fields without compiling code for it, as ``collections.namedtuple`` does."""

        def __new__(maker, name, bases, body):
            fields = tuple(body["__annotations__"])
            defaults = {}
            for index, field in enumerate(fields):
                if field in body:
                    defaults[field] = body[field]
                elif defaults:
                    raise TypeError(f"{name}: {field} has no default, and one before it has")
                body[field] = _tuplegetter(index, "")
            body |= {
                "__slots__": (),
                "__match_args__": fields,
                "_fields": fields,
                "_field_defaults": defaults,
                "_defaults": tuple(defaults.values()),
                "_size": len(fields),
            }
            return type(name, (_Named,), body)

    NamedTuple = type.__new__(_Maker, "NamedTuple", (), {})
