"""The node as a black box: started as users start it, spoken to by DICOM and command line."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from node import cli
from tests import secrecy
from tests.peers import free_port

ROOT = Path(__file__).parents[1]
TERMINAL = {"succeeded", "failed", "cancelled"}
JOB_TIMEOUT_S = 240  # a worker starts in seconds; the machine may be busy with other tests
STOP_TIMEOUT_S = 120


class BlackBox:
    """A node in a folder of its own, in a process group of its own."""

    def __init__(self, folder: Path, **sections: Any) -> None:
        self.folder = folder
        self.port = free_port()
        data = yaml.safe_load((ROOT / "config.yaml").read_text())
        data["node"]["port"] = self.port
        data["storage"] = {"folder": "var"}
        data["assembler"] = {"stable_age_s": 1.0, "poll_s": 0.2}
        data["delivery"] = {**data["delivery"], "poll_s": 0.2, "retry_delay_s": 0.5}
        data["worker"] = {**data["worker"], "poll_s": 0.2, "retry_delay_s": 0.5}
        data["web"] = {"enabled": False}
        data["model"] = {"bundle": "phantom-1", "device": "cpu"}  # knows the tests' phantoms
        data.update(sections)
        self.config = folder / "config.yaml"
        self.config.write_text(yaml.safe_dump(data))
        self.log = folder / "node.log"
        secrecy.NODES.add(self.log)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "node.cli", "serve", "--config", str(self.config)],
                stdout=log,
                stderr=log,
                cwd=ROOT,
                start_new_session=True,
            )
        self.wait(lambda: self.run("echo", "127.0.0.1", str(self.port)).returncode == 0, "C-ECHO")

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_S)
            finally:
                self.kill()

    def kill(self) -> None:
        """SIGKILL the whole process group: node and workers, no chance to clean up."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            self._process.wait(10)

    def logged(self, event: str) -> int:
        """Count the lines of the node's log with an event; quicker than a command."""
        return self.log.read_text().count(event)

    def workers(self) -> list[int]:
        """Process ids of the node's worker processes."""
        found = subprocess.run(
            ["pgrep", "-f", f"node.cli worker .*{self.config}"],
            capture_output=True,
            text=True,
            check=False,
        )
        return [int(pid) for pid in found.stdout.split()]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a `foramina` command."""
        return subprocess.run(
            [sys.executable, "-m", "node.cli", *arguments],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )

    def ask(self, *arguments: str) -> Any:
        """Run a `foramina` command that reports on this node, and read its JSON.

        In this process, without the second that an interpreter takes to start: tests poll by it.
        """
        done = CliRunner().invoke(cli.app, [*arguments, "--config", str(self.config), "--json"])
        assert done.exit_code == 0, done.output + str(done.exception)
        return json.loads(done.stdout)

    def send(self, folder: Path) -> None:
        """Send a folder with DCMTK's storescu, as a scanner would."""
        done = subprocess.run(
            ["storescu", "+sd", "+r", "-aec", "FORAMINA", "127.0.0.1", str(self.port), str(folder)],
            capture_output=True,
            text=True,
            env={**os.environ, "TCP_NODELAY": "1"},
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def series(self, series_instance_uid: str) -> Any:
        """Show a series; what was acknowledged is filed a moment later."""

        def known() -> bool:
            return any(
                row["series_instance_uid"] == series_instance_uid
                for row in self.ask("series", "list", "--limit", "1000")
            )

        self.wait(known, "the series is filed", poll_s=0.05)
        return self.ask("series", "show", series_instance_uid)

    def wait(
        self,
        happened: Callable[[], Any],
        what: str,
        timeout_s: float = JOB_TIMEOUT_S,
        poll_s: float = 0.3,
    ) -> Any:
        """Poll until something is truthy and give it; fail with the node's log otherwise."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            answer = happened()
            if answer:
                return answer
            if self._process is not None and self._process.poll() is not None:
                pytest.fail(f"the node ended before: {what}\n{self.log.read_text()[-4000:]}")
            time.sleep(poll_s)
        pytest.fail(f"not in {timeout_s} s: {what}\n{self.log.read_text()[-4000:]}")

    def wait_jobs(self, series_instance_uid: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until this many jobs of a series have ended; newest first."""

        def ended() -> list[dict[str, Any]] | None:
            jobs: list[dict[str, Any]] = self.series(series_instance_uid)["jobs"]
            return jobs if sum(job["state"] in TERMINAL for job in jobs) >= count else None

        found: list[dict[str, Any]] = self.wait(ended, f"{count} jobs ended")
        return found

    def wait_deliveries(self, job_id: int) -> dict[str, str]:
        """Wait until no delivery of a job's report is on its way; state by destination."""

        def settled() -> dict[str, str] | None:
            rows = self.ask("jobs", "show", str(job_id))["deliveries"]
            open_ = [row for row in rows if row["state"] in ("queued", "sending")]
            return None if open_ else {row["destination"]: row["state"] for row in rows}

        found: dict[str, str] = self.wait(settled, f"the report of job {job_id} is delivered")
        return found
