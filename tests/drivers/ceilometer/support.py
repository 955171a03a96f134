"""Ceilometer's inspector, configured as in a deployment."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Iterator
from typing import Any

import pytest
from ceilometer.compute.virt.vmware.inspector import VsphereInspector
from ceilometer.service import prepare_service


@contextlib.contextmanager
def inspecting(vc: Any) -> Iterator[VsphereInspector]:
    """Make the inspector of a vCenter; it is logged out in the end.

    :param vc: has ``host``, ``port``, ``username``, ``password`` and ``cacert``
    """
    conf = prepare_service(argv=[], config_files=[])
    for name, value in {
        'host_ip': vc.host,
        'host_port': vc.port,
        'host_username': vc.username,
        'host_password': vc.password,
        'ca_file': vc.cacert,
        'insecure': False,
        'api_retry_count': 2,
        'task_poll_interval': 0.05,
    }.items():
        conf.set_override(name, value, group='vmware')
    with pytest.warns(DeprecationWarning, match='vSphere is deprecated'):
        made = VsphereInspector(conf)
    yield made
    made._ops._api_session.logout()


def instance(uuid: str) -> Any:
    """What a pollster knows an instance by: Nova's API object, of which this is the id."""
    return types.SimpleNamespace(id=uuid)
