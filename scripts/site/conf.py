"""How Sphinx builds the site; pages that come from the code are written here."""

from __future__ import annotations

from pathlib import Path

import typer
from typer.core import TyperCommand, TyperGroup

from hpsearch.cli import app

project = "hpsearch"
html_title = "hpsearch"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
default_role = "code"  # docstrings have `names` as Markdown does
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_mock_imports = ["keras", "tensorflow"]
napoleon_google_docstring = True

COMMANDS = Path(__file__).with_name("reference") / "commands.md"


def helps(command: TyperCommand | TyperGroup, name: str) -> dict[str, str]:
    """What `--help` says, by command, those inside a command after it."""
    context = typer.Context(command, info_name=name, terminal_width=80)
    found = {name: command.get_help(context)}
    if isinstance(command, TyperGroup):
        for inner, one in command.commands.items():
            found |= helps(one, f"{name} {inner}")
    return found


def commands_page() -> str:
    """The reference of all commands."""
    commands = helps(typer.main.get_command(app), "hpsearch")
    parts = [f"## {name}\n\n```text\n{text}\n```" for name, text in commands.items()]
    return "\n\n".join(["# Commands", "Each as its `--help` prints it.", *parts]) + "\n"


page = commands_page()
if not COMMANDS.exists() or COMMANDS.read_text() != page:  # else nothing is to be built anew
    COMMANDS.write_text(page)
