#!/usr/bin/env bash
# mkdocs-material 9.8.1 with mkdocs 1.6.1, Python 3.11.
#
# The plugin "offline" is meant for a site that is opened as files, without a server or a network. Every page that it builds
# loads one script from a public host all the same: the shim in which search runs where browsers start no workers. Without a
# network that script is missing, and search hides itself. A polyfill of the project whose address contains "iframe-worker"
# takes its place.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mkdocs==1.6.1 mkdocs-material==9.8.1
mkdir "$folder/docs"
printf '# Page\n\nSome words.\n' >"$folder/docs/index.md"
cat >"$folder/mkdocs.yml" <<'YML'
site_name: Site
theme:
  name: material
  font: false
plugins:
  - search
  - offline
YML
cd "$folder"
NO_MKDOCS_2_WARNING=1 venv/bin/mkdocs build --quiet
grep -oE 'src="https?://[^"]+"' site/index.html | sort -u | tee out
diff out - <<'EXPECTED'
src="https://unpkg.com/iframe-worker/shim"
EXPECTED
