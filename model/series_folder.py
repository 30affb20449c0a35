"""A folder that holds the images of one series, and nothing else."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from pydicom import Dataset

from model import volume
from model.archive import UNREADABLE, DamagedError, Image, image, read_dicom
from model.volume import Volume, VolumeError

_NOT_IMAGES: Final = frozenset({".json", ".md", ".csv", ".txt"})


def read_series(folder: Path) -> tuple[Volume, Image]:
    """Read a folder with the images of one series: the volume, and the first image's header.

    They lie in the folder itself or, when it holds no file, anywhere below. JSON, text and a
    DICOMDIR may lie beside them.

    Raises:
        ValueError: no images, a file that is none, images of another series, or images that make
            no volume; the message names the file, or the folder for what concerns all images.
    """
    paths = _images(folder.glob("*")) or _images(folder.rglob("*"))
    if not paths:
        raise ValueError(f"{folder}: holds no images; expected the DICOM files of one series")
    series = _Series(folder, paths)
    try:
        pixels = volume.from_datasets(series.datasets())
    except DamagedError as error:
        raise ValueError(
            f"{series.current}: {error}; a folder holds the images of one series and nothing else"
        ) from error
    except VolumeError as error:
        raise ValueError(f"{series.current}: {error}") from error
    except UNREADABLE as error:
        raise ValueError(
            f"{series.current}: cannot be decoded ({type(error).__name__}: {error}); expected a "
            "valid image: take it from its source again"
        ) from error
    return pixels, series.first


def _images(found: Iterable[Path]) -> list[Path]:
    return sorted(
        path
        for path in found
        if path.suffix.lower() not in _NOT_IMAGES
        and path.name != "DICOMDIR"
        and not path.name.startswith(".")
        and path.is_file()
    )


class _Series:
    """Reads files one by one, and knows which one is at hand when something is wrong."""

    def __init__(self, folder: Path, paths: Sequence[Path]) -> None:
        self.folder = self.current = folder
        self.paths = paths
        self.first = image(paths[0], Dataset())

    def datasets(self) -> Iterator[Dataset]:
        """Yield the data sets; refuses the first one of another series."""
        for path in self.paths:
            self.current = path
            dataset = read_dicom(path)
            one = image(path, dataset)
            if path == self.paths[0]:
                self.first = one
            self._require_same(one)
            yield dataset
        self.current = self.folder

    def _require_same(self, one: Image) -> None:
        if one.series_instance_uid != self.first.series_instance_uid:
            raise VolumeError(
                f"belongs to series {one.series_instance_uid or '(none)'}, while "
                f"{self.first.path.name} beside it belongs to "
                f"{self.first.series_instance_uid or '(none)'}; expected one series in a folder: "
                "move each series to a folder of its own"
            )
        if one.patient != self.first.patient:
            raise VolumeError(
                f"has another PatientID than {self.first.path.name} of the same series; expected "
                "one patient: correct the files"
            )
