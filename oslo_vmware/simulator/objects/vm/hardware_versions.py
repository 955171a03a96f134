"""The versions of virtual hardware."""

#: The oldest first; machines are made with the newest.
VERSIONS = ('vmx-10', 'vmx-11', 'vmx-13', 'vmx-14', 'vmx-15', 'vmx-17', 'vmx-18', 'vmx-19',
            'vmx-20', 'vmx-21')  # fmt: skip
NEWEST = VERSIONS[-1]

_PRODUCTS = {
    'vmx-10': '5.5', 'vmx-11': '6.0', 'vmx-13': '6.5', 'vmx-14': '6.7', 'vmx-15': '6.7 U2',
    'vmx-17': '7.0', 'vmx-18': '7.0 U1', 'vmx-19': '7.0 U2', 'vmx-20': '8.0', 'vmx-21': '8.0 U2',
}  # fmt: skip


def number(version: str) -> int:
    return int(version.partition('-')[2])


def described(version: str) -> str:
    """What a client shows of a version."""
    return f'ESXi {_PRODUCTS[version]} virtual machine'
