"""What a target last published of each node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from mlproj.state.definitions import Node
from mlproj.state.noun import Noun
from mlproj.state.registry import ModelVersion, Trained, TrainingDataset

CommitKind = Literal["build", "rollback", "forget"]
KnownNodes = Callable[[str], tuple[Node, bytes] | None]  # nodes by id, each with its JSON


class Held(Noun):
    """Why a group is left as it is although its sources moved; `since` is the build that rolled it back."""

    reason: str
    since: str


class Loaded(Noun):
    """How far a group has come whose first load was of a part: to the times in UTC from which and up to which it has
    all rows. Beyond a time that is empty the sources have none, or increments bring them.
    """

    since: str = ""
    until: str = ""


class Published(Noun):
    """A node as this target published it. For groups `table` and `commit` say where its rows are.

    `source_versions` holds the content version of every source that the node's rows were computed from, directly or
    through other groups; `null_counts` the nulls per feature at publication; `digest` of the rows, and in
    `column_digests` of each column that a view reads (with its key) and of each set of columns that the SQL of a group
    reads (as `(age, id)`), all independent of row order. `inputs` maps the groups that were read to the digests of what
    was read of them: where these, the definition and the sources stand, so do the rows. `held` is set by a rollback.
    `owner` is the target whose table it is, where it is another's. `loaded` is None where all rows were computed.
    """

    node: Node
    build_id: str
    published_at: str
    table: str | None = None
    commit: int | None = None
    rows: int | None = None
    digest: str | None = None
    column_digests: dict[str, str] = {}
    null_counts: dict[str, int] = {}
    source_versions: dict[str, str] = {}
    inputs: dict[str, str] = {}
    held: Held | None = None
    owner: str | None = None
    loaded: Loaded | None = None


class RowChanges(Noun):
    """What a commit changed against the one before, by key; None where nobody counted."""

    added: int | None = None
    changed: int | None = None
    deleted: int | None = None


class Chunk(Noun):
    """Part of a backfill: `what` it is of, what it changed, and the message of its commit, where there is one."""

    what: str
    write: str = ""
    changes: RowChanges = RowChanges()


class Made(Noun):
    """Rows that a build computed of a group, or froze of a view, as its journal has them: published or not.

    `by` is the build that computed them, `write` the message of the commit that holds them; `commit` is None while it
    is not known to have come, and where `table` is None. `fingerprint` is the group's deep one, or the dataset's.
    `tested` is a fingerprint of the tests that they passed; without a `digest` nobody has measured them yet. `changes`
    says what they change against the commit `since`. `chunks` are those of a backfill, as far as it has come.
    """

    by: str
    fingerprint: str
    write: str = ""
    table: str | None = None
    commit: int | None = None
    owner: str | None = None
    rows: int = 0
    digest: str = ""
    column_digests: dict[str, str] = {}
    null_counts: dict[str, int] = {}
    source_versions: dict[str, str] = {}
    inputs: dict[str, str] = {}
    tested: str = ""
    changes: RowChanges = RowChanges()
    since: int | None = None
    chunks: tuple[Chunk, ...] = ()
    loaded: Loaded | None = None
    dataset: TrainingDataset | None = None


class Commit(Noun):
    """One data commit of a group, as `history` shows it.

    `added`, `changed` and `deleted` count rows by key against the commit before; None where nobody counted. `expired`:
    its rows were removed for good.
    """

    node: str
    commit: int
    table: str
    rows: int
    build_id: str
    author: str
    message: str
    at: str
    added: int | None = None
    changed: int | None = None
    deleted: int | None = None
    kind: CommitKind = "build"
    expired: bool = False


class TargetState(Noun):
    """All of it, by node id; `foreign_tables` are those of other targets in the same state.

    `training_datasets` holds the newest per view id, `model_versions` the newest per model id, whatever their status;
    after a rollback of a build those that were current then. `trained` all versions there are, in a line each.
    `aliases` maps `name@alias` to a model version. `last_publication` is the build whose publication came last.
    `kept` holds the rows that builds made and did not publish, because they failed or were killed.
    `neighbours` are other targets in the same state, with what they hold and this one does not.
    """

    target: str
    published: dict[str, Published] = {}
    training_datasets: dict[str, TrainingDataset] = {}
    model_versions: dict[str, ModelVersion] = {}
    trained: tuple[Trained, ...] = ()
    aliases: dict[str, str] = {}
    foreign_tables: tuple[str, ...] = ()
    last_publication: str | None = None
    kept: dict[str, Made] = {}
    neighbours: tuple[TargetState, ...] = ()
