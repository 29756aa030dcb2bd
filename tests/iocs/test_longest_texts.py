"""The longest list that an instrument can give has room in its PV."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.cpa1110.words import bit_texts
from drivers.xcom.addresses import Family
from drivers.xcom.datapoints import datapoints_of
from drivers.xcom.protocol import ObjectType
from iocs.cpa1110 import CompressorIOC
from iocs.device.declared import Declared
from iocs.record.convert import coerce
from iocs.xcom.names import pv_name
from iocs.xcom.parts import DevicePVs

ALL_BITS = bit_texts(0xFFFF_FFFF)
PARAMETERS = {
    family: ", ".join(
        f"{pv_name(point)}?"
        for point in datapoints_of(family)
        if point.object_type is ObjectType.PARAMETER
    )
    for family in Family
}


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        (CompressorIOC.warning_text, ALL_BITS),
        (CompressorIOC.alarm_text, ALL_BITS),
        *((DevicePVs.ram_only, text) for text in PARAMETERS.values()),
    ],
)
def test_the_longest_list_fits(declared: Any, text: str) -> None:
    assert isinstance(declared, Declared)
    assert coerce(declared.spec, text, declared.name) == text
