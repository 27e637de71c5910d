"""What MkDocs does besides: linked files of the repository and the help of the command become pages of the site."""

from __future__ import annotations

import os
import posixpath
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
_BESIDE = [*sorted((ROOT / "dags").glob("dbaas_*")), *ROOT.glob("*.md")]
#: Files beside ``docs`` that a page may link to, and where they are in the site.
SHOWN = {name: f"files/{name.removesuffix('.md')}.md" for name in (str(path.relative_to(ROOT)) for path in _BESIDE)}
#: Stands in a page where the help of the command shall be.
HELP = "<!-- help of airflow-dbaas -->"
_LINK = re.compile(r"\]\((?!\w+:|#)([^)#]+)")


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages."""
    for source, page in SHOWN.items():
        text = (ROOT / source).read_text()
        if not source.endswith(".md"):
            text = f"# {source}\n\n```{source.rpartition('.')[2].replace('py', 'python')}\n{text}```\n"
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Let links between ``docs`` and the files beside it lead to pages of the site; put in the help."""
    place = page.file.src_uri
    source = next((name for name, shown in SHOWN.items() if shown == place), f"docs/{place}")

    def inside(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1]))
        target = SHOWN.get(target, target.removeprefix("docs/"))
        return f"]({posixpath.relpath(target, posixpath.dirname(place) or '.')}"

    # A file that is shown as code has no links.
    markdown = _LINK.sub(inside, markdown) if source.endswith(".md") else markdown
    return markdown.replace(HELP, _all_help()) if HELP in markdown else markdown


def _all_help() -> str:
    """The help of the command and of each of its subcommands, under headings of their own."""
    top = _help()
    named = re.search(r"\{([\w,-]+)\}", top)
    commands = named[1].split(",") if named else []
    texts = {"airflow-dbaas": top, **{f"airflow-dbaas {name}": _help(name) for name in commands}}
    return "\n".join(f"## {command}\n\n```text\n{text}```\n" for command, text in texts.items())


def _help(*command: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", "import sys; from airflow_dbaas.cli import main; sys.exit(main())", *command, "--help"],
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
