"""The database behind the administrator's commands, and `foramina deliveries`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from node.cli.config import DEFAULT_PATH, ConfigOption, configured
from node.cli.output import JsonOption, missing, print_rows, row

if TYPE_CHECKING:
    from storage.database import Database

State = Literal["queued", "sending", "stored", "committed", "failed", "held", "shadow", "cancelled"]
DELIVERY_COLUMNS = (
    "id", "object_id", "destination", "state", "attempts", "dimse_status", "error", "created_at",
    "not_before", "finished_at",
)  # fmt: skip
LimitOption = Annotated[int, typer.Option(min=1, max=100_000, help="How many rows at the most.")]

deliveries = typer.Typer(help="Reports on their way to destinations.", no_args_is_help=True)


@contextmanager
def opened(path: Path) -> Iterator["Database"]:
    """Open the node's database for one command, as it is; one that fails is one sentence."""
    from sqlalchemy.exc import SQLAlchemyError

    from node.errors import ForaminaError
    from storage.database import Database, SchemaError

    database = Database(configured(path).storage.url)
    try:
        database.check()
        yield database
    except SchemaError as error:
        raise ForaminaError(str(error)) from error
    except SQLAlchemyError as error:
        raise ForaminaError(
            f"the database cannot be used ({type(error).__name__}); check storage.database_url and "
            "that the database runs"
        ) from error
    finally:
        database.close()


@deliveries.command("list")
def list_(
    path: ConfigOption = DEFAULT_PATH,
    state: Annotated[State | None, typer.Option(help="Only deliveries in this state.")] = None,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """List deliveries, newest first."""
    from storage import deliveries as table

    with opened(path) as database, database.read() as session:
        rows = [
            row(record, *DELIVERY_COLUMNS)
            for record in table.listing(session, state=state, limit=limit)
        ]
    print_rows(rows, DELIVERY_COLUMNS, as_json)


@deliveries.command()
def retry(delivery_id: int, path: ConfigOption = DEFAULT_PATH) -> None:
    """Send a failed, held or stored delivery again."""
    from node.errors import ForaminaError
    from storage import deliveries as table

    reachable = {entry.name for entry in configured(path).destinations if not entry.shadow}
    with opened(path) as database, database.begin() as session:
        found = table.get(session, delivery_id)
        if found is None:
            raise missing(f"there is no delivery {delivery_id}")
        if found.destination not in reachable:
            raise ForaminaError(
                f"delivery {delivery_id}: destination {found.destination} is not configured, or in "
                f"shadow mode; configured are: {', '.join(sorted(reachable)) or 'none'}"
            )
        try:
            record = table.retry(session, delivery_id)
        except table.DeliveryStateError as error:
            raise ForaminaError(str(error)) from error
    typer.echo(f"delivery {record.id} to {record.destination} is {record.state}")
