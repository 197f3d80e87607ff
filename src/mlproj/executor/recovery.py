"""Brings state up to what the lake says was published: the lake's commit is the decision (versions.md §5).

The commit's extra info carries the build and the commits that it published, and the hash of the full record, which is
stored as an artifact beforehand: definitions of a thousand nodes are too much for one row of the catalog.
"""

from __future__ import annotations

import gzip
import json

from mlproj.diagnostics import fail
from mlproj.ports import ArtifactStore, Lake, StateReader
from mlproj.state import Publication, Published

FORMAT = 1
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


def missing_publication(lake: Lake, state: StateReader, artifacts: ArtifactStore) -> tuple[Publication, int] | None:
    """The last publication and its commit, where state has not heard of it. Raises E611 for a newer format."""
    last = lake.last_publication()
    if last is None:
        return None
    commit, text = last
    record = json.loads(text)
    if record.get("format", 0) > FORMAT:
        raise fail(
            "E611",
            "this lake was written by a newer mlproj",
            hint="upgrade mlproj: pip install --upgrade mlproj",
            exit_code=1,
        )
    short = record["publication"]
    if state.load(short["target"]).last_publication == short["build_id"]:
        return None
    full = gzip.decompress(artifacts.get(_RECORD, short["record"]))
    return Publication.model_validate_json(full), commit
