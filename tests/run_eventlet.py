"""Run tests in a process whose blocking calls eventlet has replaced.

``python -m tests.run_eventlet tests/functional``: what OpenStack services that run under
eventlet do, they do before they import anything else, so this does as well. The arguments
are those of pytest.
"""

# The order of these lines is the point: a module that was imported before the patching may
# keep references to locks and sockets that block the whole process.
import warnings

# Eventlet tells everybody who imports it that it is deprecated. Those who still need it are
# whom this run is for.
warnings.filterwarnings('ignore', r'\s*Eventlet is deprecated')

import eventlet  # noqa: E402

eventlet.monkey_patch()

import sys  # noqa: E402

import pytest  # noqa: E402

# A socket whose TLS handshake fails is lost inside eventlet's constructor of it, on both sides,
# with nobody holding it to close it.
LOST_SOCKETS = 'ignore:unclosed <eventlet.green.ssl.GreenSSLSocket:ResourceWarning'

if __name__ == '__main__':
    sys.exit(pytest.main(['-W', LOST_SOCKETS, *sys.argv[1:]]))
