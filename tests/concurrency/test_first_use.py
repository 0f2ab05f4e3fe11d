"""
The first answers of a process may come on several threads at once.
"""

from __future__ import annotations

import subprocess
import sys

# The annotations of these structs take their time, so that every thread but the first meets them half known.
PROGRAM = """
from __future__ import annotations
import threading, time
import msgspec
from figuard.wire import codec

class Slowly:
    def __class_getitem__(cls, item):
        time.sleep(0.02)
        return item

class Inner(msgspec.Struct):
    number: Slowly[int]

class Outer(msgspec.Struct):
    number: Slowly[int]
    inner: Inner

found = []

def decode():
    found.append(codec.decode(Outer, b'{"number":1,"inner":{"number":2}}'))

threads = [threading.Thread(target=decode) for _ in range(8)]
for thread in threads:
    thread.start()
    time.sleep(0.01)
for thread in threads:
    thread.join()
print(found == [Outer(1, Inner(2))] * 8)
"""


def test_threads_that_decode_the_same_type_first_do_not_crash():
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=False)

    assert (0, "True\n") == (ran.returncode, ran.stdout), ran.stderr
