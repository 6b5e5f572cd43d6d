#!/usr/bin/env python3
"""Serves PyPI's seahaven-stripe-world, a stateful emulator, on 127.0.0.1: judge_world.py PORT.

The package is written for Python 3.14, where annotations are evaluated late. Below that its modules are
compiled as if each began with `from __future__ import annotations`, which is the same to it.
"""
import __future__
import importlib.machinery
import sys


class LateAnnotations(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname):
        path = self.get_filename(fullname)
        flags = __future__.annotations.compiler_flag
        return compile(self.get_data(path), path, "exec", flags=flags, dont_inherit=True)


class Finder:
    """Finds the emulator's modules as usual, and has them loaded by LateAnnotations."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] not in ("seahaven", "seahaven_stripe_world"):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = LateAnnotations(spec.loader.name, spec.loader.path)
        return spec


def main():
    if sys.version_info < (3, 14):
        sys.meta_path.insert(0, Finder)
    from seahaven import http
    from seahaven_stripe_world import world
    from seahaven_stripe_world.http_api import handle

    options = {"startup": {"livemode": False}}
    http.serve(world, handle, host="127.0.0.1", port=int(sys.argv[1]), reset_options=options, max_instances=0)


if __name__ == "__main__":
    main()
