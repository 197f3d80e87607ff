"""Files of an S3-compatible store: which there are, how big, and a version of what is in them, by their ETags."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mlproj.adapters.database_kinds import hide_secrets
from mlproj.adapters.file_content import BLANK, BLANK_BYTES, MISSING
from mlproj.compiler.connections import SECRETS
from mlproj.compiler.text import identifier, literal
from mlproj.ports import SourceError

if TYPE_CHECKING:
    from obstore.store import S3Store

RECIPE = "s3e1"
SCHEME = "s3://"
_MAGIC = re.compile(r"[*?\[]")
# What a store says, in its words or in those of its protocol → what that means.
_SAYINGS = {
    r"NoSuchBucket": ("there is no bucket '{bucket}'", "compare the path with the connection's `endpoint`"),
    r"AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|40[13]\b|NoCredentials": (
        "it refuses these keys", "compare `access_key_id`, `secret_access_key` and the rights they have",
    ),
    r"error sending request|dns error|Connection refused|timed out": (
        "nobody answers at '{endpoint}'", "compare `endpoint` and `region`",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class StoredFile:
    """One object; as text its address."""

    address: str
    size: int
    etag: str

    def __str__(self) -> str:
        return self.address

    @property
    def name(self) -> str:
        return PurePosixPath(self.address).name


class ObjectContent:
    """`file_sources.Content` of the buckets that a connection's settings open. Paths begin with `s3://bucket/`.

    Raises `SourceError` E443 where the store cannot be reached, and E614 where the library for it is not installed.
    """

    def __init__(self, source: str, settings: Mapping[str, str]) -> None:
        self._source, self._settings = source, settings
        self._listed: dict[str, list[StoredFile]] = {}

    def files(self, path: str) -> list[StoredFile]:
        """What `path` matches, in order; an object of exactly this name is the only one."""
        prefix = _fixed(path)
        found = self._list(path)
        exact = [file for file in found if file.address == path]
        if exact or prefix == path:
            return exact
        pattern = re.compile(_regex(path))
        return [file for file in found if pattern.fullmatch(file.address)]

    def version(self, path: str) -> str:
        """`s3e1:` and a hash of the sorted (path below what is no pattern, ETag)."""
        files = self.files(path)
        if not files:
            return MISSING
        folder = len(_fixed(path).rpartition("/")[0])
        text = json.dumps([[file.address[folder:], file.etag, file.size] for file in files])
        return f"{RECIPE}:{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"

    def size(self, path: str) -> int:
        """Bytes."""
        return sum(file.size for file in self.files(path))

    def is_folder(self, path: str) -> bool:
        return bool(self._list(f"{path.rstrip('/')}/"))

    def is_blank(self, file: StoredFile) -> bool:
        return file.size <= BLANK_BYTES and not self._bytes(file, file.size).strip(BLANK)

    def start(self, file: StoredFile) -> bytes:
        """The first two bytes."""
        return self._bytes(file, min(2, file.size))

    def address(self, path: str) -> str:
        return path

    def names_beside(self, path: str) -> Sequence[str]:
        """Names of files in the same folder."""
        folder = path.rpartition("/")[0]
        return [f.name for f in self._list(f"{folder}/") if f.address.rpartition("/")[0] == folder]

    def _list(self, path: str) -> list[StoredFile]:
        """All whose address begins as `path` does up to its pattern; a store lists whole folders."""
        prefix = _fixed(path)
        folder = prefix if prefix.endswith("/") else f"{prefix.rpartition('/')[0]}/"
        if folder not in self._listed:
            bucket, key = bucket_of(folder)
            with self._asking(bucket) as store:
                import obstore

                found = [meta for batch in obstore.list(store, prefix=key or None) for meta in batch]
            files = [
                StoredFile(f"{SCHEME}{bucket}/{m['path']}", int(m["size"]), m["e_tag"] or str(m["last_modified"]))
                for m in found
            ]
            self._listed[folder] = sorted(files, key=lambda f: f.address)
        return [file for file in self._listed[folder] if file.address.startswith(prefix)]

    def _bytes(self, file: StoredFile, length: int) -> bytes:
        if not length:
            return b""
        bucket, key = bucket_of(file.address)
        with self._asking(bucket) as store:
            import obstore

            return bytes(obstore.get_range(store, key, start=0, length=length))

    @contextmanager
    def _asking(self, bucket: str) -> Iterator[S3Store]:
        try:
            from obstore.exceptions import BaseError
        except ImportError as error:
            what = f"source '{self._source}': the library that lists what is in a store is not installed"
            raise SourceError("E614", what, "pip install 'mlproj[s3]'") from error
        try:
            yield _store(bucket, self._settings)
        except (OSError, ValueError, BaseError) as error:
            raise self._refusal(str(error), bucket) from None

    def _refusal(self, said: str, bucket: str) -> SourceError:
        where = {"bucket": bucket, "endpoint": self._settings.get("endpoint", "AWS")}
        what = f"source '{self._source}': cannot read from the store"
        for pattern, (message, hint) in _SAYINGS.items():
            if re.search(pattern, said):
                return SourceError("E443", f"{what}: {message.format_map(where)}", hint)
        first = said.strip().splitlines()[0] if said.strip() else "it says nothing"
        return SourceError("E443", f"{what}: {hide_secrets(first, self._settings, SECRETS)}", None)


def bucket_of(path: str) -> tuple[str, str]:
    """Bucket and key of an address."""
    bucket, _, key = path.removeprefix(SCHEME).partition("/")
    return bucket, key


def secret_of(name: str, bucket: str, settings: Mapping[str, str]) -> str:
    """The statement that tells the engine how to read a bucket; it keeps this in memory."""
    endpoint = settings.get("endpoint", "")
    host = endpoint.partition("://")[2] or endpoint
    given: dict[str, Any] = {
        "key_id": settings.get("access_key_id"), "secret": settings.get("secret_access_key"),
        "session_token": settings.get("session_token"), "region": settings.get("region"),
        "endpoint": host.rstrip("/") or None, "url_style": settings.get("url_style"), "scope": f"{SCHEME}{bucket}/",
    }  # fmt: skip
    if endpoint.startswith("http://"):
        given["use_ssl"] = False
    said = ", ".join(["type s3", *(f"{key} {literal(value)}" for key, value in given.items() if value is not None)])
    return f"create or replace temporary secret {identifier(name)} ({said})"


def _store(bucket: str, settings: Mapping[str, str]) -> S3Store:
    from obstore.store import S3Store

    endpoint = settings.get("endpoint", "")
    options: dict[str, Any] = {
        n: settings[n] for n in ("region", "access_key_id", "secret_access_key") if n in settings
    }
    if endpoint:
        options["endpoint"] = endpoint
    if "session_token" in settings:
        options["session_token"] = settings["session_token"]
    if "access_key_id" not in settings:
        options["skip_signature"] = True
    return S3Store(
        bucket, **options,
        virtual_hosted_style_request=settings.get("url_style") == "vhost",
        client_options={"allow_http": endpoint.startswith("http://"), "connect_timeout": "10s"},
        retry_config={"max_retries": 2},
    )  # fmt: skip


def _fixed(path: str) -> str:
    """The path up to the first sign that is a pattern; `[[]` stands for a bracket."""
    plain, position = "", 0
    while position < len(path):
        if path[position : position + 3] in ("[[]", "[*]", "[?]"):
            plain, position = plain + path[position + 1], position + 3
        elif _MAGIC.match(path[position]):
            break
        else:
            plain, position = plain + path[position], position + 1
    return plain


def _regex(path: str) -> str:
    """The pattern of a glob: `**/` any folders, `*` and `?` within one."""
    parts = re.findall(r"\*\*/|\*+|\?|\[!?\]?[^\]]*\]|[^*?\[]+|\[", path)
    known = {"**/": "(?:[^/]+/)*", "?": "[^/]"}
    return "".join(
        known.get(p)
        or ("[^/]*" if p.startswith("*") else _class(p) if p.startswith("[") and len(p) > 1 else re.escape(p))
        for p in parts
    )


def _class(part: str) -> str:
    inner = part[1:-1]
    negated = inner.startswith("!")
    return f"[{'^' if negated else ''}{inner[negated:].replace(chr(92), chr(92) * 2).replace('[', chr(92) + '[')}]"
