"""One series looked at with a bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from model.commands.progress import Report, silent
from model.landmark import Prediction

if TYPE_CHECKING:
    from model.device import Device

_NO_IMAGE: Final = {"truth.json", "DICOMDIR"}
_DEVICES: "Final[dict[str, Device]]" = {"auto": "auto", "gpu": "gpu", "cpu": "cpu"}


def predict(
    folder: Path, bundle: str | Path, device: str = "auto", report: Report = silent
) -> Prediction:
    """Find the foramina of the series whose DICOM files lie in a folder (read recursively).

    Raises:
        ValueError: no such bundle or device, or the files make no volume.
    """
    from model import bundle as bundles
    from model import predictor, volume

    chosen = device_of(device)
    loaded = bundles.load(bundle)
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    series = volume.load([path for path in paths if path.name not in _NO_IMAGE])
    return predictor.load(loaded, chosen).predict(
        series, lambda step, share: report(step, round(100 * share), 100)
    )


def device_of(name: str) -> "Device":
    """Check the name of a device.

    Raises:
        ValueError: it is not one.
    """
    if name not in _DEVICES:
        raise ValueError(f"device {name!r} is unknown; expected auto, gpu or cpu")
    return _DEVICES[name]
