from __future__ import annotations

import pickle

import pytest

from drivers.core import errors


@pytest.mark.parametrize(
    "error",
    [
        errors.LinkDown("tcp://h:1", "unit 1", "read", "refused"),
        errors.NoReply("tcp://h:1", "unit 1", "read", "nothing"),
        errors.BadReply("tcp://h:1", "unit 1", "read", "junk"),
        errors.Refused("tcp://h:1", "unit 1", "read", "exception 2", 2),
        errors.Ambiguous("tcp://h:1", "unit 1", "start", "nothing"),
        errors.NotObeyed("tcp://h:1", "unit 1", "start", "still idle", "state idle"),
        errors.Blocked("tcp://h:1", "unit 1", "start", "an alarm"),
        errors.OutOfRange("tcp://h:1", "unit 1", "set", "7 is above 5"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_one_line_with_everything_and_can_be_pickled(
    error: errors.DriverError,
) -> None:
    text = str(error)
    assert "\n" not in text
    for part in (error.link, error.unit, error.asked, error.kind, error.detail):
        assert part in text
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == text
    assert vars(copy) == vars(error)
