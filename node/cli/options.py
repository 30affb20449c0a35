"""Options that several commands on models share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

CasesOption = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        help="Index file, or folder of cases (CASE/dicom, CASE/truth.json); without it phantoms "
        "are drawn.",
    ),
]
BundleOption = Annotated[str, typer.Option(help="Name of a shipped bundle, or a bundle folder.")]
DeviceOption = Annotated[Literal["auto", "gpu", "cpu"], typer.Option(help="Where networks run.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Equal seeds give equal results.")]
PhantomsOption = Annotated[int, typer.Option(min=2, help="How many phantoms to draw, if any.")]
PresetOption = Annotated[str, typer.Option(help="Network, see `foramina model list`.")]
ScheduleOption = Annotated[
    Literal["short", "thesis"] | None,
    typer.Option(
        help="Learning rate and augmentation; by default short for phantoms, thesis for cases."
    ),
]
SpacingOption = Annotated[
    float | None,
    typer.Option(
        "--spacing-mm", min=0.2, max=10, help="In-plane pixel size; by default the preset's."
    ),
]
