"""Secrets leave a report by their field's name and by their look; what only says where one lies stays."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clock_train.orchestration.redaction import REDACTED, redacted, redacted_text

HIDDEN = "aq3Xz9Lk27Tv0Qm5"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {HIDDEN}",
        f"https://user:{HIDDEN}@example.com/x",
        f"AWS_SECRET_ACCESS_KEY={HIDDEN}",
        f"secret_key: '{HIDDEN}'",
        json.dumps({"password": HIDDEN}),
        f"https://s3/x?X-Amz-Credential=a%2Fb&X-Amz-Signature={HIDDEN}&y=1",
        f"-----BEGIN PRIVATE KEY-----\n{HIDDEN}\n-----END PRIVATE KEY-----",
        f"eyJhbGciOiJSUzI1NiJ9.{HIDDEN}.{HIDDEN}",
    ],
)
def test_a_secret_in_a_text_is_replaced(text: str) -> None:
    said = redacted_text(f"before {text} after")
    assert HIDDEN not in said and REDACTED in said and said.startswith("before ")


def test_an_aws_key_id_is_replaced_wherever_it_stands() -> None:
    assert redacted_text("id AKIAIOSFODNN7EXAMPLE used") == f"id {REDACTED} used"


def test_fields_and_settings_are_replaced_by_their_names() -> None:
    shown = redacted(
        {"token": HIDDEN, "env": [{"name": "MLFLOW_TRACKING_PASSWORD", "value": HIDDEN}, {"name": "A", "value": "b"}]}
    )
    assert shown == {
        "token": REDACTED,
        "env": [{"name": "MLFLOW_TRACKING_PASSWORD", "value": REDACTED}, {"name": "A", "value": "b"}],
    }


def test_where_a_secret_lies_stays() -> None:
    names = {
        "secretName": "storage",
        "valueFrom": {"secretKeyRef": {"name": "storage", "key": "id"}},
        "automount": False,
    }
    assert redacted(names) == names


def test_bookkeeping_goes() -> None:
    metadata = {
        "name": "anna",
        "managedFields": [1],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": HIDDEN, "a": "b"},
    }
    assert redacted({"metadata": metadata}) == {"metadata": {"name": "anna", "annotations": {"a": "b"}}}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["token", "apiToken", "client_secret", "password", "aws_secret_access_key"]))
def test_however_deep_it_lies_a_field_of_a_secret_name_is_replaced(around: object, name: str) -> None:
    assert HIDDEN not in json.dumps(redacted([around, {"deep": [{name: HIDDEN}, around]}]))


@given(JSON)
def test_redacting_twice_is_redacting_once(value: object) -> None:
    assert redacted(redacted(value)) == redacted(value)
