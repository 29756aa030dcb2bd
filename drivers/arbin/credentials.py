"""User and password of a cycler: from a file that only its owner can read, or the environment.

They are read anew for each login, so that a change needs no restart, and they are shown nowhere:
no error, no log and no `repr` has them.

The file has two lines of TOML:

    user = "..."
    password = "..."
"""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

from .login import Login
from .settings import CyclerSettings

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_LARGEST = 4096
_KEYS = ("user", "password")
_WRONG = 'is not two lines of TOML, user = "..." and password = "..."'


class CredentialsError(ValueError):
    """User and password cannot be had; the text says where they were looked for, and why."""


def credentials(settings: CyclerSettings) -> Login:
    """The login that the settings name. Raises `CredentialsError`."""
    if settings.credentials_file is not None:
        return _from_file(Path(settings.credentials_file))
    names = (settings.user_variable, settings.password_variable)
    values = [os.environ.get(name, "") for name in names]
    missing = [name for name, value in zip(names, values, strict=True) if not value]
    if missing:
        raise CredentialsError(
            f"{' and '.join(missing)} not set in the environment (or set credentials_file)"
        )
    return Login(*values)


def _from_file(path: Path) -> Login:
    where = f"credentials_file {str(path)!r}"
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            _check_owner(os.fstat(file.fileno()), where)
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise CredentialsError(f"{where} cannot be read: {error.strerror}") from None
    if len(data) > _LARGEST:
        raise CredentialsError(f"{where} {_WRONG}: it is longer than {_LARGEST} bytes")
    try:
        table = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        # the parser's own message may show a part of the file
        raise CredentialsError(f"{where} {_WRONG}") from None
    user, password = (table.get(key) for key in _KEYS)
    if set(table) != set(_KEYS) or not isinstance(user, str) or not isinstance(password, str):
        raise CredentialsError(f"{where} {_WRONG}")
    return Login(user, password)


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for the other end of a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def _check_owner(status: os.stat_result, where: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise CredentialsError(f"{where} is not a plain file")
    if status.st_uid not in (os.geteuid(), 0):
        raise CredentialsError(f"{where} belongs to another user")
    if status.st_mode & _OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        raise CredentialsError(
            f"{where} can be used by others (mode {mode:04o}): it must be 0600 or 0400"
        )
