"""The books after a campaign of kills: nothing lost, nothing doubled, nothing stuck."""

import hashlib
from collections import defaultdict
from pathlib import Path

from pydicom.filereader import read_file_meta_info
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from storage.database import Database
from storage.tables import Delivery, Instance, Job, Report, Series
from tests.kill.campaign import Campaign

_PREAMBLE_AND_GROUP_LENGTH = 128 + 4 + 12  # PS3.10 section 7.1


def balance(campaign: Campaign, database_url: str, storage: Path) -> list[str]:
    """List everything that is wrong; empty: the books balance."""
    database = Database(database_url)
    try:
        with database.read() as session:
            wrong = [
                *_instances(session, campaign, storage),
                *_series(session, campaign),
                *_unfinished(session),
            ]
            if database.is_sqlite:
                check = session.execute(text("PRAGMA integrity_check")).scalar_one()
                wrong += [] if check == "ok" else [f"database: {check}"]
    finally:
        database.close()
    return wrong


def _instances(session: Session, campaign: Campaign, storage: Path) -> list[str]:
    """See that every acknowledged instance has its row, and its file what was sent."""
    rows = defaultdict(list)
    for row in session.scalars(select(Instance)):
        rows[row.sop_instance_uid].append(row)
    wrong = []
    for uid, digests in campaign.acknowledged.items():
        kept = {row.data_sha256: row for row in rows[uid]}
        for digest in digests:
            expected = "current" if digest == digests[-1] else "superseded"
            wrong += _version(uid, kept.get(digest), digest, expected, storage)
        if len(rows[uid]) > len(digests):
            wrong.append(f"{uid} has {len(rows[uid])} rows, {len(digests)} versions were sent")
    return wrong


def _version(
    uid: str, row: Instance | None, digest: str, expected: str, storage: Path
) -> list[str]:
    if row is None:
        return [f"{uid} was acknowledged and has no row with this content"]
    if not (storage / row.path).is_file():
        return [f"{uid} was acknowledged and has no file"]
    if _digest(storage / row.path) != digest:
        return [f"{uid} is kept with other content than was sent"]
    return [] if row.state == expected else [f"{uid} is {row.state}, not {expected}"]


def _digest(path: Path) -> str:
    length = read_file_meta_info(path).FileMetaInformationGroupLength
    return hashlib.sha256(path.read_bytes()[_PREAMBLE_AND_GROUP_LENGTH + length :]).hexdigest()


def _series(session: Session, campaign: Campaign) -> list[str]:
    """See that every whole series has one result in the PACS, and every other one a reason."""
    rows = {row.series_instance_uid: row for row in session.scalars(select(Series))}
    wrong = []
    for scan in campaign.scans:
        uid = scan.series_instance_uid
        row = rows.get(uid)
        if row is None:
            wrong.append(f"series {uid} was sent and has no row")
        elif scan.whole:
            wrong += _whole(session, campaign, row, scan.revised)
        elif row.state != "rejected" or not row.reason:
            wrong.append(f"series {uid} is not for us and {row.state}, reason {row.reason!r}")
    for uid, digests in campaign.pacs.received.items():
        if len(set(digests)) != 1:
            wrong.append(f"object {uid} was sent with {len(set(digests))} different contents")
    return wrong


def _whole(session: Session, campaign: Campaign, row: Series, revised: bool) -> list[str]:
    uid = row.series_instance_uid
    wrong = []
    if row.state != "accepted":
        wrong.append(f"series {uid} is whole and {row.state}: {row.reason}")
    made = session.scalars(select(Report).where(Report.series_id == row.id)).all()
    current = [report for report in made if report.current]
    if len(current) != 1:
        wrong.append(f"series {uid} has {len(current)} current reports")
    in_pacs = campaign.pacs.about.get(uid, set())
    named, ever = (
        {each.sop_instance_uid for report in reports for each in report.objects}
        for reports in (current, made)
    )
    right = named <= in_pacs <= ever if revised else in_pacs == named
    if not right:
        wrong.append(f"series {uid}: the PACS has {sorted(in_pacs)}, current is {sorted(named)}")
    return wrong


def _unfinished(session: Session) -> list[str]:
    """See that no row waits for something that never comes."""
    wrong = [
        f"series {row.series_instance_uid} is {row.state}"
        for row in session.scalars(
            select(Series).where(Series.state.in_(("receiving", "complete")))
        )
    ]
    wrong += [
        f"job {row.id} is {row.state}: {row.error}"
        for row in session.scalars(
            select(Job).where(Job.state.in_(("queued", "running", "failed")))
        )
    ]
    wrong += [
        f"delivery {row.id} is {row.state}: {row.error}"
        for row in session.scalars(
            select(Delivery).where(Delivery.state.not_in(("stored", "committed")))
        )
    ]
    return wrong
