"""Pictures of the screens, taken from a running Phoebus that shows the demo's instruments."""

from __future__ import annotations
