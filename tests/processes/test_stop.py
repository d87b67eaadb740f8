"""A request to stop: how soon, and why."""

from __future__ import annotations

from hpsearch.processes.stop import Stop, StopRequest


def test_nothing_asks_to_stop_at_first():
    stop = StopRequest()

    assert (stop.is_asked, stop.now, stop.why) == (False, False, None)


def test_a_first_ctrl_c_lets_running_epochs_finish_and_a_second_does_not():
    stop = StopRequest()

    stop.after_epochs(Stop.INTERRUPTED)
    assert (stop.is_asked, stop.now) == (True, False)

    stop.at_once(Stop.INTERRUPTED)
    assert (stop.is_asked, stop.now) == (True, True)


def test_a_deadline_that_has_passed_lets_running_epochs_finish():
    stop = StopRequest(timeout_s=-1)

    assert (stop.is_asked, stop.now, stop.why) == (True, False, Stop.TIMEOUT)


def test_a_deadline_that_is_far_away_asks_for_nothing():
    assert not StopRequest(timeout_s=1e9).is_asked


def test_a_signal_is_the_reason_although_the_deadline_passes_then():
    stop = StopRequest(timeout_s=-1)

    stop.after_epochs(Stop.TERMINATED)

    assert stop.why is Stop.TERMINATED


def test_a_signal_after_the_deadline_is_the_reason():
    stop = StopRequest(timeout_s=-1)
    assert stop.why is Stop.TIMEOUT

    stop.at_once(Stop.INTERRUPTED)

    assert stop.why is Stop.INTERRUPTED
