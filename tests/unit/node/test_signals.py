"""What ends a command. The signals go to processes of their own, never to that of the tests."""

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

RUN = """
import os, signal, sys
from node.signals import stopping_on_signals
with stopping_on_signals({arguments}) as stop:
    {body}
print("stopped" if stop.is_set() else "goes on", flush=True)
"""


def command(body: str, arguments: str = "") -> "subprocess.Popen[str]":
    """A process that runs `body` while signals are to stop it."""
    code = RUN.format(body=body, arguments=arguments)
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def ended(
    process: "subprocess.Popen[str]", act: Callable[["subprocess.Popen[str]"], None]
) -> tuple[str, int]:
    """What the process printed and how it ended, after `act` at its first line."""
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            act(process)
            printed, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    return printed.strip(), process.returncode


WAIT = "print('ready', flush=True); stop.wait(60)"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_for_an_orderly_stop(number: signal.Signals) -> None:
    assert ended(command(WAIT), lambda process: process.send_signal(number)) == ("stopped", 0)


def test_a_second_signal_ends_what_does_not_stop() -> None:
    process = command(WAIT + "; print('stopping', flush=True); signal.pause()")

    def twice(process: "subprocess.Popen[str]") -> None:
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGTERM)

    assert ended(process, twice) == ("", -signal.SIGTERM)


def test_a_signal_while_the_event_is_locked_waits_for_nothing() -> None:
    """The main thread holds the lock whenever it begins or ends to wait for the event."""
    process = command(
        "print('ready', flush=True)\n"
        "    with stop._cond: signal.raise_signal(signal.SIGTERM)\n"
        "    stop.wait(60)"
    )
    assert ended(process, lambda process: None) == ("stopped", 0)


def test_a_supervised_command_stops_when_its_parent_is_gone() -> None:
    def close(process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None

    assert ended(command(WAIT, "supervised=True"), close) == ("stopped", 0)


def test_what_held_before_holds_again_and_no_thread_is_left() -> None:
    process = command(
        "print('ready', flush=True)\n"
        "import threading\n"
        "assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL\n"
        "assert threading.active_count() == 1"
    )
    assert ended(process, lambda process: None) == ("goes on", 0)
