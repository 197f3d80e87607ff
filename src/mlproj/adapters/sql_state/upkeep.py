"""What a state says of the lake as a whole, and the marks that are left where something was removed for good."""

from __future__ import annotations

from pathlib import Path

from mlproj.adapters.sql_state.connect import open_reader, open_store
from mlproj.adapters.sql_state.reader import SqlReader
from mlproj.state import Event, Publication
from mlproj.state.garbage import Expired, Forgotten, Holdings


class SqlUpkeep:
    """`ports.StateUpkeep` of one database, which may hold several targets."""

    def __init__(self, url: str, root: Path) -> None:
        self._url, self._root = url, root

    def holdings(self, target: str) -> Holdings:
        reader = open_reader(self._url, self._root)
        assert isinstance(reader, SqlReader)
        state = reader.load(target)
        newest = reader.builds(target, 1)
        return Holdings(
            target=target,
            published=state.published,
            commits=tuple(reader.all_commits(target)),
            datasets=tuple(reader.all_datasets(target)),
            current=tuple(d.name for d in state.training_datasets.values()),
            trained={t.id: t.training_dataset for t in state.trained},
            publications=tuple(reader.publications(target)),
            files=tuple(sorted({sha for v in reader.model_versions(target) for sha in v.manifest.files.values()})),
            unfinished=tuple(sorted({b.id for b in newest if b.status != "ok"} | {m.by for m in state.kept.values()})),
        )

    def expire(self, expired: Expired, event: Event) -> None:
        with open_store(self._url, self._root) as store:
            store.expire(expired, event)

    def apply_publication(self, publication: Publication, commit: int) -> None:
        with open_store(self._url, self._root) as store:
            store.apply_publication(publication, commit)

    def forget(self, forgotten: Forgotten, event: Event) -> None:
        with open_store(self._url, self._root) as store:
            store.forget(forgotten, event)
