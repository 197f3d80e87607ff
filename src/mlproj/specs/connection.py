"""A connection: where tables and files are that stand in no folder."""

from __future__ import annotations

from typing import Literal

from mlproj.specs.base import Spec

ConnectionType = Literal["postgres", "mysql", "sqlite"]


class Connection(Spec):
    """A database that sources read tables of, always read-only; sources name it: `connection: shop`.

    `host`, `port`, `user`, `password`, `database` and `ssl_mode` are for `postgres` and `mysql`; `path` is the file of
    `sqlite`, relative to the project's folder. A `password` is named, never written: `{{ env_var('SHOP_PASSWORD') }}`.
    """

    type: ConnectionType
    host: str | None = None
    port: int | str | None = None
    user: str | None = None
    password: str | None = None
    database: str | None = None
    ssl_mode: str | None = None
    path: str | None = None
