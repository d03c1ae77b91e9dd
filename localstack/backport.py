"""Makes an installed LocalStack 4.14.0 run on Python 3.11.

Its package metadata admits Python 3.10, but a dozen of its lines use the generic syntax of 3.12 (`class
Box[T]`, `type Name = ...`) and three use what the library of 3.12 or 3.13 brought. They are written here
the way that older versions spell them. Without this the server starts, and its health page says that
every service is available, but most of them fail at their first call. `local.py` runs this once, after
the installation.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

CLASS = re.compile(r"^(\s*class \w+)\[([^\]]+)\](?:\((.*)\))?:", re.MULTILINE)
FUNCTION = re.compile(r"^(\s*(?:async )?def \w+)\[([^\]]+)\]\(", re.MULTILINE)
ALIAS = re.compile(r"^(\s*)type (\w+) = ", re.MULTILINE)

REPLACEMENTS = {
    # 3.13 has it in `warnings`.
    "from warnings import deprecated": "from typing_extensions import deprecated",
    # 3.13 made this a class, which `|` takes.
    "install_lock: Lock | None": 'install_lock: "Lock | None"',
    # 3.12 takes bytes for the name.
    "uuid.uuid5(self._internal_key_id, key_material)": (
        "uuid.UUID(bytes=__import__('hashlib').sha1(self._internal_key_id.bytes + key_material)"
        ".digest()[:16], version=5)"
    ),
}


def backport(package: Path) -> int:
    """Rewrites what needs it under `package`; the number of files."""
    changed = 0
    for file in sorted(package.rglob("*.py")):
        source = file.read_text(encoding="utf-8")
        rewritten = rewrite(source)
        if rewritten != source:
            file.write_text(rewritten, encoding="utf-8")
            changed += 1
    return changed


def rewrite(source: str) -> str:
    names: dict[str, None] = {}

    def parameters(text: str) -> list[str]:
        # A bound, after the colon, matters to type checkers only.
        found = [parameter.split(":")[0].strip() for parameter in text.split(",")]
        names.update(dict.fromkeys(found))
        return found

    def on_class(match: re.Match[str]) -> str:
        generic = f"_Generic[{', '.join(parameters(match[2]))}]"
        bases = f"{match[3]}, {generic}" if match[3] else generic
        return f"{match[1]}({bases}):"

    def on_function(match: re.Match[str]) -> str:
        parameters(match[2])
        return f"{match[1]}("

    body = CLASS.sub(on_class, source)
    body = FUNCTION.sub(on_function, body)
    body = ALIAS.sub(r"\1\2 = ", body)
    for newer, older in REPLACEMENTS.items():
        body = body.replace(newer, older)
    if not names:
        return body
    declared = "".join(f'{name} = _TypeVar("{name}")\n' for name in names)
    lines = body.splitlines(keepends=True)
    at = first_statement(body)
    header = "from typing import Generic as _Generic, TypeVar as _TypeVar\n" + declared
    return "".join([*lines[:at], header, *lines[at:]])


def first_statement(source: str) -> int:
    """The line after the module's docstring and its `__future__` imports."""
    line = 0
    for node in ast.parse(source).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (docstring or future):
            break
        line = node.end_lineno or line
    return line


if __name__ == "__main__":
    print(f"backport: {backport(Path(sys.argv[1]))} files")
