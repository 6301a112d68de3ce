"""Server: where a database is, and the reference to its password."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from zenml.secrets.secret import Secret

_SECRET = ("password", "passwd", "sslpassword")
_PORT = re.compile(r":[0-9]*$")
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
        named = given.get("hostaddr") or given.get("host")
        in_url = (_PORT.sub("", host) for host in urlsplit(self.url).netloc.rpartition("@")[2].split(","))
        hosts = named.split(",") if named else [unquote(host).strip("[]") for host in in_url]
        local = all(not host or host.startswith(("/", "127.")) or host in ("localhost", "::1") for host in hosts)
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
    except ValueError:
        return "the url's host is not a name or an address"
    try:
        port_is_good = parts.port != 0
    except ValueError:
        # libpq takes several hosts, each with its port.
        port_is_good = parts.scheme.startswith("postgres") and "," in parts.netloc
    if not port_is_good:
        return "the url's port is not a number from 1 to 65535"
    if parts.password is not None or any(name.lower() in _SECRET for name, _ in parse_qsl(parts.query)):
        return "the url holds a password, which would stand in every spec and log. Leave it out, and give password=…"
    return ""
