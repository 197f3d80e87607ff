"""A connection: where tables and files are that stand in no folder."""

from __future__ import annotations

from typing import Literal

from mlproj.specs.base import Spec

ConnectionType = Literal["postgres", "mysql", "sqlite", "s3"]


class Connection(Spec):
    """A database or a store of files that sources read, and nobody writes. They name it: `connection: shop`.

    `host`, `port`, `user`, `password`, `database` and `ssl_mode` are for `postgres` and `mysql`; `path` is the file of
    `sqlite`, relative to the project's folder. `endpoint` (with `http://` or `https://`; AWS without one), `region`,
    `url_style`, `access_key_id`, `secret_access_key` and `session_token` are for `s3`; a public bucket needs no keys.
    A secret is named, never written: `{{ env_var('SHOP_PASSWORD') }}`.
    """

    type: ConnectionType
    host: str | None = None
    port: int | str | None = None
    user: str | None = None
    password: str | None = None
    database: str | None = None
    ssl_mode: str | None = None
    path: str | None = None
    endpoint: str | None = None
    region: str | None = None
    url_style: Literal["path", "vhost"] | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
