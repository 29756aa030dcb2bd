"""Cryomech CPA helium compressors with the digital panel (CPA08xx to CPA28xx, so also CPA1110)."""
