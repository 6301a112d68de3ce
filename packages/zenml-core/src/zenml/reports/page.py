"""Page: one self-contained HTML file, shown in a browser or in a notebook."""

from __future__ import annotations

import webbrowser
from dataclasses import dataclass
from html import escape
from pathlib import Path

from zenml.data.shards import atomic_file

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2330;--soft:#667085;--line:#d9dee7;--paper:#fff;--ground:#f5f7fa;
--a:#3b6fd4;--b:#e0872f;--c:#3a9d6b;--d:#9a5fc4;--bad:#b42318}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#98a2b3;--line:#344054;--paper:#1d2433;--ground:#131926;
--a:#7aa2f7;--b:#f0a35e;--c:#6fcf97;--d:#c39bea;--bad:#f97066}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:14px/1.45 system-ui,sans-serif}
header,main{max-width:1400px;margin:auto;padding:20px}
header{padding-bottom:0}
h1{font-size:22px;margin:0 0 4px}h2{font-size:15px;margin:0;overflow-wrap:anywhere}
p{margin:4px 0}.soft{color:var(--soft)}.num{font-variant-numeric:tabular-nums}
input{font:inherit;padding:6px 10px;border:1px solid var(--line);border-radius:6px;background:var(--paper);
color:inherit;width:min(100%,320px);margin-top:10px}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,var(--card,330px)),1fr));gap:14px}
.card{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:14px;min-width:0}
.card[hidden]{display:none}
.figures{overflow-x:auto}.figures th:first-child{position:sticky;left:0;background:var(--paper)}
table{border-collapse:collapse;width:100%;margin-top:8px}
td,th{text-align:right;padding:2px 0 2px 10px;font-weight:400;white-space:nowrap}
th:first-child{text-align:left;padding-left:0;color:var(--soft);overflow:hidden;text-overflow:ellipsis;max-width:130px}
thead th{font-weight:600}
svg{display:block;width:100%;height:90px;margin-top:10px}
.scale{display:flex;justify-content:space-between;color:var(--soft);font-size:12px}
.warn{color:var(--bad);margin-top:6px}.chip{border:1px solid var(--line);border-radius:99px;padding:0 8px;
font-size:12px;color:var(--soft);margin-left:6px;white-space:nowrap}
.key{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px}
.bar{height:6px;border-radius:3px;margin:1px 0;min-width:1px}
"""

COLORS = ("var(--a)", "var(--b)", "var(--c)", "var(--d)")
"""Colours of series, in order; a fifth begins again."""


@dataclass(frozen=True)
class Page:
    """An HTML page.

    Args:
        html: the whole document; it refers to nothing outside itself.
        path: where it was written, or None.
    """

    html: str
    path: Path | None = None

    def write(self, path: str | Path) -> Page:
        """Write the page to a file; return it with its path."""
        target = Path(path)
        with atomic_file(target) as file:
            file.write(self.html.encode())
        return Page(self.html, target)

    def open(self) -> None:
        """Show the page in the default browser; it must have been written."""
        if self.path is not None:
            webbrowser.open(self.path.absolute().as_uri())

    def _repr_html_(self) -> str:
        frame = "width:100%;height:640px;border:0"
        return f'<iframe sandbox="allow-scripts" style="{frame}" srcdoc="{escape(self.html)}"></iframe>'

    def __repr__(self) -> str:
        return f"Page({str(self.path)!r})" if self.path else f"Page({len(self.html)} characters)"


def document(title: str, head: str, body: str, script: str = "") -> str:
    """Return a whole document.

    Args:
        title: plain text.
        head: HTML below the title.
        body: HTML of the main part.
        script: JavaScript, run at the end.
    """
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<header><h1>{escape(title)}</h1>{head}</header><main>{body}</main>"
        f"<script>{script}</script></body></html>\n"
    )
