"""`zenml`: the root command, its lazily loaded groups, and what a user sees of an error."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

import click

from zenml import __version__
from zenml.errors import PluginError, ZenMLError, closest

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS: dict[str, tuple[str, str]] = {
    "artifact": ("zenml.cli.artifact:artifact", "Show where artifacts come from and what they led to."),
    "cache": ("zenml.cli.cache:cache", "List and forget the results that runs would be served."),
    "clean": ("zenml.cli.clean:clean", "Remove what runs have left in the repository."),
    "completion": ("zenml.cli.completion:completion", "Print the script for completion in a shell."),
    "config": ("zenml.cli.config:config", "Show and set where artifacts and metadata are kept."),
    "datasource": ("zenml.cli.datasource:datasource", "List and show data and its versions."),
    "gc": ("zenml.cli.gc:gc", "List and remove files that no run refers to."),
    "init": ("zenml.cli.init:init", "Make a folder a repository."),
    "pipeline": ("zenml.cli.pipeline:pipeline", "List, show, check, run and compare pipelines."),
    "plugin": ("zenml.cli.plugin:plugin", "List and check what is installed."),
    "run": ("zenml.cli.run:run", "List and show runs."),
    "secret": ("zenml.cli.secret:secret", "Keep passwords and keys."),
    "step": ("zenml.cli.step:step", "List and show the steps of runs."),
    "version": ("zenml.cli.version:version", "Print the version."),
}
"""Built-in commands: `module:function` and the line that help shows."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called; listing them imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the built-in commands and of those that plugins offer."""
        return sorted({*COMMANDS, *_plugin_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command.

        Raises:
            UsageError: there is no such command; the closest name is told.
        """
        target = COMMANDS[cmd_name][0] if cmd_name in COMMANDS else _plugin_commands().get(cmd_name, ("", ""))[0]
        if not target:
            raise click.UsageError(f"there is no command {cmd_name!r}. {closest(cmd_name, self.list_commands(ctx))}")
        module, _, name = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        table = {**COMMANDS, **_plugin_commands()}
        with formatter.section("Commands"):
            formatter.write_dl([(name, table[name][1]) for name in sorted(table)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands, or options, that begin so, without importing the commands."""
        from click.shell_completion import CompletionItem

        if incomplete and not incomplete[0].isalnum():
            return click.Command.shell_complete(self, ctx, incomplete)
        table = {**COMMANDS, **_plugin_commands()}
        return [CompletionItem(name, help=table[name][1]) for name in sorted(table) if name.startswith(incomplete)]


def _plugin_commands() -> dict[str, tuple[str, str]]:
    from zenml.plugins.registry import cli_commands

    return {row.name: (row.target, row.summary) for row in cli_commands()}


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, prog_name="zenml")
def cli(debug: bool) -> None:
    """Write a machine-learning pipeline once, and choose how and where it runs."""
    if debug:
        os.environ["ZENML_DEBUG"] = "1"


def main() -> None:
    """Run the command line; exit with 0, 1 (something failed) or 2 (it was used wrongly)."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line with these arguments and return its exit code."""
    try:
        result = cli.main(arguments, prog_name="zenml", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.secho("Stopped", err=True, fg="yellow")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever read our output has gone; that is no error
        return 0
    except ZenMLError as error:
        return _tell(error)
    except Exception as error:  # noqa: BLE001 - a bug is shown to the user like any error, without secrets
        if os.environ.get("ZENML_DEBUG"):
            return _trace(error)
        click.secho(f"Error: {type(error).__name__}: {_redacted(str(error))}", err=True, fg="red")
        click.echo("This is a bug in ZenML or a plugin. Run it again as zenml --debug … to see where", err=True)
        return 1


def _tell(error: ZenMLError) -> int:
    code = 1 if isinstance(error, PluginError) else error.exit_code
    if os.environ.get("ZENML_DEBUG"):
        return _trace(error, code)
    click.secho(f"Error: {error}", err=True, fg="red")
    return code


def _trace(error: Exception, code: int = 1) -> int:
    """Print the traceback, without the secrets that may be in messages of its exceptions."""
    import traceback

    click.echo(_redacted("".join(traceback.format_exception(error))), err=True, nl=False)
    return code


def _redacted(text: str) -> str:
    from zenml.secrets.redaction import redact

    return redact(text)


if __name__ == "__main__":
    main()
