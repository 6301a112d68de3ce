"""Server: where a database is, and the reference to its password."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from zenml.secrets.secret import Secret

_SECRET = ("password", "passwd", "sslpassword")
_NAMES_PLACE = ("host", "hostaddr", "port", "dbname", "service", "unix_socket")
"""Parameters of a url that say which database it is; users and time-outs do not."""


@dataclass(frozen=True)
class Server:
    """A database on a server.

    Args:
        url: `scheme://user@host:port/database?parameter=value`, without a password.
        password: the reference to the password, as `env:NAME`, or empty.
    """

    url: str
    password: str

    @property
    def place(self) -> str:
        """Return what to call the database: its url without user and settings."""
        parts = urlsplit(self.url)
        named = [(name, value) for name, value in self.parameters if name in _NAMES_PLACE]
        text = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        return f"{text}?{urlencode(named, safe='/')}" if named else text

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Return the parameters at the end of the url."""
        return parse_qsl(urlsplit(self.url).query, keep_blank_values=True)

    @property
    def only_here(self) -> bool:
        """Say whether only this machine can reach it: by a socket in its file system, or by its loopback."""
        given = dict(self.parameters)
        hosts = given.get("hostaddr") or given.get("host") or urlsplit(self.url).hostname or ""
        names = [name.strip("[]") for name in hosts.split(",")]
        local = all(not name or name.startswith(("/", "127.", "%2f")) or name in ("localhost", "::1") for name in names)
        return "unix_socket" in given or ("service" not in given and local)

    def reveal(self) -> str:
        """Return the password, from where the reference says, or an empty string; problems never tell it.

        Raises:
            SecretError: it is not there.
        """
        return Secret(self.password).reveal() if self.password else ""


def url_problem(url: str) -> str:
    """Say what is wrong with a server's url, without telling what it holds; or return an empty string."""
    try:
        parts = urlsplit(url)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        port_is_good = False
    if not port_is_good and not parts.query and "," not in parts.netloc:
        return "the url's port is not a number from 1 to 65535"
    if parts.password is not None or any(name.lower() in _SECRET for name, _ in parse_qsl(parts.query)):
        return "the url holds a password, which would stand in every spec and log. Leave it out, and give password=…"
    return ""
