"""Foreign paper: bytes to frames and back."""
