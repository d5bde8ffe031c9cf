"""Step Functions, as a part of the embedded account."""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import StateCredentials
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.states.definitions import Definitions
from constructs_ml.rehearsal.states.errors import hook_errors
from constructs_ml.rehearsal.states.executions import Executions
from constructs_ml.rehearsal.states.intrinsics import hook_intrinsics
from constructs_ml.rehearsal.states.machines import Machines
from constructs_ml.rehearsal.states.maps import hook_maps
from constructs_ml.rehearsal.states.paths import hook_paths
from constructs_ml.rehearsal.states.pauses import Pauses
from constructs_ml.rehearsal.states.roles import ExecutionRole, Roles
from constructs_ml.rehearsal.states.service_calls import ServiceCalls
from constructs_ml.rehearsal.states.story import Story
from constructs_ml.rehearsal.states.tasks import ServiceTask
from constructs_ml.rehearsal.states.tokens import Tokens

_ASL = "moto.stepfunctions.parser.asl"
_TASK = f"{_ASL}.component.state.exec.state_task"
_MAP = f"{_ASL}.component.state.exec.state_map"
# Where moto makes clients for states beside the tasks that are replaced whole.
_CLIENTS = (
    f"{_MAP}.item_reader.eval.resource_eval_s3",
    f"{_MAP}.result_writer.resource_eval.resource_eval_s3",
    f"{_TASK}.lambda_eval_utils",
)
# Each logs whole syntax trees for errors that a state machine is made to meet.
_LOUD = (
    f"{_ASL}.component.eval_component",
    f"{_ASL}.component.program.program",
    f"{_ASL}.component.state.exec.execute_state",
    f"{_ASL}.component.state.exec.state_map.iteration.iteration_worker",
    f"{_ASL}.component.state.exec.state_map.iteration.itemprocessor.distributed_item_processor_worker",
    f"{_ASL}.component.state.exec.state_map.iteration.job",
    f"{_ASL}.component.state.exec.state_parallel.branch_worker",
    f"{_ASL}.component.state.state",
    f"{_ASL}.component.state.exec.state_task.state_task_lambda",
    f"{_ASL}.eval.environment",
    f"{_ASL}.eval.event.event_manager",
    f"{_ASL}.parse.preprocessor",
)


class States:
    """Runs what Step Functions runs: executions with their roles, in this process."""

    def __init__(self, account: EmbeddedAccount) -> None:
        self._account = account
        roles, tokens = Roles(account), Tokens()
        self._make = lambda service_name: ServiceTask(account, ServiceCalls(account, roles), tokens)
        self._definitions = Definitions()
        Machines(account, self._definitions)
        Executions(account, Story(account, Pauses(account)))
        hook_paths(account)
        hook_errors(account)
        hook_intrinsics(account)
        hook_maps(account, roles)
        self.waits = tokens.waits
        for operation, handler in tokens.handlers.items():
            account.gate.override("stepfunctions", operation, handler)
        self._hook(roles)

    def _hook(self, roles: Roles) -> None:
        hook = self._account.hook
        for module in ("moto.stepfunctions.models", "moto.stepfunctions.responses"):
            hook(module, "stepfunctions_backends", stepfunctions_parser_backends, "state machines are executed")
        for module in _CLIENTS:
            hook(module, "boto_client_for", roles.client, "a state's calls carry the role of its execution")
        for module in _LOUD:
            hook(f"{module}:LOG", "disabled", True, "an error that is caught is not an error of this program")
        why = "every integration is served, and waits for its job, as Step Functions does"
        hook(f"{_TASK}.state_task_factory", "state_task_service_for", self._make, why)
        hook(f"{_TASK}.state_task:StateTask", "_eval_state_credentials", _credentials, "Credentials carry the role")
        why = "a definition is read once, not once a run"
        hook(f"{_ASL}.parse.asl_parser:AmazonStateLanguageParser", "parse", staticmethod(self._definitions.parse), why)


def _credentials(state: Any, env: Any) -> StateCredentials:
    own = env.aws_execution_details.role_arn
    if not state.credentials:
        return StateCredentials(role_arn=own)
    state.credentials.eval(env=env)
    named = env.stack.pop().role_arn
    return StateCredentials(role_arn=ExecutionRole.of(named, own.session, by=own))
