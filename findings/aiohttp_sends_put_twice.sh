#!/usr/bin/env bash
# aiohttp 3.14.5, Python 3.11.
#
# A server reads a whole PUT and closes the connection without an answer. aiohttp connects again and sends the PUT a
# second time by itself, also when the connection was a fresh one; the caller is told of one failure. A POST it sends once.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiohttp==3.14.5
cat >"$folder/try.py" <<'PY'
import asyncio, aiohttp

received = []

async def serve(reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    received.append(head.split(b" ")[0].decode())
    writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    for method in ("POST", "PUT"):
        async with aiohttp.ClientSession() as session:
            try:
                await session.request(method, url, data=b"order=1")
            except aiohttp.ClientError as error:
                print(f"{method}: {type(error).__name__}, received {received.count(method)} times")

asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/try.py" | tee "$folder/out"
diff "$folder/out" - <<'EXPECTED'
POST: ServerDisconnectedError, received 1 times
PUT: ServerDisconnectedError, received 2 times
EXPECTED
