"""What to say when the device is full: which batch size would have fitted."""

from __future__ import annotations

from collections.abc import Callable

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error is a device or host allocator giving up."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("can't allocate memory" in text or "not enough memory" in text)


def largest_fitting(batch_size: int, attempt: Callable[[int], None]) -> int | None:
    """The largest half, quarter, … of ``batch_size`` with which ``attempt`` does not run out of memory; None if none."""
    size = batch_size // 2
    while size >= 1:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            attempt(size)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            size //= 2
        else:
            return size
    return None
