"""Texts as an Argo parameter may carry them (R7): gzip and base64, so only letters, digits and `+ / =`."""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from pressplay.errors import InputError

_T = TypeVar("_T")

LARGEST = 4 * 1024 * 1024
"""Bytes that a packed text may unfold to: a few packed ones can make more than a step's memory holds."""


def pack(text: str) -> str:
    """`text` packed; the same text is packed the same."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")


def unpack(packed: str, what: str) -> str:
    """The text that `pack` packed; InputError naming `what` if it is not one, or unpacks to more than LARGEST."""
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        text = reader.decompress(base64.b64decode(packed, validate=True), LARGEST)
        if reader.eof:
            return text.decode()
    except (binascii.Error, zlib.error, ValueError) as error:
        raise InputError(f"{what}: expected a text packed by gzip and base64: {error}") from error
    raise InputError(f"{what}: expected a packed text of at most {LARGEST} bytes, got a larger one, or a part of one")


def pack_json(adapter: TypeAdapter[_T], value: _T) -> str:
    """A value of a type, packed as JSON."""
    return pack(adapter.dump_json(value).decode())


def unpack_json(adapter: TypeAdapter[_T], packed: str, what: str) -> _T:
    """The value that `pack_json` packed; InputError naming `what`, and the place in it, if it is not of the type."""
    try:
        return adapter.validate_json(unpack(packed, what))
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{what}: {'.'.join(map(str, first['loc'])) or 'all'}: {first['msg']}") from error
