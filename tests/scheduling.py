"""The order in which pytest-xdist gives tests to its processes, also after one of them died.

In pytest-xdist 3.8, `--dist loadgroup` gives what a lost process had finished to the others as
empty units of work, for which no result ever comes, and a new process one test only, with which it
waits for a second: the session never ends (issues 1323, 1327, 1362 and 1378 of its project).
"""

from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadGroupScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController


class GroupScheduling(LoadGroupScheduling):
    """Go on after the loss of a process: the test it was in has failed, the others are run."""

    @property
    def collection_is_completed(self) -> bool:
        """Whether tests may be given out: later, when every process that lives has listed them."""
        if self.collection is None:
            return super().collection_is_completed
        return all(node in self.registered_collections for node in self.assigned_work)

    def remove_node(self, node: "WorkerController") -> str | None:
        """Take back the work of a process; the test during which it was lost, if there is one."""
        workload = self.assigned_work.pop(node)
        self.registered_collections.pop(node, None)  # its successor collects anew
        waiting = ((unit, test) for unit in workload.values() for test in unit if not unit[test])
        unit, lost = next(waiting, ({}, None))
        if lost is None:
            return None
        unit[lost] = True  # it is reported as failed: no second process for it
        for scope, left in workload.items():
            if not all(left.values()):
                self.workqueue[scope] = left
                self.workqueue.move_to_end(scope, last=False)
        for other in self.assigned_work:
            self._reschedule(other)
        return lost

    def _reschedule(self, node: "WorkerController") -> None:
        super()._reschedule(node)
        # a process begins a test when it knows the next one
        while self.workqueue and not node.shutting_down and self._waiting(node) < 2:
            self._assign_work_unit(node)

    def _waiting(self, node: "WorkerController") -> int:
        return self._pending_of(self.assigned_work[node])


@pytest.hookimpl
def pytest_xdist_make_scheduler(
    config: pytest.Config, log: "Producer"
) -> LoadGroupScheduling | None:
    """Take the place of `--dist loadgroup`."""
    return GroupScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None
