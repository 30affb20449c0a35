"""`foramina model localiser`: the two-stage localiser, from anatomies to a bundle."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from node.cli.options import DeviceOption, SeedOption
from node.cli.progress import reported

CoarseOption = Annotated[
    Path, typer.Option(exists=True, file_okay=False, help="Finished run of the coarse network.")
]
FineOption = Annotated[
    Path, typer.Option(exists=True, file_okay=False, help="Finished run of the fine network.")
]
ScansOption = Annotated[
    Path | None, typer.Option(exists=True, help="Index file, or folder of cases with truth.")
]
HeldOutOption = Annotated[
    Path | None,
    typer.Option(file_okay=False, help="Instead of cases: anatomies to image; missing are drawn."),
]
TtaOption = Annotated[
    bool, typer.Option("--tta", help="Ask the coarse network twice, about the mirrored scan too.")
]
ProcessesOption = Annotated[int, typer.Option(min=1, help="How many work at a time.")]

RunArgument = Annotated[
    Path, typer.Argument(file_okay=False, help="Run folder; the same command continues it.")
]
StageOption = Annotated[
    Literal["coarse", "fine"],
    typer.Option(help="coarse: names levels in the whole volume; fine: finds a centre."),
]
AnatomiesOption = Annotated[
    Path, typer.Option(file_okay=False, help="Folder of kept anatomies; the missing are drawn.")
]
LabelMapsOption = Annotated[
    Path | None,
    typer.Option(exists=True, file_okay=False, help="Folder of NIfTI label maps to image too."),
]
ShareOption = Annotated[
    float, typer.Option(min=0.001, max=0.9, help="Share of scans that image label maps.")
]
StepsOption = Annotated[
    int | None,
    typer.Option(min=1, help="Optimisation steps; by default 7,500 coarse, 2,000 fine."),
]
BatchOption = Annotated[
    int | None, typer.Option(min=1, help="By default 2 volumes, or 20 crops of one scan.")
]
StartOption = Annotated[
    str | None,
    typer.Option(help="Begin with the weights of a bundle or of a finished run, not at random."),
]
T1OnlyOption = Annotated[
    bool, typer.Option("--t1-only", help="Ablation: no T2 and no free contrasts.")
]
NoBackgroundOption = Annotated[
    bool, typer.Option("--no-background", help="Ablation: air around the spine.")
]
NoDecoysOption = Annotated[
    bool, typer.Option("--no-decoys", help="Ablation: T12/L1 and S1/S2 are not learned (coarse).")
]

app = typer.Typer(
    help="The two-stage localiser: train, calibrate, bundle, ablate.", no_args_is_help=True
)


@app.command()
def train(
    run: RunArgument,
    stage: StageOption,
    anatomies: AnatomiesOption,
    count: Annotated[int, typer.Option(min=1, help="How many anatomies.")] = 400,
    first_seed: Annotated[int, typer.Option(min=0, help="Seed of the first anatomy.")] = 1000,
    label_maps: LabelMapsOption = None,
    label_map_share: ShareOption = 0.1,
    steps: StepsOption = None,
    batch_size: BatchOption = None,
    seed: SeedOption = 1,
    start: StartOption = None,
    processes: Annotated[
        int, typer.Option(min=0, help="Make scans at the same time as the network learns.")
    ] = 1,
    t1_only: T1OnlyOption = False,
    no_background: NoBackgroundOption = False,
    no_decoys: NoDecoysOption = False,
    checkpoint_every_s: Annotated[
        float, typer.Option(min=1, help="Seconds between two checkpoints.")
    ] = 300.0,
) -> None:
    """Train one of the two networks on synthetic scans that are imaged as it learns."""
    from model.commands import localiser

    with reported() as report:
        stream = localiser.Stream(
            anatomies,
            count,
            first_seed,
            label_maps,
            label_map_share,
            t1_only=t1_only,
            background=not no_background,
        )
        weights = localiser.train(
            run,
            stage,
            stream,
            steps=steps,
            batch_size=batch_size,
            seed=seed,
            start=start,
            processes=processes,
            decoys=not no_decoys,
            checkpoint_every_s=checkpoint_every_s,
            report=report,
        )
    typer.echo(f"trained: {weights}; curves: {run / 'curves.png'}")


@app.command()
def calibrate(
    coarse: CoarseOption,
    fine: FineOption,
    out: Annotated[Path, typer.Option(dir_okay=False, help="JSON file for the certainty.")],
    cases: ScansOption = None,
    anatomies: HeldOutOption = None,
    part: Annotated[
        Literal["train", "validation", "test"], typer.Option(help="Which part of an index.")
    ] = "validation",
    count: Annotated[int, typer.Option(min=1, help="How many anatomies.")] = 400,
    first_seed: Annotated[int, typer.Option(min=0, help="Seed of the first anatomy.")] = 5000,
    most_shifted: Annotated[
        float, typer.Option(min=0, max=1, help="Accepted share of wrong levels of the answered.")
    ] = 0.005,
    most_far: Annotated[
        float, typer.Option(min=0, max=1, help="Accepted share of answered points beyond 5 mm.")
    ] = 0.01,
    least_scans: Annotated[
        float, typer.Option(min=0, max=1, help="Share of ordinary scans to answer at least.")
    ] = 0.92,
    least_points: Annotated[
        float, typer.Option(min=0, max=1, help="Share of points to answer at least.")
    ] = 0.95,
    tta: TtaOption = False,
    processes: ProcessesOption = 2,
) -> None:
    """Fit when the two networks can be trusted, on scans with truth that they never saw."""
    from model.commands import localiser_calibration as calibration
    from model.localiser import reliability
    from model.localiser.method import TtaSpec

    with reported() as report:
        found = calibration.calibrate(
            coarse,
            fine,
            calibration.Scans(cases, anatomies, count, first_seed, part),
            out,
            demands=calibration.Demands(most_shifted, most_far, least_scans, least_points),
            tta=TtaSpec(flip=tta),
            processes=processes,
            report=report,
        )
    typer.echo(reliability.markdown(found.measured, found.certainty.calibrated_on))
    typer.echo(f"written: {out}")


@app.command("bundle")
def bundle_(
    coarse: CoarseOption,
    fine: FineOption,
    certainty: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="File of their calibration.")
    ],
    out: Annotated[Path, typer.Argument(metavar="NAME", help="Name or folder of the new bundle.")],
    name: Annotated[str, typer.Option(help="Another name than the folder's.")] = "",
    version: Annotated[str, typer.Option(help="Version of its content.")] = "1.0.0",
    cases: ScansOption = None,
    part: Annotated[
        Literal["test", "validation", "train"], typer.Option(help="Which part of an index.")
    ] = "test",
    device: DeviceOption = "auto",
) -> None:
    """Make both networks into a bundle that the node serves, with a model card.

    With --cases it is measured on them, and the card tells the results.
    """
    from model.commands import localiser_bundle

    name = name or out.absolute().name
    with reported() as report:
        words = localiser_bundle.bundle(
            coarse,
            fine,
            certainty,
            out,
            name=name,
            version=version,
            cases=cases,
            part=part,
            device=device,
            report=report,
        )
    typer.echo(f"bundle {name} {version}; {words}; in config.yaml:")
    typer.echo(f"model: {{bundle: {out.absolute()}}}")


@app.command()
def ablate(
    coarse: CoarseOption,
    fine: FineOption,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for the tables.")],
    cases: ScansOption = None,
    anatomies: HeldOutOption = None,
    part: Annotated[
        Literal["train", "validation", "test"], typer.Option(help="Which part of an index.")
    ] = "test",
    count: Annotated[int, typer.Option(min=1, help="How many anatomies.")] = 200,
    first_seed: Annotated[int, typer.Option(min=0, help="Seed of the first anatomy.")] = 7000,
    other: Annotated[
        list[str] | None,
        typer.Option(help="NAME=RUN: a row for another coarse network, trained otherwise."),
    ] = None,
    processes: ProcessesOption = 2,
) -> None:
    """Measure what each step is worth: decodings of the same networks, and other trainings."""
    from model.commands import localiser_ablation as ablation
    from model.commands.localiser_calibration import Scans

    with reported() as report:
        rows = ablation.ablate(
            coarse,
            fine,
            Scans(cases, anatomies, count, first_seed, part),
            out,
            others=dict(_named(one) for one in other or ()),
            processes=processes,
            report=report,
        )
        words = f"{rows[0]['scans']} scans"
    typer.echo(ablation.markdown(rows, words))
    typer.echo(f"written: {out}")


def _named(text: str) -> tuple[str, Path]:
    name, _, run = text.partition("=")
    if not (name and run):
        raise ValueError(f"--other {text!r}: expected NAME=RUN")
    return name, Path(run)
