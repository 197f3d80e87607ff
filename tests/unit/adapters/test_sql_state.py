"""What only the database shows: files, processes, versions of the format, and faults."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mlproj.adapters.sql_state import database as database_module
from mlproj.adapters.sql_state import open_reader, open_store
from mlproj.adapters.sql_state import revisions as revisions_module
from mlproj.adapters.sql_state import writes as writes_module
from mlproj.adapters.sql_state.connect import state_path
from mlproj.diagnostics import Diagnostic, ProjectError
from mlproj.state import JournalStep, TargetState
from tests.contracts.nouns import (
    AT,
    build,
    evaluation,
    group,
    manifest,
    model,
    publication,
    published,
    training_dataset,
)

URL = "sqlite:///.mlproj/state.sqlite"
ROOT = Path(__file__).parents[3]


def file_of(root: Path) -> Path:
    return root / ".mlproj" / "state.sqlite"


def sql(root: Path, *statements: str) -> list[tuple[object, ...]]:
    """Run statements behind the adapter's back; returns the rows of the last."""
    connection = sqlite3.connect(file_of(root), isolation_level=None)
    try:
        return [connection.execute(statement).fetchall() for statement in statements][-1]
    finally:
        connection.close()


def refusal(action: Callable[[], object]) -> Diagnostic:
    with pytest.raises(ProjectError) as caught:
        action()
    assert caught.value.exit_code in {1, 2}
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.hint
    return diagnostic


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def start(root: Path, code: str) -> subprocess.Popen[str]:
    """Python in another process, with the adapter imported and `root` known."""
    prelude = (
        "import sys; from pathlib import Path; root = Path(sys.argv[1])\n"
        "from mlproj.adapters.sql_state import open_reader, open_store\n"
        f"URL = {URL!r}\n"
    )
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src"), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", prelude + code, str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )


def output(process: subprocess.Popen[str]) -> str:
    text = process.communicate(timeout=60)[0]
    assert process.returncode == 0, text
    return text.strip()


# --- opening


def test_reading_an_absent_state_makes_nothing(tmp_path: Path) -> None:
    reader = open_reader(URL, tmp_path)
    assert reader.load("dev") == TargetState(target="dev")
    assert reader.builds("dev") == []
    assert list(tmp_path.iterdir()) == []


def test_reading_does_not_wait_for_imports(tmp_path: Path) -> None:
    with open_store(URL, tmp_path) as store:
        store.apply_publication(publication(published(group())), 5)
    code = (
        "from tests.contracts.nouns import *\n"
        "assert open_reader(URL, root).load('dev').published\n"
        "open_store(URL, root).apply_publication(publication(published(group())), 5)\n"
        "print([name for name in ('sqlalchemy', 'alembic') if name in sys.modules])\n"
    )
    assert output(start(tmp_path, code)) == "[]"


def test_alembic_is_imported_only_to_migrate(tmp_path: Path) -> None:
    code = (
        "from tests.contracts.nouns import *\n"
        "open_store(URL, root).begin_build(build(str(len(open_reader(URL, root).builds('dev')))))\n"
        "print('alembic' in sys.modules)\n"
    )
    assert [output(start(tmp_path, code)) for _ in range(2)] == ["True", "False"]


def test_a_reader_opened_before_the_state_existed_sees_it_later(tmp_path: Path) -> None:
    reader = open_reader(URL, tmp_path)
    assert reader.load("dev") == TargetState(target="dev")
    with open_store(URL, tmp_path) as store:
        store.apply_publication(publication(published(group())), 5)
        assert list(reader.load("dev").published) == ["feature_group:income@1"]
        assert reader.load("dev") == store.load("dev")


def test_an_empty_file_reads_as_empty_and_is_filled_by_a_store(tmp_path: Path) -> None:
    file_of(tmp_path).parent.mkdir()
    file_of(tmp_path).touch()
    assert open_reader(URL, tmp_path).events("dev") == []
    assert file_of(tmp_path).stat().st_size == 0
    with open_store(URL, tmp_path) as store:
        store.begin_build(build())
    assert len(open_reader(URL, tmp_path).builds("dev")) == 1


