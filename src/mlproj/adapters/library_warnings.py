"""What libraries warn of while they work, heard per thread instead of printed."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

# `warnings.catch_warnings` changes the whole process and so must not be entered by two threads in turns: the first
# listener enters it, the last one leaves it, and the hook hands each warning to the listener of its thread.
_lock = threading.Lock()
_listeners: list[tuple[int, list[str]]] = []
_captured: list[warnings.catch_warnings[Any]] = []


@contextmanager
def library_warnings() -> Iterator[list[str]]:
    """Collects warnings of this thread as `Category: first line`, each once; of no listener's thread: all listeners."""
    heard: list[str] = []
    entry = (threading.get_ident(), heard)
    with _lock:
        if not _listeners:
            _captured.append(warnings.catch_warnings())
            _captured[-1].__enter__()
            warnings.simplefilter("always")
            warnings.showwarning = _hear
        _listeners.append(entry)
    try:
        yield heard
    finally:
        with _lock:
            _listeners[:] = [known for known in _listeners if known is not entry]
            if not _listeners:
                _captured.pop().__exit__(None, None, None)


def _hear(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None,
    line: str | None = None,
) -> None:  # fmt: skip
    del filename, lineno, file, line
    first = next((part.strip() for part in str(message).splitlines() if part.strip()), "")
    text = f"{category.__name__}: {first}"
    thread = threading.get_ident()
    own = [heard for ident, heard in list(_listeners) if ident == thread]
    for heard in own[-1:] or [heard for _, heard in list(_listeners)]:
        if text not in heard:
            heard.append(text)
