"""Writing a bundle: graphs, speaker vectors, a card with every hash, and a signature over the card."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from clock_train.audit.signing import Signer
from clock_train.bundle.card import SPEAKERS, parse_card, write_card
from clock_train.bundle.opening import DECODER_GRAPH, TEXT_GRAPH, WHOLE_GRAPH, Bundle, is_bundle, sign_bundle
from clock_train.bundle.staging import staged
from clock_train.errors import BundleUnwritable
from clock_train.export.graphs import write_graphs
from clock_train.export.int8 import INT8_DECODER
from clock_train.export.model_card import MODEL_CARD, model_card
from clock_train.models.voice_files import FILES, JUDGES, LoadedVoice, load_voice, model_facts


def write_bundle(
    voice_path: Path,
    out: Path,
    *,
    signer: Signer,
    watermark_key_id: str = "",
    tracking_run: str = "",
    metrics: dict[str, float] | None = None,
    choose_int8: Callable[[Bundle], dict[str, Any]] | None = None,
) -> str:
    """Export a voice folder as a signed bundle; an older one at ``out`` is replaced once the new one is whole.

    Args:
        voice_path: what training left. One of kind ``base`` keeps its weights in the bundle, to be fine-tuned from.
        out: folder to write.
        signer: of the installation.
        watermark_key_id: of the key that marks this voice's sounds.
        tracking_run: MLflow's id of the run.
        metrics: the judges' figures, added to those of the card.
        choose_int8: given the float32 bundle, not yet signed, writes the int8 decoder beside it and says in its record
            whether it is ``kept``; None keeps float32.

    Returns:
        The bundle's digest.

    Raises:
        VoiceNotFound, BundleFileMissing, BundleDamaged: the voice is not there, or not whole.
        BundleUnwritable: something else lies at ``out``, or no room is left.
        ExportError: its decoder has no graph.
    """
    loaded = load_voice(voice_path)
    if out.exists() and not is_bundle(out) and (not out.is_dir() or any(out.iterdir())):
        raise BundleUnwritable(f'"{out}" holds something that is no bundle; name a new folder')
    more = {"watermarkKeyId": watermark_key_id, "trackingRun": tracking_run}
    try:
        with staged(out) as work:
            card = _fill(work, loaded, voice_path, more, metrics or {}, choose_int8)
            sign_bundle(work, card, signer)
    except OSError as error:
        raise BundleUnwritable(
            f'the bundle "{out}" cannot be written ({error.strerror}), and what was there is unchanged; free some room '
            "(50 MB for a student, 400 MB for a teacher), or name another folder"
        ) from error
    return hashlib.sha256(card).hexdigest()


def _fill(
    work: Path,
    loaded: LoadedVoice,
    voice_path: Path,
    more: dict[str, str],
    metrics: dict[str, float],
    choose_int8: Callable[[Bundle], dict[str, Any]] | None,
) -> bytes:
    """All files but the signature; returns the card."""
    facts = write_graphs(loaded.model, work)
    np.save(work / SPEAKERS, loaded.vectors_SE, allow_pickle=False)
    names = [SPEAKERS, WHOLE_GRAPH, TEXT_GRAPH, DECODER_GRAPH]
    if loaded.card.kind == "base":
        kept = [name for name in (*FILES, JUDGES) if name != SPEAKERS and (voice_path / name).is_file()]
        for name in kept:
            shutil.copy2(voice_path / name, work / name)
        names += kept
    values: dict[str, Any] = {
        **model_facts(loaded.card, loaded.model),
        "metrics": {**loaded.card.metrics, **metrics},
        **more,
        "graphs": facts.values(),
        "int8": {"kept": False, "why": "not tried: no recordings of the voice to judge it by"},
    }
    if choose_int8 is not None:
        unjudged = write_card(work, values, names)
        values["int8"] = choose_int8(Bundle(work, loaded.card, parse_card(work, unjudged), signer="", digest=""))
        if values["int8"]["kept"]:
            values["graphs"] = {**facts.values(), "decoder": INT8_DECODER}
            names.append(INT8_DECODER)
        else:
            (work / INT8_DECODER).unlink(missing_ok=True)
    (work / MODEL_CARD).write_text(model_card(values), encoding="utf-8")
    return write_card(work, values, [*names, MODEL_CARD])
