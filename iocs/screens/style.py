"""How all screens look: one grid, calm colours, fonts that every Phoebus has.

Saturated colours are for what is not as it should be; they are Phoebus's named ones, so that a site
that changes them changes them here too. What is read and what may be written differ in their
background: that for writing is paler than Phoebus's own, which would shout on every screen.
"""

from __future__ import annotations

from iocs.export.bob_values import Color, Font

WIDTH = 1280
"""Width of every full screen."""

MARGIN = 10
HEADER = 44
"""Height of the header."""

STRIP = 52
"""Height of the line below it: what is wrong, and which put was refused last."""

TOP = HEADER + STRIP + 8
"""Where the content of a screen starts."""

ROW = 24
PITCH = 30
"""Height of a row and distance to the next: room for the border that shows an alarm."""

BACKGROUND = Color(236, 239, 242)
BAND = Color(214, 221, 228)
PANEL = Color(248, 249, 250)
DARK = Color(58, 70, 80)
"""Behind white words: what stops, and where one is."""

EMERGENCY = Color(168, 0, 24)
WARNING_SIGN = Color(255, 214, 0)
"""An emergency off and what is around it, as on real ones; no alarm has these colours."""

WHITE = Color(255, 255, 255)
BLACK = Color(0, 0, 0)
LINE = Color(200, 207, 214)
MARKED = Color(255, 240, 200)
"""Behind what one shall look at."""

EQUIPMENT = Color(226, 231, 236)
EDGE = Color(120, 132, 144)
INK = Color(38, 50, 56)
MUTED = Color(92, 104, 114)
BUTTON = Color(210, 210, 210, "Button_Background")
READ = Color(240, 240, 240, "Read_Background")
WRITE = Color(205, 228, 247)
IDLE = Color(190, 197, 204)
"""An indicator that has nothing to say."""

ACTIVE = Color(72, 152, 96)
"""An indicator of something that runs, and may."""

WATER = Color(86, 140, 184)
WARM = Color(176, 112, 88)
HIGH = Color(146, 108, 168)
LOW = Color(110, 150, 150)

MINOR = Color(255, 128, 0, "MINOR")
MAJOR = Color(255, 0, 0, "MAJOR")
INVALID = Color(255, 0, 255, "INVALID")
DISCONNECTED = Color(200, 0, 200, "DISCONNECTED")

CURVES = (
    Color(0, 114, 178),
    Color(213, 94, 0),
    Color(0, 140, 105),
    Color(170, 80, 140),
    Color(110, 110, 110),
    Color(190, 140, 0),
    Color(60, 60, 160),
    Color(90, 170, 210),
)
"""Curves in this order; they differ for colour-blind eyes too."""

STATE = Font("", 24, "BOLD")
"""States in their bars: read from 2 m."""

NUMBER = Font("", 20, "BOLD")
"""The numbers that an instrument is watched by."""

NORMAL = Font("Default", 14)
BOLD = Font("Default Bold", 14, "BOLD")
TITLE = Font("Header 2", 18, "BOLD")
SMALL = Font("Fine Print", 12)
FINE = Font("", 11)
"""Long texts that need several lines in a narrow place."""
