"""A real, separate Airflow: API server, scheduler, DAG processor and triggerer."""

import base64
import json
import secrets
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from demo.pace import Patience, stretched
from demo.processes import DemoError, House, free_port

START_TIMEOUT_S = 120.0
PARSE_TIMEOUT_S = 60.0
#: How long a request is sent again and again.
ANSWER_TIMEOUT_S = 60.0
HTTP_OK_BELOW = 400
HTTP_NOT_FOUND = 404
HTTP_CONFLICT = 409
HTTP_BUSY = frozenset({500, 502, 503, 504})
#: Sent twice, these do the same as once.
REPEATABLE = frozenset({"GET", "PATCH", "PUT", "DELETE"})

# Each is a separate process; the two that serve task logs over HTTP need not, because everything is on one machine.
COMPONENTS = {
    "api-server": [],
    "scheduler": ["--skip-serve-logs"],
    "dag-processor": [],
    "triggerer": ["--skip-serve-logs"],
}


class Airflow:
    """An Airflow in the house's folder, on a free port, and its REST API.

    :param parallelism: how many tasks run at once.
    :param database: the metadata database, as SQLAlchemy's URL; by default SQLite in the house's folder.
    :param settings: variables of the environment that configure it further.
    :param python: the interpreter that has it installed, by default this one.
    """

    def __init__(
        self,
        house: House,
        dags: Path,
        *,
        parallelism: int = 2,
        database: str | None = None,
        settings: Mapping[str, str] | None = None,
        python: Path | str = sys.executable,
    ) -> None:
        self._house = house
        self._python = str(python)
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.user = "admin"
        self.password = secrets.token_urlsafe(9)
        home = house.folder / "airflow"
        home.mkdir(mode=0o700)
        self._home = home
        self.database = database or f"sqlite:///{home / 'airflow.db'}"
        passwords = home / "passwords.json"
        passwords.write_text(json.dumps({self.user: self.password}), encoding="utf-8")
        passwords.chmod(0o600)
        #: Additional environment variables of its processes.
        self.environment = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": str(parallelism),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{self.user}:admin",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.database,
            "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
            # Short intervals, for a run that a person watches.
            "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
            # For as long a worker may not notice that its task has ended (seen with Airflow 3.3.2), and take no other.
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            **(settings or {}),
        }
        self._http = httpx.Client(base_url=self.url, timeout=stretched(30), trust_env=False)

    def close(self) -> None:
        """Close the connections to the REST API."""
        self._http.close()

    def command(self, *arguments: str) -> list[str]:
        """A command of this Airflow, to be run with its ``environment``."""
        return [self._python, "-P", "-m", "airflow", *arguments]

    def migrate(self) -> None:
        """Lay out the metadata database."""
        self._house.run("airflow db migrate", self.command("db", "migrate"), self.environment)

    def add_connections(self, connections: Mapping[str, Mapping[str, Any]]) -> None:
        """Add connections; from a file, since a command line can be read by anybody on the machine."""
        path = self._home / "connections.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(connections), encoding="utf-8")
        self._house.run(
            "airflow connections import", self.command("connections", "import", str(path)), self.environment
        )
        path.unlink()

    def start(self, *names: str) -> None:
        """Start components, by default all four; see :meth:`wait_until_healthy`."""
        for name in names or COMPONENTS:
            self._house.start(f"airflow {name}", self.command(name, *COMPONENTS[name]), self.environment)

    def kill(self, name: str, *, descendants: bool = True) -> None:
        """Kill a component without a warning.

        :param name: the component.
        :param descendants: also its child processes: those of the scheduler are the workers, which would outlive it.
        """
        self._house.kill(f"airflow {name}", descendants=descendants)

    def wait_until_healthy(self) -> None:
        """Wait until all components report, then log in."""
        patience = Patience(START_TIMEOUT_S)
        missing = ["api-server"]
        while missing:
            if patience.over:
                tails = "\n".join(self._house.tail(f"airflow {name}") for name in missing)
                raise DemoError(f"not healthy after {patience}: {', '.join(missing)}\n{tails}")
            self._house.check_alive()
            self._house.sleep(0.3)
            try:
                health = self._http.get("/api/v2/monitor/health").json()
            except (httpx.TransportError, ValueError):
                continue
            missing = [
                name
                for name in ("scheduler", "dag-processor", "triggerer")
                if (health.get(name.replace("-", "_")) or {}).get("status") != "healthy"
            ]
        answer = self.request("POST", "/auth/token", {"username": self.user, "password": self.password}, again=True)
        if answer.status_code >= HTTP_OK_BELOW:
            raise DemoError(f"logging in to Airflow failed: {answer.status_code} {answer.text[:500]}")
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def request(self, method: str, path: str, body: object = None, *, again: bool = False) -> httpx.Response:
        """One request, sent again if no answer comes, or one that says that the server is busy.

        :param again: it may be sent twice although it neither reads nor states something; if it certainly did not
            arrive, it is sent again anyway.
        """
        patience = Patience(ANSWER_TIMEOUT_S)
        again = again or method in REPEATABLE
        while True:
            try:
                answer = self._http.request(method, path, json=body, headers={"Accept": "application/json"})
            except httpx.TransportError as error:
                arrived = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if patience.over or (arrived and not again):
                    raise DemoError(
                        f"Airflow did not answer {method} {path} within {patience}: {error!r}\n"
                        f"{self._house.tail('airflow api-server')}"
                    ) from error
            else:
                if answer.status_code not in HTTP_BUSY or patience.over or not again:
                    return answer
            self._house.check_alive()
            self._house.sleep(1)

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One request to the REST API; ``None`` if the resource does not exist, or the answer is empty."""
        answer = self.request(method, f"/api/v2{path}", body)
        if answer.status_code == HTTP_NOT_FOUND:
            return None
        if answer.status_code >= HTTP_OK_BELOW:
            raise DemoError(f"Airflow answered {answer.status_code} to {method} {path}: {answer.text[:2000]}")
        return answer.json() if answer.content else None

    def wait_for_dag(self, dag_id: str) -> None:
        """Wait until the DAG is known; a file that cannot be imported ends the wait with its error."""
        patience = Patience(PARSE_TIMEOUT_S)
        while self.call("GET", f"/dags/{dag_id}") is None:
            for error in self.call("GET", "/importErrors")["import_errors"]:
                raise DemoError(f"{error['filename']} cannot be imported:\n{error['stack_trace']}")
            if patience.over:
                raise DemoError(f"no DAG {dag_id} after {patience}\n{self._house.tail('airflow dag-processor')}")
            self._house.check_alive()
            self._house.sleep(0.3)

    def trigger(self, dag_id: str, conf: Mapping[str, Any], run_id: str | None = None) -> str:
        """Unpause the DAG and start a run of it; returns the run's id.

        The id is settled here, so that a request whose answer was lost can be sent again and starts nothing twice.
        """
        self.call("PATCH", f"/dags/{dag_id}", {"is_paused": False})
        run_id = run_id or f"manual__{datetime.now(UTC).isoformat()}_{secrets.token_hex(4)}"
        path = f"/api/v2/dags/{dag_id}/dagRuns"
        run = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)}
        answer = self.request("POST", path, run, again=True)
        # A conflict: it is there already, for the first request did arrive.
        if answer.status_code >= HTTP_OK_BELOW and answer.status_code != HTTP_CONFLICT:
            raise DemoError(f"Airflow answered {answer.status_code} to POST {path}: {answer.text[:2000]}")
        return run_id

    def task_log(self, run_path: str, task: Mapping[str, Any]) -> str:
        """The log of a task's last try, one line per entry."""
        suffix = "" if task.get("map_index", -1) < 0 else f"?map_index={task['map_index']}"
        path = f"{run_path}/taskInstances/{task['task_id']}/logs/{task['try_number']}{suffix}"
        lines = []
        for entry in (self.call("GET", path) or {}).get("content", []):
            if isinstance(entry, str):
                lines.append(entry)
                continue
            if str(entry.get("event")).startswith("::"):
                continue  # marks for the log view of the web pages
            lines.append(f"{str(entry.get('timestamp') or '')[:19]} {entry.get('level', '')} {entry.get('event', '')}")
            lines += _error_lines(entry.get("error_detail") or [])
        return "\n".join(lines)


def _error_lines(details: list[Mapping[str, Any]]) -> list[str]:
    lines = []
    for detail in details:
        frames = detail.get("frames", [])[-4:]
        lines += [f"    {frame['filename']}:{frame['lineno']} in {frame['name']}" for frame in frames]
        lines.append(f"  {detail.get('exc_type')}: {detail.get('exc_value')}")
    return lines
