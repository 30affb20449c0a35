"""Starts and stops of the node in the trail, with the configuration that was in force."""

import getpass
import hashlib
import json
import os
import socket
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

import node
from node.audit.message import Source
from node.config import Config
from storage import trail
from storage.database import Database
from storage.tables import Action
from storage.trail import Person


def operator() -> Person:
    """Give who runs this process: a user of the operating system, and this host."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        name = f"uid {os.getuid()}"
    return Person(name, socket.gethostname())


def source(config: Config) -> Source:
    """Give this node as its audit messages name it."""
    return Source(
        ae_title=config.node.ae_title,
        host=socket.gethostname(),
        source_id=config.audit.source_id or config.node.ae_title,
        site_id=config.audit.site_id,
        patient_ids=config.audit.patient_ids,
        destinations={each.name: each for each in config.destinations},
    )


def started(database: Database, config: Config) -> None:
    """Add that the node starts; the whole configuration, when it is not that of the last start."""
    shown = _without_secrets(config)
    digest = hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()
    facts: dict[str, Any] = {
        "version": node.__version__,
        "process": f"{socket.gethostname()}:{os.getpid()}",
        "configuration_sha256": digest,
    }
    with database.begin() as session:
        changed = _last_digest(session) != digest
        if changed:
            facts["configuration"] = shown
        says = "a configuration that is new" if changed else "the configuration of the last start"
        trail.record(
            session,
            operator(),
            trail.START,
            detail=f"version {node.__version__}, {says}, SHA-256 {digest[:16]}",
            facts=facts,
        )


def stopped(database: Database) -> None:
    """Add that the node was told to stop; one that is killed cannot add it."""
    with database.begin() as session:
        facts = {"process": f"{socket.gethostname()}:{os.getpid()}"}
        trail.record(session, operator(), trail.STOP, facts=facts)


def _last_digest(session: Session) -> str:
    query = (
        select(Action.facts).where(Action.action == trail.START).order_by(Action.id.desc()).limit(1)
    )
    return str((session.scalars(query).first() or {}).get("configuration_sha256", ""))


def _without_secrets(config: Config) -> dict[str, Any]:
    """Give every setting; pydantic writes asterisks for secrets, and the URL is cut here."""
    shown = config.model_dump(mode="json")
    url = make_url(config.storage.url).render_as_string(hide_password=True)
    shown["storage"]["database_url"] = url
    return shown
