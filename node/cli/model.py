"""`foramina model`: the data scientist's commands, gathered from the modules that hold them."""

from pathlib import Path
from typing import Annotated

import typer

from model import defaults
from node.cli import annotations, evaluation, index, localiser, synthetic, training
from node.cli.crop import crop
from node.cli.curate import curate
from node.cli.options import BundleOption, CasesOption, DeviceOption, PhantomsOption
from node.cli.output import JsonOption, print_json, print_rows
from node.cli.progress import reported
from node.cli.report import report

_SHOWN = ("name", "parameters", "spacing_mm", "patch", "batch", "summary")  # fits 100 columns

app = typer.Typer(help="Models: the data scientist's side.", no_args_is_help=True)


@app.command("list")
def list_(
    reduced: Annotated[
        bool, typer.Option("--reduced", help="The presets' forms for two processor cores.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the networks that can be trained and the bundles that are shipped."""
    from model import commands

    with reported():
        rows = commands.networks(reduced)
    print_rows(rows, _SHOWN, as_json)


app.command()(synthetic.synthesize)
app.command()(synthetic.realism)
app.command()(synthetic.montage)
app.command()(curate)
app.add_typer(annotations.app, name="annotations")
app.add_typer(index.app, name="index")
app.add_typer(localiser.app, name="localiser")
app.command()(training.train)
app.command()(training.search)
app.command()(training.curves)
app.command()(evaluation.evaluate)
app.command()(evaluation.compare)
app.command()(evaluation.published)


@app.command("bundle")
def bundle_(
    run: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A finished run.")],
    out: Annotated[Path, typer.Argument(metavar="NAME", help="Name or folder of the new bundle.")],
    name: Annotated[str, typer.Option(help="Another name than the folder's.")] = "",
    version: Annotated[str, typer.Option(help="Version of its content.")] = "1.0.0",
    cases: CasesOption = None,
    phantoms: PhantomsOption = 20,
    device: DeviceOption = "auto",
) -> None:
    """Make a finished run into a bundle that the node serves, with a measured model card.

    It is measured on --cases, else on the test part of the index that the run learned from.
    """
    from model import commands

    name = name or out.absolute().name
    with reported() as report:
        commands.bundle(
            run, out, name, version, cases=cases, phantoms=phantoms, device=device, report=report
        )
    typer.echo(f"bundle {name} {version}, measured in {out / 'MODEL_CARD.md'}; in config.yaml:")
    typer.echo(f"model: {{bundle: {out.absolute()}}}")


@app.command()
def predict(
    series: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Folder with one DICOM series.")
    ],
    bundle: BundleOption = defaults.BUNDLE,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find the foramina of one series: ten points in patient coordinates, or reasons for none."""
    from model import commands
    from model.labels import spoken

    with reported() as report:
        prediction = commands.predict(series, bundle, device, report)
    if as_json:
        print_json(prediction.to_json())
        return
    if prediction.abstained:
        typer.echo(f"abstained: {prediction.abstained}")
    rows = [
        {
            "foramen": spoken(mark.label),
            "x, y, z in mm (LPS)": ", ".join(f"{v:.1f}" for v in mark.point_mm or ()),
            "confidence": "" if mark.confidence is None else f"{mark.confidence:.2f}",
            "reason": mark.reason,
        }
        for mark in prediction.landmarks
    ]
    print_rows(rows, ("foramen", "x, y, z in mm (LPS)", "confidence", "reason"), as_json=False)
    typer.echo("Research use only, not a medical device.")


app.command()(crop)
app.command()(report)
