"""What may be a key.

Keys are the same for a folder and for an S3 bucket, so they obey the stricter of both: a file name of a Linux file
system a segment, S3's length in all. The first segment is the namespace (``local`` on a laptop), so that one prefix
policy keeps tenants apart.
"""

from __future__ import annotations

import unicodedata

from clock_train.errors import StorageKeyInvalid

MAX_KEY_BYTES = 1024
"""S3's limit."""
MAX_SEGMENT_BYTES = 255
"""NAME_MAX of ext4, xfs and most others."""
TEMPORARY_FOLDER = ".unfinished"
"""Where the folder adapter keeps files that are still being written; no key may begin with it."""


def check_key(key: str) -> str:
    """The key itself, when it can name an object.

    Raises:
        StorageKeyInvalid: empty, absolute, with ``..``, with an empty segment or a control character, or too long.
    """
    problem = _problem(key)
    if problem:
        raise StorageKeyInvalid(
            f"key {key!r} {problem}. Give segments separated by single slashes, such as 'local/runs/anna/step-100'."
        )
    return key


def check_prefix(prefix: str) -> str:
    """A prefix without its closing slash; the empty one means everything.

    A prefix ends at a slash: ``runs/1`` never means ``runs/10``, which a prefix of plain characters would.
    """
    stripped = prefix.removesuffix("/")
    return check_key(stripped) if stripped else stripped


def _problem(key: str) -> str | None:
    if not key:
        return "is empty"
    if key.startswith("/"):
        return "is absolute"
    try:
        encoded = key.encode()
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if len(encoded) > MAX_KEY_BYTES:
        return f"has {len(encoded)} bytes, at most {MAX_KEY_BYTES} are allowed"
    if any(unicodedata.category(character) == "Cc" for character in key):
        return "has a control character"
    segments = key.split("/")
    if segments[0] == TEMPORARY_FOLDER:
        return f"begins with {TEMPORARY_FOLDER}, which is reserved for files being written"
    for segment in segments:
        if segment in ("", ".", ".."):
            return f"has the segment {segment!r}"
        if len(segment.encode()) > MAX_SEGMENT_BYTES:
            return f"has a segment of {len(segment.encode())} bytes, at most {MAX_SEGMENT_BYTES} are allowed"
    return None
