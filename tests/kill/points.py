"""The named steps at which a node under test is killed: between them lies every hand-over.

A point is a function of the node, and whether the kill comes before or after it. Where a function
runs inside a transaction, "after" it is still before the commit.
"""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the node: `when` the function `attribute` of `module` is passed."""

    name: str
    module: str
    attribute: str
    when: Literal["before", "after"]


POINTS: Final = (
    Point(
        "instance received, nothing written", "storage.journal.writer", "Writer.append", "before"
    ),
    Point("entry written, not synced", "storage.journal.segment", "OpenSegment.sync", "before"),
    Point("entry synced, not answered", "storage.journal.writer", "Writer.append", "after"),
    Point("filing begins", "storage.instances", "InstanceStore.file", "before"),
    Point(
        "instance's file published, no row", "storage.durable", "DurableFolder.publish_all", "after"
    ),
    Point("row written, not committed", "storage.instances", "InstanceStore._write", "after"),
    Point(
        "rows committed, entry not done with", "storage.instances", "InstanceStore.file", "after"
    ),
    Point("entry done with", "storage.journal.reader", "Reader.filed", "after"),
    Point("end of an association to be written", "storage.associations", "end", "before"),
    Point("end of an association written, not committed", "storage.associations", "end", "after"),
    Point("series to be completed", "storage.series", "complete", "before"),
    Point("series completed, not committed", "storage.series", "complete", "after"),
    Point("series complete, not judged", "node.assembler", "Assembler._judge", "before"),
    Point("series accepted, job not committed", "storage.series", "accept", "after"),
    Point("series rejected, not committed", "storage.series", "reject", "after"),
    Point("series judged", "node.assembler", "Assembler._judge", "after"),
    Point("job claimed, not committed", "storage.jobs", "claim", "after"),
    Point("job claimed", "node.pipeline", "Pipeline.run", "before"),
    Point("in the middle of inference", "tests.kill.stand_in", "StandIn.think", "before"),
    Point("report on disk, no row", "node.publication", "Publisher.of_answer", "after"),
    Point("report's rows to be written", "node.pipeline", "publish", "before"),
    Point("report's rows written, not committed", "node.pipeline", "publish", "after"),
    Point("job succeeded", "node.pipeline", "Pipeline.run", "after"),
    Point("delivery claimed, not committed", "storage.deliveries", "claim", "after"),
    Point("delivery claimed", "node.scu", "store", "before"),
    Point("report sent, no answer read", "node.scu", "_send", "before"),
    Point("report stored in the PACS, not recorded", "node.scu", "store", "after"),
    Point("report recorded as stored, not committed", "storage.deliveries", "stored", "after"),
)
