"""The server processes under test: ours and the peer's, with the same PVs and the same updates."""
