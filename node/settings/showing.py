"""The sections `web` and `log`: how the node shows what it does."""

from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from node.settings.section import Port, Seconds, Section


class Web(Section):
    """The administrator's web page."""

    enabled: bool = True
    """`foramina serve` runs the page, in a process of its own."""
    host: str = "127.0.0.1"
    """Address to listen on, by HTTP: put a reverse proxy with TLS in front for other hosts."""
    port: Port = 8112
    """Port to listen on."""
    password_file: Path | None = None
    """Lines of `name:hash`, written by `foramina web password`."""
    password_hash: SecretStr = SecretStr("")
    """One such line, meant for the environment; without a name it is that of `admin`."""
    session_s: Seconds = 28800
    """A login lasts so long at the most."""
    idle_s: Seconds = 3600
    """A login ends when nothing was asked for so long."""
    behind_tls: bool = False
    """A reverse proxy in front speaks TLS: cookies are sent over nothing else."""
    open_metrics: bool = False
    """Answer `/metrics` to everyone; otherwise to this host and to who is logged in."""


class Log(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""
    format: Literal["console", "json"] = "console"
    """Lines for people, or a JSON object a line."""
