"""What may go wrong between a client and the simulated cycler, files, and the program itself."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.arbin.commands import Assign, Continue, Jump, Start, Stop
from drivers.arbin.console import ResultReply, SendMessage
from drivers.arbin.extended import ResumeEntry, ResumeEx, StartEntry, StartEx
from drivers.arbin.files import (
    PACKAGE,
    SCHEDULES,
    Browse,
    BrowseReply,
    DeleteFolder,
    Download,
    DownloadReply,
    EntryKind,
    NewFolder,
    NewOrDelete,
    Upload,
    UploadReply,
    digest,
)
from drivers.arbin.login import Connect, Login, LoginReply
from drivers.arbin.messages import REPLY_TO, Request, encode_request
from drivers.arbin.protocol import TOKEN, Code, Direction, Frame, frame
from drivers.arbin.queries import ChannelsInfo, GetSerial, SerialReply, UnknownCommandReply
from drivers.arbin.records import ChannelsInfoReply
from drivers.arbin.results import DownloadResult, FolderResult, StopResult, UploadResult
from drivers.arbin.simulator import CyclerSimulator
from drivers.arbin.simulator.answers import Session
from drivers.arbin.simulator.files import LONGEST_NAME
from drivers.arbin.simulator.model import SCHEDULES as STORED
from drivers.arbin.simulator.model import USERS, Behaviour, CyclerModel
from drivers.arbin.simulator.server import CyclerServer
from drivers.arbin.start_data import GetResumeData, GetStartData, ResumeDataReply, StartDataReply
from drivers.arbin.variables import SetVariable, Update, UpdateVariables
from drivers.arbin.words import STOPPED, Generation
from drivers.core.errors import BadUrl
from drivers.core.simulation.console import Console
from drivers.core.simulation.faults import BadFault, parse_fault
from tests.drivers.arbin.simulator_rig import WireClient, client, simulator
from tests.support.process import PythonProcess
from tests.support.wire.until import until

MODULE = "drivers.arbin.simulator"
SERIAL_FRAME = encode_request(GetSerial())


# -- frames


async def test_requests_in_pieces_and_together_are_all_answered() -> None:
    async with simulator() as (_, link), client(link) as one:
        for n in range(len(SERIAL_FRAME)):
            one.send(SERIAL_FRAME[n : n + 1])
        one.send(3 * SERIAL_FRAME)
        for _ in range(4):
            assert isinstance(await one.reply(), SerialReply)


async def test_garbage_and_bad_checksums_are_not_answered() -> None:
    async with simulator() as (cycler, link), client(link) as one:
        cycler.cycler.start_some()
        one.send(b"hello" + TOKEN[:5])
        one.send(SERIAL_FRAME[:-1] + bytes([SERIAL_FRAME[-1] ^ 1]))
        one.send(frame(Code.STOP, bytes(3), Direction.REQUEST))  # of a wrong length
        await one.in_step()
        assert cycler.bad_checksums == 1
        views = (await one.ask(ChannelsInfo(), ChannelsInfoReply)).readings()
        assert views[0].status not in STOPPED  # channel 0 goes on


async def test_replies_leave_in_pieces_if_they_are_to() -> None:
    async with simulator(piece=7) as (_, link), client(link) as one:
        assert len((await one.ask(ChannelsInfo(), ChannelsInfoReply)).readings()) == 4


async def test_the_old_token_is_one_that_nobody_takes() -> None:
    async with simulator(old_token=True) as (_, link), client(link, None) as one:
        one.send(encode_request(Login("operator", "operator")))
        assert await one.raw(8) == b"\xdd" * 8


REFUSABLE: list[Request] = [
    Connect(True),
    Continue((1, 2)),
    ResumeEx((ResumeEntry(1, "T", "A.sdx"),)),
    UpdateVariables((Update(1, 52, 1.0),)),
    GetSerial(),
    GetStartData((1,)),
    GetResumeData((1,)),
    Browse("Work"),
    Download("Work\\a.sdx", 1.0),
    Upload("Work\\a.sdx", b"x", 1, 0, 1.0, digest(b"x")),
    DeleteFolder("Work\\a"),
]

SAMPLES: list[Request] = [
    Login("operator", "operator"),
    Assign(0, "Rest.sdx"),
    Start("T", (0, 1)),
    StartEx((StartEntry(0, "T", "Rest.sdx"),)),
    Stop(0),
    Jump(0, 0),
    SetVariable(0, 52, 1.0),
    ChannelsInfo(0),
    NewFolder("Work\\a"),
    NewOrDelete(0, "Work\\a"),
    SendMessage("now<-->hello"),
]


@given(st.data())
def test_no_request_however_spoilt_ends_the_answers(data: st.DataObject) -> None:
    """Any bytes in the payload of a request give replies that can be sent, or none."""
    request = data.draw(st.sampled_from(SAMPLES + REFUSABLE))
    payload = bytearray(request.encode())
    for at in data.draw(st.lists(st.integers(0, len(payload) - 1), max_size=8)):
        payload[at] = data.draw(st.integers(0, 255))
    generation = data.draw(st.sampled_from([Generation.MITS_7, Generation.MITS_8]))

    async def answer() -> None:
        server = CyclerServer(CyclerModel(Behaviour(2, generation=generation, refresh=0.0)))
        session = Session(USERS[0])
        spoilt = Frame(request.code, bytes(payload))
        asked = [GetStartData((0, 1)), GetResumeData((0, 1)), ChannelsInfo(), Browse("Work")]
        frames = [spoilt, *(Frame(one.code, one.encode()) for one in asked)]
        replies = [server.replies(each, session, server.obey, files=False) for each in frames]
        assert sum(map(len, replies[1:])) == len(asked)
        await server.close()

    asyncio.run(answer())


# -- faults


async def fault(text: str, cycler: CyclerSimulator) -> None:
    await cycler.set_fault(parse_fault(text))


@pytest.mark.parametrize("name", ["silent", "lost-reply", "truncated", "bad-crc", "flood=50"])
async def test_a_spoilt_answer_is_lost_and_the_next_one_is_good(name: str) -> None:
    async with simulator() as (cycler, link), client(link) as one:
        cycler.cycler.start_some()
        await fault(f"{name}:1@writes", cycler)
        one.send(encode_request(Stop(0)))
        one.send(SERIAL_FRAME)
        one.send(SERIAL_FRAME)  # a half frame swallows the beginning of the next
        assert isinstance(await one.reply(), SerialReply)
        assert cycler.cycler.channels[0].running == (name == "silent")


async def test_a_late_answer_comes_behind_the_next() -> None:
    async with simulator() as (cycler, link), client(link) as one:
        await fault("late=0.2:1", cycler)
        one.send(encode_request(ChannelsInfo()))
        await one.in_step()
        assert isinstance(await one.reply(), ChannelsInfoReply)


async def test_another_reply_and_a_result_on_demand() -> None:
    async with simulator() as (cycler, link), client(link) as one:
        await fault("other-reply:1", cycler)
        await one.ask(GetSerial(), UnknownCommandReply)
        cycler.cycler.start_some()
        await fault(f"exception={StopResult.WINDOW_IN_USE:d}@writes", cycler)
        assert await one.result(Stop(0)) == (0, StopResult.WINDOW_IN_USE)
        assert await one.result(Start("T", (1,))) == (1, StopResult.WINDOW_IN_USE)
        assert cycler.cycler.channels[0].running
        await cycler.clear_fault()
        assert await one.result(Stop(0)) == (0, 0)
        await fault("exception=2:1", cycler)
        assert (await one.ask(Login("super", "super"), LoginReply)).result == 2


@pytest.mark.parametrize("request_", REFUSABLE, ids=lambda request: type(request).__name__)
async def test_a_result_on_demand_for_every_kind_of_request(request_: Request) -> None:
    async with simulator() as (cycler, link), client(link) as one:
        await fault("exception=36:1", cycler)
        one.send(encode_request(request_))
        reply = await one.reply()
        assert reply.code == REPLY_TO[request_.code]
        each = reply.channels if isinstance(reply, StartDataReply | ResumeDataReply) else [reply]
        assert [getattr(part, "result", None) for part in each] == [36] * len(each)


async def test_a_request_without_a_place_for_a_result_is_not_answered() -> None:
    async with simulator() as (cycler, link), client(link) as one:
        await fault("exception=36:1", cycler)
        one.send(encode_request(ChannelsInfo()))
        await one.in_step()


async def test_a_reset_and_a_cut_end_the_connection() -> None:
    async with simulator() as (cycler, link):
        async with client(link) as one:
            await fault("reset:1", cycler)
            one.send(SERIAL_FRAME)
            await one.ended()
        async with client(link) as one:
            cycler.cut_next = True
            one.send(SERIAL_FRAME)
            await one.ended()
            assert len(one.received) == 8678 + 64
        async with client(link) as one:
            await one.in_step()
        await until(lambda: not cycler.sessions)


async def test_refused_connections_and_a_restart() -> None:
    async with simulator() as (cycler, link), client(link) as one:
        await fault("refuse", cycler)
        await one.ended()
        with pytest.raises(ConnectionError):
            async with client(link):
                pytest.fail("connected")
        await cycler.clear_fault()
        cycler.cycler.start_some()
        async with client(link) as other:
            cycler.restart(0.05)
            await other.ended()
        await until(lambda: cycler.ports.listening)
        async with client(link) as again:
            await again.in_step()
        assert cycler.cycler.channels[0].running  # the controllers go on by themselves


async def test_faults_that_cannot_be_are_refused() -> None:
    async with simulator() as (cycler, _):
        with pytest.raises(BadFault, match="cannot happen"):
            await fault("wrong-unit", cycler)


# -- files


async def upload(
    one: WireClient, path: str, content: bytes, *, size: int = PACKAGE, md5: bytes | None = None
) -> list[int]:
    """Send a file in packages; the results."""
    cuts = [content[at : at + size] for at in range(0, max(len(content), 1), size)]
    results: list[int] = []
    for n, data in enumerate(cuts):
        request = Upload(path, data, len(cuts), n, 45000.5, md5 or digest(data))
        reply = await one.ask(request, UploadReply)
        assert (reply.tag, reply.packages, reply.index) == (45000.5, len(cuts), n)
        results.append(reply.result)
    return results


async def folder(one: WireClient, request: NewFolder | DeleteFolder | NewOrDelete) -> int:
    """The result of a command to folders."""
    return (await one.ask(request, ResultReply)).result


async def names(one: WireClient, path: str) -> list[str]:
    """What a folder holds."""
    return [entry.name for entry in (await one.ask(Browse(path), BrowseReply)).entries]


async def test_schedules_are_listed_loaded_and_stored() -> None:
    async with simulator() as (cycler, link), client(link) as one:
        listed = await one.ask(Browse(SCHEDULES), BrowseReply)
        assert listed.result == 2
        assert set(STORED) < {entry.name for entry in listed.entries}
        assert {entry.kind for entry in listed.entries} == {EntryKind.FILE}
        text = b"A; Rest; ; step_time >= 5\n"
        assert await upload(one, "Work\\New.sdx", text, size=10) == [UploadResult.OK] * 3
        assert "New.sdx" in await names(one, SCHEDULES)
        back = await one.ask(Download("work\\new.SDX", 3.5), DownloadReply)
        assert (back.result, back.tag, back.packages, back.data) == (1, 3.5, 1, text)
        assert back.md5 == digest(text)
        assert await one.result(Assign(0, "new.sdx")) == (0, 0)
        assert await one.result(Start("T", (0,))) == (0, 0)
        assert await upload(one, "Work\\New.sdx", text) == [UploadResult.IN_USE]
        assert await folder(one, NewOrDelete(0, "Work\\New.sdx")) == FolderResult.IN_USE
        await one.result(Stop(0))
        assert await folder(one, NewOrDelete(0, "Work\\New.sdx")) == FolderResult.DELETED
        assert cycler.cycler.channels[0].assignment is not None  # the controller has its copy


async def test_a_large_file_comes_in_packages() -> None:
    async with simulator() as (cycler, link), client(link) as one:
        content = bytes(range(256)) * 4100
        assert cycler.cycler.files.write("Support\\big.txt", content)
        one.send(encode_request(Download("Support\\big.txt", 1.0)))
        packages = [await one.reply() for _ in range(3)]
        assert all(isinstance(each, DownloadReply) for each in packages)
        found = [each for each in packages if isinstance(each, DownloadReply)]
        assert [(each.packages, each.index) for each in found] == [(3, 0), (3, 1), (3, 2)]
        assert b"".join(each.data for each in found) == content


async def test_what_cannot_be_done_with_files() -> None:
    async with simulator() as (_, link), client(link) as one:
        assert (await one.ask(Browse("Nowhere"), BrowseReply)).result == 3
        missing = await one.ask(Download("Work\\none.sdx", 1.0), DownloadReply)
        assert missing.result == DownloadResult.FAILED
        assert await upload(one, "Nowhere\\a.sdx", b"x") == [UploadResult.FAILED]
        assert await upload(one, "a.sdx", b"x") == [UploadResult.FAILED]
        assert await upload(one, f"Work\\{LONGEST_NAME * 'a'}.sdx", b"x") == [UploadResult.FAILED]
        assert await upload(one, "Work\\a.sdx", b"x", md5=bytes(16)) == [UploadResult.CHECKSUM]
        second = Upload("Work\\a.sdx", b"x", 2, 1, 1.0, digest(b"x"))
        assert (await one.ask(second, UploadReply)).result == UploadResult.FAILED
        assert "a.sdx" not in await names(one, "Work")


async def test_folders() -> None:
    async with simulator() as (_, link), client(link) as one:
        assert await folder(one, NewFolder("Work\\Mine")) == FolderResult.CREATED
        assert await folder(one, NewFolder("Work\\mine")) == FolderResult.NOT_CREATED
        assert await folder(one, NewFolder("Work\\a\\b")) == FolderResult.NOT_CREATED
        assert await folder(one, NewFolder("Elsewhere\\a")) == FolderResult.NOT_ALLOWED
        vendor = bytes(4) + "Work\\Yours".encode("utf-16-le").ljust(2044, b"\0")
        one.send(frame(Code.NEW_FOLDER, vendor, Direction.REQUEST))  # arbin-protocol.md 4.15
        await one.reply()
        assert (await names(one, "Work"))[:2] == ["Mine", "Yours"]
        assert await folder(one, NewOrDelete(1, "Work\\Theirs")) == FolderResult.CREATED
        assert await upload(one, "Work\\Mine\\a.exe", b"x") == [UploadResult.OK]
        assert await folder(one, NewOrDelete(0, "Work\\Mine\\a.exe")) == FolderResult.NOT_DELETABLE
        assert await folder(one, DeleteFolder("Work")) == FolderResult.NOT_DELETED
        assert await folder(one, DeleteFolder("Work\\Mine")) == FolderResult.DELETED
        assert await folder(one, DeleteFolder("Work\\Mine")) == FolderResult.NOT_FOUND
        assert await folder(one, NewOrDelete(0, "Work\\none.txt")) == FolderResult.NOT_FOUND
        assert await names(one, "Work\\Mine") == []


async def test_who_may_not_control_changes_no_files() -> None:
    async with simulator() as (_, link), client(link, "monitor") as one:
        before = await names(one, "Work")
        assert await upload(one, "Work\\a.sdx", b"x") == [UploadResult.FAILED]
        assert await folder(one, NewFolder("Work\\a")) == FolderResult.NOT_CREATED
        assert await folder(one, DeleteFolder("Work\\a")) == FolderResult.NOT_DELETED
        assert await folder(one, NewOrDelete(0, "Work\\Rest.sdx")) == FolderResult.NOT_DELETED
        assert await names(one, "Work") == before


async def test_newer_servers_number_the_results_of_browsing_anew() -> None:
    behaviour = Behaviour(channels=1, generation=Generation.MITS_X_1, refresh=0.0)
    async with simulator(behaviour) as (_, link), client(link) as one:
        assert (await one.ask(Browse(SCHEDULES), BrowseReply)).result == 3
        assert (await one.ask(Browse("Nowhere"), BrowseReply)).result == 4


async def test_file_commands_on_a_port_of_their_own(free_port: int) -> None:
    file_link = f"tcp://127.0.0.1:{free_port}"
    async with simulator(file_link=file_link) as (_, link):
        async with client(link) as one:
            one.send(encode_request(Browse(SCHEDULES)))
            await one.in_step()
        async with client(file_link) as one:
            assert await names(one, SCHEDULES)


# -- the program


async def test_commands_of_the_console() -> None:
    async with simulator() as (cycler, link), client(link) as one:
        console = Console(cycler)
        cycler.cycler.start_some()
        assert (await console.execute("channel 1")).startswith("ok status TRANSITION voltage 3.")
        assert await console.execute("unsafe 2 on") == "ok 2 on"
        assert cycler.cycler.channels[1].unsafe
        assert await console.execute("unsafe 2 off") == "ok 2 off"
        assert not cycler.cycler.channels[1].unsafe
        assert await console.execute("unlink 3 on") == "ok 3 on"
        assert not cycler.cycler.channels[2].linked
        assert await console.execute("pause 1") == "ok 1"
        assert cycler.cycler.channels[0].paused
        assert await console.execute("charge 4 55") == "ok 4 55"
        assert cycler.cycler.channels[3].battery.state == 0.55
        assert await console.execute("ambient 30") == "ok 30"
        assert await console.execute("dialog on") == "ok on"
        assert await console.execute("calibration on") == "ok on"
        assert (await one.result(Stop(0)))[1] == StopResult.WINDOW_IN_USE
        assert await console.execute("requests") == "ok writes 1 crashes 0 STOP 1 LOGIN 1"
        assert await console.execute("cut") == "ok the next reply"
        assert await console.execute("kick") == "ok ended 1 sessions"
        await one.ended()
        wrong = ("channel", "channel 5", "channel x", "unsafe 1", "unsafe 1 perhaps", "pause 2")
        for line in (*wrong, "charge 1", "charge 1 lots", "ambient -300", "dialog", "restart -1"):
            assert (await console.execute(line)).startswith("error "), line
        assert await console.execute("restart 0") == "ok back in 0 s"


@pytest.mark.parametrize("link", ["pty", "rtu+tcp://127.0.0.1:0", "udp://127.0.0.1:5"])
async def test_links_of_other_kinds_are_not_served(link: str) -> None:
    async with simulator() as (cycler, _):
        with pytest.raises(BadUrl, match=r"serves TCP|must start with"):
            await cycler.listen(link)


async def test_the_program_serves_many_channels() -> None:
    options = ("--channels", "128", "--running", "--aux", "temperature=2", "--refresh", "0")
    async with PythonProcess(MODULE, "--link", "tcp://127.0.0.1:0", *options) as process:
        link = (await process.line(r"listening (\S+)"))[1]
        async with client(link) as one:
            readings = (await one.ask(ChannelsInfo(), ChannelsInfoReply)).readings()
            assert [reading.channel for reading in readings] == list(range(128))
            assert len({reading.voltage for reading in readings}) == 128
            await process.say("channel 1\n")
            await process.line(r"ok status .* test 'Cell 001' step '\[1\] 1: Step_A, Rest'")


async def test_users_of_the_command_line() -> None:
    options = ("--user", "eve:a:b:control", "--user", "bob:x:monitor", "--generation", "mits7")
    async with PythonProcess(MODULE, "--link", "tcp://127.0.0.1:0", *options) as process:
        link = (await process.line(r"listening (\S+)"))[1]
        async with client(link, None) as one:
            assert (await one.ask(Login("operator", "operator"), LoginReply)).result == 2
            reply = await one.ask(Login("eve", "a:b"), LoginReply)
            assert (reply.result, reply.may_control, reply.channels) == (1, True, 16)
            assert reply.generation == Generation.MITS_7


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--channels", "0"), "'0' is not a whole number, 1 to 4096"),
        (("--aux", "warmth=1"), "'warmth=1' is not KIND=COUNT"),
        (("--aux", "voltage=65"), "the count up to 64"),
        (("--user", "eve:secret"), "not of the form NAME:PASSWORD:RIGHTS"),
        (("--refresh", "x"), "'x' is not a number from 0 to 60"),
        (("--fault", "wobble"), "unknown fault 'wobble'"),
        (("--fault", "wrong-unit"), "cannot happen on this link"),
        (("--link", "pty"), "link 'pty'"),
    ],
)
async def test_wrong_options_are_named(options: tuple[str, ...], says: str) -> None:
    async with PythonProcess(MODULE, "--link", "tcp://127.0.0.1:0", *options) as process:
        assert await process.wait() == 2
        assert says in process.output
        assert "secret" not in process.output
