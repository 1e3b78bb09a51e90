"""How one server is set up: the chart writes it as `serve.json`, the command line makes it on a laptop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from pressplay.errors import InputError


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class ServeLimits(_Model):
    """How much a caller may ask, and the server does at once (R4)."""

    calls_per_minute: int = Field(120, ge=1)
    """Of one caller."""
    burst: int = Field(40, ge=1)
    """Calls of one caller that may come at once."""
    at_once: int = Field(8, ge=1, le=64)
    """Calls that are worked on at the same time."""
    seconds: int = Field(60, ge=1)
    """After which a call is given up."""
    connections: int = Field(200, ge=1)
    body: int = Field(65536, ge=1024)
    """Bytes of a request."""


class AllowedCaller(_Model):
    """Whose tokens are taken, and what it may read."""

    service_account: str = Field(pattern=r"^[^/*]+/[^/]+$")
    """`namespace/name`; `*` in the name stands for any part of one."""
    repositories: list[str] = Field(min_length=1)
    """`owner/name`; `*` stands for any part of either."""


class Stop(_Model):
    """How it stops at SIGTERM."""

    drain_seconds: int = Field(0, ge=0)
    """For how long it still takes requests, while it says that it is not ready."""
    seconds: int = Field(25, ge=1)
    """For how long what is under way may go on then."""


class Config(_Model):
    """One server."""

    host: str = "127.0.0.1"
    port: int = Field(8090, ge=0, le=65535)
    app: str
    """The App as which GitHub is read."""
    people: Literal["writers", "everyone"] = "writers"
    """Whose words are shown: of those who may write to the repository, or everybody's."""
    hosts: list[str] = []
    """Names by which it may be called beside this machine's own, without a port (against DNS rebinding)."""
    origins: list[str] = []
    """Origins of web pages that may call it, for example https://tools.example.com."""
    audiences: list[str] = []
    """For whom ServiceAccounts' tokens must have been made; empty: for the API server."""
    callers: list[AllowedCaller] = []
    """Whose tokens are taken; empty: no ServiceAccount's."""
    limits: ServeLimits = ServeLimits()  # type: ignore[call-arg]
    stop: Stop = Stop()  # type: ignore[call-arg]


def read(path: Path) -> Config:
    """The configuration in a file; InputError naming it, each place and what was expected."""
    try:
        return Config.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{path}: expected a readable file: {error.strerror}") from error
    except ValidationError as error:
        faults = "\n".join(f"{path}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(faults) from error
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from error
