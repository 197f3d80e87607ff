"""Real servers for tests: started on a free port in a folder of their own, by Debian's packages."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

# What a password may hold and a URL or a SQL text would trip over.
PASSWORD = "p@s:/w'd \"x%"
READER_PASSWORD = "l3se:@/'nur"


@dataclass
class Server:
    """`sql` runs statements as the owner; `stop` and `start` are for tests of a server that is gone."""

    kind: str
    port: int
    folder: Path
    user: str

    def sql(self, text: str) -> None:
        command = {
            "postgres": [
                "psql",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                "127.0.0.1",
                "-p",
                f"{self.port}",
                "-U",
                "postgres",
            ],
            "mysql": ["mariadb", "--no-defaults", "-S", str(self.folder / "s.sock"), "-u", "root", "shop"],
        }[self.kind]
        environment = {**os.environ, "PGPASSWORD": PASSWORD, "PGOPTIONS": "--client-min-messages=warning"}
        done = subprocess.run(command, input=text, text=True, env=environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr

    def stop(self) -> None:
        _run(_as(self.user), _program("pg_ctl"), "-D", self.folder / "data", "-m", "immediate", "-w", "stop")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off"
        log = self.folder / "log"
        _run(_as(self.user), _program("pg_ctl"), "-D", self.folder / "data", "-o", options, "-w", "-l", log, "start")


@contextmanager
def postgres() -> Iterator[Server]:
    with _folder("postgres") as (folder, user):
        secret = folder / "password"
        secret.write_text(PASSWORD)
        shutil.chown(secret, user)
        made = (
            "-D",
            folder / "data",
            "-U",
            "postgres",
            "-A",
            "scram-sha-256",
            f"--pwfile={secret}",
            "-N",
            "-E",
            "UTF8",
        )
        _run(_as(user), _program("initdb"), *made)
        server = Server("postgres", _free_port(), folder, user)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def mysql() -> Iterator[Server]:
    """MariaDB, as Debian has it."""
    with _folder("mysql") as (folder, user):
        data, log = folder / "data", (folder / "log").open("w")
        made = (f"--datadir={data}", f"--user={user}", "--auth-root-authentication-method=normal", "--skip-test-db")
        _run([], _program("mariadb-install-db"), "--no-defaults", *made)
        port, started = _free_port(), [f"--datadir={data}", f"--user={user}", f"--socket={folder}/s.sock"]
        options = [*started, f"--port={port}", "--bind-address=127.0.0.1", f"--pid-file={folder}/pid"]
        process = subprocess.Popen([_program("mariadbd"), "--no-defaults", *options], stdout=log, stderr=log)
        try:
            _wait_for(port)
            server = Server("mysql", port, folder, user)
            _run([], "mariadb", "--no-defaults", "-S", folder / "s.sock", "-u", "root", "-e", "create database shop")
            yield server
        finally:
            process.terminate()
            process.wait(20)
            log.close()


@contextmanager
def _folder(owner: str) -> Iterator[tuple[Path, str]]:
    """A folder, and the user that it belongs to: servers refuse to be root, and a path of a socket has to be short."""
    user = owner if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    folder = Path(tempfile.mkdtemp(prefix="mlproj-", dir="/tmp"))
    shutil.chown(folder, user)
    try:
        yield folder, user
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    package = "mariadb-server" if name.startswith("mariadb") else "postgresql"
    places = [p.parent for p in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)]
    path = os.pathsep.join([*map(str, places), os.environ.get("PATH", ""), "/usr/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        pytest.fail(f"these tests need a real server, and {name} is not installed: apt-get install {package}")
    return found


def _as(user: str) -> list[str]:
    return ["runuser", "-u", user, "--"] if os.geteuid() == 0 else []


def _run(before: list[str], *command: object) -> None:
    # Into a file: a server that is left running would keep a pipe open.
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run([*before, *map(str, command)], stdout=said, stderr=said, cwd="/", check=False)
        said.seek(0)
        assert done.returncode == 0, said.read()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"no server came up at port {port}")
