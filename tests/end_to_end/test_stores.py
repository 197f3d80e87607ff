"""Sources in an S3-compatible store, and Delta and Iceberg tables there and in the project's folder."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import pyarrow as pa
import pytest
from deltalake import write_deltalake
from moto.server import ThreadedMotoServer
from obstore.store import S3Store
from pyiceberg.catalog.sql import SqlCatalog

from mlproj.adapters import duckdb_extensions
from tests.lake_project import LakeProject

SECRET = "s3cr3t/+'key"
ROWS = pa.table({"id": [1, 2], "na me": ["a", "ä"]})
MORE = pa.table({"id": [3], "na me": ["c"]})
SQL = "select id, \"na me\" as word from {{ source('people') }}"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    with urllib.request.urlopen(urllib.request.Request(f"{url}/lake", method="PUT")):
        yield url
    server.stop()


@pytest.fixture
def store(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """The bucket `lake`, empty, whose keys are in the environment."""
    monkeypatch.setenv("LAKE_ENDPOINT", endpoint)
    monkeypatch.setenv("LAKE_SECRET", SECRET)
    found = S3Store(
        "lake", endpoint=endpoint, access_key_id="reader", secret_access_key=SECRET, region="eu-west-1",
        client_options={"allow_http": True},
    )  # fmt: skip
    for batch in obstore.list(found):
        obstore.delete(found, [meta["path"] for meta in batch])
    return found


def project(root: Path, source: dict[str, Any], sql: str = SQL) -> LakeProject:
    lake = {
        "type": "s3", "endpoint": "{{ env_var('LAKE_ENDPOINT') }}", "region": "eu-west-1", "access_key_id": "reader",
        "secret_access_key": "{{ env_var('LAKE_SECRET') }}", "url_style": "path",
    }  # fmt: skip
    files = {
        "mlproj.yml": json.dumps(
            {"name": "small", **({"connections": {"lake": lake}} if "connection" in source else {})}
        ),
        "sources.yml": json.dumps({"sources": [{"name": "people", **source}]}),
        "groups.yml": json.dumps({"feature_groups": [{"name": "pay", "primary_key": ["id"]}]}),
        "pay.v1.sql": sql,
    }
    found = LakeProject(root)
    found.write(files)
    return found


def put(store: S3Store, name: str, text: str) -> None:
    obstore.put(store, name, text.encode())


def test_files_of_a_store_are_read_and_their_etags_are_their_version(store: S3Store, tmp_path: Path) -> None:
    put(store, "in/a 1.csv", "id,na me\n1,a\n")
    put(store, "in/ü[1].csv", "id,na me\n2,ä\n")
    put(store, "in/deep/b.csv", "id,na me\n9,no\n")
    put(store, "in/x.txt", "no csv")
    found = project(tmp_path / "p", {"connection": "lake", "path": "s3://lake/in/*.csv"})
    found.built()

    assert (found.group("pay"), found.changes()) == ([(1, "a"), (2, "ä")], {})
    put(store, "in/c.csv", "id,na me\n3,c\n")
    assert found.changes() == {"pay@1": "stale"}
    found.built()
    assert found.group("pay") == [(1, "a"), (2, "ä"), (3, "c")]
    kept = [p for p in found.root.rglob("*") if p.is_file() and SECRET.encode() in p.read_bytes()]
    assert kept == []


def test_what_is_wrong_with_a_store_is_said(store: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, "in/a.csv", "id,na me\n1,a\n")
    found = project(tmp_path / "p", {"connection": "lake", "path": "s3://lake/in/b.csv"})
    said = "source 'people': cannot read from the store: "
    assert found.refused() == [("E407", "source 'people': no file 's3://lake/in/b.csv'")]
    put(store, "in/b.csv", "id,na me\n1,a\n")
    found.built()
    monkeypatch.setenv("LAKE_ENDPOINT", "http://127.0.0.1:1")
    assert found.refused() == [("E443", f"{said}nobody answers at 'http://127.0.0.1:1'")]
    other = project(
        tmp_path / "q",
        {"connection": "lake", "path": "s3://none/in/*.csv", "columns": {"id": "BIGINT", "na me": "VARCHAR"}},
    )
    assert [d.code for d in other.plan().diagnostics] == ["W602"]
    monkeypatch.setenv("LAKE_ENDPOINT", str(store.config["endpoint"]))
    assert [d.message for d in other.plan().diagnostics] == [f"{said}there is no bucket 'none'"]
    monkeypatch.setattr(duckdb_extensions, "wheel_of", lambda _module: None)
    put(store, "in/b.csv", "id,na me\n2,a\n")
    assert found.refused() == [("E614", "source 'people': DuckDB's extension 'httpfs' is not installed")]


@pytest.mark.parametrize("there", ["folder", "store"])
def test_a_delta_table(there: str, store: S3Store, tmp_path: Path) -> None:
    stored = there == "store"
    source = {"path": "s3://lake/t", "connection": "lake"} if stored else {"path": "data/t"}
    found = project(tmp_path / "p", {**source, "format": "delta"})
    assert found.refused() == [("E444", f"source 'people': there is no delta table '{source['path']}'")]
    (found.root / "data").mkdir()
    place = source["path"] if stored else str(found.root / source["path"])
    options = {
        "AWS_ENDPOINT_URL": str(store.config["endpoint"]), "AWS_ACCESS_KEY_ID": "w", "AWS_SECRET_ACCESS_KEY": "w",
        "AWS_REGION": "eu-west-1", "AWS_ALLOW_HTTP": "true",
    } if stored else None  # fmt: skip
    write_deltalake(place, ROWS, storage_options=options)
    found.built()

    assert (found.group("pay"), found.changes()) == ([(1, "a"), (2, "ä")], {})
    write_deltalake(place, MORE, mode="append", storage_options=options)
    assert found.changes() == {"pay@1": "stale"}
    found.built()
    assert len(found.group("pay")) == 3
    changed = pa.table({"id": [1], "na me": [7]})
    write_deltalake(place, changed, mode="overwrite", schema_mode="overwrite", storage_options=options)
    assert found.changes() == {"pay@1": "breaking"}


def test_an_older_version_of_a_delta_table_is_named_by_an_option(tmp_path: Path) -> None:
    found = project(tmp_path / "p", {"path": "t", "format": "delta", "options": {"version": 0}})
    write_deltalake(str(found.root / "t"), ROWS)
    write_deltalake(str(found.root / "t"), MORE, mode="append")
    found.built()
    assert len(found.group("pay")) == 2
    wrong = project(tmp_path / "q", {"path": "t", "format": "delta", "options": {"vresion": 0}})
    assert wrong.refused() == [("E415", "source 'people': the delta reader has no option 'vresion'")]


def test_an_iceberg_table(tmp_path: Path) -> None:
    found = project(
        tmp_path / "p", {"path": "ice/n/t", "format": "iceberg", "columns": {"id": "BIGINT", "na me": "VARCHAR"}}
    )
    (found.root / "ice").mkdir()
    catalog = SqlCatalog("x", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{found.root}/ice")
    catalog.create_namespace("n")
    table = catalog.create_table("n.t", schema=ROWS.schema)
    table.append(ROWS)
    found.built()

    assert (found.group("pay"), found.changes()) == ([(1, "a"), (2, "ä")], {})
    table.append(MORE)
    assert found.changes() == {"pay@1": "stale"}
    found.built()
    assert len(found.group("pay")) == 3
    with table.update_schema() as update:
        update.rename_column("na me", "name")
    assert found.build().status == "failed"
    assert found.failures[0].message == (
        "source 'people': 'ice/n/t' is not what was declared: it has no column 'na me' (did you mean 'name'?)"
    )
    catalog.engine.dispose()
