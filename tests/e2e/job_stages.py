"""Stages of a job, at which its process waits to be taken away: by a module that every Python of the image imports."""

from __future__ import annotations

from pathlib import Path

STAGES = {
    "before it begins": "wait()",
    "while it unpacks the code": """
import zenml.runtime.package as package
unpack = package.unpack
def unpack_and_wait(*given):
    found = unpack(*given)
    wait()
    return found
package.unpack = unpack_and_wait
""",
    "after the last step": """
from zenml.runtime.job_folder import JobFolder
write = JobFolder.write_status
def wait_and_write(folder, status):
    if status.state.ended:
        wait()
    write(folder, status)
JobFolder.write_status = wait_and_write
""",
}
"""What makes the supervisor of a job wait, by stage."""

_WAIT = """
import os, pathlib, signal, sys, time

def wait():
    reached = pathlib.Path(__file__).with_name("reached")
    if not reached.exists():  # the next life goes on
        reached.touch()
        signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
        while True:
            time.sleep(0.02)

"""


def wait_at(stage: str, folder: Path) -> dict[str, str]:
    """Return the variables of an image whose jobs wait at a stage, once; then `reached` is in the folder."""
    folder.mkdir()
    body = "".join(f"    {line}\n" for line in STAGES[stage].splitlines() if line)
    (folder / "sitecustomize.py").write_text(f'{_WAIT}if "run" in sys.orig_argv:\n{body}')
    return {"PYTHONPATH": str(folder)}
