"""The one way to speak unmarked: a setting that only the administrator can sign, with a reason, in the log.

No argument, variable or option of a request does it. The setting is a file beside the keys, signed with the
installation's key: who may not read the keys cannot write it, and a changed one is an error, not a default.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from clock_train.audit.signing import is_signed
from clock_train.errors import ConfigValueInvalid, WatermarkSettingInvalid
from clock_train.issuing.installation import Installation


@dataclass(frozen=True, kw_only=True)
class Unmarked:
    """Marking is off, by whom, why and until when."""

    reason: str
    by: str
    since: str
    until: str | None = None


def switch_off(installation: Installation, *, reason: str, by: str, until: datetime | None = None) -> Unmarked:
    """Speak unmarked from now on; the log says so, and says it again for every sound.

    Raises:
        ConfigValueInvalid: no reason, or an end that has passed.
        AuditUnwritable: the log cannot be written; then marking stays on.
    """
    now = datetime.now(UTC)
    if not reason.strip():
        raise ConfigValueInvalid("marking is switched off only with a reason; give one with --reason")
    if until is not None and until <= now:
        raise ConfigValueInvalid(f"the end {until.isoformat()} has passed; give a later one with --until")
    setting = Unmarked(
        reason=reason,
        by=by,
        since=now.isoformat(timespec="seconds"),
        until=until.astimezone(UTC).isoformat(timespec="seconds") if until else None,
    )
    installation.keys(now.date())
    installation.log().append("marking-off", {"reason": reason, "by": by, "until": setting.until}, now=now)
    values = {"marking": "off", **vars(setting)}
    values["signature"] = installation.signer().sign(_canonical(values))
    temporary = installation.setting_path.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(values, ensure_ascii=False, indent=1), encoding="utf-8")
    temporary.replace(installation.setting_path)
    return setting


def switch_on(installation: Installation, *, by: str) -> None:
    """Mark again; the log says so."""
    if installation.setting_path.exists():
        installation.setting_path.unlink()
        installation.log().append("marking-on", {"by": by})


def unmarked(installation: Installation) -> Unmarked | None:
    """The setting, where marking is off; None where sounds are marked.

    Raises:
        WatermarkSettingInvalid: the file is unsigned, changed, over, or of another installation.
    """
    path = installation.setting_path
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        signature = str(values.pop("signature"))
        setting = Unmarked(**{name: value for name, value in values.items() if name != "marking"})
        is_off = values["marking"] == "off"
        is_over = setting.until is not None and datetime.now(UTC) >= datetime.fromisoformat(setting.until)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _invalid(installation, "cannot be read") from error
    if not is_off or not is_signed(_canonical(values), signature, installation.signer().public_key):
        raise _invalid(installation, "is not signed by this installation")
    if is_over:
        raise _invalid(installation, f"ended at {setting.until}")
    return setting


def _invalid(installation: Installation, what: str) -> WatermarkSettingInvalid:
    return WatermarkSettingInvalid(
        f'the setting "{installation.setting_path}" {what}. Mark again with "clocktrain watermark on", or switch off '
        'with a reason: "clocktrain watermark off --reason ..."'
    )


def _canonical(values: dict[str, object]) -> bytes:
    return json.dumps(values, ensure_ascii=False, sort_keys=True).encode()
