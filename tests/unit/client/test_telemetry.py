"""
Spans: what each operation tells OpenTelemetry, and that a denial is no error.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags

from figuard import FiGuardApiError, FiGuardError
from figuard.client import telemetry
from tests.unit.client.fakes import EVENT_ID, TOKEN, authorized, client, denied, event, lost, refused

TRACE_ID = 0x0AF7651916CD43DD8448EB211C80319C


class RecordedSpan(NonRecordingSpan):
    """A span that keeps what it is told."""

    def __init__(self, name, context):
        super().__init__(context)
        self.name = name
        self.attributes = {}
        self.status = StatusCode.UNSET
        self.exceptions = []

    def is_recording(self):
        return True

    def set_attribute(self, key, value):
        self.attributes[key] = value

    def set_status(self, status, description=None):
        self.status = status

    def record_exception(self, exception, *rest, **options):
        self.exceptions.append(exception)


class RecordingTracer(trace.Tracer):
    """A tracer that keeps its spans."""

    def __init__(self):
        self.spans = []

    def start_span(self, name, *rest, **options):
        span = RecordedSpan(name, SpanContext(TRACE_ID, 1, is_remote=False, trace_flags=TraceFlags(1)))
        self.spans.append(span)
        return span

    @contextmanager
    def start_as_current_span(self, name, *rest, **options):
        span = self.start_span(name)
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                yield span
        except Exception as error:
            span.record_exception(error)
            span.set_status(StatusCode.ERROR)
            raise


class Provider(trace.TracerProvider):
    """A provider of one recording tracer."""

    def __init__(self):
        self.tracer = RecordingTracer()
        self.asked = []

    def get_tracer(self, name, version=None, schema_url=None, attributes=None):
        self.asked.append((name, schema_url))
        return self.tracer


PROVIDER = Provider()


@pytest.fixture(scope="module", autouse=True)
def _provided():
    """OpenTelemetry takes one provider per process, so it is set once, and the client asks for its tracer anew."""
    trace.set_tracer_provider(PROVIDER)
    telemetry._tracer.cache_clear()


@pytest.fixture
def spans():
    PROVIDER.tracer.spans.clear()
    return PROVIDER.tracer.spans


def told(spans):
    (span,) = spans
    return span.name, {key.removeprefix("figuard."): value for key, value in span.attributes.items()}, span.status


def test_an_authorization_tells_what_was_asked_and_answered(spans):
    guard, _ = client([authorized("10.00")])
    guard.authorize(budget=TOKEN, amount=10, agent_id="a", action_type="BUY", claimed_category="flights")
    name, attributes, status = told(spans)

    assert (name, status) == ("figuard.authorize", StatusCode.OK)
    assert attributes == {
        "agent_id": "a",
        "action_type": "BUY",
        "requested_quantity": 10.0,
        "claimed_category": "flights",
        "event_id": EVENT_ID,
        "decision": "AUTHORIZED",
        "approved_quantity": 10.0,
        "budget_available": 490.0,
    }


def test_a_denial_is_an_answer_and_no_error(spans):
    """
    A policy that does its work must not look like a fault on a dashboard.
    """
    guard, _ = client([denied()])
    guard.authorize(budget=TOKEN, amount=10)
    _, attributes, status = told(spans)

    assert (attributes["decision"], attributes["denial_reason"]) == ("DENIED", "INSUFFICIENT_FUNDS")
    assert status is StatusCode.OK


def test_a_refusal_is_an_error(spans):
    guard, _ = client([refused(401, "INVALID_SESSION_TOKEN")])
    with pytest.raises(FiGuardApiError):
        guard.authorize(budget=TOKEN, amount=10)
    _, attributes, status = told(spans)

    assert (attributes["error_code"], attributes["status_code"], status) == (
        "INVALID_SESSION_TOKEN",
        401.0,
        StatusCode.ERROR,
    )


def test_no_answer_is_an_error(spans):
    guard, _ = client([lost()])
    with pytest.raises(FiGuardError):
        guard.confirm(EVENT_ID, 1)
    name, _, status = told(spans)

    assert (name, status, len(spans[0].exceptions)) == ("figuard.confirm", StatusCode.ERROR, 1)


@pytest.mark.parametrize(
    ("call", "name", "attributes"),
    [
        (lambda g: g.confirm(EVENT_ID, 9), "figuard.confirm", {"confirmed_quantity": 9.0}),
        (lambda g: g.fail(EVENT_ID, "DECLINED"), "figuard.fail", {"reason": "DECLINED"}),
        (lambda g: g.void(EVENT_ID, "R"), "figuard.void", {"reason": "R", "void_child_events": False}),
        (lambda g: g.refund(EVENT_ID, 3), "figuard.refund", {"refunded_quantity": 3.0, "reason": "REFUND"}),
        (lambda g: g.mark_unknown(EVENT_ID), "figuard.mark_unknown", {}),
    ],
)
def test_a_settlement_has_a_span(spans, call, name, attributes):
    guard, _ = client([event()])
    call(guard)

    assert told(spans) == (name, {"event_id": EVENT_ID, **attributes}, StatusCode.OK)


def test_a_sampled_trace_is_named_in_the_ledger(spans):
    guard, transport = client([authorized()])
    guard.authorize(budget=TOKEN, amount=10)

    assert transport.calls[0].body.trace_id == f"{TRACE_ID:032x}"


@pytest.mark.parametrize(("flags", "expected"), [(1, f"{TRACE_ID:032x}"), (0, None)])
def test_only_a_sampled_trace_is_named(flags, expected):
    context = SpanContext(TRACE_ID, 1, is_remote=False, trace_flags=TraceFlags(flags))
    with trace.use_span(NonRecordingSpan(context)):
        assert telemetry.sampled_trace_id() == expected


def test_outside_of_any_span_there_is_no_trace():
    assert telemetry.sampled_trace_id() is None


def test_a_trace_that_is_named_by_hand_stays(spans):
    guard, transport = client([authorized()])
    guard.authorize(budget=TOKEN, amount=10, trace_id="mine")

    assert transport.calls[0].body.trace_id == "mine"


def test_the_tracer_says_which_words_it_uses(spans):
    guard, _ = client([event()])
    guard.confirm(EVENT_ID, 1)

    assert ("figuard", "https://opentelemetry.io/schemas/1.24.0") in PROVIDER.asked


def test_without_opentelemetry_nothing_is_told_and_nothing_breaks():
    """
    The extra is optional: hidden from the import system, it must be as if it did not exist.
    """
    script = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from figuard.client import telemetry\n"
        "with telemetry.span('authorize', agent_id='a') as span:\n"
        "    span.note(event_id='e'); span.done()\n"
        "print(telemetry.sampled_trace_id())"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (ran.stdout.strip(), ran.stderr) == ("None", "")


LISTENING = """
import sys
from figuard import FiGuardClient
from tests.unit.client.fakes import EVENT_ID, FakeTransport, event
guard = FiGuardClient(transport=FakeTransport(lambda call: event()), log=False)
guard.confirm(EVENT_ID, 1)
print("opentelemetry.trace" in sys.modules)
"""
WAKING = """
from tests.unit.client.test_telemetry import PROVIDER
from opentelemetry import trace
trace.set_tracer_provider(PROVIDER)
guard.confirm(EVENT_ID, 1)
print([span.name for span in PROVIDER.tracer.spans])
"""


def printed(script, **environment):
    root = Path(__file__).parents[3]
    environment = {**os.environ, **environment}
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=root, env=environment
    )
    assert ran.stderr == ""
    return ran.stdout.splitlines()


def test_who_listens_later_is_heard_and_nobody_loads_anything_for_nobody():
    """
    The API of OpenTelemetry is not loaded for an operation; once somebody else has loaded it, it is used.
    """
    assert printed(LISTENING + WAKING) == ["False", "['figuard.confirm']"]


def test_a_tracer_that_the_environment_names_is_asked():
    assert printed(LISTENING, OTEL_PYTHON_TRACER_PROVIDER="default_tracer_provider") == ["True"]
