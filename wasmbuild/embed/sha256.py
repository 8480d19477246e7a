"""The constants of SHA-256 for generated code, computed as FIPS 180-4 defines them."""

from __future__ import annotations

from math import isqrt


def _primes(count: int) -> list[int]:
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found


def _cube_root(number: int) -> int:
    low, high = 0, number
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle - 1)
    return low


START = tuple(isqrt(prime << 64) & 0xFFFFFFFF for prime in _primes(8))
"""The first 32 bits of the fractional parts of the square roots of the first primes."""

ROUNDS = tuple(_cube_root(prime << 96) & 0xFFFFFFFF for prime in _primes(64))
"""The first 32 bits of the fractional parts of the cube roots of the first primes."""
