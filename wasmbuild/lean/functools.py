"""What is used of ``functools``, without importing it and the ``collections`` that it needs: both take longer than all
that a step does.

To a type checker the name is that of ``functools``.
"""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from functools import lru_cache as lru_cache
else:
    try:
        from _functools import _lru_cache_wrapper
    except ImportError:  # an interpreter that is not in C
        from functools import lru_cache
    else:

        def lru_cache(maxsize):
            def kept(function):
                # What `cache_info` makes of four numbers.
                made = _lru_cache_wrapper(function, maxsize, False, lambda *numbers: numbers)
                made.__doc__, made.__wrapped__ = function.__doc__, function
                return made

            return kept
