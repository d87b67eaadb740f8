"""`hpsearch completion`: what a shell sources to complete commands of hpsearch."""

from __future__ import annotations

import typer
import typer.completion

from hpsearch.choices import Shell

PROGRAM, VARIABLE = "hpsearch", "_HPSEARCH_COMPLETE"

# Typer's own script takes the words as bash splits them, at = and : too, so it loses its way
# after `--storage sqlite:///FILE`. This one hands on the line, as those for zsh and fish do.
BASH = """\
_hpsearch_completion() {
    local IFS=$'\\n' line=${COMP_LINE:0:COMP_POINT}
    local word=${line##* }
    COMPREPLY=($(_HPSEARCH_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=get-args \\
        _TYPER_COMPLETE_ARGS=$line "$1" 2>/dev/null))
    COMPREPLY=("${COMPREPLY[@]%%$'\\t'*}")  # the value, without its help
    COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*[=:]}"}"}")  # what bash takes for the word
    [[ ${COMPREPLY[0]-} != *[=:] ]] || compopt -o nospace
}
complete -o default -F _hpsearch_completion hpsearch
"""


def print_completion(shell: Shell, app: typer.Typer) -> None:
    """Print what to source.

    Args:
        shell: For which shell.
        app: The whole command line.
    """
    if shell is Shell.BASH:
        print(BASH, end="")
        return
    command = typer.main.get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    typer.completion.shell_complete(command, {}, PROGRAM, VARIABLE, f"source_{shell}")
