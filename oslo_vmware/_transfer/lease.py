"""NFC leases: the right to read or write the disks of one virtual machine, for a while.

A server gives a lease (HttpNfcLease, vSphere API 4.0) with the URLs of the disks, and takes it
back when it hears nothing for some minutes. It ends in one of two ways. *Complete* makes an
imported machine real, so it may only follow an acknowledged upload; *abort* removes what an
import has made. Between making a lease and the first byte a lot can go wrong, so
:func:`aborted_on_error` stands around all of it.

When the answer to *complete* is lost, the lease itself knows: it is done, or still ready, and then
it is completed again. A lease that is gone by then was completed if what it has imported is there.
"""

import contextlib
import contextvars
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from oslo_vmware import _deadline, _request, _wanted, exceptions, vim_util
from oslo_vmware._i18n import _
from oslo_vmware._transfer import limit as _limit
from oslo_vmware._transfer.owner import Owner

LOG = logging.getLogger(__name__)

#: How often a lease is completed again that is still ready when no answer has come.
_COMPLETE_REPETITIONS = 2

#: Seconds to wait at the end for a report that is on its way.
_JOIN_SECONDS = 5.0

#: Seconds for the server to answer a report, and how often one is sent: four minutes in all.
REPORT_SECONDS = 30.0
REPORT_ATTEMPTS = 8

#: Seconds for the server to answer what it has sent; without an answer there is no manifest.
MANIFEST_SECONDS = 30.0

#: Seconds that a lease lives without a report, as servers have it; no longer is it seen to.
_LIFETIME_SECONDS = 300.0

#: Seconds for the server to answer that a lease is aborted, and to pause before it is asked again.
_ABORT_SECONDS = 30.0
_ABORT_PAUSE_SECONDS = 5.0

_NO_ANSWER = (exceptions.VimConnectionException, exceptions.VimSessionOverLoadException)


