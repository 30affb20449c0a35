"""What all tables share: how Python types are stored, and how constraints are named."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Dialect, MetaData, String, TypeDecorator
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy.orm import DeclarativeBase

UID = String(64)  # PS3.5 section 9: at most 64 characters
AE_TITLE = String(16)  # PS3.5 section 6.2, VR AE


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time, aware and in UTC in Python, whatever the database keeps.

    SQLite has no time zone; naive values are refused rather than guessed.
    """

    impl = SqlDateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; use datetime.now(UTC)")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Declarative base; `type_annotation_map` fixes how Python types are stored.

    Constraints have names, because a later migration can only change what it can name.
    """

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        datetime: UtcDateTime,
        dict[str, Any]: JSON(none_as_null=True),
        list[str]: JSON(none_as_null=True),
    }


def one_of(column: str, states: type[StrEnum]) -> CheckConstraint:
    """Guard a column of a closed set of words."""
    return CheckConstraint(
        f"{column} IN ({', '.join(repr(s.value) for s in states)})", name=f"{column}_known"
    )
