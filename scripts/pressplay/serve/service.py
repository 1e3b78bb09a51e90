"""Answering one call of either surface: arguments, limits, the work in a thread, metrics, the log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
from pydantic import ValidationError

from pressplay.errors import PressPlayError
from pressplay.serve import log
from pressplay.serve.buckets import Buckets
from pressplay.serve.callers import Caller
from pressplay.serve.config import ServeLimits
from pressplay.serve.metrics import Metrics
from pressplay.serve.operations import OPERATIONS, Operation
from pressplay.serve.pages import Page, Reviews
from pressplay.serve.problems import Problem, later, of_arguments, of_github
from pressplay.serve.request import CommentSource

WAITING_EACH = 4
"""Calls that may wait for each one that is worked on."""


@dataclass(frozen=True)
class ServedAnswer:
    """An answer as text, and as what it is."""

    text: str
    media_type: str


class Service:
    """Answers the operations for callers. Make it where an event loop runs."""

    def __init__(
        self, source: CommentSource, limits: ServeLimits, metrics: Metrics, tidy: Callable[[], object] = lambda: None
    ) -> None:
        """Read from `source`, within `limits`; `tidy` is called after each call."""
        self._tidy = tidy
        self.source = source
        self.metrics = metrics
        self._limits = limits
        self._calls = Buckets(limits.calls_per_minute, limits.burst, time.monotonic)
        self._threads = anyio.CapacityLimiter(limits.at_once)
        self._taken = 0
        """Calls in progress or waiting; the limiter counts a call only one turn of the loop later."""

    async def answer(
        self, operation: Operation, given: Mapping[str, Any], caller: Caller, surface: str
    ) -> ServedAnswer:
        """What `operation` answers to a caller; Problem if it doesn't."""
        begun = time.monotonic()
        outcome = "failed"
        self.metrics.in_flight.inc()
        try:
            answer = await self._answer(operation, given, caller)
            outcome = "ok"
            return answer
        except Problem as problem:
            outcome = problem.code
            raise
        except Exception as error:
            log.fault("failed", error, operation=operation.name)
            raise Problem(
                "failed",
                500,
                "The server failed; the fault is in its log. Call again once; if it fails again, go on without it and "
                "tell whoever runs Press Play.",
            ) from error
        finally:
            took = time.monotonic() - begun
            self.metrics.in_flight.dec()
            self.metrics.requests.labels(surface, operation.name, outcome).inc()
            self.metrics.seconds.labels(surface, operation.name).observe(took)
            log.say(
                "call",
                surface=surface,
                operation=operation.name,
                outcome=outcome,
                ms=round(took * 1000),
                caller=caller.name,
            )

    async def _answer(self, operation: Operation, given: Mapping[str, Any], caller: Caller) -> ServedAnswer:
        wait = self._calls.take(caller.name)
        if wait:
            message = f"Too many calls: {self._limits.calls_per_minute} a minute are allowed."
            raise later("too_many_calls", 429, message, wait)
        try:
            asked = operation.arguments.model_validate(given)
        except ValidationError as error:
            raise of_arguments(error, operation.arguments, operation.name) from error
        if self._taken >= (1 + WAITING_EACH) * self._limits.at_once:
            raise later("busy", 503, "The server has as much to do as it can.", 5)
        self._taken += 1
        try:
            with anyio.fail_after(self._limits.seconds):
                page = await anyio.to_thread.run_sync(
                    partial(self._run, operation, asked, caller),
                    # A call to GitHub ends by its own time limit; its answer is not waited for.
                    abandon_on_cancel=True,
                    limiter=self._threads,
                )
        except TimeoutError as error:
            message = f"It took longer than {self._limits.seconds} s; a smaller limit may help."
            raise later("timeout", 504, message, 10) from error
        finally:
            self._taken -= 1
        if asked.format == "markdown":
            return ServedAnswer(page.markdown(), "text/markdown; charset=utf-8")
        text = json.dumps(page.json(), ensure_ascii=False, separators=(",", ":"))
        return ServedAnswer(text, "application/json")

    def _run(self, operation: Operation, asked: Any, caller: Caller) -> Page | Reviews:
        try:
            return operation.run(replace(self.source, settings=caller.view(self.source.settings)), asked)
        except PressPlayError as error:
            raise of_github(error, asked.repo, self.source.clock.now()) from error
        finally:
            self._tidy()


def named(name: str) -> Operation | None:
    """The operation of a name."""
    return next((operation for operation in OPERATIONS if operation.name == name), None)
