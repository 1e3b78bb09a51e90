"""The errors that Press Play raises on purpose, and the exit status of each.

A step's exit status is its answer to Argo's retry strategy: 0 done, 75 try again
(EX_TEMPFAIL of sysexits.h), 2 never. Status 1 is left to what nobody foresaw.
"""

from __future__ import annotations

EXIT_FAILED = 1
EXIT_NEVER = 2
EXIT_TRY_AGAIN = 75


class PressPlayError(Exception):
    """Something a person or the platform can act on; its text says what was expected, what it got and what to do."""

    exit_code = EXIT_FAILED


class InputError(PressPlayError):
    """What was given is wrong and stays wrong: a file, a value, a name, a missing permission. Never retried."""

    exit_code = EXIT_NEVER


class TryAgain(PressPlayError):
    """A passing fault (a 5xx, a 429, a conflict, a thing not yet there): the same call may succeed later."""

    exit_code = EXIT_TRY_AGAIN
