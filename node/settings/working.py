"""The sections `worker`, `model` and `crops`: how a series is worked on, and with what."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from model import defaults
from node.settings.section import Millimetres, Seconds, Section


class Worker(Section):
    """How jobs are run."""

    processes: Annotated[int, Field(ge=0)] = 1
    """Worker processes that `foramina serve` supervises; 0: start them by hand."""
    lease_s: Seconds = 60
    """A worker that is silent for so long has lost its job to the next one."""
    heartbeat_s: Seconds = 10
    """How often a worker says that it lives; at most half of `lease_s`."""
    poll_s: Seconds = 1
    """How often an idle worker looks for a job."""
    max_attempts: Annotated[int, Field(ge=1)] = 3
    """After so many attempts a job has failed."""
    retry_delay_s: Seconds = 30
    """Doubles with every attempt, up to `retry_delay_max_s`."""
    retry_delay_max_s: Seconds = 3600
    """The longest delay between two attempts."""

    @model_validator(mode="after")
    def _heartbeat_fits_lease(self) -> Self:
        if self.heartbeat_s * 2 > self.lease_s:
            raise ValueError(
                f"heartbeat_s {self.heartbeat_s} must be at most half of lease_s {self.lease_s}"
            )
        return self


class Model(Section):
    """Which localiser answers, and on which device."""

    bundle: str = defaults.BUNDLE
    """Name of a bundle in `model/bundles`, or a path to a bundle folder."""
    device: Literal["auto", "gpu", "cpu"] = "auto"
    """auto: OpenVINO where it is installed, else a GPU that TensorFlow sees, else the CPU."""


class Crops(Section):
    """Sub-volumes around the found foramina, kept beside the report and sent nowhere."""

    enabled: bool = False
    """Cut sub-volumes out for every job."""
    formats: Annotated[tuple[Literal["nifti", "dicom"], ...], Field(min_length=1)] = ("nifti",)
    """nifti: `<label>.nii.gz`; dicom: `<label>/NNN.dcm`, a derived MR series."""
    size_mm: tuple[Millimetres, Millimetres, Millimetres] = (20, 40, 40)
    """Through slices, along rows, along columns."""
    folder: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$")] = "crops"
    """Below `storage.folder`."""

    @field_validator("folder")
    @classmethod
    def _folder_is_free(cls, folder: str) -> str:
        if folder in ("instances", "reports"):
            raise ValueError(f"{folder!r} holds other files of the node; name another folder")
        return folder
