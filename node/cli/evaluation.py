"""`foramina model evaluate`, `compare` and `published`: what models are worth."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from model import defaults
from node.cli.options import CasesOption, DeviceOption, PhantomsOption
from node.cli.output import JsonOption, print_json
from node.cli.progress import reported


def evaluate(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help=f"Bundles and finished runs: names or folders; {defaults.BUNDLE} by default."
        ),
    ] = None,
    bundle: Annotated[
        list[str] | None, typer.Option(help="A bundle; the same as naming it without --bundle.")
    ] = None,
    cases: CasesOption = None,
    part: Annotated[
        Literal["test", "validation", "train"], typer.Option(help="Which part of an index.")
    ] = "test",
    out: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Folder for tables, JSON, pictures, worst cases."),
    ] = None,
    phantoms: PhantomsOption = 20,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Measure models on cases with known points (thesis, section 7.1); several are compared."""
    from model import commands
    from model.evaluate import markdown

    chosen = [*(models or ()), *(bundle or ())] or [defaults.BUNDLE]
    with reported() as report:
        measured = commands.evaluate(
            chosen, cases, out, part=part, phantoms=phantoms, device=device, report=report
        )
    for note in measured.notes:
        typer.echo(note, err=True)
    reports = measured.reports
    if as_json:
        print_json(next(iter(reports.values())) if len(reports) == 1 else reports)
        return
    for name, one in reports.items():
        typer.echo(f"## {name}\n\n{markdown(one)}")
    if out is not None:
        typer.echo(f"written: {out}")


def compare(
    evaluations: Annotated[
        list[Path],
        typer.Argument(exists=True, help="Folders written by `foramina model evaluate --out`."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Folder for the comparison's tables and pictures."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare models on one test set: exact binomial test for every pair (section 7.1.3)."""
    from model import compare as comparing

    with reported():
        comparison = comparing.compare_folders(evaluations, out)
    if as_json:
        print_json(comparison.to_json())
    else:
        typer.echo(comparing.markdown(comparison))


def published(
    evaluations: Annotated[
        list[Path] | None,
        typer.Argument(
            exists=True, help="Evaluations of runs that are named as their presets, in any number."
        ),
    ] = None,
) -> None:
    """Reproduce the thesis's printed p-values; with evaluations, put them beside its results."""
    from model import published as thesis
    from model.evaluate import read_report
    from model.published import beside

    with reported():
        page = (
            beside.markdown([read_report(path) for path in evaluations])
            if evaluations
            else thesis.markdown()
        )
    typer.echo(page)
