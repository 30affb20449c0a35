"""`foramina model curate`: which series of an archive a filter set would take."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.config import DEFAULT_PATH, ConfigOption, configured
from node.cli.output import JsonOption, print_json
from node.cli.progress import reported


def curate(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Folder of DICOM files.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Folder for curation.json, curation.md, series.csv."),
    ] = None,
    filter_set: Annotated[
        str, typer.Option(help="Name of a filter set in the configuration.")
    ] = "thesis",
    path: ConfigOption = DEFAULT_PATH,
    as_json: JsonOption = False,
) -> None:
    """Count how many series and instances fall at each rule (thesis table 5.2); headers only."""
    from node import app, curate, curation
    from node.errors import ConfigError

    config = configured(path)
    if filter_set not in config.filter_sets:
        raise ConfigError(
            f"{path}: no filter set is called {filter_set!r}; there are "
            f"{', '.join(config.filter_sets)}"
        )
    rules = app.filter_set(config, app.load_bundle(config), filter_set)
    with reported() as report:
        found = curate.curate(folder, rules, report)
        if out is not None:
            curation.save(found, out)
    if as_json:
        print_json(curation.plain(found))
    else:
        typer.echo(curation.markdown(found))
