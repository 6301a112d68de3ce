"""Where a thing is shown in the console of AWS."""

from __future__ import annotations


def console_page(region: str, service: str, place: str) -> str:
    """Return a page's URL.

    Args:
        region: in which the thing is.
        service: as the console calls it.
        place: the fragment, which leads to the thing.
    """
    domain = "amazonaws-us-gov.com" if region.startswith("us-gov-") else "aws.amazon.com"
    domain = "amazonaws.cn" if region.startswith("cn-") else domain
    return f"https://{region}.console.{domain}/{service}/home?region={region}#{place}"
