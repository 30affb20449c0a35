"""What all sections are made of: their base, and the kinds of value they share."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _ae_title(value: str) -> str:
    """Check PS3.5 section 6.2, VR AE: 1..16 characters of the default repertoire, no backslash."""
    if not 1 <= len(value.strip()) <= 16 or not value.isascii() or "\\" in value:
        raise ValueError(f"AE title {value!r}: expected 1 to 16 ASCII characters, no backslash")
    if not value.isprintable():
        raise ValueError(f"AE title {value!r}: contains a control character")
    return value.strip()


AETitle = Annotated[str, AfterValidator(_ae_title)]
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Days = Annotated[float, Field(gt=0, le=36_525)]
Millimetres = Annotated[float, Field(gt=0, le=1000)]


class Section(BaseModel):
    """A part of the configuration: frozen, and no key that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")
