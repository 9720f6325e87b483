"""What an archivist meets in Prefect's UI: a form with words, runs with names, and retries only where trying again can help."""

from typing import Any

import pytest
from prefect import Flow
from prefect.client.schemas.objects import State, StateType, TaskRun
from prefect.utilities.callables import parameter_schema

import flows  # noqa: F401  (its settings must stand before Prefect is imported)
from flows import accession as accession_module
from flows import audit as audit_module
from flows import repair as repair_module
from flows import withdrawal as withdrawal_module
from flows.desk import Step, Unexpected
from flows.retries import TRANSIENT, is_transient
from preservation.errors import DepositUnusable, Refused, SettingsWrong, ShelfConflict, StoreUnavailable

MODULES: tuple[Any, ...] = (accession_module, audit_module, repair_module, withdrawal_module)
FLOWS: tuple[Flow[..., Any], ...] = (
    accession_module.accession, audit_module.audit, repair_module.repair, withdrawal_module.withdrawal,
)  # fmt: skip
STEPS = [(module.__name__, name) for module in MODULES for name in vars(module) if isinstance(vars(module)[name], Step)]


@pytest.mark.parametrize("procedure", FLOWS, ids=lambda each: each.name)
def test_each_form_asks_for_one_request_with_every_field_explained(procedure: Flow[..., Any]) -> None:
    """Prefect draws the form from this schema: titles, descriptions, plain types, nothing that is 'a value or nothing'."""
    schema = parameter_schema(procedure)
    assert list(schema.properties) == ["request"]
    (form,) = schema.definitions.values()
    assert form["description"]
    for field in form["properties"].values():
        assert field["description"]
        assert field["title"]
        assert field["type"] == "string"
        assert "anyOf" not in field


@pytest.mark.parametrize("procedure", FLOWS, ids=lambda each: each.name)
def test_each_procedure_says_what_it_does(procedure: Flow[..., Any]) -> None:
    """The description on the deployment's page is the docstring."""
    assert procedure.description
    assert len(procedure.description.splitlines()[0]) > 20


@pytest.mark.parametrize("procedure", FLOWS, ids=lambda each: each.name)
def test_each_run_is_named_after_what_it_is_about(procedure: Flow[..., Any]) -> None:
    name = procedure.flow_run_name
    assert isinstance(name, str)
    assert "{request." in name


@pytest.mark.parametrize("value", ["", "x", "../../etc/passwd", "A" * 26, "a" * 25 + "1", "@ada.fx"])
def test_what_is_no_id_is_refused_by_the_form(value: str) -> None:
    """Names and paths cannot become parameters, which Prefect keeps and shows to everyone."""
    for model in (accession_module.AccessionRequest, withdrawal_module.WithdrawalRequest, repair_module.RepairRequest):
        with pytest.raises(ValueError, match="pattern"):
            model.model_validate(dict.fromkeys(model.model_fields, value))


def test_there_are_steps_and_each_has_a_name_of_words() -> None:
    assert len(STEPS) >= 9
    for module in MODULES:
        for step in (each for each in vars(module).values() if isinstance(each, Step)):
            assert " " in step._task.name


@pytest.mark.parametrize(("module", "name"), STEPS)
def test_every_step_retries_by_the_one_table(module: str, name: str) -> None:
    step = next(vars(each)[name] for each in MODULES if each.__name__ == module)
    task = step._task
    assert task.retries == TRANSIENT["retries"] > 0
    assert task.retry_condition_fn is is_transient
    assert task.persist_result is False


def failed(error: Exception) -> State[Any]:
    return State(type=StateType.FAILED, data=error)


@pytest.mark.parametrize("kind", [Refused, DepositUnusable, ShelfConflict, SettingsWrong, Unexpected])
def test_a_refusal_is_never_tried_again(kind: type[Refused]) -> None:
    """It would mean the same the second time; and a person should see it now."""
    step = next(vars(each)[name] for each in MODULES for name in vars(each) if isinstance(vars(each)[name], Step))
    assert not is_transient(step._task, TaskRun.model_construct(), failed(kind("code", "message", remedy="remedy")))
    assert not is_transient(step._task, TaskRun.model_construct(), failed(ValueError("anything")))


def test_a_site_that_does_not_answer_is_tried_again() -> None:
    step = next(vars(each)[name] for each in MODULES for name in vars(each) if isinstance(vars(each)[name], Step))
    assert is_transient(step._task, TaskRun.model_construct(), failed(StoreUnavailable("code", "message", remedy="remedy")))
