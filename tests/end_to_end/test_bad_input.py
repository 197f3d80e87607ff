"""Bad data and wrong use: each a clear diagnostic and an exit code, with nothing half-written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.end_to_end.command import ask, mlproj
from tests.end_to_end.small_project import FILES, MODEL, write

ORDERS = FILES["data/orders.csv"]
SOURCES = FILES["sources.yml"]
GROUP = FILES["feature_groups/orders.yml"]
SQL = FILES["feature_groups/orders.v1.sql"]
VIEW = FILES["feature_views/orders.yml"]
UNDECLARED = SOURCES.partition("    columns:")[0]
QUESTION = ORDERS.replace("\n3,3,4.5,1\n", "\n3,3,?,1\n")

# name → files other than usual, code of the diagnostic, what it must say
BUILDS: dict[str, tuple[dict[str, str | bytes | None], str, list[str]]] = {
    "question mark in a number": ({"data/orders.csv": QUESTION}, "E603", ["amount", "line 4", "nullstr"]),
    "question mark, types sniffed": (
        {"data/orders.csv": QUESTION, "sources.yml": UNDECLARED},
        "E404",
        ["amount", "VARCHAR", "feature_groups/orders.yml:8:30"],
    ),
    "missing column": (
        {"data/orders.csv": "order_id,customer_id,paid\n1,2,1\n"},
        "E603",
        ["amount", "it has order_id"],
    ),
    "missing file": ({"data/orders.csv": None}, "E603", ["no file 'data/orders.csv'", "sources.yml:2"]),
    "empty file": ({"data/orders.csv": ""}, "E603", ["is empty"]),
    "header only": ({"data/orders.csv": "order_id,customer_id,amount,paid\n"}, "E606", ["orders@1 gives no rows"]),
    "latin-1": (
        {
            "data/orders.csv": "order_id,customer_id,amount,paid,name\n1,1,2.0,1,Jörg\n".encode("latin-1"),
            "sources.yml": SOURCES.replace("paid: BIGINT}", "paid: BIGINT, name: VARCHAR}"),
        },
        "E603",
        ["not UTF-8", "encoding: latin-1"],
    ),
    "no rows after the view's filter": (
        {"feature_views/orders.yml": VIEW.replace("    split:", "    filter: amount > 1e9\n    split:")},
        "E606",
        ["gives no rows", "filter"],
    ),
    "key twice": ({"data/orders.csv": ORDERS + "1,1,1.0,1\n"}, "E615", ["order_id", "orders@1"]),
    "a data test fails": ({"data/orders.csv": ORDERS + "99,1,-1.0,1\n"}, "E601", ["amount", "-1"]),
    "the label is a feature": (
        {"feature_views/orders.yml": VIEW.replace("[amount]", "[amount, paid]")},
        "E309",
        ["paid", "told the answer"],
    ),
    "a join on something other than the key": (
        {
            "feature_views/orders.yml": VIEW.replace(
                "    label:",
                "    joins: [{group: customers@1, on: {customer_id: size}, features: [size], prefix: c_}]\n    label:",
            ),
            "customers.yml": "feature_groups:\n  - {name: customers, version: 1, primary_key: [customer_id]}\n",
            "customers.v1.sql": "select distinct customer_id, 1::bigint as size from {{ source('orders') }}\n",
        },
        "E308",
        ["primary key", "customer_id"],
    ),
}


def consumers_views(folder: Path) -> list[str]:
    """Names of what consumers can read; rows that nobody published may lie in the lake, for `retry`."""
    catalog = folder / ".mlproj" / "catalog.sqlite"
    if not catalog.exists() or not catalog.stat().st_size:
        return []
    with closing(sqlite3.connect(catalog)) as connection:
        return [str(row[0]) for row in connection.execute("select view_name from ducklake_view")]


@pytest.mark.parametrize("name", BUILDS)
def test_a_build_says_what_is_wrong_and_publishes_nothing(tmp_path: Path, name: str) -> None:
    changes, code, parts = BUILDS[name]
    folder = write(tmp_path / "shop", changes)

    build = mlproj(folder, "build")

    assert build.code in {1, 2}
    assert f"{code} " in build.err
    for part in parts:
        assert part in build.err, part
    assert "hint:" in build.err
    assert consumers_views(folder) == []


def test_a_failing_build_leaves_what_was_published(built_shop: Path) -> None:
    before = ask(built_shop, "show", "feature_group:orders@1", "--limit", "100").json
    source = built_shop / "data" / "orders.csv"
    source.write_text(QUESTION, encoding="utf-8")

    build = ask(built_shop, "build")

    assert build.code == 1
    assert build.json["status"] == "failed"
    assert {r["action"]: r["status"] for r in build.json["results"]} == {
        "materialize": "failed", "test": "skipped", "train_data": "skipped", "publish": "skipped",
    }  # fmt: skip
    assert ask(built_shop, "show", "feature_group:orders@1", "--limit", "100").json == before
    source.write_text(ORDERS, encoding="utf-8")
    assert ask(built_shop, "plan").json["changes"] == []


def test_a_label_of_one_class_only(tmp_path: Path) -> None:
    changes = {"feature_groups/orders.v1.sql": SQL.replace("paid\n", "1::bigint as paid\n"), "models.yml": MODEL}
    folder = write(tmp_path / "shop", changes)

    build = mlproj(folder, "build")

    assert build.code == 1
    assert "E607 the label has one class only" in build.err
    assert ask(folder, "models").json["models"] == []
    assert ask(folder, "show", "feature_group:orders@1").json["published"]["rows"] == 60, "the data itself is fine"


def test_folders_with_blanks_apostrophes_and_other_scripts(tmp_path: Path) -> None:
    folder = write(tmp_path / "Ada's café 数据", {"feature_views/orders.yml": VIEW})

    assert ask(folder, "build").json["status"] == "ok"
    assert ask(folder, "plan").json["changes"] == []
    assert len(ask(folder, "show", "feature_group:orders@1").json["preview"]["rows"]) == 10
    made = ask(folder, "train-data", "orders@1", "--out", folder / "o'ut ü", "--as", "csv").json
    assert set(made["files"].values()) == {made["rows"]["training"], made["rows"]["test"]}


def test_predict_refuses_files_that_do_not_fit(built_example: Path, tmp_path: Path) -> None:
    model = "income_model@1.1"
    head = ",".join(i["name"] for i in ask(built_example, "show", model).json["inputs"])
    cases: list[tuple[str, str | bytes, list[str]]] = [
        ("other.csv", "x\n1\n", ["E610"]),
        ("text.csv", f"{head}\nold,1,1,1,1,1\n", ["E610"]),
        ("empty.csv", "", ["E610"]),
        ("latin.csv", f"{head},n\n1,1,1,1,1,1,Jörg\n".encode("latin-1"), ["E610"]),
        ("damaged.parquet", b"PAR1 and no more", ["E610"]),
        ("people.txt", f"{head}\n1,1,1,1,1,1\n", ["E619"]),
    ]
    out = tmp_path / "out.csv"
    for name, content, codes in cases:
        given = tmp_path / name
        given.write_bytes(content if isinstance(content, bytes) else content.encode())
        outcome = ask(built_example, "predict", model, "--input", given, "--out", out)
        assert (outcome.code, outcome.codes) == (2, codes), name
    missing = ask(built_example, "predict", model, "--input", tmp_path / "nowhere.csv", "--out", out)
    assert (missing.code, missing.codes) == (2, ["E610"])
    assert not out.exists()

    (tmp_path / "nobody.csv").write_text(f"{head}\n", encoding="utf-8")
    nobody = ask(built_example, "predict", model, "--input", tmp_path / "nobody.csv", "--out", out)
    assert (nobody.code, nobody.json["rows"]) == (0, 0)


UNKNOWN = {
    "show nope": (2, "E508"),
    "show orders@x": (2, "E508"),
    "show feature_group:orders@1 --as-of 99": (2, "E506"),
    "train-data nope": (2, "E508"),
    "models nope": (1, "E507"),
    "plan --select nope": (2, "E503"),
    "build --select state:odd": (2, "E503"),
    "build --exclude +": (2, "E503"),
    "build nowhere.json": (2, "E502"),
    "plan --as-of-date soon": (2, "E509"),
    "plan --nonsense": (2, "E509"),
    "history caf\udce9": (2, "E509"),
    "build --select orders@1 orders": (2, "E509"),
    "plan --target dev": (2, "E509"),
    "nonsense": (2, "E509"),
}


def test_a_name_that_a_group_shares_means_the_group(standing_shop: Path) -> None:
    assert ask(standing_shop, "lineage", "orders").json["node"] == "feature_group:orders@1"


@pytest.mark.parametrize("words", UNKNOWN)
def test_wrong_use_is_told_as_a_diagnostic(standing_shop: Path, words: str) -> None:
    outcome = ask(standing_shop, *words.split())

    assert (outcome.code, outcome.codes) == (UNKNOWN[words][0], [UNKNOWN[words][1]])


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--vars", "{a"], "E206"),
        (["--vars", "3"], "E206"),
        (["--vars", "[a]"], "E206"),
        (["--target", "prod"], "E205"),
    ],
)
def test_wrong_global_options(shop: Path, options: list[str], code: str) -> None:
    outcome = ask(shop, *options, "plan")

    assert (outcome.code, outcome.codes) == (2, [code])


def test_a_folder_that_is_no_project_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    for name, command in (("file", "plan"), ("folder", "build"), ("folder", "models"), ("nowhere", "build")):
        outcome = ask(tmp_path / name, command)
        assert (outcome.code, outcome.codes) == (2, ["E101"]), (name, command)
    assert list((tmp_path / "folder").iterdir()) == []
    assert not (tmp_path / "nowhere").exists()


def test_all_mistakes_of_a_phase_are_told_at_once(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "shop",
        {
            "feature_groups/orders.yml": GROUP.replace("primary_key", "primry_key"),
            "sources.yml": SOURCES.replace("format: csv", "format: cvs"),
        },
    )

    text = mlproj(folder, "plan")

    assert text.code == 2
    assert "feature_groups/orders.yml:4:5: E203 unknown key 'primry_key' in feature_groups[0]" in text.err
    assert "    primry_key: [order_id]\n" in text.err
    assert "    ^^^^^^^^^^\n" in text.err
    assert "hint: did you mean 'primary_key'?" in text.err
    assert "sources.yml:4:13: E2" in text.err
    assert len(ask(folder, "plan").codes) >= 2


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("plan --format markdown", "--format stands before the command: mlproj --format text|json|markdown plan …"),
        ("history --target=prod", "--target stands before the command: mlproj --target T history …"),
        ("ls -q", "-q stands before the command: mlproj -q ls …"),
    ],
)
def test_an_option_of_every_command_stands_before_it(standing_shop: Path, command: str, said: str) -> None:
    refused = mlproj(standing_shop, *command.split())

    assert refused.code == 2
    assert said in refused.err
