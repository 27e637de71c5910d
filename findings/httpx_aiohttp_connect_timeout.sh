#!/usr/bin/env bash
# httpx-aiohttp 0.2.0 with httpx 0.28.1 and aiohttp 3.14.5, Python 3.11.
#
# A server reads a whole POST and closes the connection without an answer. httpx alone raises RemoteProtocolError, so the
# caller knows that the request may have been processed. Through httpx-aiohttp's transport the same exchange ends in
# ConnectTimeout, which in httpx means that no connection was made: whoever takes that for "not sent" sends it twice.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1 httpx-aiohttp==0.2.0 aiohttp==3.14.5
cat >"$folder/try.py" <<'PY'
import asyncio, httpx
from httpx_aiohttp import AiohttpTransport

received = []

async def serve(reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    received.append(await reader.readexactly(length))
    writer.close()

async def outcome(transport, url):
    async with httpx.AsyncClient(transport=transport) as client:
        try:
            await client.post(url, content=b"order=1")
        except httpx.HTTPError as error:
            return type(error).__name__

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    print("httpx:", await outcome(httpx.AsyncHTTPTransport(), url))
    print("httpx-aiohttp:", await outcome(AiohttpTransport(), url))
    print("whole requests that the server had read:", len(received))

asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/try.py" | tee "$folder/out"
diff "$folder/out" - <<'EXPECTED'
httpx: RemoteProtocolError
httpx-aiohttp: ConnectTimeout
whole requests that the server had read: 2
EXPECTED
