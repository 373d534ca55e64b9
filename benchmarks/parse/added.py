"""Measure what each of some imports adds to the imports before it, in a new interpreter.

``python -P added.py FIRST IMPORT…`` takes statements, and prints a JSON list with ``[seconds, modules]`` for each
import. The seconds are CPU time, so other programs on the machine do not count.
"""

import gc
import json
import sys
import time


def main() -> None:
    first, *imports = sys.argv[1:]
    exec(first, {})
    gc.collect()
    added = []
    for statement in imports:
        code = compile(statement, "dag.py", "exec")
        known, begin = len(sys.modules), time.process_time()
        exec(code, {})
        added.append((time.process_time() - begin, len(sys.modules) - known))
    print(f"\n{json.dumps(added)}")


if __name__ == "__main__":
    main()
