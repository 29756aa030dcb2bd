"""Simulated modules on a CAN line: `python -m drivers.iseg.simulator --link slcan-pty`.

Behaves on the wire as iseg-protocol.md 16 asks, on a pseudo-terminal that speaks SLCAN
and on a socketcand server.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence

from ...core.simulation.console import make_parser, number_within, run_simulator, whole_within
from ..protocol import ADDRESSES, MAX_CHANNELS
from .channel import ChannelModel
from .crate import LINKS, CrateSimulator
from .model import ModuleModel
from .module import FAULTS

DEFAULT_LINK = "slcan-pty"


def make_models(modules: int, channels: int, *, negative: bool = False) -> list[ModuleModel]:
    """Modules with addresses from 0, their loads between 50 and 500 megohm."""
    dice = random.Random(2026)
    return [
        ModuleModel(
            address,
            [
                ChannelModel(
                    nominal_voltage=-6000.0 if negative else 6000.0,
                    load=dice.uniform(50e6, 500e6),
                    rng=random.Random(100 * address + number),
                )
                for number in range(channels)
            ],
            serial=474_218 + address,
            firmware=f"E{channels:02d}F0",
        )
        for address in range(modules)
    ]


def _build(options: argparse.Namespace) -> CrateSimulator:
    models = make_models(options.modules, options.channels, negative=options.negative)
    if options.own_ramps:
        for channel in (c for model in models for c in model.channels):
            channel.ramp_up = channel.ramp_down = abs(channel.nominal_voltage) / 100
    if options.on:
        for model in models:
            model.switch_on_some()
    return CrateSimulator(
        models,
        bitrate=options.bitrate,
        paced=options.paced,
        latency=options.latency,
        speed=options.speed,
        announce_every=options.announce,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the simulator from the command line; returns the exit code."""
    parser = make_parser(
        "iseg-simulator",
        "Simulated iseg high-voltage modules on a CAN line.",
        DEFAULT_LINK,
        LINKS,
        faults=FAULTS,
    )
    add = parser.add_argument
    add("--modules", type=whole_within(1, len(ADDRESSES)), default=1, help="addresses 0, 1, ...")
    add("--channels", type=whole_within(1, MAX_CHANNELS), default=16, help="of each module")
    add("--negative", action="store_true", help="modules of negative polarity")
    add("--own-ramps", action="store_true", help="channels with ramp speeds of their own")
    add("--on", action="store_true", help="start with the even channels on, at 1000 V and more")
    add(
        "--bitrate",
        type=whole_within(10_000, 1_000_000),
        default=125_000,
        help="of the line, bit/s",
    )
    add("--paced", action="store_true", help="each frame takes as long as on a real line")
    add("--latency", type=number_within(0.0, 10.0), default=0.001, help="of a module, s")
    add("--announce", type=number_within(0.1, 60.0), default=3.0, help="announcements, every s")
    return run_simulator(parser, _build, argv)
