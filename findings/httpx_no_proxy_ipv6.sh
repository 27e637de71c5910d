#!/usr/bin/env bash
# httpx 0.28.1, Python 3.11.
#
# NO_PROXY holds the IPv6 loopback address in brackets, as URLs write it. httpx cannot build a client at all then, whatever
# address the client is for. The same address without brackets is accepted.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1
cat >"$folder/try.py" <<'PY'
import os, httpx

for entry in ("::1", "[::1]"):
    os.environ["NO_PROXY"] = f"{entry},internal.example.com"
    try:
        httpx.Client().close()
        print(f"{entry}: a client")
    except Exception as error:
        print(f"{entry}: {type(error).__name__}: {error}")
PY
env -u no_proxy "$folder/venv/bin/python" "$folder/try.py" | tee "$folder/out"
diff "$folder/out" - <<'EXPECTED'
::1: a client
[::1]: InvalidURL: Invalid port: ':1]'
EXPECTED
