#!/bin/sh
# Install distributions of this repository, and what they need, into the virtual environment /opt/zenml.
#
#   install.sh REQUIREMENT...
#
# The same sources and constraints.txt give the same bytes: versions are exact, compiled files carry no times, and every
# file is as old as SOURCE_DATE_EPOCH says.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sources=$(dirname "$here")/packages
work=$(mktemp -d)
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-315532800}"  # 1980, the first year that an archive can hold
export PIP_CONSTRAINT="$here/constraints.txt" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

python3 -m venv "$work/tools"
"$work/tools/bin/pip" install --quiet --no-cache-dir hatchling
"$work/tools/bin/pip" wheel --quiet --no-cache-dir --no-deps --no-build-isolation --wheel-dir "$work/wheels" "$sources"/*

if ! [ -d /opt/zenml ]; then
    python3 -m venv /opt/zenml
    /opt/zenml/bin/pip uninstall --quiet --yes setuptools  # older Pythons put it there; nothing here needs it
fi
/opt/zenml/bin/pip install --quiet --no-cache-dir --no-compile --find-links "$work/wheels" "$@"
/opt/zenml/bin/pip check

for package in numpy pyarrow scipy sklearn; do  # their own tests are a tenth of it all
    find /opt/zenml/lib/python3*/site-packages/$package -type d -name tests -prune -exec rm -rf {} +
done
find /opt/zenml -type d -name __pycache__ -prune -exec rm -rf {} +
/opt/zenml/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/zenml/lib
rm -rf "$work"
find /opt/zenml -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
