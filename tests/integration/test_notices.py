"""Notices on real sockets: a mail server, a webhook, and both away and back."""

import http.server
import json
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from node.notices import webhook
from node.notices.channel import ChannelError
from node.notices.event import Event
from node.notices.loop import NoticeLoop, channels
from node.notices.mail import Mail
from node.notices.message import Message, Templates, trial
from node.notices.settings import Notifications
from node.notices.watch import Watch, answers_echo, sentence
from node.notices.webhook import WebhookChannel
from node.settings import Destination
from storage import deliveries, jobs, notices, series
from storage.database import Database, now
from storage.notices import Condition
from storage.tables import DeliveryState, Job, NoticeSend
from tests import mail_server
from tests.certificates import Authority
from tests.peers import free_port, wait_until
from tests.rows import add_job, add_report, add_series

ANN = "ann@hospital.example"
LOGIN = {"security": "starttls", "username": "node", "password": "right"}
HELLO = Message("a subject", "Größe: ä\n", {"text": "Größe"})


class Hook:
    """A web server that keeps what is posted to it."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        keep = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                keep.posts.append((dict(self.headers), body))
                self.send_response(keep.status)
                if keep.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/hooks/token-4711"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    yield hook
    hook.stop()


@pytest.fixture
def inbox() -> mail_server.Inbox:
    return mail_server.Inbox(refused=("gone@hospital.example",))


@pytest.fixture
def mail_port(inbox: mail_server.Inbox) -> Iterator[int]:
    controller = mail_server.serve(inbox)
    yield controller.port
    controller.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def settings(**values: Any) -> Notifications:
    """Configure notifications that lose no time."""
    quick = {"poll_s": 0.05, "window_s": 0.001, "settle_s": 0.001, "retry_delay_s": 0.05}
    return Notifications.model_validate({**quick, "free_bytes": 0, **values})


def email(port: int, **values: Any) -> dict[str, Any]:
    return {
        "host": "127.0.0.1", "port": port, "security": "none", "to": [ANN],
        "sender": "foramina@hospital.example", "timeout_s": 10, **values,
    }  # fmt: skip


def node(
    database: Database,
    folder: Path,
    configured: Notifications,
    destinations: tuple[Destination, ...] = (),
    **seen: Any,
) -> NoticeLoop:
    values = {"answers": answers_echo("FORAMINA")} | seen
    watch = Watch(database, folder, configured, destinations, **values)
    return NoticeLoop(database, configured, watch, "FORAMINA", channels(configured))


def fail_job(database: Database, error: str = "no slices") -> None:
    with database.begin() as session:
        add_job(session)
        claimed = jobs.claim(session, "w", 60)
        assert claimed is not None
        jobs.fail(session, claimed.id, claimed.fencing_token, error, retry=False, delay_s=0)


def send_states(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as session:
        rows = session.query(NoticeSend).order_by(NoticeSend.id)
        return [(row.channel, row.phase, row.state) for row in rows]


def test_a_mail_arrives_as_it_was_written(inbox: mail_server.Inbox, mail_port: int) -> None:
    channel = Mail(settings(email=email(mail_port)).email)
    assert "took it for 1 of 1" in channel.send(HELLO, "17-ab")
    (message,) = inbox.messages
    assert (message["Subject"], message["To"]) == ("a subject", ANN)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == "<foramina.17-ab@hospital.example>"
    assert message.get_content().split() == ["Größe:", "ä"]


def test_one_address_that_is_refused_keeps_it_from_nobody(
    inbox: mail_server.Inbox, mail_port: int
) -> None:
    values = email(mail_port, to=["gone@hospital.example", ANN])
    with capture_logs() as logged:
        assert "1 of 2" in Mail(settings(email=values).email).send(HELLO, "1")
    assert inbox.envelopes[0].rcpt_tos == [ANN]
    assert "hospital" not in str(logged)


def test_refusals_of_a_mail_server_are_said(inbox: mail_server.Inbox, mail_port: int) -> None:
    channel = Mail(settings(email=email(mail_port, to=["gone@hospital.example"])).email)
    with pytest.raises(ChannelError, match=r"refuses all 1 addresses \(SMTP 550\)"):
        channel.send(HELLO, "1")
    inbox.busy = True
    with pytest.raises(ChannelError, match="451 try again later"):
        Mail(settings(email=email(mail_port)).email).send(HELLO, "1")


def test_a_mail_server_that_is_away_is_said() -> None:
    channel = Mail(settings(email=email(free_port())).email)
    with pytest.raises(ChannelError, match="Connection refused"):
        channel.send(HELLO, "1")


@pytest.fixture
def safe_port(inbox: mail_server.Inbox, authority: Authority) -> Iterator[int]:
    """Serve with STARTTLS and a login that both are demanded."""
    key_file, certificate_file = authority.issue("mail")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    controller = mail_server.serve(inbox, context)
    yield controller.port
    controller.stop()


def test_mail_over_starttls_with_a_login(
    inbox: mail_server.Inbox, safe_port: int, authority: Authority
) -> None:
    values = email(safe_port, ca_file=authority.ca_file, **LOGIN)
    Mail(settings(email=values).email).send(HELLO, "1")
    assert inbox.logins == ["node"]
    assert len(inbox.messages) == 1
    with pytest.raises(ChannelError, match="535") as error:
        Mail(settings(email={**values, "password": "wrong-4711"}).email).send(HELLO, "1")
    assert "4711" not in str(error.value)


def test_a_mail_server_that_nobody_vouches_for_gets_no_password(
    inbox: mail_server.Inbox, safe_port: int
) -> None:
    values = email(safe_port, **LOGIN)
    with pytest.raises(ChannelError, match=r"not trusted .*email\.ca_file"):
        Mail(settings(email=values).email).send(HELLO, "1")
    assert inbox.logins == []


def test_a_server_without_starttls_gets_nothing(inbox: mail_server.Inbox, mail_port: int) -> None:
    values = email(mail_port, security="starttls")
    with pytest.raises(ChannelError, match="STARTTLS"):
        Mail(settings(email=values).email).send(HELLO, "1")
    assert inbox.messages == []


def test_a_webhook_gets_signed_json(hook: Hook) -> None:
    values = settings(webhook={"url": hook.url, "secret": "s3cret"}).webhook
    message = Templates().message([trial(_at())], "NODE")
    assert WebhookChannel(values).send(message, "17") == "webhook at 127.0.0.1 answered 204"
    ((headers, body),) = hook.posts
    assert json.loads(body)["node"] == "NODE"
    assert headers[webhook.NUMBER] == "17"
    signed = webhook.signature("s3cret", headers[webhook.TIMESTAMP], body)
    assert headers[webhook.SIGNATURE] == signed
    assert signed != webhook.signature("s3cret", headers[webhook.TIMESTAMP], body + b" ")
    assert abs(time.time() - int(headers[webhook.TIMESTAMP])) < 60


def test_the_signature_is_that_of_the_documentation() -> None:
    """Computed beside this program: printf '1700000000.{}' | openssl dgst -sha256 -hmac key."""
    assert webhook.signature("key", "1700000000", b"{}") == (
        "sha256=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"
    )


@pytest.mark.parametrize("status", [302, 400, 404, 500])
def test_a_webhook_that_does_not_answer_2xx_has_not_taken_it(hook: Hook, status: int) -> None:
    hook.status = status
    channel = WebhookChannel(settings(webhook={"url": hook.url}).webhook)
    with pytest.raises(ChannelError, match=f"answered {status}") as error:
        channel.send(HELLO, "1")
    assert "4711" not in str(error.value)
    assert len(hook.posts) == 1
    assert webhook.SIGNATURE not in hook.posts[0][0]


def test_a_webhook_that_is_away_is_said_without_its_token() -> None:
    url = f"http://127.0.0.1:{free_port()}/token-4711"
    with pytest.raises(ChannelError, match="Connection refused") as error:
        WebhookChannel(settings(webhook={"url": url}).webhook).send(HELLO, "1")
    assert "4711" not in str(error.value)


def test_a_job_that_failed_is_told_once_and_so_is_its_retry(
    database: Database, tmp_path: Path, inbox: mail_server.Inbox, mail_port: int, hook: Hook
) -> None:
    configured = settings(email=email(mail_port), webhook={"url": hook.url})
    loop = node(database, tmp_path, configured)
    fail_job(database)
    assert (loop.look(), loop.tell()) == (2, 2)
    assert (loop.look(), loop.tell()) == (0, 0)
    (mail,) = inbox.messages
    assert "1.2.3.1" in mail.get_content()
    assert "no slices" in mail.get_content()
    assert "P1" not in mail.get_content()
    with database.begin() as session:
        jobs.retry(session, 1)
    assert loop.look() == 2
    time.sleep(0.01)
    loop.tell()
    assert "OVER" in inbox.messages[1].get_content()
    assert [state for _, _, state in send_states(database)] == ["sent"] * 4


def test_nothing_is_lost_while_the_mail_server_is_away(
    database: Database, tmp_path: Path, inbox: mail_server.Inbox
) -> None:
    """Nor when the node starts anew meanwhile: what is to be told is in the database."""
    port = free_port()
    configured = settings(email=email(port))
    fail_job(database)
    loop = node(database, tmp_path, configured)
    loop.look()
    with capture_logs() as logged:
        assert loop.tell() == 0
        assert loop.tell() == 0  # it waits before the next attempt
    assert [line["event"] for line in logged] == ["notices not told"]
    controller = mail_server.serve(inbox, port=port)
    try:
        time.sleep(0.1)
        again = node(database, tmp_path, configured)
        again.look()
        assert again.tell() == 1
    finally:
        controller.stop()
    assert len(inbox.messages) == 1
    assert send_states(database) == [("email", "raised", "sent")]


def test_patient_data_is_told_only_where_that_is_wanted(
    database: Database, tmp_path: Path, inbox: mail_server.Inbox, mail_port: int
) -> None:
    with database.begin() as session:
        row = add_series(session, 5)
        row.patient_id = "PAT-4711"
        series.hold_locked(session, row, "2 versions")
        made = deliveries.enqueue(session, add_report(session), "pacs")
        assert made is not None
        made.state, made.finished_at = DeliveryState.FAILED, now(session)
        made.error = "the peer says: no study of Doe^Jane"
    for wanted in (False, True):
        configured = settings(email=email(mail_port), patient_data=wanted)
        with database.begin() as session:
            for notice in notices.listing(session):
                for send in notice.sends:
                    session.delete(send)
                session.delete(notice)
        loop = node(database, tmp_path, configured)
        loop.look()
        assert loop.tell() == 1
        told = inbox.messages[-1].get_content()
        assert ("PAT-4711" in told) == ("Doe^Jane" in told) == wanted
        assert "1.2.3.5" in told


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("ValueError: bad value Doe^Jane", "ValueError; the web page has more"),
        ("pydicom.errors.BytesLengthException: Doe", "pydicom.errors.BytesLengthException; the"),
        ("PixelSpacing: 2 values expected", "PixelSpacing: 2 values expected"),
        ("the worker died 3 times on this job", "the worker died 3 times on this job"),
    ],
)
def test_what_other_libraries_say_is_not_told(error: str, said: str) -> None:
    assert sentence(error).startswith(said)


def test_a_destination_that_is_down_for_long_is_told_and_that_it_is_back(
    database: Database, tmp_path: Path, hook: Hook
) -> None:
    up = {"pacs": False, "other": True}
    destinations = tuple(
        Destination(name=name, ae_title=name.upper(), host="127.0.0.1", port=11)
        for name in ("pacs", "other")
    )
    configured = settings(webhook={"url": hook.url}, destination_down_s=0.2)
    loop = node(database, tmp_path, configured, destinations, answers=lambda each: up[each.name])
    assert loop.look() == 0
    time.sleep(0.25)
    assert (loop.look(), loop.tell()) == (1, 1)
    up["pacs"] = True
    wait_until(lambda: loop.look() == 1, "it is asked again, and is back")
    assert loop.tell() == 1
    told = [json.loads(body)["notices"][0] for _, body in hook.posts]
    assert [(each["event"], each["phase"]) for each in told] == [
        ("destination-down", "raised"), ("destination-down", "over"),
    ]  # fmt: skip
    assert told[0]["facts"]["destination"] == "pacs"


def test_a_destination_that_takes_reports_is_not_down(database: Database, tmp_path: Path) -> None:
    """Some archives answer no C-ECHO of ours."""
    (destination,) = destinations = (
        Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=11),
    )
    watch = Watch(database, tmp_path, settings(), destinations, answers=lambda _each: False)
    assert [each.key for each in watch.seen()] == [destination.name]
    with database.begin() as session:
        made = deliveries.enqueue(session, add_report(session), "pacs")
        assert made is not None
        made.stored_at = now(session)
    assert watch.seen() == []


def test_a_peer_that_is_not_there_answers_no_echo() -> None:
    destination = Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=free_port())
    assert answers_echo("FORAMINA")(destination) is False


def test_what_is_seen_by_looking(database: Database, tmp_path: Path) -> None:
    configured = settings(free_bytes=2**62, jobs_waiting_s=60)
    watch = Watch(database, tmp_path, configured, (), answers=lambda _each: True)
    assert [each.event for each in watch.seen()] == [Event.DISK_LOW]
    (tmp_path / "journal").mkdir()
    for name in ("a.segment.damaged", "b.segment.damaged", "c.segment"):
        (tmp_path / "journal" / name).touch()
    for name in ("later/a.json", "refused/b.json", "refused/c.json", "refused/d.dcm"):
        (tmp_path / "journal" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "journal" / name).touch()
    with database.begin() as session:
        add_job(session)
        session.get_one(Job, 1).not_before -= timedelta(minutes=2)
    found = {each.event: each.facts for each in watch.seen()}
    assert list(found) == [
        Event.JOBS_WAITING, Event.DISK_LOW, Event.JOURNAL_DAMAGED, Event.INSTANCES_ASIDE,
    ]  # fmt: skip
    assert found[Event.INSTANCES_ASIDE] == {"later": 1, "refused": 2}
    assert found[Event.JOBS_WAITING]["waiting"] == 1
    assert found[Event.JOURNAL_DAMAGED]["damaged"] == 2
    quiet = Watch(
        database,
        tmp_path,
        settings(free_bytes=2**62, events=["series-held"]),
        (),
        answers=lambda _each: True,
    )
    assert quiet.seen() == []


def test_the_loop_tells_until_it_is_stopped(database: Database, tmp_path: Path, hook: Hook) -> None:
    loop = node(database, tmp_path, settings(webhook={"url": hook.url}))
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,))
    thread.start()
    try:
        time.sleep(0.2)
        fail_job(database)
        deadline = time.monotonic() + 30
        while not hook.posts and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    assert [each["event"] for each in json.loads(hook.posts[0][1])["notices"]] == ["job-failed"]


def test_without_a_channel_nothing_is_kept(database: Database, tmp_path: Path) -> None:
    fail_job(database)
    with database.begin() as session:  # from when there was a channel
        notices.see(session, {}, [Condition("disk-low", "", {})], ["email"])
    loop = node(database, tmp_path, settings())
    loop.run(threading.Event())  # returns at once
    with database.read() as session:
        (before,) = notices.listing(session)
    assert (before.event, before.state) == ("disk-low", "over")
    assert [send.state for send in before.sends] == ["dropped"]


def _at() -> datetime:
    return datetime.now(UTC)
