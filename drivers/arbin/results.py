"""What the cycler answers to a command, with the vendor's meaning of each number.

Source: arbin-protocol.md 6. Codes that only the vendor's newer library knows are included.
Numbers that are in no table are kept and shown as they are.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class Result(IntEnum):
    """A result code; `meaning` says what it means to an operator."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


def meaning_of(results: type[Result], value: int) -> str:
    """What a number means as an answer to that command; never raises."""
    try:
        return f"{results(value).meaning} (0x{value:02X})"
    except ValueError:
        return f"result 0x{value:02X}, which is not in the vendor's list"


def known(results: type[Result], value: int) -> Result | None:
    """The result of this number, None if it is not in the vendor's list."""
    return next((one for one in results if one.value == value), None)


class LoginResult(Result):
    """LOGIN (arbin-protocol.md 4.1)."""

    LOGGED_IN = 1, "logged in"
    REFUSED = 2, "user or password refused"
    ALREADY = 3, "logged in already"


class ConnectResult(Result):
    """CONNECT (arbin-protocol.md 4.2)."""

    ACCEPTED = 0, "accepted"
    FULL = 1, "too many users are logged in"


class AssignResult(Result):
    """ASSIGN_SCHEDULE."""

    OK = 0x00, "assigned"
    NO_CHANNEL = 0x10, "there is no such channel"
    WINDOW_IN_USE = 0x11, "the monitor window is in use at the cycler"
    NAME_EMPTY = 0x12, "the schedule's name is empty"
    NOT_FOUND = 0x13, "there is no such schedule"
    RUNNING = 0x14, "the channel is running"
    DOWNLOADING = 0x15, "the channel is downloading another schedule"
    BATCH_OPEN = 0x16, "the batch file is open at the cycler"
    FAILED = 0x17, "the schedule could not be assigned"
    NOT_SAVED = 0x18, "the assignment could not be saved"


class StartResult(Result):
    """START and START_EX."""

    OK = 0x00, "started"
    NO_CHANNEL = 0x10, "there is no such channel"
    DIALOG_OPEN = 0x11, "the start dialog is open at the cycler"
    RUNNING = 0x12, "the channel is running or unsafe"
    NOT_CONNECTED = 0x13, "the channel has no link to its controller"
    SCHEDULE_INVALID = 0x14, "the schedule does not fit the system's configuration"
    NO_SCHEDULE = 0x15, "no schedule is assigned"
    SCHEDULE_VERSION = 0x16, "the schedule is of another version of the cycler's software"
    UNUSED_17 = 0x17, "a result that the vendor does not use"
    UNUSED_18 = 0x18, "a result that the vendor does not use"
    STEP_NUMBER = 0x19, "the step number is wrong"
    UNUSED_1A = 0x1A, "a result that the vendor does not use"
    AUX_COUNT = 0x1B, "the schedule has another number of aux inputs than the channel"
    BUILT_IN_AUX_COUNT = 0x1C, "the number of built-in aux inputs is wrong"
    UNUSED_1D = 0x1D, "a result that the vendor does not use"
    AUX_SETTINGS = 0x1E, "the test settings of the aux inputs need attention"
    NO_CHANNEL_SELECTED = 0x1F, "no channel is selected"
    GROUP_RUNNING = 0x20, "the channel's group is running"
    DOWNLOADING = 0x21, "the controller is still downloading a schedule"
    DATABASE = 0x22, "the cycler's database could not be read"
    TEST_NAME = 0x23, "the test name is empty or exists"
    BAD_STEP = 0x24, "the step number is wrong"
    PARALLEL = 0x25, "the channels are grouped wrongly in parallel"
    SAFETY_CHECK = 0x26, "the safety check before the start failed"
    UNUSED_27 = 0x27, "a result that the vendor does not use"
    SIMULATION = 0x28, "the battery simulation is faulty"
    PROFILE_WAIT = 0x29, "the waiting time of a profile is not over"
    SUSPENDED = 0x2A, "the channel is suspended"
    TEST_NAME_LONG = 0x2B, "the test name is too long"


class ResumeResult(Result):
    """RESUME and RESUME_EX."""

    OK = 0x00, "resumed"
    NO_CHANNEL = 0x10, "there is no such channel"
    DIALOG_OPEN = 0x11, "the resume dialog is open at the cycler"
    RUNNING = 0x12, "the channel is running or unsafe"
    NOT_CONNECTED = 0x13, "the channel has no link to its controller"
    SCHEDULE_INVALID = 0x14, "the schedule does not fit the system's configuration"
    NO_SCHEDULE = 0x15, "no schedule is assigned"
    SCHEDULE_VERSION = 0x16, "the schedule is of another version of the cycler's software"
    UNUSED_17 = 0x17, "a result that the vendor does not use"
    UNUSED_18 = 0x18, "a result that the vendor does not use"
    STEP_NUMBER = 0x19, "the step number is wrong"
    UNUSED_1A = 0x1A, "a result that the vendor does not use"
    AUX_COUNT = 0x1B, "the schedule has another number of aux inputs than the channel"
    BUILT_IN_AUX_COUNT = 0x1C, "the number of built-in aux inputs is wrong"
    UNUSED_1D = 0x1D, "a result that the vendor does not use"
    AUX_SETTINGS = 0x1E, "the test settings of the aux inputs need attention"
    NO_CHANNEL_SELECTED = 0x1F, "no channel is selected"
    GROUP_RUNNING = 0x20, "the channel's group is running"
    DOWNLOADING = 0x21, "the controller is still downloading a schedule"
    DATABASE = 0x22, "the cycler's database could not be read"
    TEST_NAME = 0x23, "there is no test to resume, or its schedule is another one"
    UNUSED_24 = 0x24, "a result that the vendor does not use"
    UNUSED_25 = 0x25, "a result that the vendor does not use"
    SAFETY_CHECK = 0x26, "the safety check before the start failed"
    SIMULATION = 0x27, "the battery simulation is faulty"
    SUSPENDED = 0x28, "the channel is suspended"


