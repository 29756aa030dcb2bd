"""The driver against the simulated cycler: reading, logging in, files, every command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from drivers.arbin.commands import Continue, Resume
from drivers.arbin.control import VariableUpdate
from drivers.arbin.errors import CyclerRefused
from drivers.arbin.extended import ResumeEntry, StartEntry
from drivers.arbin.files import EntryKind
from drivers.arbin.login import Connect, Login
from drivers.arbin.protocol import Code
from drivers.arbin.queries import ChannelsInfo
from drivers.arbin.results import (
    AssignResult,
    BrowseResult,
    ConnectResult,
    DownloadResult,
    FolderResult,
    JumpResult,
    LoginResult,
    StartResult,
    UploadResult,
    VariableResult,
)
from drivers.arbin.simulator.model import SERIAL, Behaviour, User
from drivers.arbin.simulator.records import Wiring
from drivers.arbin.words import RUNNING, STOPPED, AuxKind, Extra, Status
from drivers.core.errors import LinkDown, NoReply, OutOfRange
from drivers.core.simulation.faults import Fault, FaultSpec
from tests.drivers.arbin.conftest import Rig, opened
from tests.support.wire.until import recovered, until

WIRED = Wiring({AuxKind.VOLTAGE: 2, AuxKind.TEMPERATURE: 1}, bms=2, smb=2)
SLOW = "Rest.sdx"

User_ = Callable[..., None]


async def started(rig: Rig, channel: int, schedule: str = SLOW, name: str = "test") -> None:
    await rig.cycler.assign(channel, schedule)
    await rig.cycler.start([channel], name)


# -- reading


async def test_nothing_goes_out_until_something_is_asked(rig: Rig) -> None:
    await asyncio.sleep(0)
    assert rig.proxy.connections == 0
    assert not rig.cycler.connected
    assert (rig.cycler.total, rig.cycler.login, rig.cycler.exchanges) == (None, None, 0)


async def test_a_sweep_is_one_exchange(rig: Rig) -> None:
    sweep = await rig.cycler.read_sweep()
    assert [type(one) for one in rig.requests] == [Login, ChannelsInfo]
    await rig.cycler.read_sweep()
    assert [type(one) for one in rig.requests] == [Login, ChannelsInfo, ChannelsInfo]
    assert rig.cycler.exchanges == 3
    assert rig.cycler.connected
    assert [one and one.channel for one in sweep.channels] == [0, 1, 2, 3]
    assert (sweep.statuses == Status.IDLE).all()
    assert (sweep.running, sweep.paused, sweep.unsafe) == (0, 0, 0)


async def test_columns_and_channels_agree(rig: Rig) -> None:
    await started(rig, 2)
    sweep = await rig.cycler.read_sweep()
    for n, one in enumerate(sweep.channels):
        assert one is not None
        assert (one.voltage, one.current) == (sweep.voltages[n], sweep.currents[n])
        assert one.status == sweep.statuses[n]
    assert sweep.running == 1
    reading = sweep.channels[2]
    assert reading is not None
    assert reading.texts.test_name == "test"
    assert reading.texts.schedule == SLOW
    assert reading.status in RUNNING


async def test_aux_bms_and_smb_values(user: User_) -> None:
    del user
    behaviour = Behaviour(channels=3, refresh=0.1, wiring=WIRED)
    async with opened(behaviour, bms=True, smb=True) as rig:
        sweep = await rig.cycler.read_sweep()
        for one in sweep.channels:
            assert one is not None
            assert [len(one.aux[kind]) for kind in AuxKind] == [2, 1] + [0] * 10
            assert (len(one.bms), len(one.smb)) == (2, 2)
        assert np.isfinite(sweep.temperatures).all()
    async with opened(behaviour) as rig:
        one = await rig.cycler.read_channel(1)
        assert one.aux[AuxKind.TEMPERATURE]
        assert (one.bms, one.smb) == ((), ())
    async with opened(behaviour, aux=False) as rig:
        assert not any((await rig.cycler.read_channel(1)).aux)
        assert rig.requests[-1] == ChannelsInfo(1, extra=Extra.NONE)


async def test_one_reply_for_each_channel_is_taken_as_well(user: User_) -> None:
    """arbin-protocol.md 4.3: one document says so."""
    del user
    behaviour = Behaviour(channels=5, refresh=0.1, wiring=WIRED, one_by_one=True)
    async with opened(behaviour, bms=True, smb=True) as rig:
        sweep = await rig.cycler.read_sweep()
        assert [one and one.channel for one in sweep.channels] == [0, 1, 2, 3, 4]
        assert all(one and len(one.aux[AuxKind.VOLTAGE]) == 2 for one in sweep.channels)
        assert all(one and len(one.smb) == 2 for one in sweep.channels)


async def test_fewer_channels_than_the_cycler_has(user: User_) -> None:
    del user
    async with opened(channels=2) as rig:
        assert len((await rig.cycler.read_sweep()).channels) == 2
        with pytest.raises(OutOfRange, match="channel index 2 is not from 0 to 1"):
            await rig.cycler.read_channel(2)


async def test_more_channels_than_the_cycler_has_are_unknown(user: User_) -> None:
    del user
    async with opened(channels=6) as rig:
        sweep = await rig.cycler.read_sweep()
        assert [one is None for one in sweep.channels] == [False] * 4 + [True] * 2
        assert np.isnan(sweep.voltages[4:]).all()
        assert (sweep.statuses[4:] == -1).all()


async def test_a_channel_without_its_controller(rig: Rig) -> None:
    rig.model.channels[1].linked = False
    await until(lambda: rig.model.view()[1].comm_failure)
    sweep = await rig.cycler.read_sweep()
    assert np.isnan(sweep.voltages[1])
    assert sweep.statuses[1] == -1


async def test_serial_number(rig: Rig) -> None:
    assert await rig.cycler.read_serial() == SERIAL


# -- login


async def test_a_refused_login_is_shown_and_not_hammered(user: User_) -> None:
    user("operator", "wrong")
    async with opened() as rig:
        with pytest.raises(CyclerRefused, match=r"log in.*user or password refused") as caught:
            await rig.cycler.read_sweep()
        assert caught.value.result is LoginResult.REFUSED
        assert rig.cycler.login is not None
        assert rig.cycler.login.result == LoginResult.REFUSED
        with pytest.raises(LinkDown, match=r"cannot log in: user or password refused .*next try"):
            await rig.cycler.read_sweep()
        assert [asked.code for asked in rig.server.requests()] == [Code.LOGIN]
        problem = ""
        while "or at once if user or password change" not in problem:
            with pytest.raises(LinkDown) as down:
                await rig.cycler.read_sweep()
            problem = str(down.value)
            await asyncio.sleep(0.05)
        assert [asked.code for asked in rig.server.requests()] == [Code.LOGIN]
        assert "wrong" not in rig.cycler.last_error
        assert not rig.cycler.connected
        user("operator")

        await recovered(rig.cycler.read_sweep)
        assert rig.server.count(Code.LOGIN) == 2
        assert rig.cycler.connected


async def test_missing_credentials_open_no_connection(
    user: User_, monkeypatch: pytest.MonkeyPatch
) -> None:
    del user
    monkeypatch.delenv("LABIOC_ARBIN_PASSWORD")
    async with opened() as rig:
        with pytest.raises(LinkDown, match="LABIOC_ARBIN_PASSWORD not set in the environment"):
            await rig.cycler.read_sweep()
        assert rig.proxy.connections == 0


@pytest.mark.parametrize("flag", [None, True, False])
async def test_the_kick_out_flag_is_sent_only_if_configured(user: User_, flag: bool | None) -> None:
    del user
    async with opened(may_be_kicked_out=flag) as rig:
        await rig.cycler.log_in()
        before_login = [] if flag is None else [Connect(flag)]
        assert rig.requests == [*before_login, Login("operator", "operator")]


async def test_a_full_cycler_refuses_the_connection(user: User_) -> None:
    del user
    behaviour = Behaviour(channels=4, most_users=1)
    async with opened(behaviour) as rig:
        await rig.cycler.log_in()
        async with opened(link=rig.cycler.link, may_be_kicked_out=False) as other:
            with pytest.raises(CyclerRefused, match="too many users") as caught:
                await other.cycler.read_sweep()
            assert caught.value.result is ConnectResult.FULL


async def test_a_user_of_its_own(user: User_) -> None:
    user("anna", "a password of thirty-two chars !!")
    behaviour = Behaviour(users=(User("anna", "a password of thirty-two chars !!"[:32]),))
    async with opened(behaviour) as rig:
        with pytest.raises(OutOfRange, match="the password is longer than 32") as caught:
            await rig.cycler.log_in()
        assert "thirty" not in str(caught.value)
        assert rig.requests == []
    user("anna", "a password of thirty-two chars !!"[:32])
    async with opened(behaviour) as rig:
        assert (await rig.cycler.log_in()).may_control


# -- commands


async def test_a_life_of_a_test(rig: Rig) -> None:
    await rig.cycler.assign(1, "CC-CV cycle.sdx")
    done = await rig.cycler.start([1], "first")
    assert done.note == ""
    (reading,) = done.readings
    assert reading.texts.test_name == "first"
    await rig.cycler.set_variable(1, 16, 2.5)
    await rig.cycler.jump(1, 4)
    (stopped,) = (await rig.cycler.stop(1)).readings
    assert stopped.status in STOPPED
    (data,) = await rig.cycler.read_resume_data([1])
    assert data.test_name == "first"
    (resumed,) = (await rig.cycler.resume(1)).readings
    assert resumed.status in RUNNING
    assert resumed.texts.test_name == "first"
    await rig.cycler.stop(1)
    assert rig.cycler.last_error == ""


async def test_a_paused_test_continues(rig: Rig) -> None:
    await started(rig, 0, "Pause.sdx")
    await rig.cycler.jump(0, 2)
    while (await rig.cycler.read_channel(0)).status != Status.PAUSE:
        await asyncio.sleep(0.05)
    await rig.cycler.resume(0)
    assert rig.writes[-1] == Continue((0,))
    await rig.cycler.stop(0)
    await rig.cycler.resume(0)
    assert rig.writes[-1] == Resume(0)


async def test_several_channels_start_with_one_command(rig: Rig) -> None:
    for channel in (0, 3):
        await rig.cycler.assign(channel, SLOW)
    done = await rig.cycler.start([0, 3], "both")
    assert [one.channel for one in done.readings] == [0, 3]
    assert rig.server.count(Code.START) == 1


async def test_success_may_be_said_of_the_request_as_a_whole(user: User_) -> None:
    """arbin-protocol.md 4.4."""
    del user
    behaviour = Behaviour(channels=4, refresh=0.1, whole_index=True)
    async with opened(behaviour, allow_control=True) as rig:
        for channel in (1, 2):
            await rig.cycler.assign(channel, SLOW)
        await rig.cycler.start([1, 2], "both")


async def test_a_test_with_details_starts_at_its_step(rig: Rig) -> None:
    entry = StartEntry(2, "from step 4", "CC-CV cycle.sdx", step=3)
    (reading,) = (await rig.cycler.start_with([entry])).readings
    assert reading.texts.step is not None
    assert reading.texts.step.number == 4
    await rig.cycler.stop(2)
    (data,) = await rig.cycler.read_resume_data([2])
    again = ResumeEntry(2, data.test_name, data.schedule, 3, data.point)
    (resumed,) = (await rig.cycler.resume_with([again])).readings
    assert resumed.status in RUNNING


async def test_start_data(rig: Rig) -> None:
    await rig.cycler.assign(2, "CC-CV cycle.sdx")
    await rig.cycler.assign(0, SLOW)
    first, second = await rig.cycler.read_start_data([2, 0])
    assert (first.channel, first.schedule, len(first.steps)) == (2, "CC-CV cycle.sdx", 7)
    assert (second.channel, second.steps) == (0, ("Step_A",))


async def test_variables_in_a_batch_keep_their_distance(rig: Rig) -> None:
    """The cycler refuses batches that come faster than one in 200 ms."""
    await started(rig, 0)
    updates = [VariableUpdate(0, 1, 1.5), VariableUpdate(0, 5, -2.0)]
    await asyncio.gather(*(rig.cycler.set_variables(updates) for _ in range(3)))
    assert rig.server.count(Code.UPDATE_VARIABLES) == 3


@pytest.mark.parametrize("fault", [False, True])
async def test_refusals_have_the_vendors_meaning(rig: Rig, fault: bool) -> None:
    with pytest.raises(CyclerRefused, match=r"channel 1: assign.*no such schedule \(0x13\)") as no:
        await rig.cycler.assign(0, "none.sdx")
    assert (no.value.result, no.value.code) == (AssignResult.NOT_FOUND, 0x13)
    with pytest.raises(CyclerRefused, match="no schedule is assigned") as no:
        await rig.cycler.start([0], "t")
    assert no.value.result is StartResult.NO_SCHEDULE
    with pytest.raises(CyclerRefused, match="the value is lost") as no:
        await rig.cycler.set_variable(0, 1, 1.0)
    assert no.value.result is VariableResult.NOT_RUNNING
    await rig.cycler.assign(0, SLOW)
    with pytest.raises(CyclerRefused) as no:
        await rig.cycler.jump(0, 1)
    assert no.value.result is JumpResult.NOT_RUNNING
    if fault:
        await rig.server.set_fault(FaultSpec(Fault.EXCEPTION, 0x77))
        with pytest.raises(CyclerRefused, match="0x77, which is not in the vendor's list") as no:
            await rig.cycler.set_variable(0, 1, 1.0)
        assert (no.value.result, no.value.code) == (None, 0x77)


async def test_a_refusal_of_some_channels_tells_which_obeyed(rig: Rig) -> None:
    await rig.cycler.assign(1, SLOW)
    with pytest.raises(CyclerRefused, match=r"channel 1: start.*no schedule") as caught:
        await rig.cycler.start([0, 1], "both")
    assert "obeyed by channel 2" in str(caught.value)
    await until(lambda: rig.model.view()[1].status in RUNNING)


async def test_a_message_and_the_calibration(rig: Rig) -> None:
    await rig.cycler.send_message("Cell 4 is hot")
    assert rig.model.messages[-1].endswith(r"<-->{\rtf1\ansi Cell 4 is hot}")
    with pytest.raises(CyclerRefused, match="start the calibration"):
        await rig.cycler.start_calibration()
    rig.model.calibration_window = True
    await rig.cycler.start_calibration()


# -- files


async def test_schedules_are_listed(rig: Rig) -> None:
    assert SLOW in await rig.cycler.files.list_schedules()
    with pytest.raises(CyclerRefused) as caught:
        await rig.cycler.files.browse("No such folder")
    assert isinstance(caught.value.result, BrowseResult)
    assert rig.cycler.last_error == str(caught.value)


@pytest.mark.parametrize("size", [0, 1, 512 * 1024, 1_200_000])
async def test_a_file_goes_there_and_comes_back(rig: Rig, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    await rig.cycler.files.upload("Work\\some.sdx", data)
    assert await rig.cycler.files.download("Work\\some.sdx") == data
    (entry,) = [one for one in await rig.cycler.files.browse("Work") if one.name == "some.sdx"]
    assert (entry.kind, entry.size) == (EntryKind.FILE, size)
    await rig.cycler.files.delete("Work\\some.sdx")
    with pytest.raises(CyclerRefused) as caught:
        await rig.cycler.files.download("Work\\some.sdx")
    assert caught.value.result is DownloadResult.FAILED


async def test_folders(rig: Rig) -> None:
    await rig.cycler.files.new_folder("Work\\New")
    names = [one.name for one in await rig.cycler.files.browse("Work")]
    assert "New" in names
    await rig.cycler.files.delete_folder("Work\\New")
    with pytest.raises(CyclerRefused) as caught:
        await rig.cycler.files.delete_folder("Work\\New")
    assert caught.value.result is FolderResult.NOT_FOUND


async def test_a_file_in_use_is_not_replaced(rig: Rig) -> None:
    await started(rig, 0)
    with pytest.raises(CyclerRefused) as caught:
        await rig.cycler.files.upload("Work\\Rest.sdx", b"Step_A; Rest;\n")
    assert caught.value.result is UploadResult.IN_USE


async def test_files_on_a_port_of_their_own(user: User_) -> None:
    """arbin-protocol.md 1."""
    del user
    async with opened() as rig:
        url = await rig.server.open_tcp(type(rig.cycler.settings.url)("127.0.0.1", 0), files=True)
        async with opened(link=str(rig.cycler.settings.url), file_port=url.port) as other:
            assert SLOW in await other.cycler.files.list_schedules()
            await other.cycler.read_sweep()
            assert other.cycler.exchanges == 4
        assert rig.server.count(Code.LOGIN) == 2


async def test_files_that_are_not_served_there_cost_no_connection(user: User_) -> None:
    del user
    async with opened(timeout=1.0) as rig:
        await rig.cycler.read_sweep()
        rig.server.files_elsewhere = True
        with pytest.raises(NoReply, match="nothing within 1 s"):
            await rig.cycler.files.list_schedules()
        with pytest.raises(NoReply, match="not asked again for"):
            await rig.cycler.files.list_schedules()
        await rig.cycler.read_sweep()
        assert rig.cycler.reconnects == 0
        assert rig.server.count(Code.BROWSE) == 1


async def test_a_late_listing_is_not_taken_for_the_next(user: User_) -> None:
    del user
    async with opened(timeout=1.0) as rig:
        await rig.cycler.read_sweep()
        await rig.server.set_fault(FaultSpec(Fault.LATE, 1.5, count=1))
        with pytest.raises(NoReply):
            await rig.cycler.files.browse("SMB")
        assert SLOW in await recovered(rig.cycler.files.list_schedules)
        assert rig.cycler.reconnects == 0
