"""`foramina erase`: take a patient or a study out of everything that is kept."""

from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.config import DEFAULT_PATH, ConfigOption, configured
from node.cli.database import opened
from node.cli.output import JsonOption, print_json, print_table

if TYPE_CHECKING:
    from node.erasure import Done
    from storage.erasure import Found

ELSEWHERE = ("destination", "kind", "sop_instance_uid", "state")


def erase(
    path: ConfigOption = DEFAULT_PATH,
    patient_id: Annotated[str, typer.Option(help="Everything of this PatientID.")] = "",
    study: Annotated[str, typer.Option(help="Everything of this StudyInstanceUID.")] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Erase; without it only say what would be erased.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Erase files, patient attributes and results of a patient or a study; cannot be undone."""
    from node.app import stopping_on_signals
    from node.audit.start import operator
    from node.erasure import Eraser
    from node.errors import ForaminaError
    from storage.erasure import Subject

    try:
        subject = Subject(patient_id, study)
    except ValueError as error:
        raise typer.BadParameter(f"--patient-id, --study: {error}") from error
    config = configured(path)
    with opened(path) as database, stopping_on_signals() as stop:
        eraser = Eraser(
            database,
            config.storage.folder,
            config.crops.folder,
            config.retention.files_per_s,
        )
        if not yes:
            earlier = [action.at for action in eraser.earlier(subject)]
            _print_found(eraser.look(subject), as_json, earlier=len(earlier))
            return
        try:
            found, done = eraser.erase(subject, operator(), stop)
        except OSError as error:
            raise ForaminaError(
                f"the disk refuses: {error}; what is marked is deleted by the next run"
            ) from error
    _print_done(found, done, as_json, stopped=stop.is_set())


def _print_found(found: "Found", as_json: bool, earlier: int) -> None:
    if as_json:
        print_json({**_data(found), "erased_before": earlier, "erased": False})
        return
    typer.echo(f"would be erased: {found.summary}")
    if earlier:
        typer.echo(f"erased before: {earlier} times (`actions`)")
    _print_notes(found)
    typer.echo("nothing was changed; add --yes to erase, which cannot be undone")


def _print_done(found: "Found", done: "Done", as_json: bool, *, stopped: bool) -> None:
    if as_json:
        print_json({
            **_data(found),
            "files_deleted": done.files,
            "journal_entries": done.journal_entries,
            "erased": not stopped,
        })  # fmt: skip
        return
    typer.echo(f"erased: {found.summary}")
    typer.echo(
        f"{done.files} files deleted, {done.journal_entries} entries of the journal overwritten"
    )
    if stopped:
        typer.echo("stopped: the node, or the same command again, deletes the files that are left")
    _print_notes(found)


def _print_notes(found: "Found") -> None:
    if found.mixed:
        typer.echo(f"{len(found.mixed)} series also hold instances of others, which stay")
    if found.open_jobs:
        typer.echo(
            f"{found.open_jobs} jobs are cancelled; a worker that was busy may leave files behind: "
            "run the same command again in a minute"
        )
    if found.elsewhere:
        typer.echo("destinations may have these objects; erase them there:")
        print_table([dict(zip(ELSEWHERE, row, strict=True)) for row in found.elsewhere], ELSEWHERE)


def _data(found: "Found") -> dict[str, object]:
    return {
        "series": found.series,
        "mixed_series": found.mixed,
        "instances": found.instances,
        "size_bytes": found.size_bytes,
        "reports": found.reports,
        "open_jobs": found.open_jobs,
        "elsewhere": [dict(zip(ELSEWHERE, row, strict=True)) for row in found.elsewhere],
    }
