"""`foramina config`: is the configuration usable?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from node.config import Config

DEFAULT_PATH: Final = Path("config.yaml")

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file.", dir_okay=False)
]
app = typer.Typer(help="The configuration.", no_args_is_help=True)


def configured(path: Path) -> "Config":
    """Load the configuration and set up logging by it."""
    from node import log
    from node.config import load

    config = load(path)
    log.configure(config.log)
    log.watch_uncaught()
    return config


@app.command()
def check(path: ConfigOption = DEFAULT_PATH) -> None:
    """Check every setting, certificates, the model bundle and all filter rules; change nothing."""
    from node import tls
    from node.app import filter_set, load_bundle

    config = configured(path)
    peers = [(f"destination {entry.name}", entry.tls) for entry in config.destinations]
    peers += [(f"source {entry.ae_title}", entry.tls) for entry in config.sources]
    tls.check(config.tls, peers)
    bundle = load_bundle(config)
    for name in config.filter_sets:
        filter_set(config, bundle, name)
    names = ", ".join(destination.name for destination in config.destinations) or "none"
    typer.echo(
        f"{path} is usable: {config.node.ae_title} on {config.node.host}:{config.node.port}, "
        f"bundle {bundle.name} {bundle.version}, filter set {config.filter_set}, "
        f"destinations {names}"
    )
