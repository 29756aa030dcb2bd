"""Pictures of the screens with live values, for whoever has no Phoebus at hand.

Reads displays (``.bob``), lays them out as Phoebus does and has headless Chromium draw them. It
knows the widgets that the screens of this project use and names those it does not know. It is
neither Phoebus nor a replacement for it: nothing can be clicked.
"""
