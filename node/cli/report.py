"""`foramina model report`: the Structured Report of a series, without a node."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from model import defaults
from node.cli.options import BundleOption, DeviceOption
from node.cli.progress import reported

if TYPE_CHECKING:
    from model.predictor import Predictor
    from storage.reports import NewObject

_SUFFIX = ".dcm"


def report(
    series: Annotated[
        list[Path],
        typer.Argument(exists=True, file_okay=False, help="Folders, each with one DICOM series."),
    ],
    out: Annotated[
        Path, typer.Option(help="File NAME.dcm for one series, or folder for UID.dcm of each.")
    ],
    bundle: BundleOption = defaults.BUNDLE,
    device: DeviceOption = "auto",
) -> None:
    """Write the report that a node would send: points, or the reasons for none.

    No filter is asked whether the series is lumbar MRI at all.
    """
    from model import bundle as bundles
    from model import predictor
    from model.commands.prediction import device_of
    from node import log
    from node.errors import ForaminaError
    from node.settings import Log

    if out.suffix == _SUFFIX and len(series) > 1:
        raise ForaminaError(f"{out} is one file, {len(series)} series were given; name a folder")
    log.configure(Log(level="warning"))
    with reported() as tell:
        loaded = predictor.load(bundles.load(bundle), device_of(device))
        for done, folder in enumerate(series, start=1):
            made, located = _made(folder, loaded)
            path = out if out.suffix == _SUFFIX else out / f"{made.sop_instance_uid}{_SUFFIX}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(made.data)
            tell("writing reports", done, len(series))
            typer.echo(f"{path}: {located} of 10 foramina of {folder}")


def _made(folder: Path, loaded: "Predictor") -> "tuple[NewObject, int]":
    from datetime import UTC, datetime

    import node
    from model import archive, volume
    from node import report as reports
    from node.headers import read_headers

    images = list(archive.images(archive.files(folder)))
    if not images:
        raise ValueError(f"{folder} holds no DICOM image")
    paths = list(dict.fromkeys(one.path for one in images))
    scan = volume.load(paths)
    context = reports.ReportContext(
        content_digest=scan.content_digest,
        config_digest="",
        created_at=datetime.now(UTC).astimezone(),
        software_version=node.__version__,
    )
    answer = reports.answer(loaded.predict(scan), read_headers(paths), context)
    return reports.report(answer), len(answer.located)
