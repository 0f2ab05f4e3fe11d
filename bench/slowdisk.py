"""
A disk that takes a millisecond to sync, as the usual one in a cloud does: emulated by a library that is loaded before
the program and sleeps in ``fsync`` and ``fdatasync``, on top of what they really take.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SYNC_MICROSECONDS = 1000
_SOURCE = """\
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static void rest(void) {
    struct timespec span = {0, %d * 1000L};
    nanosleep(&span, 0);
}

#define SLOW(name)                                              \\
    int name(int file) {                                        \\
        static int (*real)(int);                                \\
        if (!real) real = (int (*)(int)) dlsym(RTLD_NEXT, #name); \\
        rest();                                                 \\
        return real(file);                                      \\
    }

SLOW(fsync)
SLOW(fdatasync)
"""


def compiled(folder: Path) -> Path | None:
    """Compile the library into a folder that everybody may read; None where there is no compiler or another system."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not Path("/proc").exists():
        return None
    source, library = folder / "slowdisk.c", folder / "slowdisk.so"
    source.write_text(_SOURCE % SYNC_MICROSECONDS, encoding="ascii")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    folder.chmod(0o755)
    library.chmod(0o755)
    return library