def test_a_reader_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    with open_store(URL, tmp_path) as store:
        store.apply_publication(publication(published(group())), 5)
    before = digest(file_of(tmp_path))
    assert open_reader(URL, tmp_path).load("dev").published
    assert list(file_of(tmp_path).parent.iterdir()) == [file_of(tmp_path)]
    assert digest(file_of(tmp_path)) == before


def test_a_folder_that_cannot_be_written_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(URL, tmp_path) as store:
        store.apply_publication(publication(published(group())), 5)
    monkeypatch.setattr(database_module.os, "access", lambda path, mode: False)
    assert open_reader(URL, tmp_path).load("dev").published


def test_a_store_lets_readers_work_beside_it(tmp_path: Path) -> None:
    with open_store(URL, tmp_path):
        assert sql(tmp_path, "pragma journal_mode") == [("wal",)]


def test_a_closed_store_opens_again_by_itself(tmp_path: Path) -> None:
    store = open_store(URL, tmp_path)
    store.close()
    assert list(file_of(tmp_path).parent.iterdir()) == [file_of(tmp_path)]
    store.begin_build(build())
    store.close()
    assert len(open_reader(URL, tmp_path).builds("dev")) == 1


def test_folders_may_have_any_name(tmp_path: Path) -> None:
    root = tmp_path / "Größe 100% #1?x&y"
    with open_store(URL, root) as store:
        store.apply_publication(publication(published(group())), 5)
    assert file_of(root).is_file()
    assert open_reader(URL, root).load("dev").published


def test_the_migrations_folder_may_have_any_name(tmp_path: Path) -> None:
    copy = tmp_path / "100% pure" / "mlproj"
    shutil.copytree(ROOT / "src" / "mlproj", copy, ignore=shutil.ignore_patterns("__pycache__"))
    code = f"sys.path.insert(0, {str(copy.parent)!r})\n"
    code += "for name in [m for m in sys.modules if m.split('.')[0] == 'mlproj']: del sys.modules[name]\n"
    code += "from mlproj.adapters.sql_state import connect\n"
    code += "connect.open_store(URL, root).close(); print(connect.__file__.startswith(sys.path[0]))\n"
    assert output(start(tmp_path, code)) == "True"


# --- where it is


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///.mlproj/state.sqlite", "/project/.mlproj/state.sqlite"),
        ("sqlite:///state of it.db", "/project/state of it.db"),
        ("sqlite:////elsewhere/state.sqlite", "/elsewhere/state.sqlite"),
    ],
)
def test_a_url_is_relative_to_the_project(url: str, path: str) -> None:
    assert state_path(url, Path("/project")) == Path(path)


@pytest.mark.parametrize(
    "url",
    ["postgresql+psycopg://ada:secret@db/state", "mysql://secret", "sqlite://", "sqlite:///", "sqlite:///:memory:", ""],
)
def test_a_url_of_no_file_is_refused_without_its_password(url: str, tmp_path: Path) -> None:
    for opener in (open_reader, open_store):
        found = refusal(lambda opener=opener: opener(url, tmp_path))  # type: ignore[misc]
        assert found.code == "E612"
        assert "secret" not in f"{found.message} {found.hint}"


# --- the schema


