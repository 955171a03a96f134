"""Those of the functional tests that fit, once more on a server that is not ours.

What fits asks no more of the fixture ``vc`` than an address, credentials, the requests so far and
an end of all sessions. The rest has our simulator make trouble on demand, looks into its memory,
or needs what govmomi 0.24 does not have: ExportVm, CreateDVPortgroup_Task and
PbmQueryMatchingHub, a refusal at /folder (it asks nobody for credentials).
"""

# pytest runs here what it finds here, with the fixtures that it finds here.
# ruff: noqa: F401

from tests.functional.test_calls import (
    test_a_call_costs_no_thread,
    test_a_vanished_object_is_named_in_the_details,
    test_an_inventory_path,
    test_skip_op_id_sends_no_operation_id,
    test_the_servers_own_description,
)
from tests.functional.test_login import (
    test_a_session_begins_with_a_login,
    test_a_wrong_password,
    test_an_expired_session_is_renewed,
    test_an_expired_session_of_many_threads_is_renewed_once,
    test_an_unreachable_server,
    test_no_secret_is_in_a_repr,
    test_no_secret_is_logged,
    test_the_first_call_logs_in,
    test_the_service_content_is_read_anew_after_a_login,
    test_without_create_session_nothing_is_contacted,
)
from tests.functional.test_pbm import test_a_crowd_finds_the_session_expired, test_no_hubs_no_call
from tests.functional.test_tls import (
    other_ca,
    test_a_verified_session_does_not_warn,
    test_an_insecure_session_warns_once,
    test_credentials_do_not_come_from_netrc,
    test_the_environment_does_not_overrule_cacert,
    test_the_environment_does_not_overrule_insecure,
    test_the_environment_names_the_default_trust,
    test_verification_without_a_bundle_uses_the_default_trust,
)
from tests.functional.test_transfer_datastores import (
    test_a_datastore_is_read,
    test_connected_hosts,
    test_no_datastore_cluster,
)
from tests.functional.test_transfer_simulator import (
    place,
    test_a_file_that_is_not_there,
    test_a_file_there_and_back,
    test_download_image,
)
from tests.functional.test_waiting import (
    test_a_task_that_is_gone,
    test_a_task_that_succeeds,
    test_the_result_of_a_task,
)
