"""Operator screens for Phoebus: one layout per instrument, on the ``.bob`` writer of export."""
