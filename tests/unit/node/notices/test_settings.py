"""The section `notifications`: what is refused, and that secrets are not shown."""

import json

import pytest
from pydantic import ValidationError

from node.notices.settings import Email, Notifications, Webhook


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"email": {"host": "mail"}}, "at least one address"),
        ({"email": {"to": ["nobody"]}}, "expected such as ann@example.org"),
        ({"email": {"to": ["a@b.example\nBcc: c@d.example"]}}, "e-mail address"),
        ({"email": {"security": "none", "username": "ann"}}, "password in clear"),
        ({"webhook": {"url": "ftp://host/"}}, "expected https://"),
        ({"webhook": {"url": "https://"}}, "expected https://"),
        ({"events": ["wibble"]}, "job-failed"),
        ({"link": "foramina.example"}, "expected such as https://"),
        ({"poll_s": 0}, "greater than 0"),
    ],
)
def test_what_cannot_work_is_refused(values: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Notifications.model_validate(values)


def test_a_url_that_is_refused_is_not_shown() -> None:
    """The node prints the sentences of its own alone, as here."""
    with pytest.raises(ValidationError) as error:
        Webhook.model_validate({"url": "gopher://chat.example/token-4711"})
    assert [issue["msg"] for issue in error.value.errors()] == [
        "Value error, webhook URL (not shown): expected https://host/path"
    ]


def test_secrets_are_not_written_out() -> None:
    settings = Notifications(
        email=Email.model_validate({"host": "m", "to": ["a@b.example"], "password": "geheim"}),
        webhook=Webhook.model_validate({"url": "https://h.example/tok", "secret": "geheim"}),
    )
    text = json.dumps(settings.model_dump(mode="json"))
    assert "geheim" not in text
    assert "tok" not in text
    assert settings.channels == ("email", "webhook")


def test_nothing_is_configured_by_default() -> None:
    assert Notifications().channels == ()
