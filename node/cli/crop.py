"""`foramina model crop`: the volumes around the found foramina, as NIfTI and DICOM."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from model import defaults
from node.cli.options import BundleOption, DeviceOption
from node.cli.output import JsonOption, print_json, print_rows
from node.cli.progress import reported

if TYPE_CHECKING:
    from pydicom import Dataset

    from model.volume import Volume

_SHOWN = ("foramen", "voxels", "size in mm", "files", "reason")


def crop(
    series: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Folder with one DICOM series.")
    ],
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for the sub-volumes.")],
    bundle: BundleOption = defaults.BUNDLE,
    points: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Take the points from here instead: truth.json, an annotation, a prediction "
            "(`predict --json`), or a DICOM SR.",
        ),
    ] = None,
    size_mm: Annotated[
        tuple[float, float, float],
        typer.Option(help="Through slices, along rows (down), along columns."),
    ] = (20.0, 40.0, 40.0),
    nifti: Annotated[bool, typer.Option(help="Write LABEL.nii.gz.")] = True,
    dicom: Annotated[bool, typer.Option(help="Write LABEL/NNN.dcm, a derived MR series.")] = True,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Write the volume around each found foramen, voxels unchanged, and an index.json.

    A foramen that was missed gets none; the index says why.
    """
    import json

    from model import commands
    from node import crops

    formats = [name for name in crops.FORMATS if {"nifti": nifti, "dicom": dicom}[name]]
    with reported() as report:
        volume, targets = commands.crop_targets(
            series, points=points, bundle=bundle, device=device, report=report
        )
        headers = _headers(series, volume) if dicom else []
        made = crops.files(volume, targets, headers, size_mm, formats)
        _clear(out)
        for path, data in made.items():
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (out / path).write_bytes(data)
    index = json.loads((out / crops.INDEX).read_bytes())
    if as_json:
        print_json(index)
        return
    print_rows([_row(one) for one in index["foramina"]], _SHOWN, as_json=False)
    typer.echo("Research use only, not a medical device.")


def _row(one: dict[str, Any]) -> dict[str, Any]:
    """Tell in a line what was made for a foramen."""
    return {
        "foramen": one["name"],
        "voxels": " x ".join(str(count) for count in one.get("shape", ())),
        "size in mm": " x ".join(f"{size:.1f}" for size in one.get("size_mm", ())),
        "files": len(one["files"]) if "files" in one else None,
        "reason": one.get("reason") or ("cut off by the images' edge" * one["cut_off"]),
    }


def _clear(out: Path) -> None:
    """Remove the sub-volumes of an earlier run, so that none stays for a foramen now missed."""
    from model.labels import LABELS

    for label in LABELS:
        (out / f"{label}.nii.gz").unlink(missing_ok=True)
        for old in (out / label).glob("[0-9][0-9][0-9].dcm"):
            old.unlink()


def _headers(folder: Path, volume: "Volume") -> "list[Dataset]":
    """Read the headers of the files that the volume was made of."""
    from model import archive
    from node.headers import read_headers

    own = set(volume.sop_instance_uids)
    images = archive.images(archive.files(folder))
    return read_headers(one.path for one in images if one.sop_instance_uid in own)
