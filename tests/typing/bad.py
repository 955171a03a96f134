"""A program that is wrong: each line with a comment of two parts has one error.

The first part is in what mypy says of the line, the second in what pyright says.
"""

# ruff: noqa: B018, E501
# fmt: off

from oslo_vmware import api
from oslo_vmware.types import pbm, vim


def operations(
    session: api.VMwareAPISession,
    ref: vim.ManagedObjectReference,
    spec: vim.VirtualMachineConfigSpec,
) -> None:
    vmware, policies = session.vim, session.pbm
    vmware.PowerOnVM_Tsk(ref)  # has no attribute "PowerOnVM_Tsk" | "PowerOnVM_Tsk" is unknown
    policies.PbmQueryProfil(ref)  # has no attribute "PbmQueryProfil" | "PbmQueryProfil" is unknown
    vmware.ReconfigVM_Task(ref, spce=spec)  # "spce" | No parameter named "spce"
    vmware.ReconfigVM_Task(ref)  # Missing named argument "spec" | missing for parameter "spec"
    vmware.ReconfigVM_Task(ref, spec='x')  # incompatible type "str" | cannot be assigned to
    vmware.ReconfigVM_Task(ref, spec)  # Too many positional arguments | Expected 1 positional
    vmware.CreateFolder(ref, name='x').nam  # has no attribute "nam" | "nam" is unknown
    vmware.service_content.rotFolder  # has no attribute "rotFolder" | "rotFolder" is unknown
    session.invoke_api(vmware, 'PowerOnVM_Tsk', ref)  # expected "Sequence[OperationThatTakes | No overloads for
    session.invoke_api(policies, 'PbmQueryProfil', ref)  # expected "Sequence[OperationThatTakes | No overloads for
    session.invoke_api(vmware, 'ReconfigVM_Task', ref, spce=spec)  # expected "Sequence[OperationThatTakes | No overloads for
    session.invoke_api(vmware, 'ReconfigVM_Task', ref, spec=1)  # expected "Sequence[OperationThatTakes | "VirtualMachineConfigSpec"
    session.wait_for_task(ref).reslt  # no attribute "reslt" | "reslt" is unknown


def members(session: api.VMwareAPISession, spec: vim.VirtualMachineConfigSpec) -> None:
    factory = session.vim.client.factory
    factory.create('ns0:VirtualMachineConfigSpec').nam = 'x'  # has no attribute "nam" | "nam" is unknown
    factory.create('ns0:VirtualMachineConfigSpec').name = 5  # Incompatible types | not assignable to "str"
    factory.create('ns0:VirtualMachinePowerState').powerdOn  # no attribute "powerdOn" | "powerdOn" is unknown
    spec.numCpus = 2  # has no attribute "numCpus" | "numCpus" is unknown
    spec.files.vmPathNam  # has no attribute "vmPathNam" | "vmPathNam" is unknown
    spec.deviceChange = [vim.VirtualDisk()]  # incompatible type "VirtualDisk" | "VirtualDisk" is not assignable
    spec.deviceChange[0].operation = 'ad'  # Incompatible types | "Literal['ad']" is not assignable
    vim.VirtualMachineConfigSpec(nam='x')  # argument "nam" | No parameter named "nam"
    vim.VirtualMachineConfigSpec(numCPUs='two')  # incompatible type "str" | cannot be assigned to
    vim.VirtualMachineConfigSpek()  # no attribute "VirtualMachineConfigSpek" | "VirtualMachineConfigSpek" is not a known
    vim.VirtualMachinePowerState.of  # no attribute "of" | "of" is unknown
    pbm.PbmProfileId(uniqeId='x')  # argument "uniqeId" | No parameter named "uniqeId"
    pbm.PbmProfileId().uniqeId  # no attribute "uniqeId" | "uniqeId" is unknown
