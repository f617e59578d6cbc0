"""Passwords: argon2id (RFC 9106), with the cost that OWASP's 2023 sheet names for 46 MiB.

Hashing takes tens of milliseconds of a core: it runs in a thread, two at a time, so that a burst of log-ins takes neither the event
loop nor the memory.
"""

import asyncio

import argon2

_HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1)
_AT_ONCE = asyncio.Semaphore(2)
SHORTEST = 12


def hashed(password: str) -> str:
    """What is stored: algorithm, cost and salt included."""
    return _HASHER.hash(password)


NOBODY = hashed("nobody's")
"""Compared against when there is no such account, so that the answer takes as long."""


async def hash_slowly(password: str) -> str:
    """`hashed`, off the event loop."""
    async with _AT_ONCE:
        return await asyncio.to_thread(hashed, password)


async def matches(stored: str, password: str) -> bool:
    """Whether `password` is the one stored."""
    async with _AT_ONCE:
        return await asyncio.to_thread(_matches, stored, password)


def _matches(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
