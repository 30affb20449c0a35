"""The web page as an administrator uses it: why was it rejected, process it anyway, take the list.

`foramina serve` runs it; the browser is an HTTP client that fills in forms.
"""

import csv
import io
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from node import cli
from tests import factories
from tests.black_box import BlackBox
from tests.peers import free_port
from tests.web_pages import PASSWORD, token_of

pytestmark = [
    pytest.mark.xdist_group("acceptance"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("storescu") is None, reason="needs Debian package dcmtk"),
]
AXIAL = ["1", "0", "0", "0", "1", "0"]


def answers(client: httpx2.Client) -> bool:
    """Tell whether the page is there."""
    try:
        return client.get("/healthz").status_code == 200
    except httpx2.TransportError:
        return False


def log_in(client: httpx2.Client) -> httpx2.Response:
    form = {"name": "ann", "password": PASSWORD, "next": "/series"}
    return client.post("/login", data={**form, "form_token": token_of(client.get("/login").text)})


def page_process(box: BlackBox) -> list[int]:
    found = subprocess.run(
        ["pgrep", "-f", f"node.cli web serve .*{box.config}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(pid) for pid in found.stdout.split()]


def send_axial(box: BlackBox, folder: Path) -> None:
    folder.mkdir()
    for number in (1, 2, 3):
        data = factories.make_part10(number, ImageOrientationPatient=AXIAL, PatientID="=1+1")
        (folder / f"{number}.dcm").write_bytes(data)
    box.send(folder)


def test_an_administrator_finds_out_why_and_decides(
    black_box: Callable[..., BlackBox], tmp_path: Path
) -> None:
    people, port = tmp_path / "people", free_port()
    made = CliRunner().invoke(
        cli.app,
        ["web", "password", "--name", "ann", "--file", str(people)],
        input=f"{PASSWORD}\n{PASSWORD}\n",
    )
    assert made.exit_code == 0, made.output
    box = black_box(web={"port": port, "password_file": str(people)}, worker={"processes": 0})
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        box.wait(lambda: answers(client), "the page answers")
        assert client.get("/readyz").status_code == 200
        send_axial(box, tmp_path / "axial")
        box.wait(lambda: box.series(factories.SERIES_UID)["state"] == "rejected", "it is rejected")
        assert client.get("/series").status_code == 303
        assert log_in(client).headers["location"] == "/series"

        listed = client.get("/series", params={"state": "rejected", "search": "=1+1"})
        assert 'href="/series/1"' in listed.text
        told = client.get("/series/1").text
        assert "axial" in told
        assert 'value="process-anyway"' in told

        form = {"id": "1", "action": "process-anyway", "form_token": token_of(told)}
        assert "1 of 1 done" in client.post("/series", data=form).text
        (job,) = box.ask("jobs", "list")
        assert job["state"] == "queued"
        history = box.series(factories.SERIES_UID)["history"]
        assert "by ann" in history[-1]["detail"]

        (row,) = csv.DictReader(io.StringIO(client.get("/series.csv").text))
        assert (row["state"], row["patient_id"]) == ("accepted", "'=1+1")
        assert 'foramina_jobs{state="queued"} 1.0' in client.get("/metrics").text

        (process,) = page_process(box)
        os.kill(process, signal.SIGKILL)
        assert box.run("echo", "127.0.0.1", str(box.port)).returncode == 0
        box.wait(lambda: page_process(box) not in ([], [process]) and answers(client), "it is back")
        assert client.get("/series").status_code == 303  # logins ended with the process
        assert "=1+1" not in box.log.read_text()

        box.stop()
        assert page_process(box) == []
        assert not answers(client)
