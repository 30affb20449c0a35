"""`foramina model`: train, evaluate, export, predict, synthesise."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer

from node.cli.output import JsonOption, print_json, print_rows

BundleOption = Annotated[
    str, typer.Option(help="Name of a shipped bundle, or a bundle folder; by default phantom-1.")
]
DeviceOption = Annotated[Literal["auto", "gpu", "cpu"], typer.Option(help="Where networks run.")]
CasesOption = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        file_okay=False,
        help="Folder of cases (CASE/dicom, CASE/truth.json); without it phantoms are drawn.",
    ),
]
SeedOption = Annotated[int, typer.Option(min=0, help="Equal seeds give equal results.")]

app = typer.Typer(help="Models: the data scientist's side.", no_args_is_help=True)


@contextlib.contextmanager
def _said() -> Iterator[None]:
    """Turn what the model says about its input into one sentence."""
    from node.errors import ForaminaError

    try:
        yield
    except (OSError, ValueError) as error:
        raise ForaminaError(str(error)) from error


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List the networks that can be trained and the bundles that are shipped."""
    from model import bundle, networks

    rows = [
        {"kind": "preset", "name": preset.name, "summary": preset.summary}
        for preset in networks.PRESETS.values()
    ]
    rows += [
        {"kind": "bundle", "name": name, "summary": f"version {bundle.load(name).version}"}
        for name in bundle.names()
    ]
    print_rows(rows, ("kind", "name", "summary"), as_json)


@app.command()
def synthesize(
    out: Annotated[Path, typer.Argument(help="Folder for the cases.")],
    count: Annotated[int, typer.Option(min=1, help="How many series.")] = 1,
    seed: SeedOption = 0,
) -> None:
    """Write synthetic series with known points as DICOM: test and training data."""
    from model import commands

    with _said():
        folders = commands.synthesize(out, count, seed)
    typer.echo(f"{len(folders)} cases in {out}")


@app.command()
def train(
    run: Annotated[Path, typer.Argument(help="Run folder; the same command continues it.")],
    preset: Annotated[str, typer.Option(help="Network, see `foramina model list`.")] = (
        "multinet-lower-resolution"
    ),
    cases: CasesOption = None,
    phantoms: Annotated[int, typer.Option(min=2, help="How many phantoms to draw.")] = 96,
    steps: Annotated[int, typer.Option(min=1, help="Optimisation steps in all.")] = 1000,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Examples per step; by default the preset's.")
    ] = None,
    schedule: Annotated[
        Literal["short", "thesis"], typer.Option(help="Learning rate and augmentation.")
    ] = "short",
    seed: SeedOption = 1,
) -> None:
    """Train a network; stop it at will, the same command goes on from the last checkpoint."""
    from model import commands

    with _said():
        weights = commands.train(
            run,
            preset=preset,
            cases=cases,
            phantoms=phantoms,
            steps=steps,
            batch_size=batch_size,
            schedule=schedule,
            seed=seed,
        )
    typer.echo(f"trained: {weights}")


@app.command("bundle")
def bundle_(
    run: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A finished run.")],
    out: Annotated[Path, typer.Argument(help="Folder of the new bundle.")],
    name: Annotated[str, typer.Option(help="Name; by default the folder's.")] = "",
    version: Annotated[str, typer.Option(help="Version of its content.")] = "1.0.0",
) -> None:
    """Export a finished run as a bundle that the node serves, with a measured model card."""
    from model import commands

    with _said():
        commands.export(run, out, name or out.name, version)
    typer.echo(
        f"bundle {name or out.name} {version} in {out}; name it in config.yaml: model.bundle"
    )


@app.command()
def predict(
    series: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Folder with one DICOM series.")
    ],
    bundle: BundleOption = "phantom-1",
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find the foramina of one series: ten points in patient coordinates, or reasons for none."""
    from model import commands
    from model.labels import spoken

    with _said():
        prediction = commands.predict(series, bundle, device)
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


@app.command()
def evaluate(
    cases: CasesOption = None,
    bundle: BundleOption = "phantom-1",
    out: Annotated[
        Path | None, typer.Option(help="Folder for evaluation.json and evaluation.md.")
    ] = None,
    phantoms: Annotated[int, typer.Option(min=1, help="How many phantoms to draw.")] = 20,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Measure a bundle on cases with known points (thesis section 7.1)."""
    from model import commands
    from model.evaluate import markdown

    with _said():
        report = commands.evaluate(cases, bundle, out, phantoms=phantoms, device=device)
    if as_json:
        print_json(report)
    else:
        typer.echo(markdown(report))
