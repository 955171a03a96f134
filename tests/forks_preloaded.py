"""A module that opens a session when it is imported, for a server that forks workers."""

import json
import os

from tests import forks

work = forks.Work(forks.opened(json.loads(os.environ['OSLO_VMWARE_TEST_FORK'])))
