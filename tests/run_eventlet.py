"""Run tests in processes whose blocking calls eventlet has replaced.

``python -m tests.run_eventlet tests/functional``: what OpenStack services that run under
eventlet do, they do before they import anything else, so this does as well. The arguments
are those of pytest. With ``--numprocesses 4`` so many processes share the tests, each of them like
that (:mod:`tests.green_worker`); the one that distributes them is not.
"""

# The order of these lines is the point: a module that was imported before the patching may
# keep references to locks and sockets that block the whole process.
import argparse
import sys
import warnings

# Eventlet tells everybody who imports it that it is deprecated. Those who still need it are
# whom this run is for.
warnings.filterwarnings('ignore', r'\s*Eventlet is deprecated')

_parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
_parser.add_argument('-n', '--numprocesses', type=int, default=0)
_ours, _pytest_arguments = _parser.parse_known_args()
if not _ours.numprocesses:
    import eventlet

    eventlet.monkey_patch()

import pytest  # noqa: E402

# A socket whose TLS handshake fails is lost inside eventlet's constructor of it, on both sides,
# with nobody holding it to close it.
_LOST_SOCKETS = 'ignore:unclosed <eventlet.green.ssl.GreenSSLSocket:ResourceWarning'
_WORKER = f'popen//python={sys.executable} -u -m tests.green_worker'

if __name__ == '__main__':
    _options = ['-W', _LOST_SOCKETS]
    if _ours.numprocesses:
        _options += ['--tx', f'{_ours.numprocesses}*{_WORKER}']
        # Without work stealing: under eventlet a process may end with a test still to do.
        _options += ['--dist', 'load', '--maxschedchunk', '10']
    sys.exit(pytest.main([*_options, *_pytest_arguments]))
