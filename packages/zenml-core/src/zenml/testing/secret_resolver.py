"""What every secret resolver must do: inherit the class, give its fixtures, and run pytest."""

# ruff: noqa: S101 - a suite for pytest checks by assert
from __future__ import annotations

import pytest

from zenml.errors import SecretError
from zenml.plugins.registry import find, load
from zenml.secrets import Secret, SecretResolver, redact


class SecretResolverConformance:
    """Tests of one resolver, through the scheme under which a plugin offers it.

    A subclass gives the fixtures `scheme`, `known` and `unknown`; `known` may first put the secret where it belongs.
    """

    @pytest.fixture
    def scheme(self) -> str:
        """Return the scheme, the name of the plugin's `Spec`."""
        raise TypeError(f"{type(self).__name__} must give the fixture `scheme`")

    @pytest.fixture
    def known(self) -> tuple[str, str]:
        """Return name and value of a secret that is there; the value has 12 characters or more."""
        raise TypeError(f"{type(self).__name__} must give the fixture `known`")

    @pytest.fixture
    def unknown(self) -> str:
        """Return a name that no secret has."""
        raise TypeError(f"{type(self).__name__} must give the fixture `unknown`")

    def test_a_plugin_offers_it(self, scheme: str) -> None:
        """The scheme is registered, and its target is a resolver that is made without arguments."""
        assert isinstance(load(find(scheme, ("secret-resolver",)))(), SecretResolver)

    def test_it_gives_the_value_and_nothing_shows_it(self, scheme: str, known: tuple[str, str]) -> None:
        """A reference is looked up whole, shown as the reference, and its value is hidden from then on."""
        name, value = known
        secret = Secret(f"{scheme}:{name}")
        assert secret.reveal() == value
        assert str(secret) == secret.reference == f"{scheme}:{name}"
        assert value not in redact(f"cannot log in with {value}")

    def test_it_looks_again_each_time(self, scheme: str, known: tuple[str, str]) -> None:
        """A second look-up works as the first one."""
        name, value = known
        assert [Secret(f"{scheme}:{name}").reveal() for _ in range(2)] == [value, value]

    def test_what_is_not_there_is_one_clear_error(self, scheme: str, unknown: str, known: tuple[str, str]) -> None:
        """It names the secret, says what to do, and holds no value of another one."""
        with pytest.raises(SecretError) as raised:
            Secret(f"{scheme}:{unknown}").reveal()
        (problem,) = raised.value.problems
        assert unknown in str(problem)
        assert problem.mend
        assert known[1] not in str(problem)

    def test_it_works_in_threads(self, scheme: str, known: tuple[str, str]) -> None:
        """Steps that run side by side may look up at the same time."""
        from concurrent.futures import ThreadPoolExecutor

        name, value = known
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: Secret(f"{scheme}:{name}").reveal(), range(8)))
        assert found == [value] * 8