class Lease:
    """A lease of a session.

    :param session: whose lease it is
    :param ref: reference of the HttpNfcLease
    """

    def __init__(self, session: Any, ref: Any) -> None:
        self._session = session
        self._owner = Owner(getattr(ref, 'value', ref))
        self.ref = ref

    def _call(self, operation: str, **arguments: Any) -> Any:
        self._owner.check()
        return self._session.invoke_api(self._session.vim, operation, self.ref, **arguments)

    def _read(self, name: str) -> Any:
        self._owner.check()
        session = self._session
        return session.invoke_api(vim_util, 'get_object_property', session.vim, self.ref, name)

    def wait(self) -> Any:
        """Wait until the lease can be used.

        :returns: its ``info`` (HttpNfcLeaseInfo)
        :raises VimException: it cannot, for the server's reason
        """
        self._session.wait_for_lease_ready(self.ref)
        return self._read('info')

    def report(self, percent: int, is_over: Callable[[], bool]) -> None:
        """Say how far the transfer is, which keeps the lease alive.

        A report that is met with silence is sent again, as long as the lease can live.

        :param is_over: whether there is no more to report
        :raises VMwareDriverException: it was refused, or there was no answer
        """
        for left in reversed(range(REPORT_ATTEMPTS)):
            began = time.monotonic()
            try:
                with _deadline.within(REPORT_SECONDS):
                    self._call('HttpNfcLeaseProgress', percent=percent)
                return
            except exceptions.VimConnectionException as exc:
                if is_over():
                    return
                was_silence = time.monotonic() - began >= REPORT_SECONDS
                if not (left and was_silence):
                    raise
                LOG.info('Reporting progress for the lease %s again: %s', self._name, exc)

    def complete(self, entity: Any = None) -> exceptions.VimException | None:
        """Say that all data was moved.

        :param entity: the machine that an import has made
        :returns: why the lease had failed before, None if it had not
        :raises VimException: the lease is gone, or the server refuses
        :raises VimConnectionException: no answer came, and what happened cannot be read either
        """
        try:
            state = self._complete(entity)
        except exceptions.VimConnectionException:
            # In time, the caller hears that it failed; then it shall not succeed later.
            if _deadline.remaining() != math.inf:
                self.abort()
            raise
        except BaseException as exc:
            # Such as Ctrl-C, or a green thread that is killed: nobody else gives it up.
            if not isinstance(exc, Exception):
                self.abort()
            raise
        return self._failure() if state == 'error' else None

    def _complete(self, entity: Any) -> Any:
        """Complete it if it is ready; returns its final state."""
        state = self._read('state')
        if state == 'ready':
            try:
                self._call('HttpNfcLeaseComplete')
            except exceptions.VMwareDriverException as problem:
                return self._state_after(problem, entity)
        return state

    def _state_after(self, problem: exceptions.VMwareDriverException, entity: Any) -> Any:
        """Find out what became of a lease when there is no proper answer to its completion.

        :returns: a final state
        :raises ManagedObjectNotFoundException: the lease is gone, and so is what it has imported
        :raises VMwareDriverException: the problem, if it was not completed, or nobody can tell
        """
        for _repetition in range(_COMPLETE_REPETITIONS):
            state = self._state_unless_gone(problem, entity)
            # Only a lost answer is worth another try; a refusal is an answer.
            if state != 'ready':
                return state
            if not (
                isinstance(problem, exceptions.VimConnectionException) and _deadline.remaining()
            ):
                break
            LOG.info('Completing the lease %s again: %s', self._name, problem)
            try:
                # If the first one is still on its way, the second is refused, and the lease done.
                self._call('HttpNfcLeaseComplete')
            except exceptions.VMwareDriverException as exc:
                problem = exc
            else:
                return 'done'
        raise problem

    def _state_unless_gone(self, problem: exceptions.VMwareDriverException, entity: Any) -> Any:
        try:
            return self._read('state')
        except exceptions.ManagedObjectNotFoundException as gone:
            # A lease that was given up takes what it has imported with it.
            if self._is_there(entity, problem):
                return 'done'
            raise gone from problem
        except exceptions.VMwareDriverException as exc:
            LOG.warning('The state of the lease %s cannot be read: %s', self._name, exc)
            raise problem from exc

    def _is_there(self, entity: Any, problem: exceptions.VMwareDriverException) -> bool:
        if entity is None:
            return False
        session = self._session
        try:
            session.invoke_api(vim_util, 'get_object_property', session.vim, entity, 'name')
        except exceptions.ManagedObjectNotFoundException:
            return False
        except exceptions.VMwareDriverException as exc:
            LOG.warning('What the lease %s has imported cannot be read: %s', self._name, exc)
            raise problem from exc
        return True

    # Pulling: vSphere API 6.7

    def can_pull(self) -> bool:
        """Whether the hosts fetch disks themselves."""
        try:
            capabilities = self._read('capabilities')
        except exceptions.InvalidPropertyException:
            return False  # an older server
        return bool(getattr(capabilities, 'pullModeSupported', False))

    def pull(self, sources: list[Any]) -> Any:
        """Let the hosts fetch the disks.

        :param sources: HttpNfcLeaseSourceFile, one for each device
        :returns: reference of the task
        """
        return self._call('HttpNfcLeasePullFromUrls_Task', files=sources)

    def tell_checksum(self, key: Any, algorithm: str) -> None:
        """Have the manifest tell another checksum of a device than SHA-1."""
        pair = self._session.vim.client.factory.create('ns0:KeyValue')
        pair.key, pair.value = key, algorithm
        self._call('HttpNfcLeaseSetManifestChecksumType', deviceUrlsToChecksumTypes=[pair])

    @contextlib.contextmanager
    def kept_alive(self, period: float) -> Iterator[None]:
        """Keep the lease alive while the server itself moves the data.

        :param period: seconds from one report to the next
        """
        over = threading.Event()

        def report() -> None:
            # What the server has noted itself, so that it is not falsified.
            self.report(self._read('transferProgress') or 0, over.is_set)

        with KeepAlive([report], period):
            try:
                yield
            finally:
                over.set()

    def manifest_entry(self, key: Any) -> Any:
        """What the server says of a disk that it has sent (vSphere API 4.1); never raises.

        :param key: of the disk in the lease's ``info``
        :returns: HttpNfcLeaseManifestEntry; None if there is none
        """
        if key is None:
            return None
        try:
            with _deadline.within(MANIFEST_SECONDS):
                entries = self._call('HttpNfcLeaseGetManifest')
            return next((entry for entry in entries or () if entry.key == key), None)
        except Exception as exc:  # noqa: BLE001 - servers and stand-ins refuse in their own ways
            LOG.info('There is no manifest of the lease %s: %s', self._name, exc)
            return None

    def abort(self) -> str:
        """Say that the data is not wanted, or cannot be had; never raises.

        With a deadline this comes back soon after it, and the lease is seen to in the background.

        :returns: why the lease had failed already; ``''`` if it had not, or cannot say
        """
        seconds = _deadline.until(_limit.GRACE_SECONDS)
        if seconds == math.inf:
            return self._abort()[1]
        outcome: list[str] = []
        settled = threading.Event()
        context = contextvars.Context()  # without the deadline
        threading.Thread(
            target=_request.carried(lambda: context.run(self._abort_patiently, outcome, settled)),
            name='oslo.vmware-abort',
            daemon=True,
        ).start()
        settled.wait(seconds)
        return outcome[0] if outcome else ''

    def _abort_patiently(self, outcome: list[str], settled: threading.Event) -> None:
        """Abort as soon as the server answers, as long as the lease can live."""
        with _deadline.within(_LIFETIME_SECONDS), _wanted.only_while(lambda: False):
            while not _limit.is_logged_out(self._session):
                with _deadline.within(_ABORT_SECONDS):
                    is_settled, reason = self._abort()
                outcome[:] = [reason]
                if is_settled or not _deadline.remaining():
                    break
                settled.wait(_deadline.at_most(_ABORT_PAUSE_SECONDS))
        settled.set()

    def _abort(self) -> tuple[bool, str]:
        """Try to abort; returns whether there was an answer, and why the lease had failed."""
        reason = ''
        try:
            if self._read('state') == 'error':
                reason = str(self._failure().message)
            self._call('HttpNfcLeaseAbort')
        except exceptions.ManagedObjectNotFoundException:
            LOG.debug('The lease %s is gone already', self._name)
        except Exception as exc:  # noqa: BLE001 - the error that led here is the one to raise
            log = LOG.debug if reason else LOG.warning
            log('The lease %s could not be aborted: %s', self._name, exc)
            return not isinstance(exc, _NO_ANSWER), reason
        return True, reason

    def _failure(self) -> exceptions.VimException:
        error = self._read('error')
        reason = getattr(error, 'localizedMessage', None) or _('no reason given')
        return exceptions.translate_fault(
            error, _('Lease %(lease)s failed: %(reason)s') % {'lease': self._name, 'reason': reason}
        )

    @property
    def _name(self) -> Any:
        return getattr(self.ref, 'value', self.ref)


