"""What a lake holds file by file, what a target still needs of it, and what nothing needs any more."""

from __future__ import annotations

from mlproj.state.noun import Noun
from mlproj.state.published import Commit, Published
from mlproj.state.registry import TrainingDataset
from mlproj.state.runs import Publication

Pin = tuple[str, int]  # a table and a commit


class LakeTable(Noun):
    """A table of rows from commit `begin` on, until `end` where it was dropped; its files lie in `folder`.

    The lake names a folder after its table only where the name has nothing but Latin letters in it.
    """

    id: int
    name: str
    begin: int
    end: int | None = None
    folder: str = ""


class LakeFile(Noun):
    """A Parquet file of a table, with rows or with what was deleted of them; seen by commits from `begin` to `end`."""

    table: int
    begin: int
    end: int | None
    bytes: int
    small: bool = False  # may be merged with its like: live, few bytes, nothing deleted from it


class LakeCommit(Noun):
    """`schema_version` counts changes of tables and views; `build` wrote it, `publishes` names a target."""

    id: int
    schema_version: int
    build: str | None = None
    publishes: str | None = None
    record: str | None = None  # sha256 of the publication's record


class Inventory(Noun):
    """All of a lake. `pins` are tables and commits that views of any schema show, `named` tables that they name."""

    tables: tuple[LakeTable, ...] = ()
    files: tuple[LakeFile, ...] = ()
    commits: tuple[LakeCommit, ...] = ()
    pins: frozenset[Pin] = frozenset()
    named: frozenset[str] = frozenset()
    loose: tuple[str, ...] = ()  # files that the catalog does not know, left by writes that were cut off
    loose_bytes: int = 0


class Holdings(Noun):
    """What the state of one target says of the lake: everything ever committed, made and published.

    `trained` maps registered model versions to the training dataset of each, `files` are the hashes of the models'
    artifacts, `unfinished` the builds that did not end well and that `retry` may go on from.
    """

    target: str
    published: dict[str, Published] = {}
    commits: tuple[Commit, ...] = ()
    datasets: tuple[TrainingDataset, ...] = ()
    current: tuple[str, ...] = ()
    trained: dict[str, str] = {}
    publications: tuple[Publication, ...] = ()
    files: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()


class Forgotten(Noun):
    """What a target holds no more: commits of `nodes` before `commit`, and builds before `build`.

    `datasets` stand in for those of their names, `models` were trained on rows that are gone: their examples go too.
    What failed builds kept of `nodes` and `views` for a retry is forgotten as well.
    """

    target: str
    nodes: tuple[str, ...]
    commit: int
    build: str
    datasets: tuple[TrainingDataset, ...] = ()
    gone: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    views: tuple[str, ...] = ()


class Expired(Noun):
    """What a target cannot go back to any more: data commits, as node and commit, and builds."""

    target: str
    commits: tuple[tuple[str, int], ...] = ()
    builds: tuple[str, ...] = ()


class Garbage(Noun):
    """What nothing needs: tables to drop, commits to expire, files that go with them, artifacts by hash.

    `floors` maps table ids to the first commit at which the table can still be read, None: at none. `merges` are
    tables whose small files become one.
    """

    tables: tuple[str, ...] = ()
    commits: tuple[int, ...] = ()
    floors: dict[int, int | None] = {}
    files: int = 0
    bytes: int = 0
    merges: dict[str, int] = {}
    expired: tuple[Expired, ...] = ()
    artifacts: tuple[str, ...] = ()
    artifact_bytes: int = 0

    @property
    def empty(self) -> bool:
        return not (
            self.tables or self.commits or self.files or self.merges or self.artifacts
            or any(e.commits or e.builds for e in self.expired)
        )  # fmt: skip