def test_the_migrated_tables_are_those_of_the_code(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import NullPool, create_engine

    from mlproj.adapters.sql_state.tables import metadata

    open_store(URL, tmp_path).close()
    engine = create_engine(f"sqlite:///{file_of(tmp_path)}", poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        assert len(metadata.tables) == 12


def test_every_revision_has_a_file_and_the_last_is_the_head() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from mlproj.adapters.sql_state import migrations

    config = Config()
    config.set_main_option("script_location", str(Path(str(migrations.__file__)).parent))
    script = ScriptDirectory.from_config(config)
    assert [revision.revision for revision in script.walk_revisions()][::-1] == list(migrations.REVISIONS)
    assert script.get_current_head() == migrations.HEAD


@pytest.mark.parametrize(
    "statement",
    ["update alembic_version set version_num = '9999'", "update meta set value = '99' where key = 'format'"],
)
def test_a_state_of_a_newer_mlproj_is_refused(statement: str, tmp_path: Path) -> None:
    open_store(URL, tmp_path).close()
    sql(tmp_path, statement)
    before = digest(file_of(tmp_path))
    for action in (lambda: open_reader(URL, tmp_path).load("dev"), lambda: open_store(URL, tmp_path)):
        found = refusal(action)
        assert (found.code, found.hint) == ("E611", "upgrade mlproj")
        assert ".mlproj/state.sqlite" in found.message
    assert digest(file_of(tmp_path)) == before


def test_a_state_of_a_pre_release_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    with open_store(URL, tmp_path) as store:
        store.apply_publication(publication(published(group())), 5)
    sql(
        tmp_path,
        "update alembic_version set version_num = '0001'",
        "update meta set value = '1' where key = 'format'",
        "pragma wal_checkpoint(truncate)",
    )
    before = digest(file_of(tmp_path))
    for action in (lambda: open_reader(URL, tmp_path).load("dev"), lambda: open_store(URL, tmp_path)):
        found = refusal(action)
        assert found.code == "E611"
        assert "format 1" in found.message
        assert ".mlproj/state.sqlite" in found.message
        assert "move the folder '.mlproj' away and build anew" in (found.hint or "")
    assert digest(file_of(tmp_path)) == before


def test_a_state_of_an_older_revision_is_read_once_somebody_wrote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(revisions_module, "HEAD", "0002")
        open_store(URL, tmp_path).close()

    found = refusal(lambda: open_reader(URL, tmp_path).load("dev"))
    assert found.code == "E611"
    assert "revision 0002" in found.message
    assert "mlproj build" in (found.hint or "")
    open_store(URL, tmp_path).close()
    assert open_reader(URL, tmp_path).load("dev") == TargetState(target="dev")


# --- faults


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file_of(tmp_path).parent.mkdir()
    file_of(tmp_path).write_bytes(b"not a database at all, but long enough to have a header" * 100)
    for action in (lambda: open_reader(URL, tmp_path).load("dev"), lambda: open_store(URL, tmp_path)):
        found = refusal(action)
        assert found.code == "E612"
        assert ".mlproj/state.sqlite" in found.message


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    with open_store(URL, tmp_path) as store:
        for number in range(50):
            store.apply_publication(publication(published(group(f"g{number}")), build_id=f"b{number}"), number)
    content = file_of(tmp_path).read_bytes()
    file_of(tmp_path).write_bytes(content[:4096] + os.urandom(len(content) - 4096))
    found = refusal(lambda: open_reader(URL, tmp_path).load("dev"))
    assert found.code == "E612"
    assert ".mlproj/state.sqlite" in found.message


def test_a_row_that_mlproj_did_not_write_is_named(tmp_path: Path) -> None:
    with open_store(URL, tmp_path) as store:
        store.apply_publication(publication(published(group())), 5)
    for text in ("{", '{"node": {"kind": "feature_group"}}'):
        sql(tmp_path, f"update published set published_json = '{text}'")
        found = refusal(lambda: open_reader(URL, tmp_path).load("dev"))
        assert found.code == "E612"
        assert "Published" in found.message


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / ".mlproj").write_text("a file where the folder should be")
    found = refusal(lambda: open_store(URL, tmp_path))
    assert found.code == "E612"
    assert ".mlproj/state.sqlite" in found.message


def test_a_folder_where_the_file_should_be_is_named(tmp_path: Path) -> None:
    file_of(tmp_path).mkdir(parents=True)
    for action in (lambda: open_reader(URL, tmp_path).load("dev"), lambda: open_store(URL, tmp_path)):
        assert refusal(action).code == "E612"


def test_a_state_that_stays_locked_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(URL, tmp_path).close()
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.05)
    other = sqlite3.connect(file_of(tmp_path), isolation_level=None)
    try:
        other.execute("begin immediate")
        with open_store(URL, tmp_path) as store:
            found = refusal(lambda: store.begin_build(build()))
            assert store.builds("dev") == []
    finally:
        other.close()
    assert found.code == "E613"
    assert ".mlproj/state.sqlite" in found.message


def test_a_publication_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    bad = publication(published(group())).model_copy(update={"training_datasets": {"income@1/td1": {"view": 1}}})
    with open_store(URL, tmp_path) as store:
        found = refusal(lambda: store.apply_publication(bad, 5))
        assert found.code == "E612"
        assert "b1" in found.message
        assert store.load("dev") == TargetState(target="dev")


