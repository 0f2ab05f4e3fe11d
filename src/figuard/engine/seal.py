"""
Sealing: an entry's canonical bytes and their hash.

The bytes are JSON and carry the hash of the entry before, so one SHA-256 over them chains the book. They are stored
as they were hashed and never encoded again, which keeps old books verifiable whatever later versions write.
"""

from __future__ import annotations

from hashlib import sha256

from figuard.domain.books import Entry
from figuard.ports import SealedEntry, StoredEntry
from figuard.ports.notation import Notation

_NOTATION = Notation(Entry)
_SUFFIX = b',"hash":"'
_SUFFIX_LENGTH = len(_SUFFIX) + 64 + len(b'"}')


def seal(entry: Entry) -> SealedEntry:
    """Return the entry with its bytes and their SHA-256."""
    body = _NOTATION.encode(entry)
    return SealedEntry(entry, body, sha256(body).hexdigest())


def unseal(body: bytes) -> Entry:
    """Return the entry that some bytes say. Raises ``ValueError`` for bytes that are no entry."""
    return _NOTATION.decode(body)


def line_of(sealed: SealedEntry | StoredEntry) -> bytes:
    """
    Return one line of an export: the body with its hash as the last member.

    The hash is over the line without that member, so ``sha256sum`` can check it:
    ``line[:-75] + '}'`` are the bytes that were hashed.
    """
    return sealed.body[:-1] + _SUFFIX + sealed.hash.encode() + b'"}'


def split_line(line: bytes) -> tuple[bytes, str]:
    """Return the hashed bytes and the hash of one line of an export. Raises ``ValueError`` for another shape."""
    line = line.rstrip(b"\r\n")
    tail = line[-_SUFFIX_LENGTH:]
    if not (tail.startswith(_SUFFIX) and tail.endswith(b'"}')):
        msg = "the line does not end with its hash"
        raise ValueError(msg)
    return line[:-_SUFFIX_LENGTH] + b"}", tail[len(_SUFFIX) : -2].decode("ascii", "replace")
