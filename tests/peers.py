"""Real DICOM systems that tests talk to: Orthanc, DCMTK, and peers that misbehave.

Everything listens on 127.0.0.1 only, or refuses other hosts, on free ports, with files in
temporary folders. What the machine lacks is skipped by name.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import BaseServer
from typing import Any

import pytest
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification
from pynetdicom.transport import ThreadedAssociationServer

# Without it DCMTK and Orthanc wait 44 ms for a delayed acknowledgement, at every message.
DCMTK_ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}

KNOWN_AE_TITLES = ("FORAMINA", "STORESCU", "ECHOSCU", "DCMSEND", "DEMOSCANNER")
"""Whom the tests' Orthanc takes objects from, on this host only."""


def program(name: str, package: str) -> str:
    """Find a program of the system, or skip the test with what to install.

    Not one of the virtual environment: pynetdicom has a `storescp` and an `echoscu` of its own.
    """
    own = Path(sys.executable).parent
    folders = [folder for folder in os.get_exec_path() if Path(folder) != own]
    found = shutil.which(name, path=os.pathsep.join([*folders, "/usr/sbin"]))
    if found is None:
        pytest.skip(f"{name} is missing: apt-get install {package}")
    return found


def free_port() -> int:
    """Find a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def dcmtk(name: str, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program of DCMTK to its end, e.g. `dcmtk("storescu", "127.0.0.1", port, file)`.

    Raises:
        AssertionError: it failed, unless `check` is false; its output is the message.
    """
    done = subprocess.run(
        [program(name, "dcmtk"), *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=240,
        env=DCMTK_ENVIRONMENT,
        check=False,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{name} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


class Orthanc:
    """An Orthanc that belongs to the tests."""

    ae_title = "ORTHANC"

    def __init__(
        self,
        folder: Path,
        known_ae_titles: Sequence[str] = KNOWN_AE_TITLES,
        plugins: Sequence[str] = (),
        node_port: int = 104,
    ) -> None:
        """Prepare; `node_port` is where it calls whom it knows, e.g. to report a commitment."""
        self._executable = program("Orthanc", "orthanc")
        self._folder = folder
        self._known = known_ae_titles
        self._plugins = plugins
        self._node_port = node_port
        self._process: subprocess.Popen[bytes] | None = None
        self.dicom_port = self.http_port = 0

    def start(self) -> None:
        """Start, and wait until it answers."""
        self.dicom_port, self.http_port = free_port(), free_port()
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "orthanc.json"
        config.write_text(json.dumps(self._configuration()))
        with (self._folder / "orthanc.log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._executable, str(config)], stdout=log, stderr=log, env=DCMTK_ENVIRONMENT
            )
        deadline = time.monotonic() + 120
        while True:
            with suppress(OSError):
                self.rest("/system")
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self._folder / "orthanc.log").read_text(errors="replace"))
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop; nothing of it is left running."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def rest(self, path: str) -> Any:
        """GET a resource of its REST interface, as JSON."""
        return json.loads(self._get(path))

    def sop_instance_uids(self) -> list[str]:
        """List what it has."""
        return [entry["MainDicomTags"]["SOPInstanceUID"] for entry in self._instances()]

    def file(self, sop_instance_uid: str) -> bytes | None:
        """Give the file of an object as Orthanc keeps it, `None` if it has none."""
        for entry in self._instances():
            if entry["MainDicomTags"]["SOPInstanceUID"] == sop_instance_uid:
                return self._get(f"/instances/{entry['ID']}/file")
        return None

    def files(self) -> list[bytes]:
        """Give the files of all objects."""
        return [self._get(f"/instances/{entry['ID']}/file") for entry in self._instances()]

    def _instances(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.rest("/instances?expand")
        return found

    def _get(self, path: str) -> bytes:
        url = f"http://127.0.0.1:{self.http_port}{path}"
        with urllib.request.urlopen(url, timeout=20) as answer:  # our own http URL
            body: bytes = answer.read()
            return body

    def _configuration(self) -> dict[str, Any]:
        """Configure an Orthanc that binds every interface (1.10 can only do that) to refuse others.

        `RemoteAccessAllowed` guards HTTP; the other keys let only listed AE titles associate, and
        only from this host.
        """
        return {
            "Name": "tests",
            "StorageDirectory": str(self._folder / "db"),
            "IndexDirectory": str(self._folder / "db"),
            "Plugins": list(self._plugins),
            "HttpPort": self.http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomAet": self.ae_title,
            "DicomPort": self.dicom_port,
            "DicomCheckCalledAet": True,
            "DicomCheckModalityHost": True,
            "DicomAlwaysAllowEcho": False,
            "DicomAlwaysAllowStore": False,
            "DicomAlwaysAllowFind": False,
            "DicomAlwaysAllowGet": False,
            "DicomAlwaysAllowMove": False,
            "DicomModalities": {
                title: {"AET": title, "Host": "127.0.0.1", "Port": self._node_port}
                for title in self._known
            },
            "OverwriteInstances": False,
            "StableAge": 1,
            "ConcurrentJobs": 1,
        }


class StoreScp:
    """DCMTK's storescp, one process per association; files lie in `folder` as received.

    storescp itself would bind every interface, so it is started the way inetd does it: this class
    listens on 127.0.0.1 and hands over each connection.
    """

    def __init__(self, folder: Path, *options: str, port: int = 0) -> None:
        self._command = [
            program("storescp", "dcmtk"), "--inetd", "+B", "-od", str(folder), *options
        ]  # fmt: skip
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._listener = socket.create_server(("127.0.0.1", port))
        self._children: list[subprocess.Popen[bytes]] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listener.getsockname()[1])

    def files(self) -> list[Path]:
        """List what it has received."""
        return sorted(path for path in self.folder.iterdir() if path.is_file())

    def stop(self) -> None:
        """Stop listening and end what still runs."""
        with suppress(OSError):  # wakes the thread that waits in accept
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        for child in self._children:
            child.terminate()
            child.wait()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._children.append(
                    subprocess.Popen(
                        self._command,
                        stdin=connection.fileno(),
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                        env=DCMTK_ENVIRONMENT,
                    )
                )


@contextmanager
def storage_peer(
    answer: Callable[[evt.Event], int],
    contexts: Sequence[tuple[str, Sequence[str]]] = (),
) -> Iterator[int]:
    """Run a Storage SCP that answers as told, e.g. `lambda event: 0xA700`; gives its port.

    `contexts` are SOP classes with transfer syntaxes; none: every storage class, Explicit VR LE.
    """
    ae = AE("PACS")
    ae.add_supported_context(Verification)
    for sop_class, syntaxes in contexts or [
        (str(context.abstract_syntax), [ExplicitVRLittleEndian])
        for context in AllStoragePresentationContexts
    ]:
        ae.add_supported_context(sop_class, list(syntaxes))
    server = ae.make_server(
        ("127.0.0.1", 0),
        server_class=ThreadedAssociationServer,
        evt_handlers=[(evt.EVT_C_STORE, answer)],
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        BaseServer.shutdown(server)  # pynetdicom's own wants a server that the AE started
        server.server_close()
        thread.join(10)
        for association in server.active_associations:
            association.abort()


def wait_until(happened: Callable[[], bool], what: str, seconds: float = 120) -> None:
    """Wait for something that other threads or processes do; fail with `what` if they do not."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain until {what}"
        time.sleep(0.02)


@contextmanager
def silent_peer() -> Iterator[int]:
    """Listen on a port, accept connections, and never say a word."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    held.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for connection in held:
                connection.close()
