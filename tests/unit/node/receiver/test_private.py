"""What the receiving paths use of pynetdicom beyond its documentation is still there.

Fails when a version of pynetdicom changes it; then read `node.receiver` against the new source.
"""

import hashlib
import importlib
import inspect
from importlib.metadata import version

import pynetdicom.association
import pynetdicom.dimse
import pynetdicom.dul
import pynetdicom.events
import pynetdicom.transport
import pytest
from pynetdicom import AE, _config
from pynetdicom.fsm import TRANSITION_TABLE

# What `node.receiver` overrides, calls, or does in its own way: each changes meaning with its body.
BODIES = {
    "pynetdicom.association.Association.__init__": "eb07516b8009",
    "pynetdicom.association.Association._run_reactor": "f28838c5559e",
    "pynetdicom.association.Association.kill": "8f9713666a7f",
    "pynetdicom.association.Association.run_reactor": "ed8bbbe3b3d6",
    "pynetdicom.association.Association._serve_request": "2f24c1759cdf",
    "pynetdicom.dimse.DIMSEServiceProvider.receive_primitive": "5f99c86b14a1",
    "pynetdicom.dul.DULServiceProvider.__init__": "c82dafa9438d",
    "pynetdicom.dul.DULServiceProvider._decode_pdu": "fc71dd1bf853",
    "pynetdicom.dul.DULServiceProvider._is_transport_event": "8725ed03bb8f",
    "pynetdicom.dul.DULServiceProvider._process_recv_primitive": "4c0ebbb3e646",
    "pynetdicom.dul.DULServiceProvider._read_pdu_data": "19f2d4e38c13",
    "pynetdicom.dul.DULServiceProvider.kill_dul": "5ceccf8dd01c",
    "pynetdicom.dul.DULServiceProvider.run_reactor": "e3a10eb3a093",
    "pynetdicom.dul.DULServiceProvider.send_pdu": "7cbce5da8594",
    "pynetdicom.dul.DULServiceProvider.stop_dul": "28a7e0be126e",
    "pynetdicom.transport.AssociationServer.__init__": "edacb98bdfb7",
    "pynetdicom.transport.AssociationServer.server_bind": "cf69278a05a5",
    "pynetdicom.transport.AssociationServer.server_close": "3fa1b358badb",
    "pynetdicom.transport.AssociationServer.shutdown": "e8e2c3a41009",
    "pynetdicom.transport.AssociationSocket.__init__": "1f0325fdef2c",
    "pynetdicom.fsm.StateMachine.do_action": "9a883f44c7f3",
    "pynetdicom.transport.AssociationSocket._shutdown_socket": "e2b2628faa81",
    "pynetdicom.transport.AssociationSocket.close": "c726c8db5381",
    "pynetdicom.transport.AssociationSocket.recv": "6bc20a33b1b7",
    "pynetdicom.transport.AssociationSocket.send": "1ea8158c0b51",
    "pynetdicom.transport.RequestHandler._create_association": "05c8d12b7986",
    "pynetdicom.transport.RequestHandler.handle": "034823fb4df3",
}


def digest(name: str) -> str:
    module, kind, function = name.rsplit(".", 2)
    body = getattr(getattr(importlib.import_module(module), kind), function)
    return hashlib.sha256(inspect.getsource(body).encode()).hexdigest()[:12]


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_relied_on_is_the_one_that_was_read(name: str) -> None:
    assert digest(name) == BODIES[name], f"changed with pynetdicom {version('pynetdicom')}"


def test_private_attributes_are_there() -> None:
    association = pynetdicom.association.Association(AE(), "acceptor")
    for name in (
        "_accepted_cx", "_dul_ready", "_is_paused", "_kill", "_reactor_checkpoint", "_server",
    ):  # fmt: skip
        assert hasattr(association, name)
    for name in ("_idle_timer", "_kill_thread", "artim_timer", "event_queue", "to_user_queue"):
        assert hasattr(association.dul, name)
    assert association.dimse.message is None
    assert AE()._servers == []
    assert {"UI"} <= _config.VALIDATORS.keys()
    assert _config.LOG_HANDLER_LEVEL in ("none", "standard")


def test_the_events_that_are_put_mean_what_they_meant() -> None:
    assert TRANSITION_TABLE["Evt17", "Sta6"] == "AA-4"
    assert TRANSITION_TABLE["Evt19", "Sta6"] == "AA-8"
    assert TRANSITION_TABLE["Evt18", "Sta2"] == "AA-2"
    assert TRANSITION_TABLE["Evt5", "Sta1"] == "AE-5"
    assert TRANSITION_TABLE["Evt19", "Sta2"] == "AA-1"
    assert TRANSITION_TABLE["Evt12", "Sta3"] == "AA-8"
    assert TRANSITION_TABLE["Evt15", "Sta6"] == "AA-1"
