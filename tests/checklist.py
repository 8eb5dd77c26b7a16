"""The checklist of the specification (§14), line by line, and the tests that prove each; `test_checklist` reads it."""

from __future__ import annotations

CORE = "tests/engine/core"
INVARIANTS: dict[str, tuple[str, ...]] = {
    "1. what remains of an instance is what it registered less what its tasks reserve, and is never below nothing": (
        f"{CORE}/test_chaos.py::test_after_every_step_all_counts_are_what_the_tasks_say_and_no_status_goes_back",
        f"{CORE}/test_report.py::test_a_stopped_task_stays_stopped_whatever_is_reported",
        f"{CORE}/test_scenarios.py::test_a_task_whose_essential_container_ends_is_stopped_and_replaced",
        (
            "tests/simulation/test_seeds.py::"
            "test_whatever_happens_all_rules_hold_and_every_service_settles_once_the_faults_are_over"
        ),
    ),
    "2. no static host port and protocol twice on an instance": (
        f"{CORE}/test_chaos.py::test_after_every_step_all_counts_are_what_the_tasks_say_and_no_status_goes_back",
        f"{CORE}/test_task.py::test_a_port_is_taken_per_protocol_until_the_task_is_stopped",
    ),
    "3. lastStatus only goes on, desiredStatus only to STOPPED, version always up": (
        f"{CORE}/test_chaos.py::test_after_every_step_all_counts_are_what_the_tasks_say_and_no_status_goes_back",
        (
            "tests/projections/live/test_task.py::"
            "test_every_event_of_a_task_is_a_new_version_of_it_and_binding_one_of_its_instance"
        ),
    ),
    "4. tasks of a service within upper and lower during a deployment; exactly one PRIMARY": (
        f"{CORE}/test_deployments.py::test_a_rolling_update_is_never_below_the_minimum_nor_above_the_maximum",
        f"{CORE}/test_scenarios.py::test_a_rolling_update_of_each_pair_of_percents",
        "tests/engine/doors/test_service.py::test_of_the_deployments_of_a_service_exactly_one_is_primary",
    ),
    "5. default placement with equal room: zones differ by one at most": (
        f"{CORE}/test_placement.py::test_equal_zones_are_balanced_to_within_one_at_every_step",
    ),
    "6. no new task where its constraints do not let it be; a DAEMON once an instance": (
        f"{CORE}/test_chaos.py::test_no_task_is_placed_where_its_constraints_do_not_let_it_be",
        f"{CORE}/test_chaos.py::test_after_every_step_all_counts_are_what_the_tasks_say_and_no_status_goes_back",
    ),
    "7. counters of clusters equal recounted ones; at most 100 events, newest first": (
        "tests/projections/models/test_fold.py::test_counts_are_what_counting_gives",
        "tests/projections/models/test_service.py::test_at_most_a_hundred_events_are_kept",
        "tests/projections/models/test_service.py::test_events_are_told_newest_first",
    ),
    "8. INACTIVE is final, but for names of clusters and services used again": (
        f"{CORE}/test_chaos.py::test_after_every_step_all_counts_are_what_the_tasks_say_and_no_status_goes_back",
        f"{CORE}/test_container_instance.py::test_a_deregistered_instance_never_comes_back",
        f"{CORE}/test_cluster.py::test_an_inactive_cluster_is_created_anew_and_empty",
        f"{CORE}/test_reconcile.py::test_the_name_of_a_service_that_is_gone_is_free_and_begins_anew",
    ),
    "9. the log told again gives the same projections": (
        f"{CORE}/test_chaos.py::test_the_log_of_any_story_folds_to_the_state_that_wrote_it",
        "tests/projections/models/test_fold.py::test_however_the_log_is_cut_the_models_are_the_same",
        "tests/projections/models/test_fold.py::test_the_models_and_the_live_view_agree",
    ),
}

