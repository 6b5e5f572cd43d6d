"""Where things are."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def build_dir():
    return pathlib.Path(os.environ.get("HOLDFAST_BUILD_DIR", ROOT / ".dev" / "build"))


def program(name):
    for folder in ("services", "tools", "tests"):
        for found in sorted(build_dir().glob(f"{folder}/*/{name}")):
            if os.access(found, os.X_OK):
                return str(found)
    raise FileNotFoundError(f"{name} is not in {build_dir()}: build it, or set HOLDFAST_BUILD_DIR")


def psql():
    return str(pathlib.Path(os.environ.get("HOLDFAST_PG_BIN", "/usr/lib/postgresql/15/bin")) / "psql")
