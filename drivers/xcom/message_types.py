"""What the types of messages mean.

Source: xcom-protocol.md 10.2 (appendix 1.6.42 of the maker). `{1107}` in a text is
the number of a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MessageClass(StrEnum):
    """How grave a message is."""

    INFORMATION = "I"
    WARNING = "W"
    ERROR = "E"
    HALTED = "H"
    UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class MessageType:
    """A type of message: its number, class and text."""

    number: int
    message_class: MessageClass
    text: str


_TABLE = """\
0 W battery voltage low
1 W battery voltage too high
2 W bulk phase lasts too long
3 I synchronising to AC-in
4 W AC-in frequency out of range
5 W AC-in frequency out of range (second code, same text)
6 W AC-in voltage above limit
7 W AC-in voltage below limit
8 H inverter overload, short-circuit type
9 H charger short circuit
10 I system starting
11 W AC-in energy quota reached
12 I battery temperature sensor in use
13 I another remote control in use
14 H over-temperature, electronics
15 H inverter overload, long type (BL)
16 W fan fault
17 I programming mode
18 W battery ripple too large
19 H battery under-voltage
20 H battery over-voltage
21 I transfer refused, AC-out current above {1107}
22 H voltage found on AC-out
23 H no phase assigned
24 W clock battery to be replaced
25 H command board not recognised, update firmware
26 H power board not recognised, update firmware
27 H extension board not recognised, update firmware
28 H power/command boards: voltage mismatch
29 H extension/command boards: voltage mismatch
30 H power/command boards: power mismatch
31 H command board firmware mismatch
32 H power board firmware mismatch
33 H extension board firmware mismatch
34 H FID damaged, factory service needed
35 I memory layout changed
36 H parameter file missing
37 W message file missing, update advised
38 W device update advised (a)
39 W device update advised (b)
40 W device update advised (c)
41 W over-temperature, transformer
42 H foreign source on AC-out
43 I monthly test begins
44 I monthly test passed
45 W monthly autonomy test failed
46 I weekly test begins
47 I weekly test passed
48 W weekly autonomy test failed
49 I transfer opened, AC-in current above {1107}
50 E data transfer incomplete
51 I update complete
52 I already up to date
53 H devices incompatible, update needed
54 I data transfer running
55 E no SD card
56 W remote-control update advised
57 I operation done
58 H master synchronisation missing
59 H inverter overload, hardware
60 W AUX1 maximum time reached {1512}
61 W AUX2 maximum time reached {1513}
62 W generator commanded but no AC-in
63 I Xtender parameters saved
64 I BSP parameters saved
65 I VarioTrack parameters saved
71 E SD card full
72 H communication identification wrong
73 I this remote control runs the datalogger
74 I Xcom-MS parameters saved
75 I MPPT MS address changed
76 E MPPT MS address change failed
77 E MPPT MS DIP switch wrong
78 I SMS or e-mail sent
79 H more than 9 Xtenders
80 H battery missing or reversed
81 W earth fault
82 H PV over-voltage
83 W 48 h without solar production
84 I equalisation done
85 E modem missing
86 E wrong PIN, modem not started
87 E GSM signal too weak
88 E no GSM network
89 E Xcom server unreachable
90 I Xcom server connected
91 W update done, other remote controls/gateways need it too
92 E more than 4 remote controls or Xcom units
93 E more than one BSP
94 E more than one Xcom-MS
95 E more than 15 VarioTracks
121 E target device does not answer
122 E SD card damaged
123 E SD card not formatted
124 E SD card incompatible
125 E SD card format unknown, FAT needed
126 E SD card write-protected
127 E SD card has damaged files
128 E SD card file or folder missing
129 E SD card pulled too early
130 E update folder empty
131 I VarioTrack set for 12 V
132 I VarioTrack set for 24 V
133 I VarioTrack set for 48 V
134 I GSM signal level
137 I VarioTrack master sync lost
138 E Xtender master sync lost
139 I synchronised to VarioTrack master
140 I synchronised to Xtender master
141 E more than one Xcom-SMS
142 E more than 15 VarioStrings
143 I Xcom-SMS parameters saved
144 I VarioString parameters saved
145 E SIM blocked, PUK needed
146 E SIM missing
147 E install release R532 before going back further
148 I datalogging stopped, SD card removed
149 E parameters incomplete
150 E PV wiring fault at the VarioString
162 E lost contact with remote control or Xcom-232i
163 E lost contact with Xtender
164 E lost contact with BSP
165 E lost contact with Xcom-MS
166 E lost contact with VarioTrack
167 E lost contact with VarioString
168 I synchronised to VarioString master
169 I VarioString master sync lost
170 W 48 h without production on PV1
171 W 48 h without production on PV2
172 E FID change refused, several units present
173 E Xtender incompatible, contact vendor
174 I parameter locked, Xcom-CAN owns it
175 H critical under-voltage
176 I calibration lost
177 I an Xtender has started
178 I SoC programming needs a BSP or Xcom-CAN
179 I temperature programming needs a BTS or BSP
180 I command entry active
181 E battery temperature sensor disconnected
182 I another device uses the BTS/BSP temperature
183 H an Xtender lost the system bus
184 E check AC-in phase order or breakers
185 W AC-in below the delayed threshold
186 H critical under-voltage, fast
187 H critical over-voltage, fast
188 I CAN stage starting
189 E configuration file incompatible
190 I Xcom-SMS busy
191 I parameter unsupported
192 I reference unknown
193 I value invalid
194 I value below range
195 I value above range
196 I write failed
197 I read failed
198 I access level too low
199 I report has no data
200 E memory full
202 W battery alarm set
203 I battery alarm cleared
204 E battery stop set
205 I battery stop cleared
206 H board hardware incompatible
207 I AUX1 closed
208 I AUX1 opened
209 I AUX2 closed
210 I AUX2 opened
211 I command entry inactive
212 E VarioTrack firmware incompatible, update needed
213 I BSP stopped limiting battery current
214 W half-period RMS limit exceeded, transfer opened
215 W UPS limit reached, transfer opened
216 W SCOM watchdog restarted the Xcom-232i
217 W CAN trouble while declaring an Xtender
218 W CAN trouble while writing parameters
222 I front ON/OFF button pressed
223 I main OFF detected
224 I waiting before closing transfer relay {1580}
225 E lithium battery link lost
226 I lithium battery link back
227 E overload on high-voltage DC side
228 E start-up error
229 E short circuit on high-voltage DC side
230 I battery notification set
231 I battery notification cleared
232 E SD card file unreadable
233 E SD card file header damaged
234 E SD card file checksum wrong
235 H Xcom-CAN link lost
"""


def _parsed(line: str) -> MessageType:
    number, letter, text = line.split(maxsplit=2)
    return MessageType(int(number), MessageClass(letter), text)


MESSAGE_TYPES: tuple[MessageType, ...] = tuple(_parsed(line) for line in _TABLE.splitlines())

_BY_NUMBER = {each.number: each for each in MESSAGE_TYPES}


def message_type(number: int) -> MessageType:
    """The type with this number; of class UNKNOWN if no list has it."""
    unknown = MessageType(number, MessageClass.UNKNOWN, f"message {number}")
    return _BY_NUMBER.get(number, unknown)
