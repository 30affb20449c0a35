"""`foramina model annotations`: marks from reports, and how far annotators agree."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.output import JsonOption, print_json, print_rows
from node.cli.progress import reported

app = typer.Typer(help="Marks on foramina, and their agreement.", no_args_is_help=True)
ImagesOption = Annotated[
    Path | None,
    typer.Option(exists=True, file_okay=False, help="Folder with the images, read recursively."),
]


@app.command("import")
def import_(
    reports: Annotated[
        list[Path], typer.Argument(exists=True, help="DICOM SR files, or folders of them.")
    ],
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for the annotations.")],
    images: ImagesOption = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help='JSON of texts with their label: {"Foramen 4 re": "L4-right", "Conus": null}.',
        ),
    ] = None,
    series: Annotated[
        str, typer.Option(help="SeriesInstanceUID of points that leave their series open.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Read the points of DICOM SRs, our own and others', as annotation files."""
    from model.annotation.commands import import_reports
    from node.errors import ForaminaError

    with reported() as report:
        done = import_reports(
            reports,
            out,
            images=images,
            labels=labels,
            series_instance_uid=series,
            report=report,
        )
    rows = [
        {"text": text, "foramen": label or "left out", "points": count}
        for (text, label), count in sorted(done.wording.items(), key=lambda one: str(one[0]))
    ]
    if as_json:
        written = [str(path) for path in done.written]
        print_json({"written": written, "wording": rows, "failures": list(done.failures)})
    elif rows:
        print_rows(rows, ("text", "foramen", "points"), as_json=False)
    if not as_json:
        typer.echo(f"{len(done.written)} annotations in {out}")
    if done.failures:
        head = f"{len(done.failures)} reports could not be used:"
        raise ForaminaError("\n".join([head, *done.failures]))


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(exists=True, help="Annotation file, or folder of them.")],
    b: Annotated[Path, typer.Argument(exists=True, help="The other annotator's.")],
    images: ImagesOption = None,
    out: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Folder for agreement.json and agreement.md."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how far two annotators agree, foramen by foramen (thesis section 5.3)."""
    from model.annotation import commands

    with reported() as report:
        result = commands.compare(a, b, images=images, out=out, report=report)
    if as_json:
        print_json(result)
    else:
        typer.echo(commands.markdown(result))
