"""Start pytest in the environment of a user: ``python -m tests.drivers.start ARGUMENT...``.

It uses the standard library and pytest only. eventlet, where it is wanted, has to replace the
blocking calls before anything else gets hold of them.
"""

import os
import sys


def main() -> int:
    if os.environ['DRIVERS_GREEN']:
        import eventlet

        eventlet.monkey_patch()
    import pytest

    return int(pytest.main(sys.argv[1:]))


if __name__ == '__main__':
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Users leave threads behind, which would keep the process.
    os._exit(status)
