"""What to say when the device is full: which batch size would have fitted."""

from __future__ import annotations

from collections.abc import Callable

import torch

SIGNS = ("can't allocate memory", "not enough memory", "std::bad_alloc")
ONEDNN_SIGNS = ("could not create a primitive", "could not create a memory object")
"""The whole message of the CPU's kernels when they find no room; longer ones mean something else."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error is a device or host allocator giving up."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (text in ONEDNN_SIGNS or any(sign in text for sign in SIGNS))


def largest_fitting(batch_size: int, attempt: Callable[[int], None]) -> int | None:
    """The largest half, quarter, … of ``batch_size`` for which ``attempt`` finds the memory; None if none."""
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
