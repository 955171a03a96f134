"""What a command is given: options, environment, output, and a session when it asks for one."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from oslo_vmware.cli import connection
from oslo_vmware.cli.output import Output

if TYPE_CHECKING:
    from oslo_vmware import api


class Context:
    """All that a command works with.

    :ivar options: what the command line says
    :ivar environ: the environment
    :ivar out: says everything that is said
    :ivar cleanup: what is to happen at the end, however the command ends
    """

    def __init__(
        self,
        options: argparse.Namespace,
        environ: Mapping[str, str],
        out: Output,
        cleanup: contextlib.ExitStack,
    ) -> None:
        self.options, self.environ, self.out, self.cleanup = options, environ, out, cleanup

    @property
    def may_connect(self) -> bool:
        """Whether a server is named at all."""
        return connection.is_said(self.options, self.environ)

    @cached_property
    def settings(self) -> connection.Settings:
        """Where to connect to.

        :raises UsageError: that was not said
        """
        return connection.find(self.options, self.environ)

    @cached_property
    def session(self) -> api.VMwareAPISession:
        """A session, logged in when first asked for, and out at the end.

        :raises UsageError: nobody has said where to
        :raises NotConnectedError: it could not be had
        """
        return self.cleanup.enter_context(connection.connected(self.settings))

    def wait(self, task: Any, text: str) -> Any:
        """Wait for a task, and show how far it is.

        :param text: what it does, for people
        :returns: the task's ``info`` at the end
        """
        with self.out.task(text) as bar:
            try:
                return self.session.wait_for_task(task, progress=bar.update)
            except KeyboardInterrupt:
                self.out.warning('The server goes on with it; see oslo-vmware tasks --follow.')
                raise
