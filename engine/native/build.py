"""The build's hook: compile the hot modules with mypyc, and bundle.c, where there is a C compiler.

`pip install .` compiles; an editable install never does, for a stale binary would hide an edit.
Without a C compiler, or with CHAINRULE_INTERPRETED=1, the install has the same files in plain
Python: everything works, slower, and `engine.compiled` tells.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import chdir
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HOT = """
    node backward value variadic
    calculus/floats calculus/graphs calculus/renewal
    loops/flatten loops/fusion loops/schedule loops/slots loops/replay loops/point
    batching/plan quiet recording/plain recording/calls
"""
MODULES = [f"engine/{name}.py" for name in HOT.split()]
UNIX = ["-fvisibility=hidden", "-ffp-contract=off", "-Wno-error"]
UNIX += ["-falign-functions=64", "-falign-loops=32"]
# Where the compiler knows it: a branch across a boundary of 32 bytes costs Intel's processors from
# Skylake to Comet Lake a tenth of the time of our loops (Intel's paper on the jump conditional code
# erratum, 2019).
OPTIONAL = ["-Wa,-mbranches-within-32B-boundaries"] if sys.platform == "linux" else []
REQUIRES = [
    "mypy[mypyc]==2.4.1",  # what mypyc generates is relied upon: see memory.h
    "numpy>=2.0",  # for mypy, the types of its arrays; for bundle.c, the layout of its functions
    "setuptools>=77",
]


def can_compile() -> bool:
    """Whether a C compiler and Python's headers are there, and nobody has asked to do without."""
    if os.environ.get("CHAINRULE_INTERPRETED", "0") not in ("", "0"):
        return False
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return False  # the compiled files rely on the interpreter's lock
    if sys.platform == "win32":
        return True  # only the attempt tells whether Visual C++ is installed
    return (
        shutil.which(compiler()[0]) is not None
        and Path(sysconfig.get_path("include"), "Python.h").is_file()
    )


