"""What a store on a server says of encryption, as the ssl module's context."""

from __future__ import annotations

import ssl

from zenml.errors import ConfigError
from zenml.metadata.server import ServerMetadataStore


def tls_context(store: ServerMetadataStore) -> ssl.SSLContext:
    """Return the context of encrypted connections to a store's server; what it checks is told by the store's `ssl`.

    Raises:
        ConfigError: a certificate or key cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=store.ssl_ca)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # databases' own authorities rarely know RFC 5280 to the letter
        context.check_hostname = store.ssl == "verify-full"
        context.verify_mode = ssl.CERT_REQUIRED if store.ssl.startswith("verify") else ssl.CERT_NONE
        if store.ssl_cert:
            context.load_cert_chain(store.ssl_cert, store.ssl_key)
    except OSError as error:
        raise ConfigError(
            f"a certificate cannot be read: {error}", mend="Check --ssl-ca, --ssl-cert and --ssl-key"
        ) from error
    return context


def is_refusal(error: BaseException) -> bool:
    """Say whether one side refused the other's certificate or way to encrypt, while the network did its part."""
    gone = (ssl.SSLEOFError, ssl.SSLSyscallError, ssl.SSLZeroReturnError)
    return isinstance(error, ssl.SSLError) and not isinstance(error, gone)
