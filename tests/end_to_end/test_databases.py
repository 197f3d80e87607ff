"""Sources that are tables of real databases: Postgres, MariaDB and SQLite."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mlproj.adapters import duckdb_extensions
from tests.contracts import servers
from tests.contracts.servers import PASSWORD, READER_PASSWORD, Server
from tests.end_to_end.command import ENVIRONMENT, EXECUTABLE
from tests.lake_project import LakeProject

PEOPLE = "create table people(id bigint primary key, age int, pay numeric(10,2), seen timestamp)"
DAY = datetime.fromisoformat("2026-01-01")
ROWS = "insert into people values (1, 30, 1.50, '2026-01-01'), (2, 40, 2.25, '2026-01-02')"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with servers.postgres() as server:
        server.sql(f"create role reader login password '{READER_PASSWORD.replace(chr(39), chr(39) * 2)}'")
        yield server


@pytest.fixture(scope="module")
def mysql() -> Iterator[Server]:
    with servers.mysql() as server:
        server.sql(f"create user reader@'127.0.0.1' identified by '{READER_PASSWORD.replace(chr(39), chr(39) * 2)}'")
        server.sql("grant select on shop.* to reader@'127.0.0.1'")
        yield server


@pytest.fixture
def people(postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LakeProject:
    """Two people in Postgres, of which nothing is declared."""
    postgres.sql(f"drop schema public cascade; create schema public; {PEOPLE}; {ROWS}")
    return project(tmp_path / "p", monkeypatch, postgres, [{"name": "people", "table": "people"}])


def project(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    server: Server,
    sources: list[dict[str, Any]],
    sql: str = "select * from {{ source('people') }}",
    **group: Any,
) -> LakeProject:
    owner = server.kind == "postgres"
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD if owner else READER_PASSWORD)
    monkeypatch.setenv("SHOP_USER", "postgres" if owner else "reader")
    monkeypatch.setenv("SHOP_PORT", str(server.port))
    shop = {
        "type": server.kind, "host": "127.0.0.1", "port": "{{ env_var('SHOP_PORT') }}",
        "user": "{{ env_var('SHOP_USER') }}", "password": "{{ env_var('SHOP_PASSWORD') }}",
        "database": "postgres" if owner else "shop",
    }  # fmt: skip
    return written(root, shop, sources, sql, **group)


def written(
    root: Path, connection: dict[str, Any], sources: list[dict[str, Any]], sql: str, **group: Any
) -> LakeProject:
    files = {
        "mlproj.yml": json.dumps({"name": "small", "connections": {"shop": connection}}),
        "sources.yml": json.dumps({"sources": [{"connection": "shop", **s} for s in sources]}),
        "groups.yml": json.dumps({"feature_groups": [{"name": "pay", "primary_key": ["id"], **group}]}),
        "pay.v1.sql": sql,
    }
    found = LakeProject(root)
    found.write(files)
    return found


def test_a_table_is_read_again_by_each_build_where_nothing_tells_its_version(people: LakeProject) -> None:
    assert people.changes() == {"pay@1": "new"}
    people.built()

    first = people.plan().changes[0]
    again = people.built()

    assert people.group("pay") == [
        (1, 30, Decimal("1.50"), DAY),
        (2, 40, Decimal("2.25"), DAY + timedelta(days=1)),
    ]
    assert (first.change, [r.message for r in first.reasons]) == (
        "stale", ["the content of people may have changed: nothing tells, so it is read again"],
    )  # fmt: skip
    assert again["materialize pay@1"] == "reused"


def test_a_version_query_tells_whether_rows_changed(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.sql(f"drop schema public cascade; create schema public; {PEOPLE}; {ROWS}")
    query = "select max(seen) as seen, count(*) from people"
    found = project(
        tmp_path / "p", monkeypatch, postgres, [{"name": "people", "table": "people", "version_query": query}]
    )
    found.built()

    before = found.changes()
    postgres.sql("insert into people values (3, 50, 1, '2026-01-03')")

    assert (before, found.changes()) == ({}, {"pay@1": "stale"})
    assert found.built()["materialize pay@1"] == "ok"
    assert found.changes() == {}


def test_a_plan_of_declared_columns_needs_no_server(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.sql(f"drop schema public cascade; create schema public; {PEOPLE}; {ROWS}")
    columns = {"id": "BIGINT", "age": "BIGINT"}
    found = project(
        tmp_path / "p", monkeypatch, postgres, [{"name": "people", "table": "public.people", "columns": columns}]
    )
    found.built()
    monkeypatch.setenv("SHOP_PORT", "1")

    assert found.changes() == {"pay@1": "stale"}
    assert found.build().status == "failed"
    assert [(d.code, d.message) for d in found.failures] == [
        ("E603", "source 'people': cannot connect to 'shop': nobody answers at '127.0.0.1:1'")
    ]
    monkeypatch.setenv("SHOP_PORT", str(postgres.port))
    assert found.group("pay") == [(1, 30), (2, 40)]
    postgres.sql("alter table people alter age type text")
    assert found.build().status == "failed"
    assert "column 'age' is VARCHAR, and was declared BIGINT" in found.failures[0].message


def test_what_a_table_lost_or_gave_another_type_is_a_breach(people: LakeProject, postgres: Server) -> None:
    people.built()
    postgres.sql("alter table people alter age type bigint")
    assert people.changes() == {"pay@1": "additive"}
    postgres.sql("alter table people alter age type text")
    reasons = {r.rule for c in people.plan().changes for r in c.reasons}
    assert "type_changed" in reasons
    postgres.sql("alter table people drop age")
    assert "feature_dropped" in {r.rule for c in people.plan().changes for r in c.reasons}


def test_what_cannot_be_read_is_said_with_its_cause(
    people: LakeProject, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.sql("alter table people rename to people_2")
    assert people.refused() == [("E444", "source 'people': there is no table people")]
    postgres.sql("alter table people_2 rename to people")
    monkeypatch.setenv("SHOP_USER", "reader")
    assert people.refused()[0][0] == "E443"
    monkeypatch.setenv("SHOP_PASSWORD", READER_PASSWORD)
    unseen = "there is no such table, or this user may not see it"
    assert people.refused() == [("E444", f"source 'people': people: {unseen}")]
    postgres.sql("grant usage on schema public to reader")
    assert people.refused() == [("E444", "source 'people': people: this user may not read it")]
    postgres.sql("grant select on people to reader")
    people.built()
    monkeypatch.setattr(duckdb_extensions, "wheel_of", lambda _module: None)
    assert people.refused() == [("E614", "source 'people': DuckDB's extension 'postgres_scanner' is not installed")]


def test_a_server_that_goes_away_in_the_middle_fails_the_build_alone(
    people: LakeProject, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.built()
    postgres.sql("insert into people select i, 1, 1, '2026-01-01' from generate_series(3, 100) i")
    with people.open() as opened:
        _ = opened.manifest
        postgres.stop()
        try:
            assert opened.build(failed=people.failures.extend).status == "failed"
        finally:
            postgres.start()

    assert {d.code for d in people.failures} == {"E603"}
    assert len(people.group("pay")) == 2
    assert people.built()["materialize pay@1"] == "ok"


def debugged(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """The command with tracebacks, in the environment as it is now."""
    command = [EXECUTABLE, "--project-dir", folder, "--debug", *arguments]
    return subprocess.run(command, capture_output=True, env={**ENVIRONMENT, **os.environ}, check=False)


def test_no_password_is_shown_or_kept(people: LakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [debugged(people.root, "build"), debugged(people.root, "show", "people")]
    monkeypatch.setenv("SHOP_PASSWORD", "wr0ng:@/'one")
    texts += [debugged(people.root, "build")]

    kept = [p.read_bytes() for p in people.root.rglob("*") if p.is_file()]
    said = [t.stdout + t.stderr for t in texts]
    assert [t.returncode == 0 for t in texts] == [True, True, False]
    assert b"password is wrong" in said[2]
    for secret in (PASSWORD, "wr0ng:@/'one", json.dumps(PASSWORD)[1:-1], PASSWORD.replace("'", "''")):
        assert not [text for text in (*kept, *said) if secret.encode() in text]


def test_types_and_names_of_postgres(postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres.sql("""
        drop schema if exists "Läden" cascade; create schema "Läden"; create type "Läden".mood as enum ('ok', 'sad');
        create table "Läden"."Таб.ле" (id bigint, "na me" text, n numeric(12,2), wide numeric(50,10), j jsonb, a int[],
            m "Läden".mood, tz timestamptz, d date, b bytea, u uuid, flag boolean, r real);
        insert into "Läden"."Таб.ле" values (1, 'ä', 1.25, 0.5, '{"a": 1}', '{1,2}', 'sad', '2020-01-01 00:00+02',
            '2020-01-01', '\\x00ff', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', true, 1.5);
        insert into "Läden"."Таб.ле" values (2);
        create view "Läden".leer as select * from "Läden"."Таб.ле" where false;
    """)
    sql = (
        "select id, \"na me\" as word, n, wide, j, a, m, tz, d, b, u, flag, r from {{ source('people') }}"
        " where id > 0 union all by name select * from {{ source('none') }}"
    )
    tables = [{"name": "people", "table": '"Läden"."Таб.ле"'}, {"name": "none", "table": "Läden.leer"}]
    sql = sql.replace("select * from", 'select id, "na me" as word, n, wide, j, a, m, tz, d, b, u, flag, r from')
    found = project(tmp_path / "p", monkeypatch, postgres, tables, sql)
    found.built()

    one, two = found.group("pay")
    assert [str(v) for v in one[:7]] == ["1", "ä", "1.25", "0.5", '{"a": 1}', "[1, 2]", "sad"]
    assert one[7].astimezone(UTC) == datetime(2019, 12, 31, 22, tzinfo=UTC)
    assert (one[9], str(one[10]), one[11:]) == (b"\x00\xff", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", (True, 1.5))
    assert two == (2, *[None] * 12)


def test_an_incremental_group_reads_what_came(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.sql(f"drop schema public cascade; create schema public; {PEOPLE}; {ROWS}")
    sql = (
        "select id, age, seen from {{ source('people') }}"
        "{% if is_incremental() %} where seen >= (select max(seen) from {{ this }}){% endif %}"
    )
    found = project(
        tmp_path / "p", monkeypatch, postgres, [{"name": "people", "table": "people"}], sql, event_time="seen",
        materialized="incremental", strategy="merge", watermark="seen",
    )  # fmt: skip
    found.built()
    postgres.sql("insert into people values (3, 50, 1, '2026-01-03'); update people set age = 99 where id = 1")

    postgres.sql("alter system set log_statement = 'all'; select pg_reload_conf()")
    (postgres.folder / "log").write_text("")
    assert found.built()["merge pay@1"] == "ok"
    postgres.sql("alter system reset log_statement; select pg_reload_conf()")
    said = (postgres.folder / "log").read_text()
    read = [line for line in said.splitlines() if 'COPY (SELECT "id"' in line]
    assert len(read) > 0, said
    assert all("\"seen\" >= '2026-01-02 00:00:00'" in line for line in read)
    assert [row[:2] for row in found.group("pay")] == [(1, 30), (2, 40), (3, 50)]


def test_mysql(mysql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mysql.sql("create table `ord ers` (id bigint, amount decimal(12,2), word varchar(20), at datetime)")
    mysql.sql("insert into `ord ers` values (1, 2.50, 'ä', '2026-01-01'), (2, null, null, null)")
    table = {"name": "people", "table": '"ord ers"', "version_query": "select count(*) as n from `ord ers`"}
    found = project(tmp_path / "p", monkeypatch, mysql, [table])
    found.built()

    assert found.group("pay") == [(1, Decimal("2.50"), "ä", DAY), (2, None, None, None)]
    assert found.changes() == {}
    monkeypatch.setenv("SHOP_PASSWORD", "wr0ng-one")
    assert found.refused()[0] == (
        "E443",
        "source 'people': cannot connect to 'shop': the password is wrong, or the user 'reader'",
    )
    monkeypatch.setenv("SHOP_PASSWORD", READER_PASSWORD)
    mysql.sql("drop table `ord ers`")
    assert found.refused()[0] == ("E444", "source 'people': there is no table ord ers")


def test_sqlite(tmp_path: Path) -> None:
    place = {"type": "sqlite", "path": "app.sqlite"}
    found = written(
        tmp_path / "p", place, [{"name": "people", "table": "people"}], "select * from {{ source('people') }}"
    )
    assert found.refused() == [("E443", "source 'people': cannot connect to 'shop': there is no file 'app.sqlite'")]
    with sqlite3.connect(found.root / "app.sqlite") as database:
        database.execute("create table people (id bigint, age integer)")
        database.execute("insert into people values (1, 30)")
    found.built()

    assert (found.group("pay"), found.changes()) == ([(1, 30)], {})
    with sqlite3.connect(found.root / "app.sqlite") as database:
        database.execute("insert into people values (2, 40)")
    assert found.changes() == {"pay@1": "stale"}
    found.built()
    assert found.group("pay") == [(1, 30), (2, 40)]
    with sqlite3.connect(found.root / "app.sqlite") as database:
        database.execute("pragma journal_mode = wal")
    database.close()
    found.built()
    assert found.changes() == {}, "who reads such a database makes an empty log beside it"
    with sqlite3.connect(found.root / "app.sqlite") as database:
        database.execute("insert into people values (3, 'secret')")
    (found.root / "sources.yml").write_text(
        json.dumps({"sources": [{"name": "people", "connection": "shop", "table": "people", "pii": ["age"]}]})
    )
    assert found.build().status == "failed"
    assert [d.code for d in found.failures] == ["E603"]
    assert "secret" not in found.failures[0].message
