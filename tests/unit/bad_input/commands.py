"""Bad options of the command airflow-dbaas, each with the line that it prints."""

from __future__ import annotations

from tests.unit.bad_input.tasks import ZONES

_SECONDS = "must be a number of seconds, 0 or more, got"
_PORT = "airflow-dbaas emulator: argument --port: must be a number from 0 to 65535, got"
_HELP = "(see airflow-dbaas emulator --help)"

COMMANDS: list[tuple[list[str], str]] = [
    ([], "airflow-dbaas: the following arguments are required: command (see airflow-dbaas --help)"),
    (
        ["emulate"],
        "airflow-dbaas: argument command: invalid choice: 'emulate' "
        "(choose from check-connection, copy-dags, emulator, verify) (see airflow-dbaas --help)",
    ),
    (
        ["check-connection", "a", "b"],
        "airflow-dbaas: unrecognized arguments: b (see airflow-dbaas --help)",
    ),
    (
        ["check-connection", "--zone", "mars-1"],
        f"airflow-dbaas check-connection: argument --zone: must be one of {ZONES}, got 'mars-1' "
        "(see airflow-dbaas check-connection --help)",
    ),
    (["emulator", "--prot", "1"], "airflow-dbaas: unrecognized arguments: --prot 1 (see airflow-dbaas --help)"),
    (
        ["emulator", "--background=yes"],
        f"airflow-dbaas emulator: argument --background: ignored explicit argument 'yes' {_HELP}",
    ),
    (["emulator", "--env=yes"], f"airflow-dbaas emulator: argument --env: ignored explicit argument 'yes' {_HELP}"),
    (["emulator", "--stop=yes"], f"airflow-dbaas emulator: argument --stop: ignored explicit argument 'yes' {_HELP}"),
    (["emulator", "--host"], f"airflow-dbaas emulator: argument --host: expected one argument {_HELP}"),
    (["emulator", "--port", "http"], f"{_PORT} 'http' {_HELP}"),
    (["emulator", "--port", "65536"], f"{_PORT} '65536' {_HELP}"),
    (["emulator", "--port", "-1"], f"{_PORT} '-1' {_HELP}"),
    (["emulator", "--port", "٨٠"], f"{_PORT} '٨٠' {_HELP}"),
    (["emulator", "--zone", "mars-1"], f"airflow-dbaas emulator: unknown zone 'mars-1', known: {ZONES}"),
    (["emulator", "--state"], f"airflow-dbaas emulator: argument --state: expected one argument {_HELP}"),
    (
        ["emulator", "--operation-seconds", "soon"],
        f"airflow-dbaas emulator: argument --operation-seconds: {_SECONDS} 'soon' {_HELP}",
    ),
    (
        ["emulator", "--operation-seconds", "nan"],
        f"airflow-dbaas emulator: argument --operation-seconds: {_SECONDS} 'nan' {_HELP}",
    ),
    (
        ["emulator", "--startup-seconds=-1"],
        f"airflow-dbaas emulator: argument --startup-seconds: {_SECONDS} '-1' {_HELP}",
    ),
    (
        ["emulator", "--startup-seconds", "inf"],
        f"airflow-dbaas emulator: argument --startup-seconds: {_SECONDS} 'inf' {_HELP}",
    ),
    (
        ["emulator", "--metrics-seconds", "0.01"],
        "airflow-dbaas emulator: argument --metrics-seconds: must be a number of seconds, 0.1 or more, got '0.01' "
        + _HELP,
    ),
    *(
        (
            ["emulator", f"--{flag}=yes"],
            f"airflow-dbaas emulator: argument --{flag}: ignored explicit argument 'yes' {_HELP}",
        )
        for flag in ("json", "seed-demo")
    ),
    (["emulator", "--faults"], f"airflow-dbaas emulator: argument --faults: expected one argument {_HELP}"),
    (
        ["emulator", "--port", "0", "--faults", "/nowhere/faults.yaml"],
        "airflow-dbaas emulator: --faults: /nowhere/faults.yaml cannot be read: "
        "[Errno 2] No such file or directory: '/nowhere/faults.yaml'",
    ),
]
