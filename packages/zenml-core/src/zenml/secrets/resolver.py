"""SecretResolver: what a plugin's author implements to look secrets up somewhere else."""

from __future__ import annotations

from abc import ABC, abstractmethod

from zenml.errors import SecretError, ZenMLError, closest

BUILT_IN = ("env", "file", "secret")
"""Schemes that every installation has, known without a look at what is installed."""


class SecretResolver(ABC):
    """Looks secrets up for one scheme.

    A plugin offers it by the hook `zenml_secret_resolvers` as `Spec("vault", "secret-resolver", "module:Class", …)`:
    the name is the scheme, and `vault:NAME` then works wherever a secret is asked for. An instance is made, without
    arguments, for each look-up, in whichever process needs the secret: what it must know (an address, an account) it
    takes from the environment, as its SDK does, and what is slow to set up it keeps for the process.
    """

    @abstractmethod
    def resolve(self, name: str) -> str:
        """Return the secret.

        Args:
            name: what follows the scheme and its colon in the reference, at least one character.

        Raises:
            SecretError: there is no such secret, or it cannot be read: say where it was looked for and what to do.
                Any other exception is reported with the reference. Neither message may hold a secret.
        """


def is_scheme(text: str) -> bool:
    """Tell whether something installed resolves references that begin so."""
    from zenml.plugins.registry import registry

    return text in BUILT_IN or bool(registry().named(text, ("secret-resolver",)))


def near_scheme(text: str) -> str:
    """Return what to do about an unknown scheme: install its distribution, or write the closest one."""
    from zenml.plugins.first_party import FIRST_PARTY
    from zenml.plugins.registry import registry

    ours = {name: home for name, (home, kind) in FIRST_PARTY.items() if kind == "secret-resolver"}
    if text in ours:
        return f"It comes with {ours[text]}. Run: pip install {ours[text]}."
    known = sorted({row.name for row in registry().rows() if row.kind == "secret-resolver"} | set(ours))
    return closest(text, known) or f"Known: {', '.join(known)}."


def resolve(reference: str) -> str:
    """Look up what a reference `SCHEME:NAME` stands for.

    Raises:
        SecretError: nothing installed resolves the scheme, or there is no such secret.
    """
    from zenml.plugins.registry import find, load

    scheme, _, name = reference.partition(":")
    try:
        resolver = load(find(scheme, ("secret-resolver",)))()
        value = resolver.resolve(name)
    except SecretError:
        raise
    except ZenMLError as error:
        raise SecretError(f"the secret {reference} cannot be looked up: {error}") from None
    except Exception as error:
        what = f"the secret {reference} cannot be looked up: {type(error).__name__}: {error}"
        raise SecretError(what) from error
    if not isinstance(value, str) or not value:
        raise SecretError(f"the secret {reference} is empty", mend="Give it a value, or leave the field out")
    return value
