"""`foramina model train`, `search` and `curves`: networks that learn."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from node.cli.options import (
    CasesOption,
    PhantomsOption,
    PresetOption,
    ScheduleOption,
    SeedOption,
    SpacingOption,
)
from node.cli.progress import reported


def train(
    run: Annotated[
        Path, typer.Argument(file_okay=False, help="Run folder; the same command continues it.")
    ],
    preset: PresetOption = "multinet-lower-resolution",
    cases: CasesOption = None,
    phantoms: PhantomsOption = 96,
    reduced: Annotated[
        bool,
        typer.Option("--reduced", help="The preset's form for two processor cores, 4,000 steps."),
    ] = False,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Optimisation steps; by default the preset's, 1,000 on phantoms."),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Examples per step; by default the preset's.")
    ] = None,
    norm_spacing_mm: SpacingOption = None,
    patch_size: Annotated[
        int | None,
        typer.Option(min=3, help="Rows and columns of an example; by default the preset's."),
    ] = None,
    training_cases: Annotated[
        int | None, typer.Option(min=1, help="Learn from so many cases, chosen by the seed.")
    ] = None,
    schedule: ScheduleOption = None,
    seed: SeedOption = 1,
    precision: Annotated[
        Literal["auto", "float32", "mixed_bfloat16"],
        typer.Option(help="What layers compute in; auto: half width where a GPU has it."),
    ] = "auto",
    checkpoint_every_s: Annotated[
        float, typer.Option(min=1, help="Seconds between two checkpoints.")
    ] = 60.0,
) -> None:
    """Train a network; stop it at will, the same command goes on from the last checkpoint."""
    from model import commands

    with reported() as report:
        weights = commands.train(
            run,
            preset=preset,
            cases=cases,
            phantoms=phantoms,
            reduced=reduced,
            steps=steps,
            batch_size=batch_size,
            norm_spacing_mm=norm_spacing_mm,
            patch_size=patch_size,
            training_cases=training_cases,
            schedule=schedule,
            seed=seed,
            precision=precision,
            checkpoint_every_s=checkpoint_every_s,
            report=report,
        )
    typer.echo(f"trained: {weights}; curves: {run / 'curves.png'}")


def search(
    out: Annotated[
        Path,
        typer.Argument(file_okay=False, help="Folder of the search; the same command continues."),
    ],
    preset: PresetOption = "singlenet-base",
    cases: CasesOption = None,
    phantoms: PhantomsOption = 24,
    trials: Annotated[int, typer.Option(min=1, help="How many networks.")] = 51,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="Training time of each; the thesis: 10800.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Most steps of each; by default the preset's.")
    ] = None,
    norm_spacing_mm: SpacingOption = None,
    greatest_patch: Annotated[
        int, typer.Option(min=33, help="No larger patch is drawn; 129 suits a processor.")
    ] = 481,
    most_compressions: Annotated[int, typer.Option(min=2, help="No deeper network is drawn.")] = 5,
    schedule: Annotated[
        Literal["short", "thesis"], typer.Option(help="Augmentation; the learning rate is drawn.")
    ] = "thesis",
    seed: SeedOption = 0,
) -> None:
    """Search hyper-parameters at random (thesis, table A.1), and tell which of them matter."""
    from model import commands
    from model.search import markdown

    with reported() as report:
        found = commands.search(
            out,
            preset=preset,
            cases=cases,
            phantoms=phantoms,
            trials=trials,
            seconds=seconds,
            steps=steps,
            norm_spacing_mm=norm_spacing_mm,
            greatest_patch=greatest_patch,
            most_compressions=most_compressions,
            schedule=schedule,
            seed=seed,
            report=report,
        )
    typer.echo(markdown(found))


def curves(
    runs: Annotated[list[Path], typer.Argument(exists=True, file_okay=False, help="Run folders.")],
    out: Annotated[Path, typer.Option(dir_okay=False, help="PNG file to write.")] = Path(
        "dice.png"
    ),
) -> None:
    """Draw the validation Dice of several runs into one picture."""
    from model.plots import dice_curves
    from model.search import dice_curve

    with reported():
        dice_curves({str(run): dice_curve(run) for run in runs}, out)
    typer.echo(f"picture: {out}")
