#!/usr/bin/env bash
# httpx-aiohttp 0.2.0 with httpx 0.28.1 and aiohttp 3.14.5, Python 3.11.
#
# httpx sends a path as it was percent-encoded. Through httpx-aiohttp's transport it arrives in another spelling: %21
# becomes an exclamation mark. Who signs the path that httpx shows signs another one than is sent.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1 httpx-aiohttp==0.2.0 aiohttp==3.14.5
cat >"$folder/try.py" <<'PY'
import asyncio, httpx
from httpx_aiohttp import AiohttpTransport

async def serve(reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    target = head.split(b" ")[1]
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(target), target))
    await writer.drain()
    writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/service/a%21b"
    for name, transport in (("httpx", httpx.AsyncHTTPTransport()), ("httpx-aiohttp", AiohttpTransport())):
        async with httpx.AsyncClient(transport=transport) as client:
            answer = await client.get(url)
            print(f"{name}: request.url.raw_path {answer.request.url.raw_path.decode()}, received {answer.text}")

asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/try.py" | tee "$folder/out"
diff "$folder/out" - <<'EXPECTED'
httpx: request.url.raw_path /service/a%21b, received /service/a%21b
httpx-aiohttp: request.url.raw_path /service/a%21b, received /service/a!b
EXPECTED
