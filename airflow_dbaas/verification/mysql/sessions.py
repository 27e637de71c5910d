"""Connecting to MySQL and MariaDB with PyMySQL."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, ClassVar

from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasDatabaseError
from airflow_dbaas.verification.connections import (
    CONNECT_SECONDS,
    KEEPALIVE_IDLE_SECONDS,
    KEEPALIVE_INTERVAL_SECONDS,
    KEEPALIVE_PROBES,
    LOCK_SECONDS,
    UNACKNOWLEDGED_SECONDS,
    Server,
    Session,
    connect,
    no_driver,
    place,
)

# One way of writing values at both ends: texts of rows are compared. READ ONLY or READ WRITE comes behind the last.
_SESSION = (
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION sql_mode = ''",
    "SET SESSION TRANSACTION",
)
_VERIFYING = {"VERIFY_CA", "VERIFY_IDENTITY"}


class MysqlSession(Session):
    """A connection to one database of a MySQL or MariaDB server.

    :param kill: has the server end the statement that runs.
    :ivar where: address of the server, and the database.
    :ivar mariadb: whether it is MariaDB.
    :ivar version: such as (8, 0, 36).
    :ivar position: what the server had written before this session began to hold its view; None: that is not known.
    """

    locks_shown_by: ClassVar[str] = "SHOW FULL PROCESSLIST"

    def __init__(self, connection: Any, parameters: dict[str, Any], kill: Callable[[], None] | None = None) -> None:
        super().__init__(connection, parameters)
        self._kill = kill
        self.where = place(parameters)
        self.position: str | None = None
        version = str(self.rows("SELECT VERSION()")[0][0])
        self.mariadb = "mariadb" in version.lower()
        self.version = tuple(int(number) for number in re.findall(r"\d+", version)[:3])

    @property
    def release(self) -> tuple[object, ...]:
        """What servers have in common that write the definition of one thing in one way."""
        # With 8.0.19 the display widths of integers have gone.
        widths = not self.mariadb and self.version[:2] == (8, 0) and self.version < (8, 0, 19)
        return (self.mariadb, self.version[:2], widths)

    def same_version(self, other: MysqlSession) -> bool:
        """Whether both are of one version to the last number."""
        return (self.mariadb, self.version) == (other.mariadb, other.version)

    def hold_view(self) -> None:
        """See all InnoDB tables as they are now, for the rest of the session. Tables of other engines have no views."""
        self.position = self._position()
        self.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        self.run("START TRANSACTION WITH CONSISTENT SNAPSHOT")

    def interrupt(self) -> None:
        """See ``Session``."""
        if self._kill is not None:
            self._kill()

    def _position(self) -> str | None:
        """Global transaction ids of all that was written, where the server logs it."""
        ((server, logs),) = self.rows("SELECT @@GLOBAL.server_id, @@GLOBAL.log_bin")
        if not logs:
            return None
        if self.mariadb:
            ((written, followed),) = self.rows("SELECT @@GLOBAL.gtid_binlog_pos, @@GLOBAL.gtid_slave_pos")
            return f"{server}/{written}/{followed}"
        ((mode, executed),) = self.rows("SELECT @@GLOBAL.gtid_mode, @@GLOBAL.gtid_executed")
        return f"{server}/{executed}" if mode == "ON" else None

    @staticmethod
    def waited_for_a_lock(error: Exception) -> bool:
        """See ``Session``. MySQL has one code for locks on rows and on definitions."""
        return error.args[:1] == (1205,)


@contextmanager
def session(
    server: Server, dbname: str | None = None, *, read_only: bool = True, connect_seconds: float | None = None
) -> Iterator[MysqlSession]:
    """Connect to a database for the length of a ``with`` block.

    :param server: source or target.
    :param dbname: the database; none if not given, for a migration leaves aside which one the server's login names.
    :param read_only: have the server refuse any change.
    :param connect_seconds: seconds that connecting may take, ``CONNECT_SECONDS`` by default.
    :raises DbaasConfigurationError: if PyMySQL is not installed, or cannot log in as the server demands.
    :raises DbaasDatabaseError: if the server cannot be reached, has no TLS although it is demanded, or breaks off.
    """
    driver = _driver()
    parameters = {**server.parameters(dbname), "dbname": dbname or ""}
    seconds = connect_seconds or CONNECT_SECONDS
    tls = _tls(parameters)
    arguments = {
        "host": parameters["host"],
        "port": int(parameters["port"]),
        "user": parameters["user"],
        "database": dbname,
        "charset": "utf8mb4",
        "autocommit": True,
        "connect_timeout": seconds,
        "program_name": "airflow-dbaas",
        "ssl": tls,
        "ssl_disabled": tls is None,
    }
    # What greets a server's client, or does not, is read without a limit in time unless all that is read has one, which
    # a comparison must not have. So another connection goes ahead.
    _open(driver, parameters, {**arguments, "read_timeout": seconds}).close()
    connection = _open(driver, parameters, arguments)

    def kill() -> None:
        # It may be over by now, or the server may be gone.
        with suppress(Exception), closing(_open(driver, parameters, {**arguments, "read_timeout": seconds})) as other:
            other.cursor().execute(f"KILL QUERY {connection.thread_id()}")

    try:
        opened = MysqlSession(connection, parameters, kill)
        # Older versions of the driver go on without TLS if the server has none.
        if tls is not None and not opened.rows("SHOW SESSION STATUS LIKE 'Ssl_cipher'")[0][1]:
            raise DbaasDatabaseError(
                f"connection to {place(parameters)} failed: TLS is demanded (ssl_mode {parameters['sslmode']}), and "
                "the server has none; where that is as it should be, set ssl_mode to DISABLED",
                retryable=False,
            )
        *settings, transaction = _SESSION
        for statement in (*settings, f"{transaction} {'READ ONLY' if read_only else 'READ WRITE'}", *_limits(opened)):
            opened.run(statement)
        yield opened
    finally:
        connection.close()


def _open(driver: Any, parameters: dict[str, Any], arguments: dict[str, Any]) -> Any:
    """Connect by a socket of our own, which is kept alive."""

    def opening() -> Any:
        # The driver would write a text in Latin-1; servers take UTF-8.
        password = parameters["password"]
        connection = driver.connect(**arguments, password=password.reveal().encode(), defer_connect=True)
        connected = socket.create_connection((arguments["host"], arguments["port"]), arguments["connect_timeout"])
        try:
            connected.settimeout(arguments.get("read_timeout"))
            _keep_alive(connected)
            connection.connect(connected)
        except BaseException:
            connected.close()
            raise
        return connection

    return connect(parameters, opening, _advice)


def _keep_alive(connected: socket.socket) -> None:
    """Keep an idle connection known to what is in between, as far as this system can."""
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in {
        "TCP_KEEPIDLE": KEEPALIVE_IDLE_SECONDS,
        "TCP_KEEPINTVL": KEEPALIVE_INTERVAL_SECONDS,
        "TCP_KEEPCNT": KEEPALIVE_PROBES,
        "TCP_USER_TIMEOUT": UNACKNOWLEDGED_SECONDS * 1000,
    }.items():
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _advice(error: Exception) -> str:
    """What to do about a login that PyMySQL cannot make as it is installed here."""
    text = str(error)
    if isinstance(error, RuntimeError) and "pynacl" in text:
        return (
            "the login uses MariaDB's authentication plugin ed25519, for which PyMySQL needs a further package: "
            "pip install 'PyMySQL[ed25519]' where tasks run, or give the login another plugin, such as "
            "mysql_native_password"
        )
    if isinstance(error, RuntimeError) and "cryptography" in text:
        return (
            "without TLS the server's authentication plugin (caching_sha2_password or sha256_password) needs a further "
            "package: pip install 'PyMySQL[rsa]' where tasks run, or use TLS"
        )
    plugin = re.search(r"Authentication plugin '?b?[\"']?([\w-]+)", text)
    if error.args[:1] == (2059,) and plugin:
        return (
            f"the login uses the authentication plugin {plugin[1]}, which PyMySQL does not know; create a login with "
            "mysql_native_password, or in MySQL caching_sha2_password, and name that one in the connection"
        )
    return ""


def _limits(session: MysqlSession) -> Iterator[str]:
    """Statements that lift all time limits except those for locks, and refresh the sizes of tables."""
    yield f"SET SESSION lock_wait_timeout = {max(1, round(LOCK_SECONDS))}"
    yield f"SET SESSION innodb_lock_wait_timeout = {max(1, round(LOCK_SECONDS))}"
    # One end is idle while the other one, which may be slower, is still at a large table.
    yield "SET SESSION wait_timeout = 604800"
    if session.mariadb:
        yield "SET SESSION max_statement_time = 0"
    else:
        yield "SET SESSION max_execution_time = 0"
        if session.version >= (8,):
            yield "SET SESSION information_schema_stats_expiry = 0"


def _tls(parameters: dict[str, Any]) -> ssl.SSLContext | None:
    """How TLS is used. Names are libpq's: ``sslrootcert`` is the file of authorities."""
    mode = parameters["sslmode"]
    if mode == "DISABLED":
        return None
    try:
        context = ssl.create_default_context(cafile=parameters.get("sslrootcert"))
        if parameters.get("sslcert"):
            context.load_cert_chain(parameters["sslcert"], parameters.get("sslkey"))
    except OSError as error:
        files = ", ".join(
            str(parameters[name]) for name in ("sslrootcert", "sslcert", "sslkey") if parameters.get(name)
        )
        raise DbaasConfigurationError(
            f"connection to {place(parameters)} failed: its TLS files ({files}) cannot be used here: {error}"
        ) from None
    context.check_hostname = mode == "VERIFY_IDENTITY"
    if mode not in _VERIFYING:
        context.verify_mode = ssl.CERT_NONE
    return context


def _driver() -> Any:
    try:
        import pymysql
    except ImportError:
        raise no_driver("MySQL", "airflow-dbaas[mysql], which is PyMySQL") from None
    return pymysql
