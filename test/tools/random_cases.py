"""Random cases of a script, each from a generator of its own, so that a case repeats whatever ran before it."""
import argparse
import random
import sys
import tempfile


def run(cases, case):
    """Reads --vitc, --cases (default `cases`) and --seed and tries each case: case(vitc, folder, generator) gives its
    description and what is wrong, or "". Ends the script with exit code 1 if any is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--vitc", required=True)
    parser.add_argument("--cases", type=int, default=cases)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    failed = 0
    for number in range(arguments.cases):
        generator = random.Random(f"{arguments.seed} {number}")
        with tempfile.TemporaryDirectory() as folder:
            description, problem = case(arguments.vitc, folder, generator)
        print(f"case {number}: {description}{': ' + problem if problem else ''}", flush=True)
        failed += bool(problem)
    if failed:
        sys.exit(f"{failed} cases failed; repeat with --seed {arguments.seed}")
