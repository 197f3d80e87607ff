"""`ports.Lease`: one writer at a time, whatever becomes of the one before."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mlproj.adapters.lease import CatalogLease, is_held, process_start
from mlproj.diagnostics import ProjectError

CATALOG = "sqlite:.mlproj/catalog.sqlite"

HOLDER = """
import sys, time
from pathlib import Path
from mlproj.adapters.lease import CatalogLease
lease = CatalogLease(sys.argv[2], Path(sys.argv[1]), "build other")
lease.acquire(0)
print("held", flush=True)
sys.stdin.readline()
lease.release()
"""


def lease(root: Path, holder: str = "build mine") -> CatalogLease:
    return CatalogLease(CATALOG, root, holder)


def hold(root: Path) -> subprocess.Popen[str]:
    """A process that holds the lease until it reads a line."""
    command = [sys.executable, "-c", HOLDER, str(root), CATALOG]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n", process.communicate()
    return process


def database(root: Path) -> Path:
    return root / ".mlproj" / "catalog.lease.sqlite"


def change(root: Path, sql: str, *values: object) -> None:
    connection = sqlite3.connect(database(root))
    assert connection.execute(sql, values).rowcount == 1
    connection.commit()
    connection.close()


def test_a_free_lease_is_taken_and_given_back(tmp_path: Path) -> None:
    first, second = lease(tmp_path), lease(tmp_path)
    first.acquire(0)
    first.acquire(0)
    with pytest.raises(ProjectError):
        second.acquire(0)
    first.release()
    first.release()
    second.acquire(0)
    first.release()
    with pytest.raises(ProjectError):
        first.acquire(0)
    second.release()


def test_a_refusal_names_the_holder(tmp_path: Path) -> None:
    process = hold(tmp_path)
    try:
        with pytest.raises(ProjectError) as caught:
            lease(tmp_path).acquire(0)
    finally:
        process.communicate("\n", timeout=30)
    found = caught.value.diagnostics[0]
    assert (found.code, caught.value.exit_code) == ("E604", 1)
    assert all(word in found.message for word in ("build other", str(process.pid), socket.gethostname(), "since 20"))
    assert "--wait" in (found.hint or "")
    mine = lease(tmp_path)
    mine.acquire(0)
    mine.release()


def test_waiting_takes_it_when_it_comes_free(tmp_path: Path) -> None:
    process = hold(tmp_path)
    mine = lease(tmp_path)
    free = threading.Timer(0.5, lambda: process.communicate("\n", timeout=30))
    free.start()
    mine.acquire(30)
    free.join()
    assert process.returncode == 0
    mine.release()


def test_waiting_ends(tmp_path: Path) -> None:
    first = lease(tmp_path)
    first.acquire(0)
    started = time.monotonic()
    with pytest.raises(ProjectError):
        lease(tmp_path).acquire(0.5)
    assert 0.5 <= time.monotonic() - started < 10
    first.release()


def test_a_killed_holder_is_taken_over_at_once(tmp_path: Path) -> None:
    process = hold(tmp_path)
    process.kill()
    process.communicate(timeout=30)
    mine = lease(tmp_path)
    mine.acquire(0)
    with pytest.raises(ProjectError) as caught:
        lease(tmp_path).acquire(0)
    assert "build mine" in caught.value.diagnostics[0].message
    mine.release()


def test_a_killed_holder_whose_parent_did_not_look_is_taken_over(tmp_path: Path) -> None:
    process = hold(tmp_path)
    process.kill()
    until = time.monotonic() + 30
    while process_start(process.pid) is not None and time.monotonic() < until:
        time.sleep(0.02)
    mine = lease(tmp_path)
    mine.acquire(0)
    mine.release()
    process.communicate(timeout=30)


def test_a_recycled_pid_is_not_the_holder(tmp_path: Path) -> None:
    first = lease(tmp_path)
    first.acquire(0)
    change(tmp_path, "update lease set process_start = '1', token = 'other', pid = ?", os.getppid())
    second = lease(tmp_path)
    second.acquire(0)
    first.release()
    with pytest.raises(ProjectError):
        lease(tmp_path).acquire(0)
    second.release()


def test_another_host_is_believed_for_a_minute(tmp_path: Path) -> None:
    first = lease(tmp_path)
    first.acquire(0)
    change(
        tmp_path, "update lease set host = 'elsewhere', token = 'other', pid = 1, heartbeat_at = ?", time.time() - 50
    )
    with pytest.raises(ProjectError, match="elsewhere"):
        lease(tmp_path).acquire(0)
    change(tmp_path, "update lease set heartbeat_at = ?", time.time() - 61)
    second = lease(tmp_path)
    second.acquire(0)
    first.release()
    second.release()


def test_the_heart_beats_while_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlproj.adapters.lease.HEARTBEAT_SECONDS", 0.05)
    mine = lease(tmp_path)
    mine.acquire(0)
    change(tmp_path, "update lease set heartbeat_at = 0")
    until = time.monotonic() + 20
    beat = 0.0
    while beat == 0 and time.monotonic() < until:
        time.sleep(0.02)
        connection = sqlite3.connect(database(tmp_path))
        (beat,) = connection.execute("select heartbeat_at from lease").fetchone()
        connection.close()
    mine.release()
    assert abs(beat - time.time()) < 30
    assert not [t for t in threading.enumerate() if t.name == "mlproj-lease"]


def test_only_one_of_many_gets_it(tmp_path: Path) -> None:
    got: list[CatalogLease] = []
    refused: list[str] = []

    def run() -> None:
        mine = lease(tmp_path)
        try:
            mine.acquire(0)
            got.append(mine)
        except ProjectError as error:
            refused.append(error.diagnostics[0].code)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    assert refused == ["E604"] * 7
    got[0].release()


def test_leases_are_per_catalog(tmp_path: Path) -> None:
    first, second = lease(tmp_path), CatalogLease("sqlite:other/catalog.sqlite", tmp_path, "b")
    first.acquire(0)
    second.acquire(0)
    second.release()
    first.release()


def test_a_damaged_file_is_a_diagnostic(tmp_path: Path) -> None:
    (tmp_path / ".mlproj").mkdir()
    database(tmp_path).write_bytes(b"this is no database" * 100)
    with pytest.raises(ProjectError) as caught:
        lease(tmp_path).acquire(0)
    assert caught.value.diagnostics[0].code == "E612"
    assert "delete this file" in str(caught.value.diagnostics[0].hint)


def test_a_file_that_cannot_be_written_is_not_to_be_deleted(tmp_path: Path) -> None:
    """A full disk, or one for reading only, is not mended by taking the file away, and another build may hold it."""
    database(tmp_path).mkdir(parents=True)
    with pytest.raises(ProjectError) as caught:
        lease(tmp_path).acquire(0)
    assert caught.value.diagnostics[0].code == "E612"
    assert "space" in str(caught.value.diagnostics[0].hint)


def test_who_only_looks_sees_whether_it_is_held(tmp_path: Path) -> None:
    assert not is_held(CATALOG, tmp_path)
    assert not database(tmp_path).exists()
    process = hold(tmp_path)
    assert is_held(CATALOG, tmp_path)

    process.kill()
    process.communicate()

    assert not is_held(CATALOG, tmp_path)
    database(tmp_path).write_bytes(b"no database")
    assert is_held(CATALOG, tmp_path)  # nobody can tell
