"""The first messages of a session: who logs in, and what the cycler says about itself.

Source: arbin-protocol.md 4.1 and 4.2. User and password travel in clear text, and appear in
no `repr` and no error.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import ClassVar, Self

from .fields import Cursor, from_narrow, from_wide, narrow, unpack, whole, wide
from .protocol import Code, DecodeError
from .results import LoginResult, known

_REQUEST = struct.Struct("<32s32s")
_REPLY = struct.Struct("<I4s16s256s2048s2048s2048s2048s128s32sIIIIII")
_CONNECT = struct.Struct("<I32x")
_CONNECT_REPLY = struct.Struct("<II32x")
_U32 = 0xFFFFFFFF

MAX_CHANNELS = 4096
"""More channels in a login reply are taken for garbage; the largest systems have hundreds."""


@dataclass(frozen=True, slots=True)
class Login:
    """LOGIN: a user and a password of at most 32 ASCII characters each."""

    code: ClassVar[Code] = Code.LOGIN
    user: str = field(repr=False)
    password: str = field(repr=False)

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`, which shows neither."""
        return _REQUEST.pack(
            narrow(self.user, 32, "the user name", secret=True),
            narrow(self.password, 32, "the password", secret=True),
        )

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        user, password = unpack(_REQUEST, payload, "login")
        return cls(from_narrow(user), from_narrow(password))


@dataclass(frozen=True, slots=True)
class LoginReply:
    """The answer to LOGIN: whether it worked, and what the cycler is.

    `result` is one of `LoginResult`, `generation` one of `Generation`, `user_type` of `UserType`.
    `area_code` is known to hold garbage.
    """

    code: ClassVar[Code] = Code.LOGIN_REPLY
    result: int
    address: bytes = bytes(4)
    serial: str = ""
    note: str = ""
    nickname: str = ""
    location: str = ""
    contact: str = ""
    comments: str = ""
    email: str = ""
    telephone: str = ""
    area_code: int = 0
    generation: int = 1
    may_control: bool = False
    channels: int = 0
    user_type: int = 0
    picture: bytes = field(default=b"", repr=False)

    @property
    def accepted(self) -> bool:
        """Whether the user is logged in; one that was before is, too."""
        return known(LoginResult, self.result) in (LoginResult.LOGGED_IN, LoginResult.ALREADY)

    def encode(self) -> bytes:
        """The payload. Raises `EncodeError`."""
        return (
            _REPLY.pack(
                whole(self.result, 0, _U32, "result"),
                self.address,
                narrow(self.serial, 16, "serial number"),
                narrow(self.note, 256, "note"),
                wide(self.nickname, 1024, "nickname"),
                wide(self.location, 1024, "location"),
                wide(self.contact, 1024, "contact"),
                wide(self.comments, 1024, "comments"),
                wide(self.email, 64, "e-mail"),
                wide(self.telephone, 16, "telephone"),
                whole(self.area_code, 0, _U32, "area code"),
                whole(self.generation, 0, _U32, "generation"),
                self.may_control,
                whole(self.channels, 0, MAX_CHANNELS, "number of channels"),
                whole(self.user_type, 0, _U32, "user type"),
                len(self.picture),
            )
            + self.picture
        )

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`.

        Of a refusal no more than its result is needed: what servers send then is not documented.
        """
        if len(payload) < _REPLY.size:
            refusal = cls(Cursor(payload, "login reply").u32())
            if not refusal.accepted:
                return refusal
        head, picture = payload[: _REPLY.size], payload[_REPLY.size :]
        result, address, serial, note, *rest = unpack(_REPLY, head, "login reply")
        *wides, area_code, generation, control, channels, user_type, size = rest
        if size != len(picture):
            raise DecodeError(f"login reply: a picture of {size} bytes in {len(picture)}")
        if channels > MAX_CHANNELS:
            raise DecodeError(f"login reply: {channels} channels are more than {MAX_CHANNELS}")
        return cls(
            result,
            address,
            from_narrow(serial),
            from_narrow(note),
            *map(from_wide, wides),
            area_code=area_code,
            generation=generation,
            may_control=control == 1,
            channels=channels,
            user_type=user_type,
            picture=picture,
        )


@dataclass(frozen=True, slots=True)
class Connect:
    """CONNECT: says before the login whether another user may push this session out.

    Documents disagree on the meaning of the flag; 1 = may is the majority's.
    """

    code: ClassVar[Code] = Code.CONNECT
    may_be_kicked_out: bool

    def encode(self) -> bytes:
        return _CONNECT.pack(self.may_be_kicked_out)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        (flag,) = unpack(_CONNECT, payload, "connect")
        return cls(bool(flag))


@dataclass(frozen=True, slots=True)
class ConnectReply:
    """The answer to CONNECT; `result` is one of `ConnectResult`."""

    code: ClassVar[Code] = Code.CONNECT_REPLY
    may_be_kicked_out: bool
    result: int

    def encode(self) -> bytes:
        return _CONNECT_REPLY.pack(self.may_be_kicked_out, whole(self.result, 0, _U32, "result"))

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError`."""
        flag, result = unpack(_CONNECT_REPLY, payload, "connect reply")
        return cls(bool(flag), result)
