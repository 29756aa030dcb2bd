"""What goes wrong on a wire: the right error, nothing taken for what it is not, no write repeated.

A gateway on a plain socket answers with golden frames, whole, late, cut, spoilt or not at all.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from drivers.core.errors import (
    Ambiguous,
    BadReply,
    Blocked,
    DriverError,
    LinkDown,
    NoReply,
    OutOfRange,
    Refused,
)
from drivers.core.noise import MOST_NOISE
from drivers.xcom.device import Gateway
from drivers.xcom.frame import STRIPPED, Frame
from drivers.xcom.messages import Message, encode_message
from drivers.xcom.protocol import (
    ErrorCode,
    Format,
    Property,
    Service,
    encode_value,
    error_reply_to,
    reply_to,
)
from drivers.xcom.settings import MultiInfoUse, XcomSettings
from tests.drivers.xcom.golden import GOLDEN, wire
from tests.drivers.xcom.scripted import (
    NEVER,
    SOON,
    Answer,
    Scripted,
    answer_with,
    later,
    point,
    refuse,
    scripted,
    silent,
)
from tests.support.wire.until import recovered, until

NEVER_MULTI = MultiInfoUse.NEVER
VOLTAGE = point(3000, 101)
CURRENT = point(1138, 101)
TWELVE = encode_value(Format.FLOAT, 12.0)


def golden(*pairs: tuple[str, str]) -> Answer:
    """Answer golden requests with golden replies, byte for byte."""
    replies = {wire(asked): wire(reply) for asked, reply in pairs}
    return lambda asked: replies[asked.encode()]


async def _read(one: Scripted) -> float | None:
    reading = await one.gateway.read_infos([VOLTAGE])
    return reading.values[0]


def _own_address(**more: Any) -> dict[str, Any]:
    """As in the golden frames: our address is 1, values are read one by one."""
    return {"source_address": 1, "multi_info": NEVER_MULTI, **more}


# -- golden frames as the driver sends them


async def test_reads_are_the_golden_requests() -> None:
    answer = golden(("G01", "G02"), ("G03", "G04"), ("G11", "G12"), ("G07", "G08"))
    async with scripted(answer, **_own_address()) as one:
        assert await _read(one) == 12.359375
        assert (await one.gateway.read_parameters([CURRENT])).values == (60.0,)
        assert str(await one.gateway.read_guid()) == GOLDEN["G12"].means["guid"]
        one.answers(lambda asked: wire("G08") if not asked.object_id else b"")
        with pytest.raises(NoReply, match="read message 1"):
            await one.gateway.read_messages()
        assert one.server.received[:4] == [wire(name) for name in ("G01", "G03", "G11", "G07")]


async def test_writes_are_the_golden_requests() -> None:
    def answer(asked: Frame) -> bytes:
        # limits, then the write
        known = {wire("G05"): wire("G06"), wire("G24"): wire("G25")}
        if asked.property_id in (6, 7):
            limit = 0.0 if asked.property_id == 6 else 200.0
            return reply_to(asked, encode_value(Format.FLOAT, limit)).encode()
        if asked.property_id == 8:
            return reply_to(asked, b"\x10\x00").encode()
        return known.get(asked.encode(), reply_to(asked).encode())

    async with scripted(answer, **_own_address()) as one:
        await one.gateway.write(CURRENT, 12.0, flash=True)
        assert one.server.received[-1] == wire("G05")
        await one.gateway.write(point(1126, 101), False)
        assert one.server.received[-1] == wire("G22")
        await one.gateway.signal(point(10029, 301))
        assert one.server.received[-1] == wire("G24")
    async with scripted(answer, **_own_address(group_writes=(100,))) as one:
        await one.gateway.write(point(1311, 100), 8, flash=True)
        assert one.server.received[-1] == wire("G23")
        # the limits of every Xtender that there may be were asked for
        assert {asked.destination for asked in one.asked[:-1]} == set(range(101, 110))


async def test_limits_are_the_golden_requests() -> None:
    answer = golden(("G28", "G29"), ("G30", "G31"))

    def with_maximum(asked: Frame) -> bytes:
        if asked.property_id == 7:
            return reply_to(asked, encode_value(Format.FLOAT, 50.0)).encode()
        found = answer(asked)
        assert isinstance(found, bytes)
        return found

    async with scripted(with_maximum, **_own_address()) as one:
        limits = await one.gateway.read_limits(point(1107, 101))
        assert (limits.minimum, limits.maximum, limits.from_device) == (2.0, 50.0, True)
        assert limits.level is not None
        assert limits.level.name == "BASIC"
        before = one.gateway.exchanges
        await one.gateway.read_limits(point(1107, 101))
        assert one.gateway.exchanges == before


async def test_without_limits_of_the_device_those_of_the_table_hold() -> None:
    def answer(asked: Frame) -> bytes:
        if asked.service == Service.WRITE:
            return reply_to(asked).encode()
        return error_reply_to(asked, ErrorCode.PROPERTY_NOT_SUPPORTED).encode()

    async with scripted(answer) as one:
        limits = await one.gateway.read_limits(CURRENT)
        assert (limits.minimum, limits.maximum, limits.from_device) == (0, 200, False)
        with pytest.raises(OutOfRange, match="the table allows 0 to 200 A"):
            await one.gateway.write(CURRENT, 201.0)
        await one.gateway.write(CURRENT, 200.0)
        # the clock has no limits anywhere
        await one.gateway.write(point(5002, 501), 1_700_000_000)


async def test_a_signal_falls_back_to_flash_if_ram_is_refused_by_name() -> None:
    """xcom-protocol.md 9.1; it counts as a write to flash."""

    def answer(asked: Frame) -> bytes:
        if asked.property_id == Property.UNSAVED_VALUE:
            return error_reply_to(asked, ErrorCode.PROPERTY_NOT_SUPPORTED).encode()
        return reply_to(asked).encode()

    async with scripted(answer, flash_writes_per_day=1) as one:
        cycle = point(10029, 301)
        await one.gateway.signal(cycle)
        assert [asked.property_id for asked in one.asked] == [13, 5]
        assert one.gateway.flash_writes == 1
        with pytest.raises(Blocked, match="flash was written 1 times in 24 h"):
            await one.gateway.signal(cycle)
        one.answers(refuse(ErrorCode.ACCESS_DENIED))
        with pytest.raises(Refused, match="ACCESS_DENIED"):
            await one.gateway.signal(cycle)
        assert one.gateway.flash_writes == 1


@pytest.mark.parametrize("data", [b"\x10\x00", b"\x10\x00\x00\x00"])
async def test_the_user_level_may_have_two_or_four_bytes(data: bytes) -> None:
    """xcom-protocol.md 17, V5."""
    async with scripted(answer_with(data)) as one:
        assert (await one.gateway.read_parameters([point(5012, 501)])).values == (16,)


# -- faults of reads


async def test_silence() -> None:
    async with scripted() as one:
        with pytest.raises(NoReply, match=r"no answer in 0\.4 s"):
            await _read(one)
        assert not one.gateway.connected
        assert one.gateway.last_error.startswith(one.gateway.link)
        one.answers(refuse(ErrorCode.SERVICE_NOT_SUPPORTED))
        with pytest.raises(Refused, match="SERVICE_NOT_SUPPORTED"):
            await one.gateway.read_guid()
        # the gateway answered, so that it is not blamed
        assert one.gateway.connected


async def test_a_late_reply_is_dropped_and_counted() -> None:
    """To the same question, and with another value: only our own address tells them apart."""
    replies: list[bytes] = []

    def answer(asked: Frame) -> bytes:
        data = encode_value(Format.FLOAT, float(len(replies)))
        replies.append(reply_to(asked, data).encode())
        # the first comes with the second
        return b"" if len(replies) == 1 else b"".join(replies)

    async with scripted(answer, multi_info=NEVER_MULTI, retries=0) as one:
        with pytest.raises(NoReply):
            await _read(one)
        assert await _read(one) == 1.0
        assert one.gateway.statistics.late == 1


async def test_replies_to_others_are_dropped_and_counted() -> None:
    """N5 and N8; two of them in one segment with the right one."""
    wanted_last = wire("G33") + wire("G14") + wire("G02")
    async with scripted(lambda _: wanted_last, timeout=NEVER, **_own_address()) as one:
        assert await _read(one) == 12.359375
        assert one.gateway.statistics.late == 2


async def test_the_traffic_of_another_master_is_foreign() -> None:
    """xcom-protocol.md 13.3: replies to the portal are copied here; they carry its address."""

    def answer(asked: Frame) -> bytes:
        right = reply_to(asked, encode_value(Format.FLOAT, 51.5)).encode()
        return wire("G02") + wire("G32") + right + wire("G33")

    async with scripted(answer, timeout=NEVER, multi_info=NEVER_MULTI) as one:
        assert await _read(one) == 51.5
        await until(lambda: one.gateway.statistics.foreign == 3)


@pytest.mark.parametrize("junk", [b"\xff\x00", b"\xaa", b"\r\n", b"\xaa" * 40, wire("G02")[:17]])
async def test_junk_around_replies_costs_nothing(junk: bytes) -> None:
    """N3, N7, and the terminator of profile B."""

    def answer(asked: Frame) -> bytes:
        right = reply_to(asked, encode_value(Format.FLOAT, 51.5)).encode()
        return junk + right + junk + STRIPPED

    async with scripted(answer, timeout=5.0, multi_info=NEVER_MULTI, retries=0) as one:
        for _ in range(3):
            assert await _read(one) == 51.5


async def test_a_reply_in_pieces_is_one_reply() -> None:
    """N4, with a pause longer than that after which the line counts as quiet."""
    async with scripted(**_own_address(), timeout=NEVER) as one:

        def answer(asked: Frame) -> bytes:
            del asked
            loop = asyncio.get_running_loop()
            loop.call_later(0.2, one.server.push, wire("G02")[20:])
            return wire("G02")[:20]

        one.answers(answer)
        assert await _read(one) == 12.359375
        assert one.gateway.exchanges == 1


def _once_spoilt(spoil: Callable[[bytes], bytes]) -> Answer:
    """The second reply spoilt, the others right."""
    seen: list[Frame] = []

    def answer(asked: Frame) -> bytes:
        seen.append(asked)
        right = reply_to(asked, encode_value(Format.FLOAT, 51.5)).encode()
        return spoil(right) if len(seen) == 2 else right

    return answer


async def test_a_wrong_checksum_is_asked_again_at_once() -> None:
    answer = _once_spoilt(lambda reply: reply[:-1] + bytes([reply[-1] ^ 0x5A]))
    async with scripted(answer, timeout=NEVER, multi_info=NEVER_MULTI) as one:
        await _read(one)
        assert await _read(one) == 51.5
        assert one.gateway.exchanges == 3
        assert one.gateway.statistics.bad >= 1
        # another request, so that the replies can be told apart
        assert one.asked[1].source != one.asked[2].source


async def test_a_spoilt_frame_of_another_master_does_not_end_the_wait() -> None:
    """Two requests in flight would be the consequence (xcom-protocol.md 8.1)."""
    spoilt = wire("G02")[:-1] + b"\0"
    stripped = wire("G38").replace(STRIPPED, b"")

    async with scripted(timeout=NEVER, multi_info=NEVER_MULTI) as one:

        def answer(asked: Frame) -> bytes:
            right = reply_to(asked, encode_value(Format.FLOAT, 51.5)).encode()
            # long after the line went quiet
            asyncio.get_running_loop().call_later(0.3, one.server.push, right)
            return spoilt + stripped

        one.answers(answer)
        assert await _read(one) == 51.5
        assert one.gateway.exchanges == 1
        assert (one.gateway.statistics.stripped, one.gateway.statistics.bad >= 1) == (0, True)


async def test_a_gap_is_left_after_each_exchange() -> None:
    async with scripted(answer_with(TWELVE), gap=0.2, multi_info=NEVER_MULTI) as one:
        start = time.monotonic()
        for _ in range(3):
            await _read(one)
        assert time.monotonic() - start >= 2 * 0.2


async def test_half_a_reply_is_a_bad_reply_and_leaves_no_trace() -> None:
    answer = _once_spoilt(lambda reply: reply[: len(reply) // 2])
    async with scripted(answer, multi_info=NEVER_MULTI, retries=0) as one:
        await _read(one)
        with pytest.raises(BadReply, match=r"only 15 bytes of a frame came in 0\.4 s"):
            await _read(one)
        assert await _read(one) == 51.5


async def test_a_wrong_reply_is_no_value() -> None:
    async with scripted(answer_with(b"\x00\x00"), multi_info=NEVER_MULTI, retries=0) as one:
        with pytest.raises(BadReply, match=r"2 bytes \(00 00\) are no FLOAT, which has 4"):
            await _read(one)
        one.answers(answer_with(b""))
        with pytest.raises(BadReply, match="0 bytes"):
            await one.gateway.read_guid()


async def test_an_error_reply_without_a_code_is_a_bad_reply() -> None:
    def answer(asked: Frame) -> bytes:
        frame = reply_to(asked, b"\x01")
        return Frame(
            frame.source, frame.destination, frame.service, frame.object_type, frame.object_id,
            frame.property_id, frame.data, 0, 3,
        ).encode()  # fmt: skip

    async with scripted(answer, retries=0) as one:
        with pytest.raises(BadReply, match="an error reply without a code"):
            await one.gateway.read_guid()


async def test_a_flood_ends_with_the_deadline() -> None:
    """Or with what a connection may bring of it, whichever is first."""
    flood = bytes([0xAA, 0x55])
    async with scripted(lambda _asked: flood * 25_000, retries=0) as one:
        with pytest.raises((NoReply, BadReply), match=r"in 0\.4 s"):
            await one.gateway.read_guid()
        assert one.gateway.statistics.junk > 45_000
        one.answers(lambda _asked: flood * 50_000)
        with pytest.raises(NoReply, match="nothing but noise came"):
            await one.gateway.read_guid()
        assert one.gateway.statistics.junk > MOST_NOISE


async def test_a_connection_that_ends_is_opened_again_by_itself() -> None:
    async with scripted(
        answer_with(encode_value(Format.FLOAT, 51.5)), multi_info=NEVER_MULTI
    ) as one:
        assert await _read(one) == 51.5
        one.server.drop_connections()
        await until(lambda: not one.gateway.connected)
        assert await recovered(lambda: _read(one)) == 51.5
        assert one.gateway.reconnects == 1


async def test_a_connection_on_which_nothing_comes_is_given_up_after_a_while() -> None:
    """A serial server that lost its gateway keeps its connection; one that is stuck does not."""
    async with scripted(timeout=0.05, retries=0) as one:
        for _ in range(4):
            with pytest.raises(NoReply):
                await one.gateway.read_guid()
        assert one.server.connections == 1
        while one.server.connections == 1:
            with pytest.raises((NoReply, LinkDown)):
                await one.gateway.read_guid()
            await asyncio.sleep(0.02)


async def test_nobody_there(free_port: int) -> None:
    gateway = Gateway(XcomSettings(f"tcp://127.0.0.1:{free_port}"), timeout=SOON)
    with pytest.raises(LinkDown, match="cannot be opened"):
        await gateway.read_guid()
    assert (gateway.connected, gateway.exchanges) == (False, 0)
    await gateway.close()


# -- the strip hazard


def _strip(reply: bytes) -> bytes:
    return reply.replace(STRIPPED, b"")


async def test_a_stripped_reply_is_asked_again_at_once() -> None:
    """xcom-protocol.md 13.4, N6: not after the time-out, and it is counted and named."""
    seen: list[Frame] = []

    def answer(asked: Frame) -> bytes:
        seen.append(asked)
        data = bytes.fromhex("00 0D 0A 42") if len(seen) == 2 else encode_value(Format.FLOAT, 51.5)
        return _strip(reply_to(asked, data).encode())

    async with scripted(answer, timeout=NEVER, multi_info=NEVER_MULTI) as one:
        await _read(one)
        assert await _read(one) == 51.5
        assert one.gateway.statistics.stripped == 1
        assert len(seen) == 3


async def test_a_header_that_lost_its_checksum_is_noticed_too() -> None:
    """With this own address, 0D 0A is the checksum of the header if no flag is set."""
    flags = [0x04, 0x00, 0x04]

    def answer(asked: Frame) -> bytes:
        reply = reply_to(asked, TWELVE, flags=flags.pop(0)).encode()
        assert (reply[12:14] == STRIPPED) is (len(flags) == 1)
        return _strip(reply)

    async with scripted(answer, timeout=NEVER, source_address=0x9B00) as one:
        for _ in range(2):
            assert (await one.gateway.read_parameters([CURRENT])).values == (12.0,)
        assert one.gateway.statistics.stripped == 1
        assert flags == []


async def test_a_value_that_stays_stripped_is_told_as_such() -> None:
    def answer(asked: Frame) -> bytes:
        return _strip(reply_to(asked, bytes.fromhex("00 0D 0A 42")).encode())

    async with scripted(answer, timeout=NEVER, multi_info=NEVER_MULTI) as one:
        with pytest.raises(BadReply, match="the pair 0D 0A was cut out of it"):
            await one.gateway.read_parameters([CURRENT])
        assert one.gateway.statistics.stripped == 1


async def test_our_own_numbers_never_contain_the_pair() -> None:
    """It would be cut out of every reply, which carries them back."""
    async with scripted(timeout=SOON) as one:
        conversation = one.gateway._conversation
        numbers = {conversation.next_number() for _ in range(0x10000)}
        assert len(numbers) == 0xFFFF
        assert 0x0A0D not in numbers


# -- writes: never twice


def _writes(one: Scripted) -> list[Frame]:
    return [asked for asked in one.asked if asked.service == Service.WRITE]


def _limits_then(then: Answer) -> Answer:
    """Tell limits of 0 and 200, and answer writes in some way."""

    def answer(asked: Frame) -> Awaitable[bytes] | bytes:
        if asked.service == Service.WRITE:
            return then(asked)
        data = {6: 0.0, 7: 200.0}.get(asked.property_id, 60.0)
        if asked.property_id == 8:
            return reply_to(asked, b"\x20\x00").encode()
        return reply_to(asked, encode_value(Format.FLOAT, data)).encode()

    return answer


def _spoilt_reply(asked: Frame) -> bytes:
    reply = reply_to(asked).encode()
    return reply[:-1] + bytes([reply[-1] ^ 0x5A])


FATES: dict[str, Answer] = {
    "silence": silent,
    "half a reply": lambda asked: reply_to(asked).encode()[:13],
    "bad checksum": _spoilt_reply,
    "reply to another": lambda _asked: wire("G06"),
    "device silent": refuse(ErrorCode.RESPONSE_TIMEOUT),
    "late": lambda asked: later(reply_to(asked).encode(), 1.5 * SOON),
}


@pytest.mark.parametrize("fate", FATES)
async def test_a_write_without_a_good_reply_is_ambiguous_and_sent_once(fate: str) -> None:
    async with scripted(_limits_then(FATES[fate]), retries=3) as one:
        await one.gateway.read_parameters([CURRENT])
        with pytest.raises(Ambiguous, match="write 12 to 1138"):
            await one.gateway.write(CURRENT, 12.0, flash=True)
        assert len(_writes(one)) == 1
        # nobody knows what it holds now, and flash may have been written
        ram = one.gateway.ram_value(CURRENT)
        assert ram is not None
        assert ram.value is None
        assert one.gateway.flash_writes == 1
        one.answers(_limits_then(lambda asked: reply_to(asked).encode()))
        await recovered(lambda: one.gateway.read_parameters([CURRENT]))
        assert len(_writes(one)) == 1


async def test_a_write_into_a_connection_that_breaks_is_ambiguous_and_sent_once() -> None:
    async with scripted() as one:

        def cut(asked: Frame) -> bytes:
            del asked
            one.server.drop_connections()
            return b""

        one.answers(_limits_then(cut))
        with pytest.raises(Ambiguous, match="the connection was lost before the answer"):
            await one.gateway.write(CURRENT, 12.0)
        await asyncio.sleep(0)
        assert len(_writes(one)) == 1


async def test_a_late_confirmation_is_not_taken_for_that_of_the_next_write() -> None:
    """Both are to the same parameter: only our own address tells the replies apart."""
    late: list[bytes] = []

    def answer(asked: Frame) -> bytes:
        late.append(reply_to(asked).encode())
        return late[0] if len(late) == 2 else b""

    async with scripted(_limits_then(answer)) as one:
        with pytest.raises(Ambiguous):
            await one.gateway.write(CURRENT, 12.0)
        with pytest.raises(Ambiguous):
            await one.gateway.write(CURRENT, 20.0)
        assert one.gateway.statistics.late == 1


@pytest.mark.parametrize(
    "code",
    [
        ErrorCode.GATEWAY_BUSY,
        ErrorCode.DATA_TOO_BIG,
        ErrorCode.WRITE_PROPERTY_FAILED,
        ErrorCode.ACCESS_DENIED,
        ErrorCode.PROPERTY_IS_READ_ONLY,
        ErrorCode.DEVICE_NOT_FOUND,
    ],
)
async def test_a_refused_write_tells_why_and_is_not_repeated(code: ErrorCode) -> None:
    async with scripted(_limits_then(refuse(code)), retries=3) as one:
        with pytest.raises(Refused, match=code.name) as caught:
            await one.gateway.write(CURRENT, 12.0, flash=True)
        assert caught.value.code == code
        assert len(_writes(one)) == 1
        assert one.gateway.ram_value(CURRENT) is None
        assert one.gateway.flash_writes == 0


# -- retries of reads (xcom-protocol.md 7)


@pytest.mark.parametrize(
    ("code", "tries", "kind"),
    [
        (ErrorCode.GATEWAY_BUSY, 3, Refused),
        (ErrorCode.READ_PROPERTY_FAILED, 3, Refused),
        (ErrorCode.RESPONSE_TIMEOUT, 3, NoReply),
        (ErrorCode.DEVICE_NOT_FOUND, 1, NoReply),
        (ErrorCode.SERVICE_NOT_SUPPORTED, 1, Refused),
        (ErrorCode.OBJECT_ID_NOT_FOUND, 1, Refused),
        (ErrorCode.ACCESS_DENIED, 1, Refused),
        (ErrorCode.MULTICAST_READ_NOT_SUPPORTED, 1, Refused),
    ],
)
async def test_which_errors_are_asked_again(
    code: ErrorCode, tries: int, kind: type[DriverError]
) -> None:
    async with scripted(answer_with(TWELVE), retries=2) as one:
        await one.gateway.read_parameters([CURRENT])
        one.answers(refuse(code))
        with pytest.raises(kind, match=code.name):
            await one.gateway.read_guid()
        assert one.gateway.exchanges == 1 + tries


async def test_busy_for_a_moment_is_waited_for() -> None:
    answers = [answer_with(TWELVE), refuse(ErrorCode.GATEWAY_BUSY)]
    async with scripted(answer_with(TWELVE)) as one:
        await one.gateway.read_parameters([CURRENT])

        def answer(asked: Frame) -> Awaitable[bytes] | bytes:
            return answers.pop()(asked)

        one.answers(answer)
        assert (await one.gateway.read_parameters([CURRENT])).values == (12.0,)


# -- messages (xcom-protocol.md 10.1)


def _log(messages: list[Message], *, remaining: bool = False, flags: int = 0) -> Answer:
    """A gateway that holds these messages, the newest first."""

    def answer(asked: Frame) -> bytes:
        if asked.object_id >= len(messages):
            return error_reply_to(asked, ErrorCode.OBJECT_ID_NOT_FOUND).encode()
        total = len(messages) - (asked.object_id if remaining else 0)
        one = messages[asked.object_id]
        data = encode_message(Message(total, one.type, one.source, one.time))
        return reply_to(asked, data, flags=flags).encode()

    return answer


def _messages(count: int, first: int = 0) -> list[Message]:
    return [Message(0, 20, 101, 1000 + n) for n in reversed(range(first, first + count))]


@pytest.mark.parametrize("remaining", [False, True])
async def test_the_newest_ten_messages_then_only_what_is_new(remaining: bool) -> None:
    """Both readings of `total`: how many are held, or how many are left."""
    held = _messages(14)
    async with scripted(_log(held, remaining=remaining)) as one:
        first = await one.gateway.read_messages()
        assert [each.time for each in first] == [each.time for each in held[:10]]
        assert one.gateway.exchanges == 10
        # nothing is pending: nothing is asked
        assert await one.gateway.read_messages() == ()
        assert one.gateway.exchanges == 10
        held[:0] = _messages(2, first=14)
        one.answers(_log(held, remaining=remaining, flags=1))
        with pytest.raises(BadReply):
            await one.gateway.read_guid()  # any reply tells that there is something
        one.answers(_log(held, remaining=remaining))
        new = await one.gateway.read_messages()
        assert [each.time for each in new] == [1015, 1014]
        assert [each.time for each in one.gateway.messages] == [1015 - n for n in range(10)]


async def test_an_empty_log_and_a_gateway_without_one() -> None:
    async with scripted(_log([])) as one:
        assert await one.gateway.read_messages() == ()
    async with scripted(answer_with(encode_message(Message(0, 0, 0, 0)))) as one:
        assert await one.gateway.read_messages() == ()
    async with scripted(refuse(ErrorCode.SERVICE_NOT_SUPPORTED)) as one:
        assert await one.gateway.read_messages() == ()
        assert await one.gateway.read_messages() == ()
        assert one.gateway.exchanges == 1


# -- what never goes out


async def test_impossible_values_do_not_go_out() -> None:
    async with scripted(_limits_then(answer_with(b""))) as one:
        for value in (float("nan"), float("inf"), 1e39):
            with pytest.raises(OutOfRange):
                await one.gateway.write(CURRENT, value)
        with pytest.raises(OutOfRange, match="is not a whole number"):
            await one.gateway.write(point(1525, 101), 1.5)
        with pytest.raises(OutOfRange, match="is neither true nor false"):
            await one.gateway.write(point(1126, 101), 2)
        assert one.asked == []
