"""The database behind the administrator's commands, and `foramina deliveries`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from node.cli.acts import by_number, carry_out
from node.cli.config import DEFAULT_PATH, ConfigOption, configured
from node.cli.output import JsonOption, print_rows, row

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from storage.database import Database
    from storage.trail import Person

State = Literal["queued", "sending", "stored", "committed", "failed", "held", "shadow", "cancelled"]
DELIVERY_COLUMNS = (
    "id", "object_id", "destination", "state", "confirmed_by", "attempts", "dimse_status", "error",
    "created_at", "not_before", "stored_at", "check_at", "finished_at",
)  # fmt: skip
LimitOption = Annotated[int, typer.Option(min=1, max=100_000, help="How many rows at the most.")]

deliveries = typer.Typer(help="Reports on their way to destinations.", no_args_is_help=True)


@contextmanager
def opened(path: Path) -> Iterator["Database"]:
    """Open the node's database for one command, as it is; one that fails is one sentence."""
    from sqlalchemy.exc import SQLAlchemyError

    from node import status
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
            f"the database cannot be used ({status.reason(error)}); check storage.database_url and "
            "that the database runs, and try again: it may be busy"
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
            {
                **row(record, *DELIVERY_COLUMNS),
                "kind": record.object.kind,
                "series_id": record.object.report.series_id,
            }
            for record in table.listing(session, state=state, limit=limit)
        ]
    shown = ("id", "series_id", "kind", *DELIVERY_COLUMNS[2:])
    print_rows(rows, shown, as_json)


DeliveryIds = Annotated[
    list[int], typer.Argument(min=1, metavar="DELIVERY...", help="Ids of deliveries.")
]


@deliveries.command("send-again")
@deliveries.command()
def retry(
    delivery_ids: DeliveryIds, path: ConfigOption = DEFAULT_PATH, as_json: JsonOption = False
) -> None:
    """Send failed, held, stored or committed deliveries again; both names do the same."""
    _queue_again(delivery_ids, path, "send again", as_json, release=False)


@deliveries.command()
def release(
    delivery_ids: DeliveryIds, path: ConfigOption = DEFAULT_PATH, as_json: JsonOption = False
) -> None:
    """Send held deliveries, whatever became of their studies."""
    _queue_again(delivery_ids, path, "release", as_json, release=True)


def _queue_again(
    delivery_ids: list[int], path: Path, name: str, as_json: bool, *, release: bool
) -> None:
    from storage import actions
    from storage import deliveries as table

    reachable = {entry.name for entry in configured(path).destinations if not entry.shadow}

    def act(session: "Session", person: "Person", delivery_id: int) -> str:
        return actions.send_again(session, person, delivery_id, reachable, release=release)

    carry_out(path, name, "delivery", map(str, delivery_ids), act, by_number(table.get), as_json)
