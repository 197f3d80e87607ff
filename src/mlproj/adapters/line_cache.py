"""A memory of a line for each entry: what is not asked for is not parsed, and what is new is added at its end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

# A file that has grown past this is begun anew: what nobody asks for any more goes with it.
_MOST_BYTES = 256 * 1024 * 1024


class LineCache(MutableMapping[str, Any]):
    """String keys to JSON values. A file under another `heading`, or a damaged line, counts as absent.

    Nothing is written before `save`.
    """

    def __init__(self, path: Path, heading: Mapping[str, Any]) -> None:
        self._path = path
        self._heading = _json(heading)
        self._new: dict[str, Any] = {}
        self._parsed: dict[str, Any] = {}
        self._lines = self._read()

    def __getitem__(self, key: str) -> Any:
        if key in self._new:
            return self._new[key]
        if key not in self._parsed:
            self._parsed[key] = self._parse(key)
        return self._parsed[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._new[key] = value

    def __delitem__(self, key: str) -> None:
        raise TypeError("what was found out is not taken back")

    def __contains__(self, key: object) -> bool:
        try:
            self[str(key)]
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        yield from self._new
        for line in self._lines:
            with suppress(ValueError):
                if (key := json.loads(line)) not in self._new and key in self:
                    yield key

    def __len__(self) -> int:
        return sum(1 for _key in self)

    def save(self) -> None:
        """Add what is new; a cache that cannot be written costs time, and nothing else."""
        if not self._new:
            return
        lines = b"".join(_line(key, value) for key, value in self._new.items())
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._lines and self._path.stat().st_size < _MOST_BYTES:
                with self._path.open("ab") as file:
                    file.write(lines)
            else:
                self._path.write_bytes(self._heading + lines)

    def _read(self) -> dict[bytes, bytes]:
        """Lines by the JSON of their key. One that another process is writing, or has cut short, is damaged."""
        try:
            heading, *lines = self._path.read_bytes().split(b"\n")
        except OSError:
            return {}
        if heading != self._heading:
            return {}
        found = {}
        for line in lines:
            key, _, rest = line.partition(b"\t")
            found[key] = rest
        return found

    def _parse(self, key: str) -> Any:
        """Raises `KeyError`."""
        digest, _, value = self._lines[_json(key)].partition(b"\t")
        if digest != _digest(value):
            raise KeyError(key)
        return json.loads(value)


def _line(key: str, value: Any) -> bytes:
    """Begins with the end of the line before: one that was cut short damages no other."""
    text = _json(value)
    return b"\n" + b"\t".join((_json(key), _digest(text), text))


def _digest(value: bytes) -> bytes:
    return blake2b(value, digest_size=8).hexdigest().encode()


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
