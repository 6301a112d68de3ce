"""Service: one API of the double, a method of the class for each method that it serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from google_double.discovery import Document, Method, document
from google_double.refusal import Refusal, service_disabled

Body = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One call that was found to be well formed.

    Args:
        method: its id.
        parameters: of its path.
        query: of its URL; the values of each name.
        body: what was sent, `{}` where nothing was.
        account: who called.
    """

    method: str
    parameters: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: Body = field(default_factory=dict)
    account: str = ""

    def one(self, name: str, default: str = "") -> str:
        """Return the value of a query parameter."""
        return self.query.get(name, [default])[-1]


def serves(*methods: str) -> Callable[[Any], Any]:
    """Mark what answers calls of methods, given by their ids."""

    def mark(function: Any) -> Any:
        function.serves = methods
        return function

    return mark


class Service:
    """Answers calls of one API; a subclass marks what answers which method by `serves`.

    A method that nothing serves is answered as not implemented, which no test should meet.
    """

    DOCUMENT: ClassVar[str]
    """Name of its discovery document."""

    HOST: ClassVar[str] = ""
    """Where Google serves it, as told of an API that is not enabled."""

    PERMISSIONS: ClassVar[Mapping[str, str]] = {}
    """What each method demands of an account."""

    def __init__(self) -> None:
        self.enabled = True
        self.document: Document = document(self.DOCUMENT)
        functions = (getattr(type(self), name) for name in dir(type(self)))
        self._by_method = {method: function for function in functions for method in getattr(function, "serves", ())}
        unknown = set(self._by_method) - set(self.document.methods)
        if unknown:
            raise TypeError(f"{self.DOCUMENT} has no methods {sorted(unknown)}")

    def check(self, method: Method, parameters: Mapping[str, str], query: Mapping[str, list[str]], body: Any) -> None:
        """Refuse a call that is not as the document says."""
        problems = [*method.problems(parameters, query)]
        if method.request:
            numbers = any("enum-encoding=int" in value for value in query.get("$alt", ()))
            problems += self.document.schemas.of_request(method.request, body, method.id, method.verb, numbers=numbers)
        elif body:
            problems.append(f"{method.id} takes no body")
        if problems:
            raise Refusal(400, "\n".join(problems))

    def answer(self, call: Call) -> Body:
        """Return the answer to a call.

        Raises:
            Refusal: the service does not do that.
        """
        if not self.enabled:
            raise service_disabled(self.HOST, call.parameters.get("project", "of-the-double"))
        function = self._by_method.get(call.method)
        if function is None:
            raise Refusal(501, f"the double does not serve {call.method}")
        found: Body = function(self, call)
        return found

    def defects(self, method: Method, answer: Body) -> list[str]:
        """Return what is wrong with an answer, which is a mistake of the double's."""
        return self.document.schemas.of_response(method.response, answer) if method.response else []

    def close(self) -> None:
        """Stop what the service runs."""
