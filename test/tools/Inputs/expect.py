#!/usr/bin/env python3
"""expect.py CODE [--one-line] [--within SECONDS] COMMAND...

Runs the command, expects this exit code exactly, and prints what it printed, errors last. With --one-line
standard error must be one line that begins with the tool's name, as every refusal is. SECONDS are processor
time, also of the command's own commands: a loaded machine must not fail a test."""
import os
import resource
import subprocess
import sys

arguments = sys.argv[1:]
code = int(arguments.pop(0))
one_line, within = False, None
while arguments[0] in ("--one-line", "--within"):
    if arguments.pop(0) == "--one-line":
        one_line = True
    else:
        within = float(arguments.pop(0))
done = subprocess.run(arguments, capture_output=True, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
seconds = used.ru_utime + used.ru_stime
sys.stdout.write(done.stdout + done.stderr)
if done.returncode != code:
    sys.exit(f"exit code {done.returncode}, expected {code}")
tool = os.path.basename(arguments[0]) + ": "
lines = done.stderr.splitlines()
if one_line and (len(lines) != 1 or not lines[0].startswith(tool)):
    sys.exit(f"expected one line '{tool}...' on stderr, got {len(lines)}")
if one_line and done.stdout:
    sys.exit("expected nothing on stdout")
if within and seconds > within:
    sys.exit(f"took {seconds:.2f} s, expected at most {within}")
