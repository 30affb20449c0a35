"""`foramina send` and `foramina echo`: DICOM from the command line."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.output import JsonOption, print_json

if TYPE_CHECKING:
    from node.settings import PeerTls

HostArgument = Annotated[str, typer.Argument(help="Host name or address of the peer.")]
PortArgument = Annotated[int, typer.Argument(min=1, max=65535, help="Port of the peer.")]
CalledOption = Annotated[str, typer.Option("--called", help="AE title of the peer.")]
CallingOption = Annotated[str, typer.Option("--calling", help="Our AE title.")]
TimeoutOption = Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the peer.")]
TlsOption = Annotated[
    Path | None,
    typer.Option("--tls", help="Speak TLS, and believe certificates of this PEM file (CA)."),
]
CertificateOption = Annotated[
    Path | None, typer.Option("--certificate", help="PEM of our certificate and its key, with TLS.")
]


def echo(
    host: HostArgument,
    port: PortArgument,
    called: CalledOption = "ANY-SCP",
    calling: CallingOption = "FORAMINA",
    timeout_s: TimeoutOption = 10,
    tls_ca: TlsOption = None,
    certificate: CertificateOption = None,
) -> None:
    """Ask a peer for a sign of life (C-ECHO)."""
    from node import scu

    scu.echo(scu.Peer(called, host, port, calling, timeout_s, _tls(tls_ca, certificate)))
    typer.echo(f"{called} at {host}:{port} answers")


def send(
    host: HostArgument,
    port: PortArgument,
    paths: Annotated[list[Path], typer.Argument(exists=True, help="DICOM files or folders.")],
    called: CalledOption = "ANY-SCP",
    calling: CallingOption = "FORAMINA",
    timeout_s: TimeoutOption = 30,
    as_json: JsonOption = False,
    tls_ca: TlsOption = None,
    certificate: CertificateOption = None,
) -> None:
    """Send DICOM files to a peer (C-STORE), each as it is stored."""
    from rich.console import Console
    from rich.progress import Progress

    from node import scu
    from node.errors import ForaminaError

    files = sorted({file for path in paths for file in _files(path)})
    if not files:
        raise ForaminaError(f"no DICOM file below {', '.join(map(str, paths))}")
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("sending", total=len(files))
        statuses = scu.send_folder(
            scu.Peer(called, host, port, calling, timeout_s, _tls(tls_ca, certificate)),
            files,
            lambda _file: progress.advance(task),
        )
    refused = {path: status for path, status in statuses.items() if not scu.is_stored(status)}
    if as_json:
        print_json({str(path): status for path, status in statuses.items()})
    else:
        typer.echo(f"{len(statuses) - len(refused)} of {len(statuses)} files stored by {called}")
        for path, status in refused.items():
            typer.echo(f"  {path}: {scu.describe(status)}")
    if refused:
        raise typer.Exit(1)


def _tls(ca_file: Path | None, certificate: Path | None) -> "PeerTls | None":
    from node.settings import PeerTls

    if ca_file is None:
        if certificate is not None:  # never in clear what was meant to be encrypted
            raise typer.BadParameter("--certificate: expected --tls beside it")
        return None
    return PeerTls(ca_file=ca_file, certificate_file=certificate)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [file for file in path.rglob("*") if file.is_file() and _is_part10(file)]


def _is_part10(path: Path) -> bool:
    """Tell a DICOM file by its prefix (PS3.10 section 7.1)."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:  # it is tried, and what is wrong with it is said
        return True