SCENARIOS: dict[str, tuple[str, ...]] = {
    "create, describe, delete every resource through boto3, with all paginators": (
        "tests/clients/test_every_operation.py::test_the_story_has_every_operation",
        "tests/clients/test_every_operation.py::test_every_operation_answers_as_ecs_says",
        "tests/engine/api/test_boto3.py::test_every_paginator_of_botocore_finds_everything_once",
    ),
    "RunTask count 10 over 3 instances with each failure reason": (
        (
            f"{CORE}/test_scenarios.py::"
            "test_ten_tasks_over_three_instances_take_what_there_is_and_the_rest_lack_a_resource"
        ),
        f"{CORE}/test_scenarios.py::test_ten_tasks_over_three_instances_fail_for_a_constraint",
        f"{CORE}/test_scenarios.py::test_ten_tasks_over_three_instances_fail_for_attributes_and_agents",
        f"{CORE}/test_scenarios.py::test_ten_tasks_over_three_instances_fail_for_gpus_and_subnets",
    ),
    "agent disconnect during deployment": (
        f"{CORE}/test_scenarios.py::test_an_agent_that_goes_away_during_a_deployment_is_waited_for_and_gets_nothing",
        f"{CORE}/test_scenarios.py::test_an_agent_that_never_comes_back_does_not_hold_a_deployment_up",
    ),
    "agent reports STOPPED for an essential container": (
        f"{CORE}/test_scenarios.py::test_a_task_whose_essential_container_ends_is_stopped_and_replaced",
    ),
    "start failure x10 with a fake clock": (
        f"{CORE}/test_scenarios.py::test_ten_failed_starts_wait_longer_and_longer_are_told_once_and_an_update_forgives",
    ),
    "circuit breaker threshold 3 and rollback": (
        (
            f"{CORE}/test_circuit_breaker.py::"
            "test_a_deployment_whose_tasks_fail_to_start_is_given_up_at_the_threshold_and_rolled_back"
        ),
        "tests/engine/doors/test_service.py::test_a_broken_deployment_is_rolled_back_and_every_step_is_told",
    ),
    "rolling update for each (desired, min, max)": (
        f"{CORE}/test_scenarios.py::test_a_rolling_update_of_each_pair_of_percents",
    ),
    "DRAINING with each of these": (
        f"{CORE}/test_scenarios.py::test_a_draining_instance_under_each_pair_of_percents",
        f"{CORE}/test_scenarios.py::test_a_rolling_update_while_an_instance_drains",
    ),
    "DAEMON add, remove, drain instances": (
        f"{CORE}/test_daemon.py::test_an_instance_that_joins_gets_it_and_one_that_left_does_not_count",
        f"{CORE}/test_daemon.py::test_on_a_draining_instance_it_is_the_last_to_stop_and_comes_back_with_the_instance",
    ),
    "forced deregistration with service tasks": (
        f"{CORE}/test_scenarios.py::test_an_instance_deregistered_by_force_loses_its_service_tasks_to_others",
        f"{CORE}/test_scenarios.py::test_an_instance_with_service_tasks_is_not_deregistered_without_force",
    ),
    "service delete with and without force": (
        f"{CORE}/test_service.py::test_a_service_that_wants_tasks_is_deleted_by_force_only",
        f"{CORE}/test_reconcile.py::test_a_deleted_service_stops_its_tasks_and_is_gone_when_they_are",
    ),
    "task protection expiry": (
        f"{CORE}/test_task_protection.py::test_protection_ends_when_its_time_is_up",
        "tests/engine/doors/test_task_protection.py::test_a_protection_is_answered_and_described_until_it_ends",
    ),
    "protected scale-in": (
        f"{CORE}/test_task_protection.py::test_scale_in_passes_over_protected_tasks",
        f"{CORE}/test_task_protection.py::test_scale_in_below_the_protected_is_told_once_and_goes_on_when_it_can",
    ),
    "RunTask clientToken conflicts": (
        (
            "tests/engine/shell/test_keeper.py::"
            "test_a_token_used_for_another_request_is_a_conflict_that_names_the_first_ones_tasks"
        ),
    ),
    "PROVISIONING tasks placed when an instance registers": (
        "tests/engine/doors/test_queued_task.py::test_a_task_waits_for_an_instance_and_gets_it",
        f"{CORE}/test_queued_task.py::test_it_is_placed_as_soon_as_there_is_room",
    ),
    "zone rebalancing after a zone returns": (
        f"{CORE}/test_zone_balance.py::test_a_lost_zone_that_comes_back_is_filled_again",
        (
            "tests/simulation/test_zones.py::"
            "test_three_thousand_tasks_leave_a_lost_zone_settle_and_go_back_where_zones_are_rebalanced"
        ),
    ),
    "waiters within their limits": (
        "tests/clients/test_awscli_waits.py::test_the_session_of_every_user",
        "tests/clients/test_boto3_waits.py::test_a_service_lives_and_ends",
        "tests/clients/test_boto3_waits.py::test_a_task_runs_until_it_is_stopped",
    ),
}
