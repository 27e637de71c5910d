"""The code blocks of the documentation, and the commands in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
#: All pages, by path.
PAGES = {path.relative_to(ROOT).as_posix(): path for path in [*ROOT.glob("*.md"), *sorted(ROOT.glob("docs/**/*.md"))]}
_TITLE = re.compile(r'title="([^"]*)"')
_WORD = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class Block:
    """One block of code."""

    page: str
    line: int
    language: str
    """Nothing if the page names none; a block that is merely indented holds commands."""
    title: str
    cloud: bool
    """Whether it is for a cloud of which there is none here."""
    text: str

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command of a block."""

    words: list[str]
    background: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    """Set for this command only."""
    fails: bool = False
    """Whether the page says so: by a comment behind it that begins with ``fails``."""

    def __str__(self) -> str:
        return shlex.join(self.words)


def blocks(page: str) -> list[Block]:
    """All blocks of a page, whatever they hold."""
    found = []
    for token in MarkdownIt().parse(PAGES[page].read_text()):
        if token.type not in {"fence", "code_block"}:
            continue
        line = token.map[0] + 1 if token.map else 0
        info = token.info if token.type == "fence" else "bash"
        title = _TITLE.search(info)
        words = _WORD.findall(_TITLE.sub("", info))
        language = words[0] if words else ""
        found.append(Block(page, line, language, title[1] if title else "", "cloud" in words, token.content))
    return found


def commands(block: Block) -> list[Command]:
    """The commands of a block of shell: words, variables and a ``&``; more than that is refused."""
    found = []
    for line in block.text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
        if not words:
            continue
        comment = line.rpartition(" # ")[2] if " # " in line else ""
        background = words[-1] == "&"
        words = words[:-1] if background else words
        assert not {"|", "||", "&&", ";", ">", "<"} & set(words), f"{block.place}: more than one command: {line}"
        variables = {}
        while words and re.match(r"[A-Z_]+=", words[0]):
            name, _, value = words.pop(0).partition("=")
            variables[name] = value
        found.append(Command(words, background, variables, comment.startswith("fails")))
    return found
