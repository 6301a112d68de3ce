"""Beam's pipeline options: checked by name and value before anything runs."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from zenml.errors import Problem, closest

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions


def option_problems(options: Mapping[str, Any], where: str) -> Iterable[Problem]:
    """Yield what is wrong with options: unknown names, and values that Beam does not take."""
    if not options:
        return
    known = _known_names()
    for name, value in options.items():
        spot = f"{where}.{name}"
        if name not in known:
            yield Problem("Beam has no such option", spot, closest(name, known))
            continue
        try:
            with contextlib.redirect_stderr(io.StringIO()) as said:
                make_options({name: value}).get_all_options()
        except SystemExit:  # what argparse does with a value that it cannot take
            yield Problem(said.getvalue().strip().rpartition(f"argument --{name}: ")[2], spot)


def make_options(options: Mapping[str, Any]) -> PipelineOptions:
    """Return Beam's own form of options."""
    from apache_beam.options.pipeline_options import PipelineOptions

    return PipelineOptions.from_dictionary(dict(options))


def _known_names() -> set[str]:
    """Return the names that the installed options classes take, runners' own included."""
    from apache_beam.options import pipeline_options

    parser = pipeline_options._BeamArgumentParser()  # noqa: SLF001 - Beam lists its options nowhere else
    for kind in pipeline_options.PipelineOptions.__subclasses__():
        kind._add_argparse_args(parser)  # noqa: SLF001 - what an options class implements to name its options
    names = {text.lstrip("-") for action in parser._actions for text in action.option_strings}  # noqa: SLF001 - as above
    return (names | {action.dest for action in parser._actions}) - {"help", "h", "runner"}  # noqa: SLF001 - as above
