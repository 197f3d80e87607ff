"""Compiled definitions: the nodes of a manifest, and, once published, what a target holds of them.

A node's id is `kind:name@version` (`source:name` for sources). SQL in a node names other nodes as quoted identifiers:
`"income@1"` for a group, `"source:census"` for a source; whoever runs it makes relations of these names.
Values of `env_var` stand as `__MLPROJ_ENV_<NAME>__`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, SerializerFunctionWrapHandler, model_serializer

from mlproj.diagnostics import Span
from mlproj.specs.model import Metric, MetricBounds
from mlproj.state.noun import Noun
from mlproj.state.source import CompiledTest, NodeBase, SourceNode
from mlproj.state.windows import Aggregation


Scalar = str | int | float | bool


class QueryShape(Noun):
    """Which rows a query gives (versions.md §1), all but its columns.

    `rows` is the local row-set fingerprint, `deep` goes down to source columns; `text` says it as SQL, to be shown
    beside another; `uses` are the columns that decide it, as `income@1.age` or `source:census.age`.
    """

    rows: str
    deep: str = ""
    text: str = ""
    uses: tuple[str, ...] = ()


class Equivalence(Noun):
    """The user's word that values are as they were; `of` is the published fingerprint that this holds against."""

    of: str
    because: str
    span: Span | None = None


class Feature(Noun):
    """One column of a group's contract.

    `computed` is the fingerprint of the expression alone, with columns of other nodes as symbols; `fingerprint` that
    together with the row set (both local), `deep` the same down to source columns. Types are no part of any.
    `expression` is what is hashed, as SQL, to be shown beside another; `uses` are the columns of other nodes that it is
    computed from, as `income@1.age` or `source:census.age`: those of the row set are in `QueryShape.uses`.
    """

    name: str
    type: str
    nullable: bool = True
    description: str = ""
    default: Scalar | None = None
    renamed_from: str | None = None
    equivalent: Equivalence | None = None
    tags: tuple[str, ...] = ()
    declared: bool = True
    computed: str = ""
    fingerprint: str = ""
    deep: str = ""
    expression: str = ""
    uses: tuple[str, ...] = ()
    span: Span | None = None


class Increment(Noun):
    """How an incremental group is kept up.

    `sql` gives the rows to add, as `is_incremental()` renders it, those among them that `deleted` marks included; in it
    `"this:<name>@<version>"` is what stands. `rows` is the local fingerprint of which rows it gives, `uses` are the
    columns of other nodes that only it reads. `whole` is the group's query with the rows that `deleted` marks, where it
    has one.
    """

    strategy: Literal["append", "merge", "partition"]
    watermark: str | None = None
    lookback: str | None = None
    deleted: str | None = None
    new_features: Literal["backfill", "default"] = "backfill"
    batch: str | None = None
    sql: str
    whole: str = ""
    rows: str = ""
    uses: tuple[str, ...] = ()


