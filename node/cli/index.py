"""`foramina model index`: which series are for training, which for test."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from node.cli.output import JsonOption, print_json, print_rows
from node.cli.progress import reported

app = typer.Typer(help="The index of a data set: parts by patient.", no_args_is_help=True)
IndexArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An index file.")]


@app.command()
def build(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Folder of the data set.")
    ],
    out: Annotated[Path, typer.Option(help="The index file to write.")],
    test: Annotated[float, typer.Option(min=0, max=1, help="Share of the series.")] = 0.2,
    validation: Annotated[float, typer.Option(min=0, max=1, help="Share of the series.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds divide equally.")] = 1,
    annotations: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder of further annotation files."),
    ] = None,
    annotator: Annotated[
        str, typer.Option(help="Whose annotation counts where a series has several.")
    ] = "",
    patients: Annotated[
        Literal["id", "study", "folder"],
        typer.Option(help="What tells patients apart: PatientID, the study, or the first folder."),
    ] = "id",
    split: Annotated[
        Literal["random", "folders"],
        typer.Option(help="Draw parts, or take them from folders called train, validation, test."),
    ] = "random",
    previous: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Index whose patients keep their part."),
    ] = None,
) -> None:
    """Find the annotated series of a folder, divide them by patient, check and write them."""
    from model import index

    with reported() as report:
        built = index.build(
            folder,
            annotations=annotations,
            annotator=annotator,
            shares=index.Shares(test, validation) if split == "random" else None,
            seed=seed,
            patients=patients,
            previous=index.read(previous) if previous else None,
            report=report,
        )
        index.write(built.index, out)
    for note in built.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"{out}: {_in_words(built.index)}")


@app.command()
def check(path: IndexArgument) -> None:
    """Read every series of an index and say everything that is wrong, before training does."""
    from model import index
    from node.errors import ForaminaError

    with reported() as report:
        found = index.read(path)
        names = iter(range(1, len(found.entries) + 1))
        total = len(found.entries)
        wrong = index.check(found, lambda _: report("checking series", next(names), total))
    if wrong:
        raise ForaminaError("\n".join([f"{path}: {len(wrong)} faults", *wrong]))
    typer.echo(f"{path} is usable: {_in_words(found)}")


@app.command()
def show(path: IndexArgument, as_json: JsonOption = False) -> None:
    """List the series of an index."""
    from model import index

    with reported():
        found = index.read(path)
    rows = [entry.model_dump(mode="json") for entry in found.entries]
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, ("name", "part", "patient", "annotation"), as_json=False)


def _in_words(found: Any) -> str:
    """Say how many series and patients each part has."""
    from model.index import PARTS

    return "; ".join(
        f"{part} {len(found.part(part))} series of "
        f"{len({entry.patient for entry in found.part(part)})} patients"
        for part in PARTS
    )