def compiler() -> list[str]:
    """The command of the C compiler."""
    return (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()


def accepted(flags: list[str], workshop: Path) -> list[str]:
    """Those flags that the C compiler and its assembler know."""
    probe = workshop / "probe.c"
    probe.write_text("int probe;\n", encoding="utf-8")
    command = [*compiler(), "-c", str(probe), "-o", str(workshop / "probe.o")]
    return [
        flag
        for flag in flags
        if subprocess.run([*command, flag], capture_output=True, check=False).returncode == 0
    ]


def compile_modules(root: Path, workshop: Path) -> dict[str, str]:
    """Compile in a folder of its own; where each binary is, and where in the wheel it belongs."""
    from mypyc.build import mypycify
    from setuptools import Distribution

    shutil.copytree(
        root / "engine", workshop / "engine", ignore=shutil.ignore_patterns("value.pyi", "native")
    )
    node = workshop / "engine" / "node.py"
    source = node.read_text(encoding="utf-8")
    compiled = source.replace("COMPILED: Final = False", "COMPILED: Final = True")
    assert compiled != source, "engine/node.py no longer says COMPILED: Final = False"
    node.write_text(compiled, encoding="utf-8")
    header = str(root / "engine" / "native" / "memory.h")
    # Hidden symbols can be inlined into each other, a tenth of the time; alignment leaves less of
    # it to luck. Contracted, a * b + c would have other digits than what the interpreter computes.
    unix = ["-include", header, *UNIX, *accepted(OPTIONAL, workshop)]
    flags = [f"/FI{header}"] if sys.platform == "win32" else unix
    call_c()
    with chdir(workshop):
        extensions = mypycify(
            ["--ignore-missing-imports", "--follow-imports=silent", *MODULES],
            opt_level="3",
            debug_level="0",
            experimental_features=True,  # librt's vectors
            group_name="chainrule",
        )
        guard_setters(workshop)
        trust_indices(workshop)
        for extension in extensions:  # one has the code, the others only lead to it
            if extension.name.endswith("__mypyc"):
                extension.extra_compile_args = [*extension.extra_compile_args, *flags]
        extensions.append(bundle(root))
        command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
        command.build_lib, command.build_temp = "lib", "temp"
        command.ensure_finalized()
        command.run()
    return {
        str(binary): str(binary.relative_to(workshop / "lib"))
        for binary in (workshop / "lib").rglob("*")
        if binary.is_file()
    }


def bundle(root: Path) -> Any:
    """The module that is written in C."""
    import numpy as np
    from setuptools import Extension

    source = root / "engine" / "native" / "bundle.c"
    return Extension(
        "engine.batching.bundle",
        [str(source)],
        include_dirs=[np.get_include()],
        extra_compile_args=["/O2"] if sys.platform == "win32" else ["-O3", *UNIX],
    )


def guard_setters(workshop: Path) -> None:
    """Let `del v.data` raise: the setters that mypyc writes would crash on it."""
    setter = re.compile(
        r"(node___Node_set_(data|grad|label)\(\w+ \*self, PyObject \*value, void \*closure\)\s*{\n)"
    )
    guard = (
        r"\1    if (value == NULL) {\n        PyErr_SetString(PyExc_AttributeError, "
        r'"\2 of a Value cannot be deleted");\n        return -1;\n    }\n'
    )
    guarded = 0
    for file in workshop.rglob("*.c"):
        source, count = setter.subn(guard, file.read_text(encoding="utf-8"))
        file.write_text(source, encoding="utf-8")
        guarded += count
    assert guarded == 3, f"mypyc writes its setters differently: {guarded} of 3 found"


def call_c() -> None:
    """Let mypyc call C for more of the module math than it does by itself: ten times faster.

    Where Python raises, C gives inf or NaN: engine/native/loops.py has the branches look for these.
    """
    from mypyc.ir.ops import ERR_NEVER
    from mypyc.ir.rtypes import float_rprimitive
    from mypyc.primitives.registry import function_op

    names = "expm1 log1p asin acos atan atan2 sinh cosh tanh erf erfc"
    for name in names.split():  # not hypot: Python has an algorithm of its own
        function_op(
            name=f"math.{name}",
            arg_types=[float_rprimitive] * (2 if name == "atan2" else 1),
            return_type=float_rprimitive,
            c_function_name=name,
            error_kind=ERR_NEVER,
        )


def trust_indices(workshop: Path) -> None:
    """Leave out the checks of indices in the two loops of replay.py: most of what they would take.

    The tapes are our own, and as long as they should be: the loops look at their lengths.
    """
    loop = re.compile(
        r"^char CPyDef_replay___(?:forward|backward)\([^;{]*\) {\n.*?^}\n", re.M | re.S
    )
    check = re.compile(r"= \(uint64_t\)\w+ < \(uint64_t\)\w+;")
    trusted = 0
    for file in workshop.rglob("*.c"):
        source = file.read_text(encoding="utf-8")
        for body in loop.findall(source):
            source = source.replace(body, check.sub("= 1;", body))
            trusted += bool(check.search(body))
        file.write_text(source, encoding="utf-8")
    assert trusted == 2, f"mypyc writes its checks differently: {trusted} of 2 loops found"


class CompileHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the compiled modules to a wheel; Python prefers them to the sources beside them."""

    def dependencies(self) -> list[str]:
        """What compiling needs, asked for only where there is a compiler."""
        return REQUIRES if can_compile() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and fall back to plain Python with a warning if that fails."""
        if version == "editable" or not can_compile():
            self.app.display_info("chainrule: the engine is installed as plain Python")
            return
        self.workshop = Path(tempfile.mkdtemp(prefix="chainrule-"))
        try:
            binaries = compile_modules(Path(self.root), self.workshop)
        except (Exception, SystemExit) as error:  # mypyc exits where it finds a type error
            self.app.display_warning(
                f"chainrule: not compiled, installed as plain Python, because: {error!r}"
            )
            return
        build_data["force_include"].update(binaries)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Clear the folder in which it was compiled."""
        if hasattr(self, "workshop"):
            shutil.rmtree(self.workshop, ignore_errors=True)
