"""A real Airflow on this machine, loopback only: scheduler, Dag processor, API server, SQLite, LocalExecutor.

`make up` runs it until Ctrl-C; the demo and the tests start and stop it through `LocalAirflow`.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml
from dotenv import load_dotenv

PROJECT = Path(__file__).resolve().parents[1]
COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
SIMPLE_AUTH = "airflow.api_fastapi.auth.managers.simple"
START_SECONDS = 120


def settings_environment(path: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """Connections and variables of an `airflow_settings.yaml` as environment, and its pools."""
    settings = (yaml.safe_load(path.read_text("utf-8")) or {}).get("airflow") or {}
    environment = {}
    for one in settings.get("connections") or []:
        if not one.get("conn_id"):
            continue
        fields = ("host", "schema", "login", "password", "port", "extra")
        parts = {name: one[f"conn_{name}"] for name in fields if one.get(f"conn_{name}") not in (None, "", {})}
        uri = one.get("conn_uri") or json.dumps({"conn_type": one.get("conn_type"), **parts})
        environment[f"AIRFLOW_CONN_{one['conn_id'].upper()}"] = uri
    for one in settings.get("variables") or []:
        if one.get("variable_name"):
            value = one["variable_value"]
            environment[f"AIRFLOW_VAR_{one['variable_name'].upper()}"] = (
                value if isinstance(value, str) else json.dumps(value)
            )
    pools = {
        one["pool_name"]: {
            "slots": int(one["pool_slot"]),
            "description": one.get("pool_description") or "",
            "include_deferred": False,
        }
        for one in settings.get("pools") or []
        if one.get("pool_name")
    }
    return environment, pools


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LocalAirflow:
    """One Airflow installation in one folder, with Stockwatch's own home and settings."""

    def __init__(
        self, home: Path, *, config: Path | None = None, port: int | None = None, extra: dict[str, str] | None = None
    ) -> None:
        self.home = home.resolve()
        self.airflow_home = self.home / "airflow"
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._session = requests.Session()
        self._session.trust_env = False  # loopback only: no proxy
        connections, self._pools = settings_environment(PROJECT / "airflow_settings.yaml")
        self.environment = {
            **os.environ,
            **connections,
            "PYTHONPATH": str(PROJECT),
            "STOCKWATCH_HOME": str(self.home),
            "STOCKWATCH_CONFIG": str((config or PROJECT / "include" / "config").resolve()),
            "AIRFLOW_HOME": str(self.airflow_home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "8",  # 32 on SQLite ends in "database is locked"
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__AUTH_MANAGER": f"{SIMPLE_AUTH}.simple_auth_manager.SimpleAuthManager",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__FERNET_KEY": "",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": self._secret(),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.airflow_home}/airflow.db",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "15",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
            "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "NO_PROXY": "127.0.0.1,localhost",
            **(extra or {}),
        }
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiling again at every start costs seconds

    def _secret(self) -> str:
        """The key that the parts of this Airflow sign with; kept, so that a restart keeps logins."""
        path = self.airflow_home / "jwt_secret"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(48), "utf-8")
        return path.read_text("utf-8")

    def command(self, *arguments: str) -> str:
        """Run one `airflow` command and return what it prints; raises with its output if it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.environment, cwd=PROJECT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"airflow {' '.join(arguments)} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout

    def prepare(self) -> None:
        """Create or migrate the database and import the pools."""
        self.command("db", "migrate")
        pools = self.airflow_home / "pools.json"
        pools.write_text(json.dumps(self._pools), "utf-8")
        self.command("pools", "import", str(pools))

    def start(self) -> None:
        """Start every component and wait until the API answers and the Dags are there."""
        logs = self.airflow_home / "component-logs"
        logs.mkdir(parents=True, exist_ok=True)
        for name, arguments in COMPONENTS.items():
            with (logs / f"{name}.log").open("ab") as log:
                self._processes[name] = subprocess.Popen(
                    [sys.executable, "-m", "airflow", *arguments],
                    env=self.environment, cwd=PROJECT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
        self.wait(lambda: self._answers(), "the API server to answer", START_SECONDS)
        token = self._session.post(f"{self.url}/auth/token", json=self.login(), timeout=60).json()["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"
        feeds = Path(self.environment["STOCKWATCH_CONFIG"]).glob("feeds/*.yaml")
        expected = {path.stem for path in (PROJECT / "dags").glob("[a-z]*.py")} - {"ingest_feeds"}
        expected |= {f"ingest_{path.stem}" for path in feeds}
        self.wait(lambda: expected <= set(self.dag_ids()), "the Dags to be parsed", START_SECONDS)

    def _answers(self) -> bool:
        try:
            return self._session.get(f"{self.url}/api/v2/monitor/health", timeout=5).ok
        except (requests.ConnectionError, requests.Timeout):  # not there yet, or a busy machine
            return False

    def login(self, user: str = "admin") -> dict[str, str]:
        """Name and password of a user, made by Airflow at its first start."""
        passwords = json.loads((self.airflow_home / "simple_auth_manager_passwords.json.generated").read_text("utf-8"))
        return {"username": user, "password": passwords[user]}

    def api(self, method: str, path: str, **arguments: Any) -> Any:
        """Call Airflow's public API; a server error right after the start is tried again."""
        for attempt in range(5):
            answer = self._session.request(method, f"{self.url}/api/v2{path}", timeout=90, **arguments)
            if answer.status_code < 500 or attempt == 4:
                break
            time.sleep(1)
        if answer.status_code >= 400 and answer.status_code != 409:
            raise RuntimeError(f"{method} {path}: HTTP {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else {}

    def dag_ids(self) -> list[str]:
        """Ids of the Dags that Airflow knows."""
        return [dag["dag_id"] for dag in self.api("GET", "/dags?limit=200")["dags"]]

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Start a run now; returns its id."""
        body = {"logical_date": None, "conf": conf or {}}
        return str(self.api("POST", f"/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def pause(self, dag_id: str) -> None:
        """Keep the schedule of a Dag from starting runs."""
        self.api("PATCH", f"/dags/{dag_id}", json={"is_paused": True})

    def runs(self, dag_id: str) -> dict[str, str]:
        """State of every run of a Dag, by run id."""
        found = self.api("GET", f"/dags/{dag_id}/dagRuns?limit=500")["dag_runs"]
        return {run["dag_run_id"]: run["state"] for run in found}

    def wait_for_run(self, dag_id: str, run_id: str, seconds: float = 120) -> str:
        """Wait until a run has ended; returns its state."""
        self.wait(lambda: self.runs(dag_id).get(run_id) in ("success", "failed"), f"{dag_id} {run_id}", seconds)
        return self.runs(dag_id)[run_id]

    def wait(self, ready: Callable[[], Any], what: str, seconds: float) -> None:
        """Wait until something is so; raises with the components' last words if it does not come to be."""
        until = time.monotonic() + seconds
        while not ready():
            self.check_alive()
            if time.monotonic() > until:
                raise TimeoutError(f"waited {seconds:.0f} s for {what}; scheduler log:\n{self._tail('scheduler')}")
            time.sleep(0.4)

    def check_alive(self) -> None:
        """Raise with its last words if a component has ended."""
        dead = [name for name, process in self._processes.items() if process.poll() is not None]
        if dead:
            raise RuntimeError(f"{', '.join(dead)} ended:\n{self._tail(dead[0])}")

    def _tail(self, name: str) -> str:
        log = self.airflow_home / "component-logs" / f"{name}.log"
        return log.read_text("utf-8", errors="replace")[-3000:] if log.exists() else ""

    def stop(self) -> None:
        """Stop every process this object started, and nothing else."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for process in self._processes.values():
                try:
                    os.killpg(process.pid, sign)  # its own session, so the group is its children alone
                except (ProcessLookupError, PermissionError):  # gone; macOS says the latter of a group that is ending
                    continue
            for process in self._processes.values():
                try:
                    process.wait(timeout=15)
                except subprocess.TimeoutExpired:
                    continue
        self._processes.clear()


@contextmanager
def running(airflow: LocalAirflow) -> Iterator[LocalAirflow]:
    """A prepared and started Airflow, stopped at the end whatever happens."""
    try:
        airflow.prepare()
        airflow.start()
        yield airflow
    finally:
        airflow.stop()


def up() -> int:
    """Run until Ctrl-C."""
    load_dotenv(PROJECT / ".env")  # what is set already wins
    sys.path.insert(0, str(PROJECT))
    from include.stockwatch.workflows.services import config_folder, home_folder

    port = int(os.environ.get("PORT", "8080"))
    airflow = LocalAirflow(home_folder(), config=config_folder(), port=port)
    print(f"starting Airflow in {airflow.airflow_home} …", flush=True)
    with running(airflow):
        login = airflow.login()
        print(f"\n  {airflow.url}   login: {login['username']} / {login['password']}", flush=True)
        print(f"  drop files into {airflow.home / 'landing'}/<feed>/; Ctrl-C stops everything\n", flush=True)
        try:
            while True:
                time.sleep(1)
                airflow.check_alive()
        except KeyboardInterrupt:
            print("stopping …", flush=True)
    return 0


if __name__ == "__main__":
    for sign in (signal.SIGINT, signal.SIGTERM):  # a shell's background job starts with SIGINT ignored
        signal.signal(sign, signal.default_int_handler)
    sys.exit(up())
