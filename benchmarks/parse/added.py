"""Measure, in this fresh interpreter, what each of some imports adds to those that were made before.

`python -P added.py FIRST IMPORT…`: statements. Prints a JSON list, one `[seconds, modules]` for each import. The
seconds are the processor's: what else runs on the machine is not counted.
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
