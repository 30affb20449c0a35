"""`foramina notifications`: what people were told of, and a test whether they would be."""

import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from node.cli.config import DEFAULT_PATH, ConfigOption, configured
from node.cli.database import LimitOption, opened
from node.cli.output import JsonOption, print_json, print_rows, row

COLUMNS = ("id", "event", "key", "state", "began_at", "told_at", "over_at")
SEND_COLUMNS = (
    "channel", "phase", "state", "attempts", "created_at", "not_before", "finished_at", "error",
)  # fmt: skip
app = typer.Typer(
    help="Notices of what needs a person, by e-mail and webhook.", no_args_is_help=True
)


@app.command("test")
def send_test(path: ConfigOption = DEFAULT_PATH, as_json: JsonOption = False) -> None:
    """Send a test message by every channel, at once; exit status 1 when one does not take it."""
    from node.errors import ForaminaError
    from node.notices import loop, message
    from node.notices.channel import ChannelError

    config = configured(path)
    settings = config.notifications
    channels = loop.channels(settings)
    if not channels:
        raise ForaminaError(
            "no channel is configured: set notifications.email.host or notifications.webhook.url"
        )
    templates = message.Templates(settings.templates, settings.link)
    trial = templates.message([message.trial(datetime.now(UTC))], config.node.ae_title)
    outcomes = []
    for channel in channels:
        try:
            answer, taken = channel.send(trial, f"test-{time.time_ns()}"), True
        except ChannelError as error:
            answer, taken = str(error), False
        outcomes.append({"channel": channel.name, "done": taken, "said": answer})
        if not as_json:
            typer.echo(f"{'ok  ' if taken else 'FAIL'}  {channel.name}: {answer}")
    if as_json:
        print_json(outcomes)
    if not all(outcome["done"] for outcome in outcomes):
        raise typer.Exit(1)


@app.command("list")
def list_(
    path: ConfigOption = DEFAULT_PATH,
    limit: LimitOption = 50,
    unfinished: Annotated[bool, typer.Option("--open", help="Only what is not over.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List notices, newest first: what was seen, told, and is over; JSON shows each channel."""
    from storage import notices

    with opened(path) as database, database.read() as session:
        rows = [
            {
                **row(notice, *COLUMNS, "facts"),
                "sends": [row(send, *SEND_COLUMNS) for send in notice.sends],
            }
            for notice in notices.listing(session, limit=limit, open_only=unfinished)
        ]
    if as_json:
        print_json(rows)
        return
    for each in rows:
        each["told"] = ", ".join(f"{send['channel']} {send['state']}" for send in each["sends"])
    print_rows(rows, (*COLUMNS, "told"), as_json=False)
