"""The channels reply: N records of 1753 bytes, each with a tail of its own length.

The fixed parts are decoded by numpy in one pass, the aux parts with them if all channels have the
same number; otherwise one walk over the records finds where each begins.
Source: arbin-protocol.md 4.3.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from .fields import Cursor, index, narrow, whole, wide
from .protocol import Code, DecodeError
from .reading import NO_AUX, Aux, AuxValue, BmsValue, ChannelReading, ChannelTexts, SmbValue
from .texts import TEXT_BYTES, texts_of
from .words import AuxKind

_COUNTS = len(AuxKind) + 2
_VALUES = (
    ("test_time", "<f8"), ("step_time", "<f8"), ("voltage", "<f4"), ("current", "<f4"),
    ("power", "<f4"), ("charge_capacity", "<f4"), ("discharge_capacity", "<f4"),
    ("charge_energy", "<f4"), ("discharge_energy", "<f4"), ("internal_resistance", "<f4"),
    ("voltage_rate", "<f4"), ("acr", "<f4"), ("aci", "<f4"), ("aci_phase", "<f4"),
)  # fmt: skip

RECORD = np.dtype(
    [
        ("channel", "<u4"),
        ("status", "<i2"),
        ("comm_failure", "u1"),
        ("texts", "u1", (TEXT_BYTES,)),
        ("master", "<u2"),
        *_VALUES,
        ("counts", "<u2", (_COUNTS,)),
    ]
)
"""The fixed part of a record, packed. `counts`: aux values by kind, BMS values, SMB values."""

_HEAD = 4
_SIZE = RECORD.itemsize
_COUNTS_AT = _SIZE - 2 * _COUNTS
_COUNT_LAYOUT = struct.Struct(f"<{_COUNTS}H")
_FIXED = struct.Struct(f"<IhB{TEXT_BYTES}sH2d12f{_COUNTS}H")
_AUX_SIZE = 8
_AUX_LAYOUT = struct.Struct("<ff")
_BMS = struct.Struct("<Id")
_SMB = struct.Struct("<II")
_F64 = struct.Struct("<d")
_NUMBER, _TEXT = 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class ChannelsInfoReply:
    """The records of some channels, by column.

    fixed: (N,) of `RECORD`, in the order they came.
    aux: (M, 2) of float32: value and rate of change of all aux values, channel by channel.
    bms, smb: one tuple for each channel; empty if no channel has any.
    """

    code: ClassVar[Code] = Code.CHANNELS_INFO_REPLY
    fixed: NDArray[np.void]
    aux: NDArray[np.float32]
    bms: tuple[tuple[BmsValue, ...], ...] = ()
    smb: tuple[tuple[SmbValue, ...], ...] = ()

    @classmethod
    def of(cls, readings: Sequence[ChannelReading]) -> Self:
        """From readings. Raises `EncodeError`."""
        return cls.decode(encode_records(readings))

    @classmethod
    def joined(cls, replies: Sequence[Self]) -> Self:
        """The records of several replies, in their order."""
        some_bms = any(reply.bms for reply in replies)
        some_smb = any(reply.smb for reply in replies)
        return cls(
            np.concatenate([reply.fixed for reply in replies]),
            np.concatenate([reply.aux for reply in replies]),
            tuple(v for r in replies for v in r.bms or ((),) * len(r)) if some_bms else (),
            tuple(v for r in replies for v in r.smb or ((),) * len(r)) if some_smb else (),
        )

    def encode(self) -> bytes:
        return encode_records(self.readings())

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """From a payload. Raises `DecodeError` unless the records fill it exactly."""
        count = Cursor(payload, "channels info").u32()
        if count * _SIZE > len(payload) - _HEAD:
            raise DecodeError(f"channels info: {count} records in {len(payload)} bytes")
        if count == 0:
            return cls._walked(payload, 0)
        return cls._strided(payload, count) or cls._walked(payload, count)

    @classmethod
    def _strided(cls, payload: bytes, count: int) -> Self | None:
        """All records at once, None unless they have the same counts, of aux values only."""
        *aux_counts, bms, smb = _COUNT_LAYOUT.unpack_from(payload, _HEAD + _COUNTS_AT)
        each = sum(aux_counts)
        stride = _SIZE + _AUX_SIZE * each
        if bms or smb or count * stride != len(payload) - _HEAD:
            return None
        fixed: NDArray[np.void] = np.ndarray((count,), RECORD, payload, _HEAD, (stride,))
        if (fixed["counts"] != fixed["counts"][0]).any():
            return None
        strides = (stride, _AUX_SIZE, 4)
        aux: NDArray[np.float32] = np.ndarray(
            (count, each, 2), "<f4", payload, _HEAD + (_SIZE if each else 0), strides
        )
        return cls(fixed, aux.reshape(count * each, 2))

    @classmethod
    def _walked(cls, payload: bytes, count: int) -> Self:
        """One record after the other."""
        cursor = Cursor(payload, "channels info")
        cursor.at = _HEAD
        fixed: list[bytes] = []
        aux: list[bytes] = []
        bms: list[tuple[BmsValue, ...]] = []
        smb: list[tuple[SmbValue, ...]] = []
        for _ in range(count):
            fixed.append(cursor.bytes(_SIZE))
            *aux_counts, bms_count, smb_count = _COUNT_LAYOUT.unpack_from(fixed[-1], _COUNTS_AT)
            aux.append(cursor.bytes(_AUX_SIZE * sum(aux_counts)))
            bms.append(tuple(_bms_value(cursor) for _ in range(bms_count)))
            smb.append(tuple(_smb_value(cursor) for _ in range(smb_count)))
        cursor.end()
        values = np.frombuffer(b"".join(aux), "<f4").reshape(-1, 2)
        records: NDArray[np.void] = np.frombuffer(b"".join(fixed), RECORD)
        return cls(
            records,
            values,
            tuple(bms) if any(bms) else (),
            tuple(smb) if any(smb) else (),
        )

    def __len__(self) -> int:
        return len(self.fixed)

    def readings(self, texts: Sequence[ChannelTexts] | None = None) -> list[ChannelReading]:
        """One value for each record, with texts that are known already, or its own."""
        if texts is None:
            texts = texts_of(self.fixed["texts"])
        fixed, count = self.fixed, len(self.fixed)
        columns: list[Sequence[Any]] = [
            fixed["channel"].tolist(),
            fixed["status"].tolist(),
            (fixed["comm_failure"] != 0).tolist(),
            fixed["master"].tolist(),
            *(fixed[name].tolist() for name, _ in _VALUES),
            texts,
            self._aux_values() or (NO_AUX,) * count,
            self.bms or ((),) * count,
            self.smb or ((),) * count,
        ]
        return [ChannelReading(*row) for row in zip(*columns, strict=True)]

    def _aux_values(self) -> list[Aux]:
        """The aux values of each channel by kind; empty if no channel has any."""
        if not len(self.aux):
            return []
        values = list(starmap(AuxValue, self.aux.tolist()))
        found: list[Aux] = []
        at = 0
        for counts in self.fixed["counts"][:, : len(AuxKind)].tolist():
            kinds: list[tuple[AuxValue, ...]] = []
            for count in counts:
                kinds.append(tuple(values[at : at + count]))
                at += count
            found.append(tuple(kinds))
        return found


def encode_records(readings: Sequence[ChannelReading]) -> bytes:
    """The payload of a channels reply. Raises `EncodeError`."""
    return b"".join((len(readings).to_bytes(4, "little"), *map(encode_record, readings)))


def encode_record(one: ChannelReading) -> bytes:
    """One channel as a record with its tail. Raises `EncodeError`."""
    counts = (*map(len, one.aux), len(one.bms), len(one.smb))
    texts = one.texts
    fixed = _FIXED.pack(
        whole(one.channel, 0, 0xFFFFFFFF, "channel"),
        whole(one.status, -0x8000, 0x7FFF, "status"),
        one.comm_failure,
        wide(texts.schedule, 200, "schedule")
        + wide(texts.test_name, 72, "test name")
        + narrow(texts.exit_condition, 100, "exit condition")
        + narrow(texts.step_and_cycle, 64, "step and cycle")
        + wide(texts.barcode, 72, "barcode")
        + wide(texts.bms_config, 200, "BMS configuration")
        + wide(texts.smb_config, 200, "SMB configuration"),
        index(one.master, "master channel"),
        *(getattr(one, name) for name, _ in _VALUES),
        *(whole(count, 0, 0xFFFF, "number of values") for count in counts),
    )
    aux = (_AUX_LAYOUT.pack(*value) for kind in one.aux for value in kind)
    return b"".join((fixed, *aux, *map(_bms_bytes, one.bms), *map(_smb_bytes, one.smb)))


def _bms_bytes(one: BmsValue) -> bytes:
    return _BMS.pack(one.index, one.value) + _zero_terminated(one.unit, "BMS unit")


def _smb_bytes(one: SmbValue) -> bytes:
    if isinstance(one.value, str):
        value = _SMB.pack(one.index, _TEXT) + _zero_terminated(one.value, "SMB text")
    else:
        value = _SMB.pack(one.index, _NUMBER) + _F64.pack(one.value)
    return value + _zero_terminated(one.unit, "SMB unit")


def _zero_terminated(text: str, what: str) -> bytes:
    return narrow(text, len(text), what) + b"\0"


def _bms_value(cursor: Cursor) -> BmsValue:
    number, value = cursor.take(_BMS)
    return BmsValue(number, value, cursor.zero_terminated())


def _smb_value(cursor: Cursor) -> SmbValue:
    number, kind = cursor.take(_SMB)
    value: float | str
    if kind == _NUMBER:
        (value,) = cursor.take(_F64)
    elif kind == _TEXT:
        value = cursor.zero_terminated()
    else:
        raise DecodeError(f"channels info: SMB value of type {kind}, which is not 0 or 1")
    return SmbValue(number, value, cursor.zero_terminated())
