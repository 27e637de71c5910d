"""What the demo knows of its emulator."""

from demo.emulator import Emulator


def test_the_secret_is_not_shown() -> None:
    """Neither ``repr`` nor ``str`` has the secret of the API key; a failed test prints them."""
    emulator = Emulator("http://127.0.0.1:1/v2", "EXOkey", "not to be shown")
    assert emulator.key in repr(emulator)
    assert emulator.secret not in f"{emulator!r} {emulator}"
