"""The sections `storage` and `retention`: where things are kept, and how long."""

import re
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from node.settings.section import Days, Seconds, Section

_DATABASE_URL: Final = re.compile(
    r"sqlite:///(?!:memory:)[^?]+(\?.*)?"
    r"|postgresql(\+psycopg)?://([^:/]*(:[^@]*)?@)?(\[[^/?]+\]|[^/:?@]+)?(:[0-9]{1,5})?/[^?]+(\?.*)?"
)
"""As SQLAlchemy reads URLs, so that a password may hold any character but @."""


def _database_url(value: str) -> str:
    """Check that a URL names a SQLite file or a PostgreSQL database; empty is the default."""
    if value and not _DATABASE_URL.fullmatch(value):
        # What stands before the host or in the query may be a password.
        shown = re.sub(r"(?s)^(\w[\w+]*://)?.*@", r"\1***@", value).partition("?")[0]
        raise ValueError(
            f"database URL {shown!r}: expected sqlite:///folder/name.sqlite or "
            "postgresql+psycopg://user@host/name; leave it empty for SQLite in storage.folder"
        )
    return value


class Storage(Section):
    """Where files and rows are kept."""

    folder: Path = Path("var")
    """Received images, reports, and SQLite; relative ones count from the file's folder."""
    database_url: Annotated[str, AfterValidator(_database_url)] = ""
    """Empty: SQLite in `folder`. PostgreSQL: `postgresql+psycopg://user@host/name`."""
    minimum_free_bytes: Annotated[int, Field(ge=0)] = 1 << 30
    """With less than this free on the disk of `folder`, instances are refused; 0: never."""
    minimum_free_share: Annotated[float, Field(ge=0, lt=1)] = 0
    """The same as a share of the disk; the larger of both counts."""

    @property
    def url(self) -> str:
        """Give the database URL in force."""
        return self.database_url or f"sqlite:///{self.folder / 'foramina.sqlite'}"


class Retention(Section):
    """How long received files are kept; by default for ever."""

    rejected_after_days: Days | None = None
    """Of rejected series, counted from their last instance; null: for ever."""
    delivered_after_days: Days | None = None
    """Of accepted series whose reports have arrived everywhere."""
    low_free_bytes: Annotated[int, Field(ge=0)] = 0
    """With less free, the oldest of both kinds go before their time; 0: never."""
    enough_free_bytes: Annotated[int, Field(ge=0)] = 0
    """Until so much is free."""
    keep_days: Days = 1
    """Nothing younger goes, however full the disk is."""
    files_per_s: Annotated[float, Field(gt=0, le=10_000)] = 20
    """Many deletions at once make receiving slow."""
    quiet_s: Seconds = 60
    """Nothing is deleted while instances came within so long, unless the disk is full."""
    poll_s: Seconds = 600
    """How often the node looks for what may go."""

    @property
    def is_on(self) -> bool:
        """Tell whether anything may ever be deleted."""
        ages = (self.rejected_after_days, self.delivered_after_days)
        return ages != (None, None) or self.low_free_bytes > 0

    @model_validator(mode="after")
    def _ages_and_bytes_fit(self) -> Self:
        for name in ("rejected_after_days", "delivered_after_days"):
            days = getattr(self, name)
            if days is not None and days < self.keep_days:
                raise ValueError(f"{name} {days:g} must be at least keep_days {self.keep_days:g}")
        if self.low_free_bytes and self.enough_free_bytes < self.low_free_bytes:
            raise ValueError(
                f"enough_free_bytes {self.enough_free_bytes} must be at least low_free_bytes "
                f"{self.low_free_bytes}"
            )
        return self
