#!/usr/bin/env python3
"""interrupt.py FOLDER COMMAND...: interrupts the command, as Ctrl-C does, once a file 'started' is
below FOLDER, and expects that it ends at once and says that it did not finish."""
import glob
import os
import signal
import subprocess
import sys
import time

folder, *command = sys.argv[1:]
process = subprocess.Popen(command, start_new_session=True)
deadline = time.monotonic() + 60
while not (started := glob.glob(folder + "/**/started", recursive=True)):
    if process.poll() is not None or time.monotonic() > deadline:
        sys.exit(f"the command did not get so far: exit code {process.poll()}")
    time.sleep(0.02)
for path in started:  # ours, not the command's to remove
    os.remove(path)
time.sleep(0.5)
for path in glob.glob(folder + "/**/started", recursive=True):
    os.remove(path)
os.kill(process.pid, signal.SIGINT)  # not its children, which it has to end
code = process.wait(timeout=30)
if code != 1:
    sys.exit(f"exit code {code}, expected 1")
try:
    os.killpg(process.pid, 0)
    sys.exit("a process of the command is left")
except ProcessLookupError:
    pass
