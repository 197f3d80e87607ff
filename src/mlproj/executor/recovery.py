"""Brings state up to what the lake says was published: the lake's commit is the decision (versions.md §5).

The commit's extra info carries the build and the commits that it published, and the hash of the full record, which is
stored as an artifact beforehand: definitions of a thousand nodes are too much for one row of the catalog.
"""

from __future__ import annotations

import gzip
import json

from mlproj.diagnostics import ProjectError
from mlproj.ports import ArtifactStore, Lake
from mlproj.state import Publication, Published, TargetState

FORMAT = 2
_RECORD = "publication.json.gz"


def publication_record(publication: Publication, artifacts: ArtifactStore) -> str:
    """Store the full record; returns the extra info of the commit that moves the views."""
    text = json.dumps(publication.model_dump(mode="json"), separators=(",", ":"), ensure_ascii=False)
    sha256 = artifacts.put(_RECORD, gzip.compress(text.encode(), compresslevel=1, mtime=0))
    rows = {n: Published.model_validate(p) for n, p in publication.published.items()}
    commits = {n: [p.table, p.commit] for n, p in rows.items() if p.commit is not None}
    short = {
        "build_id": publication.build_id,
        "target": publication.target,
        "commits": commits,
        "removed": publication.removed,
        "record": sha256,
    }
    return json.dumps({"format": FORMAT, "publication": short}, separators=(",", ":"), ensure_ascii=False)


def missing_publications(lake: Lake, state: TargetState, artifacts: ArtifactStore) -> list[tuple[Publication, int]]:
    """The target's publications that state has not heard of, with their commits, oldest first.

    That is the last one where a build was killed, and all that have a record where the state was lost. The oldest
    record tells what stood before it, too. Raises E609 where that of the last is gone.
    """
    found: list[tuple[Publication, int]] = []
    last = lake.last_publication(state.target)
    while last is not None:
        commit, text = last
        short = json.loads(text)["publication"]
        if short["build_id"] == state.last_publication:
            break
        try:
            full = gzip.decompress(artifacts.get(_RECORD, short["record"]))
        except ProjectError:  # gc and forget remove records of commits that nobody needs
            if not found:
                raise
            break
        found.append((Publication.model_validate_json(full), commit))
        last = lake.last_publication(state.target, commit)
    return found[::-1]
