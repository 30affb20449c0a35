"""The configuration in force, to be read; secrets are masked."""

from typing import Any, Final

import yaml
from pydantic import SecretStr
from sqlalchemy.engine import make_url
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from node.config import Config
from node.web.site import render, site_of

_MASK: Final = "********"
_SECRET: Final = ("password", "secret", "token", "key")


def page(request: Request) -> Response:
    """Show every setting, by section."""
    sections = {
        name: yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=96)
        for name, value in shown(site_of(request).config).items()
    }
    return render(request, "configuration.html", sections=sections, bundle=site_of(request).bundle)


def shown(config: Config) -> dict[str, Any]:
    """Give every setting as plain values, with a mask in the place of what nobody may read."""
    plain = config.model_dump(mode="json")
    plain["storage"]["database_url"] = make_url(config.storage.url).render_as_string(
        hide_password=True
    )
    for name in config.web.__class__.model_fields:
        value = getattr(config.web, name)
        if isinstance(value, SecretStr):
            plain["web"][name] = _MASK if value.get_secret_value() else ""
    return {name: _masked(name, value) for name, value in plain.items()}


def _masked(name: str, value: Any) -> Any:
    """Mask by name too: a section of tomorrow may forget to say that it holds a secret."""
    if isinstance(value, dict):
        return {key: _masked(str(key), each) for key, each in value.items()}
    if isinstance(value, list):
        return [_masked(name, each) for each in value]
    names_a_secret = name.endswith(_SECRET) and isinstance(value, str)
    return _MASK if names_a_secret and value else value


def routes() -> list[Route]:
    """List the routes."""
    return [Route("/configuration", page, name="configuration")]
