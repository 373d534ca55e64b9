"""``python -m hex_emulator``: serve the emulator until Ctrl-C."""

import sys

try:
    from hex_emulator.command_line import main
except ModuleNotFoundError as error:
    if str(error.name).startswith("hex_emulator"):
        raise
    sys.exit(
        f"The Python package {error.name} is missing in {sys.prefix}.\n"
        "Run the emulator with: make emulator\n"
        'It installs what is needed, and passes options on: make emulator ARGS="--port 9000"'
    )

if __name__ == "__main__":
    sys.exit(main())