@contextlib.contextmanager
def aborted_on_error(lease: Lease) -> Iterator[None]:
    """Leave no lease behind when what follows fails."""
    try:
        yield
    except BaseException:
        lease.abort()
        raise


class KeepAlive:
    """Reports progress in the background, however long a read or a write takes.

    :param reports: functions that report; what they raise is logged, and they are called again
    :param period: seconds from one round to the next; the first is at once
    """

    def __init__(self, reports: list[Callable[[], None]], period: float) -> None:
        self._reports = reports
        self._period = period
        self._ended = threading.Event()
        # Not join(): with a limit, eventlet's raises its Timeout on Python 3.13.
        self._gone = threading.Event()
        self._thread = threading.Thread(
            target=_request.carried(self._run), name='oslo.vmware-lease', daemon=True
        )

    def __enter__(self) -> None:
        if self._reports:
            self._thread.start()

    def __exit__(self, *exc_info: object) -> None:
        self._ended.set()
        if self._reports:
            self._gone.wait(min(_JOIN_SECONDS, _deadline.until(_limit.GRACE_SECONDS)))

    def _run(self) -> None:
        try:
            with _wanted.only_while(lambda: not self._ended.is_set()):
                self._report_on()
        finally:
            self._gone.set()

    def _report_on(self) -> None:
        while True:
            for report in self._reports:
                try:
                    report()
                except Exception as exc:  # noqa: BLE001 - the next report may get through
                    log = LOG.debug if self._ended.is_set() else LOG.warning
                    log('The progress of a transfer could not be reported: %s', exc)
            if self._ended.wait(self._period):
                return
