"""`zenml completion`."""

from __future__ import annotations

import click

INSTALL = {
    "bash": 'eval "$(zenml completion bash)"   in ~/.bashrc (bash 4.4 or newer)',
    "zsh": 'eval "$(zenml completion zsh)"   in ~/.zshrc, after compinit',
    "fish": "zenml completion fish > ~/.config/fish/completions/zenml.fish",
}
"""How each shell is told, for its users."""


@click.command(
    epilog="\b\n" + "\n".join(f"{shell}: {line}" for shell, line in INSTALL.items()),
)
@click.argument("shell", type=click.Choice([*INSTALL]))
def completion(shell: str) -> None:
    """Print the script that lets SHELL complete zenml's commands and options, runs, steps and pipelines."""
    from click.shell_completion import get_completion_class

    from zenml.cli.main import cli

    kind = get_completion_class(shell)
    if kind is None:  # pragma: no cover - click knows the three
        raise click.UsageError(f"click does not know {shell}")
    script = kind(cli, {}, "zenml", "_ZENML_COMPLETE")
    text = script.source_template % script.source_vars()
    click.echo(text.replace('string split ","', 'string split -m 1 ","'))  # fish: what follows may have commas too
