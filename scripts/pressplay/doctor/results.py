"""Checks and what they found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pressplay.errors import InputError, TryAgain
from pressplay.github.breaker import RateLimited

State = Literal["ok", "wrong", "note", "not looked at"]
"""`wrong` is what breaks or weakens something; `note` is advice; `not looked at` says why, and is no fault."""

AGAIN = "run it again; if it stays, see what stands between here and there"
_SHOWN = 600
"""Characters of a message: somebody else's words may be in it."""


@dataclass(frozen=True)
class Result:
    """One line: what was looked at, how it is, and (`do`) what to change."""

    name: str
    state: State
    message: str
    do: str = ""
    group: str = ""

    def as_json(self) -> dict[str, str]:
        """The result as a program reads it."""
        return asdict(self)


class NotLookedAt(Exception):
    """A check can't be made; says why, and what to do so that it can."""

    def __init__(self, why: str, do: str = "") -> None:
        super().__init__(why)
        self.do = do


def ok(name: str, message: str) -> Result:
    """As it should be."""
    return Result(name, "ok", message)


def wrong(name: str, message: str, do: str) -> Result:
    """Something breaks, or is weaker than it is meant to be; `do` names the command or the setting."""
    return Result(name, "wrong", message, do)


def note(name: str, message: str, do: str = "") -> Result:
    """Advice, or something to know."""
    return Result(name, "note", message, do)


def not_looked_at(name: str, why: str, do: str = "") -> Result:
    """Nothing is known of it."""
    return Result(name, "not looked at", why, do)


@dataclass(frozen=True)
class Check:
    """One check, by the name that the report uses where it can't be made."""

    name: str
    look: Callable[..., Iterable[Result]]

    def results(self, *about: Any) -> Iterator[Result]:
        """What it finds; whatever goes wrong on the way is a result, too."""
        try:
            for result in self.look(*about):
                yield _plain(result)
        except NotLookedAt as error:
            yield _plain(not_looked_at(self.name, str(error), error.do))
        except RateLimited as error:
            yield _plain(not_looked_at(self.name, str(error), "wait until then (docs/how-to/install.md)"))
        except TryAgain as error:
            yield _plain(wrong(self.name, f"no answer: {error}", AGAIN))
        except InputError as error:
            yield _plain(wrong(self.name, str(error), "docs/how-to/troubleshoot.md has the message, and what to do"))
        except Exception as error:
            # What a check did not foresee (an object in an odd form) must not keep the others from being made.
            what = f"this check broke off ({type(error).__name__}: {error})"
            yield _plain(wrong(self.name, what, "report this as a fault of pressplay doctor"))


def check(name: str) -> Callable[[Callable[..., Iterable[Result]]], Check]:
    """Make a check of a function."""
    return lambda look: Check(name, look)


def _plain(result: Result) -> Result:
    """Without control characters, which a terminal would obey, on one line, and no longer than is read."""

    def plain(text: str) -> str:
        line = "".join(letter if letter.isprintable() else " " for letter in text)
        line = " ".join(line.split())
        return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"

    return Result(plain(result.name), result.state, plain(result.message), plain(result.do), result.group)