def test_a_publication_is_applied_whole_or_not_at_all(tmp_path: Path) -> None:
    entry = publication(published(group()), datasets=(training_dataset(),))
    with open_store(URL, tmp_path) as store:
        sql(
            tmp_path,
            "create trigger full before insert on events begin select raise(abort, 'disk'); end",
        )
        with pytest.raises(Exception, match="disk"):
            store.apply_publication(entry, 5)
        sql(tmp_path, "drop trigger full")
        assert store.load("dev") == TargetState(target="dev")
        assert store.history("feature_group:income@1", "dev") == []
        store.apply_publication(entry, 5)
        assert len(store.load("dev").published) == len(store.events("dev")) == 1


def test_a_number_taken_by_another_writer_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [1, 1]  # what a writer sees that read before the other one committed
    real = writes_module._next_run
    monkeypatch.setattr(
        writes_module, "_next_run", lambda connection, node: answers.pop() if answers else real(connection, node)
    )
    with open_store(URL, tmp_path) as store:
        runs = [store.register_model("dev", manifest(model()), "h1", evaluation(), AT).run for _ in range(3)]
        assert runs == [1, 2, 3]
        assert [event.subject for event in store.events("dev")] == [f"income_model@1.{run}" for run in runs]


def test_aliases_are_read(tmp_path: Path) -> None:
    with open_store(URL, tmp_path) as store:
        store.register_model("dev", manifest(model()), "h1", evaluation(), AT)
        sql(tmp_path, "insert into aliases values ('dev', 'income_model', 'champion', 1, 1)")
        assert store.load("dev").aliases == {"income_model@champion": "income_model@1.1"}
        assert store.load("prod").aliases == {}


# --- several processes and threads


REGISTER = """
from tests.contracts.nouns import *
store = open_store(URL, root)
print(*[store.register_model("dev", manifest(model()), "h1", evaluation(), AT).run for _ in range(20)])
store.close()
"""


def test_two_processes_share_a_new_state_and_no_run(tmp_path: Path) -> None:
    processes = [start(tmp_path, REGISTER) for _ in range(2)]  # they also race to make the tables
    runs = [int(run) for process in processes for run in output(process).split()]
    assert sorted(runs) == list(range(1, 41))
    assert [v.run for v in open_reader(URL, tmp_path).model_versions("dev")] == list(range(1, 41))


def test_readers_beside_a_writing_process_see_no_error(tmp_path: Path) -> None:
    writer = start(tmp_path, REGISTER)
    reader, counts = open_reader(URL, tmp_path), [0]
    while writer.poll() is None:
        counts.append(len(reader.model_versions("dev")))
        assert len(reader.events("dev")) >= counts[-1]
    output(writer)
    assert counts == sorted(counts)
    assert len(reader.model_versions("dev")) == 20


def test_a_writer_killed_inside_a_transaction_leaves_what_was_before(tmp_path: Path) -> None:
    with open_store(URL, tmp_path) as store:
        store.apply_publication(publication(published(group())), 5)
    code = (
        "from tests.contracts.nouns import *\n"
        "from mlproj.adapters.sql_state import writes as module\n"
        "import os, signal\n"
        "module._log_publication = lambda *args: os.kill(os.getpid(), signal.SIGKILL)\n"
        "open_store(URL, root).apply_publication(publication(published(group('spending')), build_id='b2'), 9)\n"
    )
    process = start(tmp_path, code)
    process.communicate(timeout=60)
    assert process.returncode == -9
    assert list(open_reader(URL, tmp_path).load("dev").published) == ["feature_group:income@1"]
    with open_store(URL, tmp_path) as store:
        store.apply_publication(publication(published(group("spending")), build_id="b2"), 9)
        assert len(store.load("dev").published) == 2


def test_threads_share_a_store(tmp_path: Path) -> None:
    steps = [JournalStep(node=f"feature_group:g{i}@1", action="materialize", status="pending") for i in range(40)]
    with open_store(URL, tmp_path) as store:
        store.begin_build(build(steps=tuple(steps)))
        done = [step.model_copy(update={"status": "ok"}) for step in steps]
        threads = [threading.Thread(target=store.record_steps, args=("b1", done[i::8])) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.builds("dev")[0].steps == tuple(done)
