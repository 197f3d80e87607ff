"""A feature group: a contract on the rows that one SQL query gives."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlproj.specs.aggregate import Aggregate
from mlproj.specs.base import Day, Equivalent, Name, Resource, Scalar, Spec
from mlproj.specs.data_test import DataTest
from mlproj.specs.duration import Duration
from mlproj.specs.retention import Retention


class FeatureSpec(Spec):
    """One column of the contract. `nullable` left out means true, for keys and event_time false.

    Values of a feature with `pii: true` are masked wherever they are printed. Left out, a feature computed from such
    columns is masked too; `pii: false` says that it need not be.
    """

    name: Name
    type: str | None = None
    description: str = ""
    nullable: bool | None = None
    default: Scalar | None = None
    renamed_from: Name | None = None
    equivalent: Equivalent | None = None
    # Factories: there are many of these, and pydantic deep-copies a default list for each.
    tags: list[str] = Field(default_factory=list)
    pii: bool | None = None
    tests: list[DataTest] = Field(default_factory=list)


class FeatureGroup(Resource):
    """Rows by `primary_key`, and by `event_time` where there is one, computed by the SQL file `sql`.

    With `aggregate:` there is no SQL: its features are aggregates over windows of time.

    With `materialized: incremental` a build adds to what stands: rows whose `watermark` is no older than the newest
    one there less `lookback`, by the `strategy`. `deleted` is a column that is true for rows that are to go,
    `new_features` says what rows that stand get of a feature that is added, `batch` how much a backfill does at once.
    """

    primary_key: list[Name] = Field(min_length=1)
    event_time: Name | None = None
    created_time: Name | None = None
    partition_by: list[Name] = Field(default_factory=list)
    materialized: Literal["table", "view", "incremental"] = "table"
    strategy: Literal["append", "merge", "partition"] | None = None
    watermark: Name | None = None
    lookback: Duration | None = None
    deleted: Name | None = None
    new_features: Literal["backfill", "default"] | None = None
    batch: Duration | None = None
    online: bool = False
    sql: str | None = None
    aggregate: Aggregate | None = None
    features: list[FeatureSpec] = []
    tests: list[DataTest] = Field(default_factory=list)
    equivalent: Equivalent | None = None
    retention: Retention | None = None
    deprecated_after: Day | None = None
