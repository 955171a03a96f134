"""Look at storage policies, ask which datastores suit them, and keep them in files.

Policies are named by their names or ids. Files are YAML, or JSON. An import makes and changes what
differs from the file, and deletes nothing; a file with a mistake in it is not imported at all.
"""

from __future__ import annotations

import argparse
import difflib
from typing import Any, NamedTuple

from oslo_vmware import spbm, vim_util
from oslo_vmware.cli import inventory, lookup, policy_files, values
from oslo_vmware.cli.context import Context
from oslo_vmware.cli.failures import (
    DONE,
    FAILED,
    CommandError,
    NoSuchObjectError,
    UsageError,
    words,
)
from oslo_vmware.cli.output import Cell, Styled

EXAMPLES = """\
oslo-vmware policies list
oslo-vmware policies explain Gold datastore1 --for cluster1
oslo-vmware policies export -o policies.yaml
oslo-vmware policies import policies.yaml --dry-run
oslo-vmware policies compliance web-01
"""

_STYLES = {'compliant': 'good', 'nonCompliant': 'bad', 'outOfDate': 'warn', 'unknown': 'warn'}
#: The category of policies that machines can have.
_USUAL = 'REQUIREMENT'
#: What says that the answer is no.
_NOT_COMPLIANT = ('nonCompliant', 'outOfDate', 'unknown')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest='action', required=True, metavar='ACTION')

    def action(name: str, summary: str, description: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = actions.add_parser(
            name, help=summary, description=description
        )
        return added

    listing = action('list', 'all policies', 'List the policies that machines can have.')
    listing.add_argument('--all', action='store_true', help='those of other categories as well')
    show = action('show', 'about one, and its rules', 'Tell what a policy asks for.')
    show.add_argument('policy', help='name or id')
    explain = action(
        'explain',
        'why not this datastore?',
        'Tell which datastores may hold what has a policy, and why the others may not.',
    )
    explain.add_argument('policy', help='name or id')
    explain.add_argument('datastores', nargs='*', metavar='DATASTORE', help='only these')
    explain.add_argument(
        '--for',
        dest='usable_by',
        metavar='CLUSTER',
        help='also tell what this cluster or host cannot use',
    )
    explain.add_argument(
        '--shared',
        action='store_true',
        help='with --for CLUSTER: also what only some of its hosts can use',
    )
    check = action(
        'check',
        'is a file of policies right?',
        'Hold a file of policies against what the server can do, and change nothing.',
    )
    check.add_argument('file', help='YAML or JSON; - for stdin')
    export = action('export', 'to a file', 'Write policies to a file, or to stdout.')
    export.add_argument('policies', nargs='*', metavar='POLICY', help='only these')
    export.add_argument(
        '-o', '--output', metavar='FILE', help='.json for JSON, else YAML; - for stdout'
    )
    import_ = action(
        'import', 'from a file', 'See that there are policies as in a file, and change the others.'
    )
    import_.add_argument('file', help='YAML or JSON; - for stdin')
    import_.add_argument('--dry-run', action='store_true', help='tell what would be done')
    compliance = action(
        'compliance',
        'of machines and disks',
        'Tell whether machines and their disks have what their policies ask for.',
    )
    compliance.add_argument('machines', nargs='*', metavar='MACHINE', help='only these')
    compliance.add_argument('--recheck', action='store_true', help='check now, which is slower')


def run(context: Context) -> int | None:
    return _ACTIONS[context.options.action](context)


# Looking


def _list(context: Context) -> None:
    category = None if context.options.all else _USUAL
    found = sorted(
        spbm.list_policies(context.session, category=category), key=lambda one: one.name.lower()
    )
    context.out.data([_as_dict(one) for one in found])
    context.out.table(
        ['Name', 'Rules', 'Description'],
        [[Styled(one.name, 'name'), _in_short(one), one.description or ''] for one in found],
    )


def _show(context: Context) -> None:
    policy = _find(context, context.options.policy)
    kinds = _used_by(context, policy)
    context.out.data(_as_dict(policy) | {'used_by': kinds})
    context.out.facts(
        [
            ('Name', Styled(policy.name, 'name')),
            ('Id', policy.id),
            ('Category', policy.category or ''),
            ('Description', policy.description or ''),
            ('Created', _when(policy.created, policy.created_by)),
            ('Updated', _when(policy.updated, None)),
            ('Used by', ', '.join(_count(n, word[:-1], word) for word, n in (kinds or {}).items())),
        ]
    )
    if not policy.rule_sets:
        context.out.lines('\nIt has no rules that can be shown.')
    for number, rule_set in enumerate(policy.rule_sets, 1):
        context.out.heading(rule_set.name or f'Rule set {number}')
        for rule in rule_set.rules:
            context.out.line(str(rule))


def _used_by(context: Context, policy: spbm.Policy) -> dict[str, int] | None:
    """How many have a policy; None where the account may not know."""
    try:
        having = spbm.entities_of(context.session, policy)
    except spbm.PbmNoPermissionException as error:
        context.out.warning(f'It may not be seen who has it: {words(error)}')
        return None
    return {
        'machines': sum(one.kind.startswith('virtualMachine') for one in having),
        'disks': sum(one.kind.startswith('virtualDisk') for one in having),
    }


def _in_short(policy: spbm.Policy) -> str:
    rules = [str(rule) for rule_set in policy.rule_sets for rule in rule_set.rules]
    more = f' and {len(rules) - 1} more' if len(rules) > 1 else ''
    return rules[0] + more if rules else ''


def _as_dict(policy: spbm.Policy) -> dict[str, Any]:
    return {
        'id': policy.id,
        'name': policy.name,
        'description': policy.description,
        'category': policy.category,
        'created': policy.created,
        'updated': policy.updated,
        'rule_sets': [
            {'name': one.name, 'rules': [str(rule) for rule in one.rules]}
            for one in policy.rule_sets
        ],
    }


def _count(number: int, one: str, many: str) -> str:
    return f'{number:,} {one if number == 1 else many}'


def _when(moment: Any, who: str | None) -> str:
    return values.when(moment) + (f' by {who}' if moment and who else '')


def _find(context: Context, name: str) -> spbm.Policy:
    try:
        return spbm.find_policy(context.session, name, category=None)
    except spbm.PolicyNotFoundException:
        names = [one.name for one in spbm.list_policies(context.session, category=None)]
        close = difflib.get_close_matches(name, names, 1)
        hint = f' Do you mean {close[0]}?' if close else ''
        raise NoSuchObjectError(f'There is no storage policy {name}.{hint}') from None


# Which datastores


def _explain(context: Context) -> int:
    session, options = context.session, context.options
    if options.shared and options.usable_by is None:
        raise UsageError('--shared is about a cluster: say which with --for.')
    policy = _find(context, options.policy)
    usable_by = None
    if options.usable_by is not None:
        usable_by = lookup.find(session, options.usable_by, 'ComputeResource', 'HostSystem')
    datastores = lookup.find_each(session, options.datastores, 'Datastore', 'StoragePod') or None
    results = spbm.check_compatibility(
        session, policy, datastores, usable_by=usable_by, shared=options.shared
    )
    rows = [_place(one) for one in results]
    rows.sort(key=lambda row: (not row['fits'], row['datastore'].lower()))
    context.out.data(rows)
    for row in rows:
        if row['fits']:
            context.out.success(f'{row["kind"]} {row["datastore"]} may hold it')
        else:
            context.out.failure('\n'.join(row['reasons']))
        for warning in row['warnings']:
            context.out.caution(warning)
    if not any(row['fits'] for row in rows):
        which = 'None of these' if datastores else 'No datastore'
        context.out.line()
        context.out.line(f'{which} may hold what has the policy {policy.name}.')
        return FAILED
    return DONE


def _place(result: spbm.Compatibility) -> dict[str, Any]:
    name, is_cluster = result.name or result.datastore, result.type == 'StoragePod'
    return {
        'datastore': name,
        'kind': 'datastore cluster' if is_cluster else 'datastore',
        'reference': inventory.reference(result.moref),
        'fits': result.compatible,
        'reasons': [one.sentence(name, cluster=is_cluster) for one in result.errors],
        'warnings': [one.sentence(name, cluster=is_cluster) for one in result.warnings],
    }


# Files


class _Entry(NamedTuple):
    """A policy of a file: what would become of it, or what is wrong with it."""

    name: str
    plain: Any
    plan: spbm.Plan | None
    problems: tuple[str, ...] = ()


def _key(name: str, plain: Any) -> tuple[str, str]:
    """What there can be one policy of: names are given in each category."""
    category = plain.get('category') if isinstance(plain, dict) else None
    return name, str(category or _USUAL)


def _entries(context: Context) -> list[_Entry]:
    found: list[_Entry] = []
    for number, plain in enumerate(policy_files.load(context.options.file), 1):
        try:
            plan = spbm.plan_policy(context.session, plain)
            twice = _key(plan.name, plain) in (_key(one.name, one.plain) for one in found)
            problems = ('it is there twice, and only one can be meant',) if twice else ()
            found.append(_Entry(plan.name, plain, plan, problems))
        except spbm.InvalidRuleException as exc:
            name = plain.get('name') if isinstance(plain, dict) else None
            name = name if isinstance(name, str) and name.strip() else f'policy {number}'
            found.append(_Entry(name, plain, None, tuple(exc.problems)))
    return found


def _check(context: Context) -> int:
    rows = [(one, _count_of_fitting(context, one.plan)) for one in _entries(context)]
    context.out.data(
        [
            {'name': one.name, 'datastores': count, 'problems': list(one.problems)}
            for one, count in rows
        ]
    )
    for one, count in rows:
        if one.problems:
            context.out.failure('\n'.join([one.name, *one.problems]))
        elif count == 0:
            context.out.caution(f'{one.name}: right, but no datastore satisfies it')
        else:
            what = 'asks for nothing'
            if count is not None:
                what = _count(count, 'datastore satisfies it', 'datastores satisfy it')
            context.out.success(f'{one.name}: {what}')
    return FAILED if any(one.problems for one, _ in rows) else DONE


def _count_of_fitting(context: Context, plan: spbm.Plan | None) -> int | None:
    """How many datastores satisfy a policy; None where there is nothing to satisfy."""
    if plan is None or not plan.rule_sets:
        return None
    results = spbm.check_spec_compatibility(context.session, plan.rule_sets)
    return sum(one.compatible for one in results if one.type == 'Datastore')


def _export(context: Context) -> int:
    options = context.options
    if options.policies:
        # A file has a policy once, whoever is named twice.
        found = [_find(context, one) for one in options.policies]
        chosen = list({one.id: one for one in found}.values())
    else:
        chosen = spbm.list_policies(context.session)
    exported, left_out = [], []
    for policy in sorted(chosen, key=lambda one: one.name.lower()):
        try:
            exported.append(policy.to_dict())
        except ValueError as exc:
            left_out.append(policy)
            context.out.warning(f'{policy.name} is left out: {exc}')
    context.out.data({'policies': exported})
    # A file that stdout goes to is not replaced by one of ours.
    path = None if options.output in ('-', '/dev/stdout') else options.output
    as_json = path is not None and path.endswith('.json')
    if not as_json and not options.json and not policy_files.has_yaml():
        context.out.warning(policy_files.WITHOUT_YAML)
    # On stdout nothing may depend on its character set, nor steer a terminal.
    text = policy_files.written(exported, as_json=as_json, as_ascii=path is None)
    if path:
        policy_files.save(text, path)
        context.out.success(f'{path}: {_count(len(exported), "policy", "policies")}')
    else:
        context.out.lines(text.rstrip('\n'))
    return FAILED if left_out else DONE


def _import(context: Context) -> None:
    dry = context.options.dry_run
    entries = _entries(context)
    wrong = [f'{one.name}: {problem}' for one in entries for problem in one.problems]
    if wrong:
        text = f'Nothing was changed: {policy_files.title(context.options.file)} has mistakes.'
        raise CommandError('\n'.join([text, *wrong]))
    done: list[dict[str, Any]] = []
    try:
        for one in entries:
            assert one.plan is not None
            if not dry:
                spbm.policy_from_dict(context.session, one.plain)
            outcome = 'unchanged'
            if one.plan.does_something:
                outcome = 'made' if one.plan.present is None else 'changed'
            done.append({'name': one.name, 'outcome': outcome, 'changes': list(one.plan.changes)})
    finally:
        # Also where it ends in between: what has been done stays done.
        _tell_imported(context, done, dry)
        if len(done) < len(entries):
            rest = ', '.join(one.name for one in entries[len(done) :])
            context.out.warning(f'Not imported: {rest}')


def _tell_imported(context: Context, done: list[dict[str, Any]], dry: bool) -> None:
    context.out.data({'dry_run': dry, 'policies': done})
    for row in done:
        if row['outcome'] == 'unchanged':
            context.out.note(f'{row["name"]}: unchanged')
        else:
            said = f'would be {row["outcome"]}' if dry else row['outcome']
            context.out.success('\n'.join([f'{row["name"]}: {said}', *row['changes']]))


# Compliance


def _compliance(context: Context) -> int:
    session = context.session
    if context.options.machines:
        refs = lookup.find_each(session, context.options.machines, 'VirtualMachine')
        found = session.invoke_api(
            *(vim_util, 'get_properties_for_a_collection_of_objects', session.vim),
            *('VirtualMachine', refs, ['name']),
        )
        with vim_util.WithRetrieval(session.vim, found) as machines:
            names = {one.obj.value: str(one.propSet[0].val) for one in machines}
    else:
        every = [
            one for one in inventory.entities(session).values() if one.kind == 'VirtualMachine'
        ]
        every.sort(key=lambda one: one.title.lower())
        refs, names = [one.ref for one in every], {one.id: one.title for one in every}
    results = spbm.vm_compliance(session, refs, recheck=context.options.recheck)
    ids = {part.policy for one in results for part in one.parts if part.policy}
    policies = {id_: one.name for id_, one in spbm.policies_by_id(session, ids).items()}
    rows = [_compliance_row(one, names.get(one.vm, one.vm), policies) for one in results]
    context.out.data(rows)
    context.out.table(
        ['Machine', 'Part', 'Policy', 'Status', 'Checked'],
        [line for row in rows for line in _compliance_lines(row)],
    )
    for row in rows:
        for part in row['parts']:
            for text in [*part['violations'], *part['errors']]:
                context.out.failure(f'{row["machine"]}, {part["part"]}: {text}')
    return FAILED if any(row['status'] in _NOT_COMPLIANT for row in rows) else DONE


def _compliance_row(
    result: spbm.VmCompliance, name: str, policies: dict[str, str]
) -> dict[str, Any]:
    return {
        'machine': name,
        'status': result.status,
        'checked': result.checked,
        'parts': [
            {
                'part': 'home' if part.entity.disk_key is None else f'disk {part.entity.disk_key}',
                'policy': policies.get(part.policy or '', part.policy),
                'status': part.status,
                'checked': part.checked,
                'violations': [_violation(one) for one in part.violations],
                'errors': [str(one) for one in part.errors],
            }
            for part in result.parts
        ],
    }


def _violation(violation: spbm.Violation) -> str:
    wanted = ', '.join(map(str, violation.wanted))
    offered = ', '.join(map(str, violation.offered)) or 'nothing'
    return f'wanted: {wanted}; there is: {offered}'


def _compliance_lines(row: dict[str, Any]) -> list[list[Cell]]:
    if not row['parts']:
        return [[Styled(row['machine'], 'name'), '', '', _status(row), '']]
    return [
        [
            Styled(row['machine'] if not number else '', 'name'),
            part['part'],
            part['policy'] or '',
            _status(part),
            values.when(part['checked']),
        ]
        for number, part in enumerate(row['parts'])
    ]


def _status(of: dict[str, Any]) -> Styled:
    return Styled(of['status'], _STYLES.get(of['status'], 'dim'))


_ACTIONS = {
    'list': _list,
    'show': _show,
    'explain': _explain,
    'check': _check,
    'export': _export,
    'import': _import,
    'compliance': _compliance,
}
