"""Sub-volumes of a job, kept durably below the storage folder before the job succeeds."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pydicom import Dataset

from model.crop import targets
from model.landmark import Prediction
from model.volume import Volume
from node import crops
from node.report.elements import text
from node.settings import Crops
from storage.durable import DurableFolder
from storage.identifiers import validated_uid


def keep(
    folder: Path,
    settings: Crops,
    volume: Volume,
    prediction: Prediction,
    headers: Sequence[Dataset],
) -> str:
    """Write the sub-volumes of one result; gives a line for the history of its job, or nothing.

    The folder is named by the content of the index: repeating a job writes the same files again,
    and another result never mixes with them. The index is written last: a folder with an index is
    whole.

    Args:
        folder: the storage folder.
        settings: whether, what and where below `folder`.
        volume: the series.
        prediction: with its points as the report has them.
        headers: the series' images without pixels, read from files and not looked into.

    Raises:
        SeriesUnusableError: no DICOM image can be made of these headers.
        OSError: the disk refuses.
    """
    if not settings.enabled:
        return ""
    made = crops.files(volume, targets(prediction), headers, settings.size_mm, settings.formats)
    index = made[PurePosixPath(crops.INDEX)]
    cut = sum("shape" in one for one in json.loads(index)["foramina"])
    series = validated_uid(text(headers[0], "SeriesInstanceUID"))
    place = Path(settings.folder, series, hashlib.sha256(index).hexdigest()[:16])
    durable = DurableFolder(folder.absolute())
    for path, data in made.items():
        with durable.draft(place / path, data) as draft:
            durable.publish(draft, place / path)
    return f"{cut} of 10 sub-volumes kept in {place.as_posix()}"
