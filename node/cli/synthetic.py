"""`foramina model synthesize`, `realism` and `montage`: synthetic scans."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from node.cli.options import SeedOption
from node.cli.output import JsonOption, print_json
from node.cli.progress import reported

FolderOption = Annotated[
    Path | None,
    typer.Option(exists=True, file_okay=False, help="Folder of real images to set beside them."),
]
AnatomiesOption = Annotated[
    Path | None,
    typer.Option(
        exists=True, file_okay=False, help="Folder of kept anatomies; without it they are drawn."
    ),
]


def synthesize(
    out: Annotated[Path, typer.Argument(file_okay=False, help="Folder for the cases.")],
    count: Annotated[int, typer.Option(min=1, help="How many series.")] = 1,
    seed: SeedOption = 0,
    contrast: Annotated[
        Literal["T1", "T2", "free"],
        typer.Option(help="Weighting; free: a random contrast that no scanner has."),
    ] = "T1",
    label_maps: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Folder of NIfTI label maps with points, imaged instead of drawn anatomies.",
        ),
    ] = None,
    anatomies: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="Folder to keep the drawn anatomies in, and to take them from again.",
        ),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="How many work at a time.")] = 2,
) -> None:
    """Write synthetic lumbar MRI with known points as DICOM: test and training data."""
    from model import commands

    with reported() as report:
        folders = commands.synthesize(
            out,
            count,
            seed,
            contrast=contrast,
            label_maps=label_maps,
            anatomies=anatomies,
            processes=processes,
            report=report,
        )
    typer.echo(f"{len(folders)} cases in {out}")


def realism(
    count: Annotated[int, typer.Option(min=1, help="How many scans to measure.")] = 20,
    seed: SeedOption = 1,
    reference: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="JSON of aggregates of real foramina."),
    ] = None,
    real: FolderOption = None,
    regions: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="JSON of tissue regions on those images."),
    ] = None,
    anatomies: AnatomiesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare synthetic T1 scans with numbers of real ones: foramina and tissue contrasts."""
    from model import commands
    from model.synthetic.realism import markdown

    with reported() as report:
        measured = commands.realism(
            count,
            seed,
            reference=reference,
            real=real,
            regions=regions,
            anatomies=anatomies,
            report=report,
        )
    if as_json:
        print_json(measured)
    else:
        typer.echo(markdown(measured))


def montage(
    out: Annotated[Path, typer.Argument(dir_okay=False, help="PNG file to write.")],
    count: Annotated[int, typer.Option(min=0, help="How many synthetic scans.")] = 4,
    seed: SeedOption = 1,
    real: FolderOption = None,
    anatomies: AnatomiesOption = None,
) -> None:
    """Draw synthetic T1 scans, and real ones below them, to be looked at."""
    from model import commands

    with reported() as report:
        commands.montage(out, count, seed, real=real, anatomies=anatomies, report=report)
    typer.echo(f"picture: {out}")