class JumpResult(Result):
    """JUMP."""

    OK = 0x00, "jumped"
    WINDOW_IN_USE = 0x11, "the monitor window is in use at the cycler"
    NOT_RUNNING = 0x12, "the channel is not running"
    NOT_CONNECTED = 0x13, "the channel has no link to its controller"
    SCHEDULE_INVALID = 0x14, "the schedule is invalid"
    NO_SCHEDULE = 0x15, "no schedule is assigned"
    SCHEDULE_VERSION = 0x16, "the schedule is of another version of the cycler's software"
    TOO_MANY_STEPS = 0x19, "the schedule has more than 200 steps"
    DOWNLOADING = 0x21, "the controller is still downloading a schedule"
    STEP_LIMIT = 0x24, "a step has an invalid limit"
    PARALLEL = 0x25, "the channels are grouped wrongly in parallel"
    SAFETY_CHECK = 0x26, "the safety check failed"
    SIMULATION = 0x28, "the battery simulation is not paralleled"
    SUSPENDED = 0x29, "the channel is suspended"
    IMPEDANCE_TEST = 0x2A, "an impedance test is in progress"


class ContinueResult(Result):
    """CONTINUE."""

    OK = 0x00, "continued"
    NO_CHANNEL = 0x10, "there is no such channel"
    DIALOG_OPEN = 0x11, "a dialog is open at the cycler"
    RUNNING = 0x12, "the channel is running"
    NOT_CONNECTED = 0x13, "the channel has no link to its controller"
    CALIBRATING = 0x14, "the channel is calibrating"
    NOT_PAUSED = 0x15, "the channel is not in a normal pause"
    UNSAFE = 0x16, "the channel is unsafe"


class StopResult(Result):
    """STOP."""

    OK = 0x00, "stopped"
    NO_CHANNEL = 0x10, "there is no such channel"
    WINDOW_IN_USE = 0x11, "the monitor window is in use at the cycler"
    NOT_RUNNING = 0x12, "the channel is not running"
    NOT_CONNECTED = 0x13, "the channel has no link to its controller"


class VariableResult(Result):
    """SET_MV and UPDATE_MV."""

    OK = 0x00, "set"
    FAILED = 0x10, "the variable could not be set"
    NO_META_CODE = 0x11, "there is no such variable"
    NOT_RUNNING = 0x12, "the channel is not running: the value is lost"
    NOT_IN_MITS_7 = 0x13, "MITS 7 does not have this variable"
    TOO_FAST = 0x14, "updates came faster than one in 200 ms"
    DATA_TYPE = 0x15, "the data type is not supported"
    NO_CHAMBER = 0x16, "there is no temperature chamber"
    AUX_NOT_CONTROLLABLE = 0x17, "the aux channel cannot be controlled"
    NOT_ACKNOWLEDGED = 0x18, "the controller did not acknowledge it"


class SerialResult(Result):
    """GET_SERIAL."""

    OK = 0x00, "read"
    ERROR = 0x10, "the serial number could not be read"


class DataResult(Result):
    """The code of each channel in start and resume data (arbin-protocol.md 4.13)."""

    OK = 0x00, "read"
    ERROR = 0x10, "the data could not be read"
    DATABASE = 34, "the cycler's database could not be read"
    TEST_NAME_EMPTY = 35, "the test name is empty"
    NOTHING_TO_RESUME = 36, "there is nothing to resume"


class BrowseResult(Result):
    """BROWSE_DIRECTORY. What 3 means depends on the server's generation (arbin-protocol.md 6.3)."""

    OK = 1, "listed"
    OK_SCHEDULES = 2, "schedules listed"
    FAILED_OR_LIST = 3, "the folder could not be listed"
    FAILED = 4, "the folder could not be listed"


class DownloadResult(Result):
    """DOWNLOAD_FILE."""

    OK = 1, "downloaded"
    FAILED = 2, "the file could not be read"
    CHECKSUM = 3, "the MD5 sum does not match"
    TOO_LONG = 4, "the file is too long"


class UploadResult(Result):
    """UPLOAD_FILE; newer servers have more (5 to 11)."""

    OK = 1, "uploaded"
    FAILED = 2, "the file could not be written"
    CHECKSUM = 3, "the MD5 sum does not match"
    IN_USE = 4, "a running test uses the file"


class FolderResult(Result):
    """NEW_OR_DELETE, NEW_FOLDER, DELETE_FOLDER."""

    CREATED = 1, "created"
    DELETED = 2, "deleted"
    NOT_CREATED = 3, "the folder could not be created"
    NOT_ALLOWED = 4, "no folder may be created there"
    NOT_DELETED = 5, "it could not be deleted"
    NOT_DELETABLE = 6, "files of this type cannot be deleted"
    IN_USE = 7, "it is in use"
    NOT_FOUND = 8, "it does not exist"


class ConsoleResult(Result):
    """SEND_MESSAGE and AUTOCAL_START: anything but 1 is a failure (arbin-protocol.md 4.16)."""

    FAILED_0 = 0, "it failed"
    OK = 1, "done"
    FAILED_2 = 2, "it failed"
