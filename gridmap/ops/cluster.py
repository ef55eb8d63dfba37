"""A PostgreSQL of our own: reached by a UNIX socket only, no port, no password, outside the checkout.

Started by root it runs as the ``postgres`` user; started by anybody else as that user. Peer authentication maps the
starter to the roles it needs (``pg_ident.conf``). Everything here may be repeated after a run that was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from gridmap.errors import SetupFault
from gridmap.store.rights import APP_ROLE, BACKUP_ROLE, OWNER_ROLE

DATABASE = "gridmap"
START_TIMEOUT_S = 60
SOCKET_PATH_CAP = 100  # bytes; the kernel allows 107 and PostgreSQL adds the name of its socket file

CONFIGURATION = """
# written by gridmap: a private cluster
listen_addresses = ''
unix_socket_permissions = 0777   # peer authentication decides who gets in
max_connections = 60
shared_buffers = 256MB
work_mem = 16MB
maintenance_work_mem = 256MB
random_page_cost = 1.1
jit = off
logging_collector = on
log_filename = 'postgresql-%a.log'
log_rotation_age = 1d
log_truncate_on_rotation = on
log_min_error_statement = panic  # a statement can hold a name
log_parameter_max_length_on_error = 0
password_encryption = scram-sha-256
"""

# A cluster for one test run: it need not survive the machine, and several processes of the run share it.
THROW_AWAY = (
    "\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off\nlogging_collector = off\nmax_connections = 200\n"
)


def find_programs() -> Path:
    """Return the newest PostgreSQL's folder of programs.

    Raises
    ------
    SetupFault
        When none is installed.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3].split(".")[0]))
    if not found:
        raise SetupFault("没有找到 PostgreSQL，请运行 apt-get install postgresql-postgis")
    return found[-1].parent


def _lives_in(process: Path, data: Path) -> bool:
    """Tell whether a process of /proc runs in ``data``: a zombie or somebody else's recycled number does not."""
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        return state not in "ZX" and (process / "cwd").readlink() == data
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def _anybody_lives_in(data: Path) -> bool:
    """Tell whether any process, also one that a killed server left behind, still runs in ``data``."""
    return any(_lives_in(process, data) for process in Path("/proc").glob("[0-9]*"))


@dataclass(frozen=True)
class Cluster:
    """A private cluster below ``home``; ``throw_away`` gives up safety for speed, for tests."""

    home: Path
    throw_away: bool = False

    @property
    def data(self) -> Path:
        """Return the data folder."""
        return self.home / "data"

    @property
    def socket(self) -> Path:
        """Return the socket's folder; a deep home would exceed the kernel's limit."""
        path = self.home / "run"
        if len(bytes(path)) <= SOCKET_PATH_CAP:
            return path
        return Path(f"/tmp/gm-{os.geteuid()}-{hashlib.sha256(bytes(path)).hexdigest()[:12]}")  # noqa: S108 - short path needed

    def url(self, role: str = APP_ROLE, database: str = DATABASE) -> str:
        """Return the URL of one role."""
        return f"postgresql+psycopg://{role}@/{database}?host={self.socket}"

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a PostgreSQL program as the user who owns the cluster."""
        owner = "postgres" if os.geteuid() == 0 else None
        return subprocess.run(  # noqa: S603 - our own programs and paths
            [find_programs() / program, *arguments],
            cwd="/",
            text=True,
            capture_output=True,
            check=False,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            user=owner,
            group=owner,
            extra_groups=[] if owner else None,
        )

    def _own(self, path: Path, mode: int) -> None:
        """Make a folder that belongs to the cluster's user."""
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        if os.geteuid() == 0:
            shutil.chown(path, "postgres", "postgres")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time create, start or stop this cluster."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "cluster.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _create(self) -> None:
        """Make the data folder aside and rename it: a killed run leaves nothing half made."""
        fresh = self.home / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._own(fresh, 0o700)
        made = self._run(
            "initdb",
            "-D",
            str(fresh),
            "-U",
            "postgres",
            "-A",
            "peer",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--data-checksums",
            *(["--no-sync"] if self.throw_away else []),
        )
        if made.returncode:
            raise SetupFault("建立数据库失败：%(why)s", why=made.stderr.strip()[-400:])
        fresh.rename(self.data)

    def _configure(self) -> None:
        """Write who may connect and how; rewritten at each start, so that a new release can change it."""
        me = getpass.getuser()
        roles = ["postgres", OWNER_ROLE, APP_ROLE, BACKUP_ROLE]
        lines = [f"gridmap {person} {role}" for person in dict.fromkeys([me, "postgres"]) for role in roles]
        self._write("pg_ident.conf", "\n".join(lines) + "\n")
        self._write("pg_hba.conf", "local all all peer map=gridmap\n")
        more = THROW_AWAY if self.throw_away else ""
        self._write("gridmap.conf", CONFIGURATION + f"unix_socket_directories = '{self.socket}'\n" + more)
        main = self.data / "postgresql.conf"
        if "gridmap.conf" not in main.read_text("utf-8"):
            with main.open("a", encoding="utf-8") as handle:
                handle.write("\ninclude = 'gridmap.conf'\n")

    def _write(self, name: str, content: str) -> None:
        path = self.data / name
        path.write_text(content, "utf-8")
        if os.geteuid() == 0:
            shutil.chown(path, "postgres", "postgres")

    def answers(self) -> bool:
        """Tell whether the server answers a question."""
        try:
            with psycopg.connect(host=str(self.socket), user="postgres", dbname="postgres", connect_timeout=2) as con:
                return con.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    def server_pid(self) -> int:
        """Return the number of the running server process, or 0; clears what a killed server left behind."""
        note = self.data / "postmaster.pid"
        if not note.exists():
            return 0
        first = note.read_text().split("\n", 1)[0]
        pid = int(first) if first.isdigit() else 0
        if pid and _lives_in(Path(f"/proc/{pid}"), self.data):
            return pid
        if not _anybody_lives_in(self.data):
            note.unlink(missing_ok=True)
            for left in self.socket.glob(".s.PGSQL.*"):
                left.unlink(missing_ok=True)
        return 0

    def start(self) -> bool:
        """Create and start the cluster if needed; return whether it had to be started.

        Raises
        ------
        SetupFault
            When it cannot be made or does not answer in time.
        """
        with self._locked():
            if not (self.data / "PG_VERSION").exists():
                self._create()
            if self.server_pid() and self.answers():
                return False
            self._own(self.socket, 0o755)
            self._configure()
            deadline = time.monotonic() + START_TIMEOUT_S
            log = self.data / "start.log"
            while not self.answers():
                if not self.server_pid():
                    self._run("pg_ctl", "start", "-D", str(self.data), "-l", str(log), "-w", "-t", "20", "-s")
                if time.monotonic() > deadline:
                    why = log.read_text("utf-8", "replace")[-400:] if log.exists() else ""
                    raise SetupFault("数据库没有启动：%(why)s", why=why)
                time.sleep(0.1)
            return True

    def stop(self) -> None:
        """Stop the server, if it runs."""
        with self._locked():
            if self.server_pid():
                self._run("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w", "-t", "60", "-s")