class GroupNode(NodeBase):
    kind: Literal["feature_group"] = "feature_group"
    version: int
    derived_from: int | None = None
    primary_key: tuple[str, ...]
    event_time: str | None = None
    created_time: str | None = None
    partition_by: tuple[str, ...] = ()
    materialized: Literal["table", "view", "incremental"] = "table"
    increment: Increment | None = None
    aggregate: Aggregation | None = None  # then `sql` gives its rows without the events that are stored beside them
    online: bool = False
    sql_path: str
    sql: str
    features: tuple[Feature, ...]
    shape: QueryShape
    tests: tuple[CompiledTest, ...] = ()
    unique_key: bool = False  # a duplicate key is an error, not a warning
    current: bool = False  # `current_version` pins the name to this version
    equivalent: Equivalence | None = None  # of the row set
    deprecated_after: str | None = None

    @property
    def relation(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def row_key(self) -> tuple[str, ...]:
        """What tells its rows apart: the primary key, and event_time where there is one."""
        return tuple(dict.fromkeys((*self.primary_key, *([self.event_time] if self.event_time else []))))

    @property
    def counts_on_key(self) -> bool:
        """Whether the group itself asks for one row per key, whoever reads it: served online, or merged into by it."""
        merged = self.increment is not None and self.increment.strategy == "merge" and self.event_time is None
        return self.online or merged


class OnDemand(Noun):
    """How a feature is computed from what comes with a request: `sql` over `inputs`, name → type.

    `fingerprint` says what it means; `uses` are the columns that the inputs are in training, as `income@1.age`.
    """

    sql: str
    inputs: dict[str, str]
    fingerprint: str
    uses: tuple[str, ...] = ()


class ViewColumn(Noun):
    """One column of a view: where it comes from (`income@1.age`) and what it is for.

    Of a feature that is computed on demand, `source` is the first of the columns that it is computed from.
    """

    name: str
    type: str
    source: str
    role: Literal["key", "event_time", "feature", "label", "passenger"]
    nullable: bool = True
    on_demand: OnDemand | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """All that it comes from."""
        return self.on_demand.uses if self.on_demand else (self.source,)


class OwnFunction(Noun):
    """A transformation function of the project's own, as a step uses it: for this type, with these arguments.

    `fingerprint` says what it means, whatever its name. Of kind `sql`: `sql` over `x` and the statistics, which are
    aggregates over `x`, arguments written in. Of kind `python`: `function` in the file `path`; `code` is a hash of what
    it computes. `types` are the statistics', `returns` the type of what it makes.
    """

    kind: Literal["sql", "python"] = "sql"
    fingerprint: str
    takes: str
    returns: str
    statistics: dict[str, str] = {}
    types: dict[str, str] = {}
    sql: str = ""
    path: str = ""
    function: str = ""
    code: str = ""


class Step(Noun):
    """One transformation of a chain, with its arguments filled in from the defaults; `own` if it is the project's."""

    name: str
    args: dict[str, Scalar | tuple[Scalar, ...]] = {}
    own: OwnFunction | None = None

    @property
    def meaning(self) -> Step | str:
        """What decides its values; a project's function may be written or called otherwise."""
        return self if self.own is None else self.own.fingerprint

    @model_serializer(mode="wrap")
    def _as_before_there_were_own(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = serialise(self)
        if self.own is None:
            del found["own"]
        return found


class Downsampling(Noun):
    """Of the training rows whose label is `value` as text, the share `keep` stays."""

    label: str
    value: str
    keep: float


class SplitRule(Noun):
    """Which split a row of a view is in.

    `key` is what the hash is of, `rows` what tells rows apart, `stratify` the column whose classes get equal shares.
    By time, `time` is the column; `test_from` and `validation_from` are times in UTC, and None where `test` and
    `validation` are shares of the span of time; `gap` is in microseconds. `weight` is the column whose values training
    rows weigh, or `balanced`.
    """

    test: float
    validation: float
    by: Literal["hash", "time"]
    seed: int
    key: tuple[str, ...]
    rows: tuple[str, ...] = ()
    stratify: str | None = None
    folds: int | None = None
    time: str | None = None
    test_from: str | None = None
    validation_from: str | None = None
    gap: int = 0
    downsample: Downsampling | None = None
    weight: str | None = None

    def has(self, split: str) -> bool:
        """Whether rows may come to a split."""
        shares = {"test": self.test or self.test_from, "validation": self.validation or self.validation_from}
        return bool(shares.get(split, True))

    @model_serializer(mode="wrap")
    def _as_before_there_was_more(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = serialise(self)
        fields = type(self).model_fields
        return {n: v for n, v in found.items() if fields[n].is_required() or getattr(self, n) != fields[n].default}


class ViewJoin(Noun):
    """One join of a view: which rows of a group belong to a row of the base.

    `on` maps columns of the base to key columns; those that an earlier join brings have their origin in `through`, as
    `pay@1.wage`. `as_of` takes the latest row at or before the base's time, `known_at` the latest of those that had
    been recorded by then, `latest` the latest there is; `window` computes what is read at the base's time. `ties` are
    the columns that decide among rows of one key and time, in this order, after `created_time`; none where there are no
    such rows. `carries` are columns that later joins need and no feature. `decides_rows` where the rows of the view
    hang on what it brings. `max_age` in microseconds.
    """

    group: str
    on: dict[str, str]
    features: tuple[str, ...]
    prefix: str
    type: Literal["left", "inner"]
    way: Literal["key", "latest", "as_of", "known_at", "window"] = "key"
    through: dict[str, str] = {}
    base_time: str | None = None
    event_time: str | None = None
    created_time: str | None = None
    max_age: int | None = None
    ties: tuple[str, ...] = ()
    carries: tuple[str, ...] = ()
    decides_rows: bool = False

    @property
    def relation(self) -> str:
        return self.group.partition(":")[2]


class ViewNode(NodeBase):
    kind: Literal["feature_view"] = "feature_view"
    version: int
    derived_from: int | None = None
    base: str  # node id of the group
    joins: tuple[ViewJoin, ...] = ()
    reads: tuple[str, ...] = ()  # every column whose values stand in the rows or decide them, as `income@1.age`
    row_reads: tuple[str, ...] = ()  # those that decide which rows there are: keys, joins, filter
    filter: str | None = None
    filter_fingerprint: str | None = None  # of what the filter means; a text that means the same has the same
    label: str | None = None
    columns: tuple[ViewColumn, ...]
    transformations: dict[str, tuple[Step, ...]] = {}
    split: SplitRule
    sql: str  # one row per observation: keys, event_time, features, label, passenger; untransformed
    leakage: dict[str, str] = {}  # features that are computed from the label, and why they may be
    deprecated_after: str | None = None

    @property
    def relation(self) -> str:
        return f"{self.name}@{self.version}"

    def of_role(self, *roles: str) -> tuple[ViewColumn, ...]:
        return tuple(c for c in self.columns if c.role in roles)


class ModelNode(NodeBase):
    kind: Literal["model"] = "model"
    version: int
    derived_from: int | None = None
    feature_view: str  # node id of the view
    estimator: str
    params: dict[str, JsonValue] = {}
    seed: int = 42
    task: Literal["classifier", "regressor"]
    library: str  # as `scikit-learn 1.9`: another major.minor makes the model stale (versions.md rule 22)
    metrics: tuple[Metric, ...]
    tests: tuple[MetricBounds, ...] = ()
    label: str

    @property
    def relation(self) -> str:
        return f"{self.name}@{self.version}"


Node = Annotated[SourceNode | GroupNode | ViewNode | ModelNode, Field(discriminator="kind")]
