"""Brings state up to what the lake says was published: the lake's commit is the decision (versions.md §5)."""

from __future__ import annotations

import json

from mlproj.diagnostics import fail
from mlproj.ports import Lake, StateReader, StateStore
from mlproj.state import Publication

FORMAT = 1


def publication_record(publication: Publication) -> str:
    """The extra info of the commit that moves the views."""
    record = {"format": FORMAT, "publication": publication.model_dump(mode="json")}
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False)


def missing_publication(lake: Lake, state: StateReader) -> tuple[Publication, int] | None:
    """The last publication and its commit, where state has not heard of it. Raises E611 for a newer format."""
    last = lake.last_publication()
    if last is None:
        return None
    commit, text = last
    record = json.loads(text)
    if record.get("format", 0) > FORMAT:
        raise fail("E611", "this lake was written by a newer mlproj", hint="upgrade mlproj: pip install --upgrade mlproj", exit_code=1)
    publication = Publication.model_validate(record["publication"])
    if state.load(publication.target).last_publication == publication.build_id:
        return None
    return publication, commit


def recover(lake: Lake, state: StateReader, store: StateStore) -> bool:
    """Complete what a killed build left between lake and state; whether there was anything."""
    missing = missing_publication(lake, state)
    if missing is None:
        return False
    store.apply_publication(*missing)
    return True
