"""How many lines a user writes for the same search, by tool."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

FOLDER = Path(__file__).parent / "fashion"
TOOLS = {
    "with_tune.py": "hpsearch, `tune`",
    "with_kerastuner.py": "KerasTuner",
    "as_study_file.py": "hpsearch, a study file",
    "with_optuna.py": "plain Optuna",
}
LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def count(text: str) -> int:
    """Lines of a program that are neither blank, nor comment, nor docstring."""
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in LAYOUT
        for line in range(token.start[0], token.end[0] + 1)
    }
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Module(body=[ast.Expr(value=ast.Constant(value=str())) as docstring, *_]):
                lines -= set(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
            case ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=str())) as docstring, *_]):
                lines -= set(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return len(lines)


def counts() -> dict[str, int]:
    """The lines of each script, by the tool's name."""
    return {tool: count((FOLDER / name).read_text("utf-8")) for name, tool in TOOLS.items()}


def main() -> None:
    """Print the counts."""
    for tool, n_lines in counts().items():
        print(f"{n_lines:4}  {tool}")


if __name__ == "__main__":
    main()
