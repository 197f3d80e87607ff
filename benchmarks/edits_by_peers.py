"""What SQLMesh says of tests/golden/edits: its automatic categorisation of each pair, written beside ours.

    python -m venv .venv-peers && .venv-peers/bin/pip install 'sqlmesh[duckdb]' pyyaml
    .venv-peers/bin/python benchmarks/edits_by_peers.py --write

Each query becomes a model in a context in memory, with the sources' columns declared; before and after are two
snapshots of it, and `categorize_change` judges with all its automatic categories on. `none` is said where both have
the same data hash. dbt needs no running: `state:modified` compares a model's text, so every edit here is `modified`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from pathlib import Path

import yaml
from sqlglot import exp
from sqlglot.schema import MappingSchema
from sqlmesh.core.config import CategorizerConfig
from sqlmesh.core.dialect import parse
from sqlmesh.core.model import load_sql_based_model
from sqlmesh.core.snapshot import Snapshot, SnapshotChangeCategory
from sqlmesh.core.snapshot.categorizer import categorize_change
from sqlmesh.utils.errors import SQLMeshError

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "golden" / "edits"
SCHEMA = {
    "people": {"id": "bigint", "age": "bigint", "pay": "double", "city": "text", "seen": "timestamp",
               "rich": "boolean"},
    "orders": {"order_id": "bigint", "id": "bigint", "amount": "decimal(10,2)", "item": "text", "placed": "timestamp",
               "tags": "text[]"},
}  # fmt: skip
SAID = {SnapshotChangeCategory.BREAKING: "breaking", SnapshotChangeCategory.NON_BREAKING: "non-breaking"}


def snapshot(sql: str) -> Snapshot:
    text = f"MODEL (name db.edited, kind FULL, dialect duckdb); {sql.rstrip('; ')}"
    model = load_sql_based_model(parse(text, default_dialect="duckdb"), dialect="duckdb")
    model.update_schema(_schema())
    return Snapshot.from_node(model, nodes={model.fqn: model})


def _schema() -> MappingSchema:
    schema = MappingSchema(dialect="duckdb", normalize=False)
    for table, columns in SCHEMA.items():
        types = {name: exp.DataType.build(kind, dialect="duckdb") for name, kind in columns.items()}
        schema.add_table(exp.to_table(table, dialect="duckdb"), types)
    return schema


def judged(before: str, after: str) -> str | None:
    """`none`, `non-breaking`, `breaking`, or None where it does not take the query."""
    try:
        old, new = snapshot(before), snapshot(after)
        if old.fingerprint.data_hash == new.fingerprint.data_hash:
            return "none"
        old.categorize_as(SnapshotChangeCategory.BREAKING)
        new.previous_versions = old.all_versions
        found = categorize_change(new, old, config=CategorizerConfig.all_full())
    except SQLMeshError as error:
        print(f"  not taken: {str(error)[:100]}")
        return None
    return SAID[found] if found in SAID else str(found)


def main() -> int:
    """Judge every pair; with --write, into the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the verdicts into the files")
    options = parser.parse_args()
    table: Counter[tuple[str, str]] = Counter()
    for file in sorted(FOLDER.glob("*.yml")):
        text = file.read_text(encoding="utf-8")
        for edit in yaml.safe_load(text):
            said = judged(edit["before"], edit["after"])
            table[edit.get("reviewer", edit["verdict"]), said or "not taken"] += 1
            if said is not None:
                text = with_peers(text, edit["name"], f"{{sqlmesh: {said}, dbt: modified}}")
        if options.write:
            file.write_text(text, encoding="utf-8")
    for (reviewer, said), count in sorted(table.items()):
        print(f"reviewer {reviewer:9} sqlmesh {said:12} {count:4}")
    return 0


def with_peers(text: str, name: str, peers: str) -> str:
    """The line `peers:` of one edit, before its `why:`."""
    start = text.index(f"- name: {name}\n")
    head, rest = text[:start], text[start:]
    rest = re.sub(r"\n  peers:.*", "", rest, count=1) if "\n  peers:" in rest.partition("\n  why:")[0] else rest
    return head + rest.replace("\n  why:", f"\n  peers: {peers}\n  why:", 1)


if __name__ == "__main__":
    sys.exit(main())
