"""Everything that a user, a file or a machine can cause, as one tree.

    ClockTrainError
    ├── ConfigError        a setting that cannot work
    ├── AudioError         one sound file
    ├── TextError          one text to speak
    ├── CorpusError        recordings and transcripts taken together
    ├── ConsentError       who agreed to what
    ├── ComplianceError    what a check found, and what may be said
    ├── ErasureError       what is to be gone, and the proof of it
    ├── AlignmentError     phones and frames that cannot be matched
    ├── TrainingError      a run that cannot go on
    ├── CheckpointError    saved state
    ├── StorageError       the place where things are kept
    ├── TrackingError      what a team sees of a run
    ├── EvaluationError    a judge that is missing or cannot answer
    ├── ExportError        a bundle
    ├── ServingError       a voice that is asked to speak
    ├── WatermarkError     a mark in a sound: its key, its payload, its label
    ├── AuditError         the log of what was spoken
    ├── AccountError       who may ask for speech, and how much of it
    ├── ListeningError     a listening test, its invitations and votes
    └── ClusterError       the cluster

A leaf is named for what happened; its name is the stable code: the exception, the condition reason, the heading of its
page in ``docs/errors.md``, and by rule the API's spellings. A message says what, where and how to fix it.
"""

from __future__ import annotations

import re

BUG = 70
"""What a command ends with where none of these was raised: EX_SOFTWARE of sysexits.h."""


class ClockTrainError(Exception):
    """Base of all errors that are not our own bug."""

    exit_code = 2
    """What a command ends with: 2 the user can fix it, 3 capacity was lost and a retry helps, 4 saved and stopped."""

    @property
    def code(self) -> str:
        """The stable name, such as ``AudioEmpty``."""
        return type(self).__name__

    def __str__(self) -> str:
        return f"{self.code}: {super().__str__()}"


def snake_code(code: str) -> str:
    """``VoiceNotFound`` as REST spells it, ``voice_not_found``; gRPC uses the same in capitals."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", code).lower()


class ConfigError(ClockTrainError):
    """A setting that cannot work."""


class PartNotInstalled(ConfigError):
    """A library of an optional part is not installed."""


class ConfigKeyUnknown(ConfigError):
    """A key that no part of the configuration has."""


class ConfigValueInvalid(ConfigError):
    """A value of the wrong type, or one that its key cannot have."""


class ConfigOutdated(ConfigError):
    """A configuration written for an older schema."""


class ManifestUnreadable(ConfigError):
    """A file of resources that cannot be read, or is no YAML that this reader takes."""


class ManifestInvalid(ConfigError):
    """A resource with an unknown field, or a value that its field cannot have."""


class AudioError(ClockTrainError):
    """One sound file that cannot be used."""


class AudioNotFound(AudioError):
    """The file is not there."""


class AudioUnreadable(AudioError):
    """The file is there, but permissions or the disk refuse it."""


class AudioEmpty(AudioError):
    """The file has no bytes or no samples."""


class AudioTruncated(AudioError):
    """The file ends before its header says."""


class AudioNotAudio(AudioError):
    """The bytes are no sound that any decoder knows."""


class AudioTooLong(AudioError):
    """One file is longer than the reader is willing to hold."""


class AudioIsFolder(AudioError):
    """A folder was given where one sound file is read."""


class AudioSamplesInvalid(AudioError):
    """Samples that are no numbers (NaN or infinity)."""


class AudioUnwritable(AudioError):
    """A sound file that cannot be written; the operating system's reason is the cause."""


class TextError(ClockTrainError):
    """One text that cannot be spoken."""


class TextEmpty(TextError):
    """Nothing in the text can be spoken (empty, emoji, symbols only)."""


class TextUnreadable(TextError):
    """A text file that cannot be read, or is not UTF-8."""


class TextTooLong(TextError):
    """The text is longer than one request may be."""


class TextLanguageUnsupported(TextError):
    """No front-end for the language here."""


class TextOverrideInvalid(TextError):
    """An inline pronunciation such as ``银<行|hang2>`` names phones that do not exist."""


class SsmlInvalid(TextError):
    """SSML that is not well formed, or asks for what there is not."""


class LexiconInvalid(TextError):
    """A pronunciation lexicon, or a pronunciation of a request, that cannot be read."""


class LexiconNotFound(TextError):
    """No lexicon of this name."""


class CorpusError(ClockTrainError):
    """Recordings and transcripts taken together."""


class CorpusNotFound(CorpusError):
    """No folder, or no recordings in it."""


class CorpusUnreadable(CorpusError):
    """A folder that may not be read."""


class CorpusUnwritable(CorpusError):
    """A folder that may not be written."""


class CorpusDiskFull(CorpusError):
    """No room left while the corpus was written."""


class CorpusTooShort(CorpusError):
    """Less usable speech than the lowest tier asks for."""


class CorpusDamaged(CorpusError):
    """A corpus folder whose manifest and files disagree."""


class CorpusRevisionUnknown(CorpusError):
    """No such corpus or revision in the remote."""


class CorpusRevisionDamaged(CorpusError):
    """An object of a pushed revision is missing, or its bytes changed."""


class CorpusPushBusy(CorpusError):
    """Another push of the same corpus is running."""

    exit_code = 3


class CorpusVersioningFailed(CorpusError):
    """DVC ended with an error of its own."""


class TranscriptMissing(CorpusError):
    """Recordings without any text."""


class TranscriptDuplicated(CorpusError):
    """Two texts for one recording, or two recordings for one text."""


class TranscriptEncoding(CorpusError):
    """A transcript that is not UTF-8."""


class TranscriptUnclear(CorpusError):
    """A transcript whose columns or rows cannot be told apart."""


class TranscriptTooLong(CorpusError):
    """More text than the audio can hold."""


class TranscriptLanguageMismatch(CorpusError):
    """The transcripts are not in the language that was named."""


class SpeakersMixed(CorpusError):
    """Two voices under one speaker's name."""


class SampleUnavailable(CorpusError):
    """The sample recordings cannot be had on this machine."""


class RecordingDeviceMissing(CorpusError):
    """No microphone, or no PortAudio."""


class ConsentError(ClockTrainError):
    """Who agreed to what."""


class ConsentMissing(ConsentError):
    """A speaker without a consent record."""


class ConsentInvalid(ConsentError):
    """A consent record that cannot be read or does not fit the corpus."""


class ConsentUnsigned(ConsentError):
    """A consent record that nobody signed."""


class ConsentForged(ConsentError):
    """A consent record that was altered, or was signed with a key that is not trusted."""


class ConsentMismatch(ConsentError):
    """A consent record of another speaker."""


class ConsentExpired(ConsentError):
    """A consent that has ended."""


class ConsentRevoked(ConsentError):
    """A consent that was taken back."""


class ConsentExceeded(ConsentError):
    """A use that the consent does not cover: another purpose, or another territory."""


class StatementMismatch(ConsentError):
    """A spoken statement in another voice than that of the recordings."""


class StatementUnheard(ConsentError):
    """A spoken statement without the words that were asked for."""


class StatementReplayed(ConsentError):
    """A spoken statement that was used before, or whose sentence was not asked for or no longer counts."""


class StatementSynthetic(ConsentError):
    """A spoken statement that carries the mark of a cloned voice."""


class ComplianceError(ClockTrainError):
    """What a compliance check found, and what may be said with a voice."""


class ComplianceBlocked(ComplianceError):
    """A corpus or a voice whose check has a finding that must be settled first."""


class ComplianceReportInvalid(ComplianceError):
    """A report of a check that cannot be read or kept."""


class VoiceRegistryInvalid(ComplianceError):
    """A print of a registered voice that cannot be read, or a folder that cannot hold one."""


class TextPolicyInvalid(ComplianceError):
    """A text policy that cannot be read, or names what there is not."""


class TextRefused(ComplianceError):
    """A text that the server's policy does not let be spoken."""


class ErasureError(ClockTrainError):
    """What is to be gone, and the proof of it."""


class ErasureFoundNothing(ErasureError):
    """Nothing of this name was found where it was looked for."""


class ErasureUnfinished(ErasureError):
    """Something is still to be erased; the next run goes on."""

    exit_code = 3


class ErasureRemains(ErasureError):
    """An object that a receipt calls erased is there."""


class ReceiptInvalid(ErasureError):
    """The file is no receipt of an erasure."""


class ReceiptForged(ErasureError):
    """A receipt was altered, or no trusted key signed it."""


class BaseRetired(ErasureError):
    """A base contains a speaker who was erased; no new voice starts from it."""


class AlignmentError(ClockTrainError):
    """Phones and frames that cannot be matched."""


class TrainingError(ClockTrainError):
    """A run that cannot go on."""


class TrainingDiverged(TrainingError):
    """A loss became NaN or ran away."""


class TrainingOutOfMemory(TrainingError):
    """The device has no room for this batch."""

    exit_code = 3


class TrainingDataTooSmall(TrainingError):
    """Too few clips to train and to validate."""


class RunChanged(TrainingError):
    """The folder holds another run than the one asked for."""


class TeacherUnsuitable(TrainingError):
    """A voice that cannot teach a student: it is one itself, or no larger than the student."""


class TeacherIncompatible(TrainingError):
    """A teacher of another phone inventory or sample rate than the recordings."""


class TeacherSpeakerUnknown(TrainingError):
    """Recordings of a speaker whom the teacher does not know."""


class TeachingTextMissing(TrainingError):
    """No text that a teacher could speak for its student."""


class TeachingCacheFull(TrainingError):
    """No room left for what a teacher speaks."""

    exit_code = 3


class WorkersLost(TrainingError):
    """Workers of a run were lost, or never came, and the run gave up."""

    exit_code = 3


class ParcelTooLarge(TrainingError):
    """A training to be carried to another machine weighs more than may be carried."""


class ParcelDamaged(TrainingError):
    """A file of a carried training is gone or changed."""


class CheckpointError(ClockTrainError):
    """Saved state."""


class CheckpointDamaged(CheckpointError):
    """A checkpoint whose bytes do not match its marker, and none before it."""


class CheckpointNotFound(CheckpointError):
    """The checkpoint to go on from is not there, or is another run's."""


class AttemptDamaged(CheckpointError):
    """The record of an attempt's start cannot be read."""


class TrainingStopped(TrainingError):
    """Somebody asked the run to save and stop, and it did."""

    exit_code = 4
    """Neither a mistake nor a loss: the next start goes on."""


class BudgetSpent(TrainingError):
    """The run saved and stopped because its budget was used up."""


class RunBusy(TrainingError):
    """Another process is training into the same folder."""


class CheckpointMismatch(CheckpointError):
    """A checkpoint of another model or configuration."""


class BaseIncompatible(CheckpointError):
    """A base of another phone inventory or sample rate."""


class StorageError(ClockTrainError):
    """The place where things are kept."""


class StorageKeyInvalid(StorageError):
    """A key that would leave the store or cannot be a file name."""


class StorageNotFound(StorageError):
    """No object under the key."""


class StorageDamaged(StorageError):
    """An object whose checksum does not match."""


class StorageFull(StorageError):
    """No room left; what was there before is untouched."""

    exit_code = 3


class StorageDenied(StorageError):
    """Permissions refuse a read or a write."""


class StorageUnreachable(StorageError):
    """The server that keeps things did not answer, or failed, for as long as it is waited for."""

    exit_code = 3


class StorageRootInvalid(StorageError):
    """What was named as the store's folder is not one."""


class TrackingError(ClockTrainError):
    """What a team sees of a run, and the server that shows it."""


class TrackingDenied(TrackingError):
    """The tracking server refused the credentials or the host name."""


class TrackingUnreachable(TrackingError):
    """The tracking server did not answer or failed; entries are kept."""

    exit_code = 3


class RunNotFound(TrackingError):
    """No run in the folder that was named."""


class EvaluationError(ClockTrainError):
    """A judge that is missing or cannot answer."""


class JudgeMissing(EvaluationError):
    """The judge asked for is not installed, or does not know the language."""


class JudgeUndecided(EvaluationError):
    """A judge that ran and came to no result, such as an aligner that found no path."""


class WaveformUnjudgeable(EvaluationError):
    """A waveform that no judge can score: empty, silent, not finite or too short."""


class SentencesMissing(EvaluationError):
    """The corpus has none of the sentences that were held out of a voice's training."""


class ReportDamaged(EvaluationError):
    """A saved evaluation report that cannot be read."""


class ExportError(ClockTrainError):
    """A bundle that cannot be written or trusted."""


class BundleDamaged(ExportError):
    """A voice folder whose files do not match its ``voice.json``."""


class BundleFileMissing(ExportError):
    """A voice folder that lacks one of its files."""


class BundleUnsigned(ExportError):
    """A bundle that nobody signed."""


class BundleSignerUnknown(ExportError):
    """A bundle that is signed by a key that is not trusted here."""


class BundleSchemaUnsupported(ExportError):
    """A voice folder written for another version of its schema."""


class BundleInventoryForeign(ExportError):
    """A bundle whose phones are numbered otherwise than here."""


class BundleUnwritable(ExportError):
    """A bundle that cannot be written where it was asked for."""


class BundleOperatorForeign(ExportError):
    """A graph with an operator that a browser's runtime does not have."""


class ServingError(ClockTrainError):
    """A voice that is asked to speak and cannot."""


class VoiceNotFound(ServingError):
    """No trained voice where one was asked for."""


class VoiceMadeByClone(ServingError):
    """A voice or a consent that a gateway was asked to make: a VoiceClone and a VoiceConsent do."""


class VoiceErasureByCommand(ServingError):
    """A voice or a consent that a gateway was asked to erase: ``clocktrain erase`` and a deleted VoiceClone do."""


class SpeechInputInvalid(ServingError):
    """Phones, a speaker vector or noise that a voice's graphs cannot take."""


class VoiceLoadFailed(ServingError):
    """The speech server could not load a voice; the message holds its words."""


class VoiceNameTaken(ServingError):
    """Two different bundles of one name and version."""


class ModelRepositoryUnwritable(ServingError):
    """The folder that the speech server loads voices from cannot be written."""


class ServerPortTaken(ServingError):
    """Another program listens where the speech server was to."""


class ServerStartFailed(ServingError):
    """The speech server did not become ready; its log says why."""

    exit_code = 3


class ServerUnavailable(ServingError):
    """The speech server is not there just now: it ended and is being started, or could not be."""

    exit_code = 3


class VoiceProcessEnded(ServingError):
    """The process of one voice ended while the server lives; the voice is loaded again for the next request."""

    exit_code = 3


class ServerBusy(ServingError):
    """More requests wait than are worth waiting for."""

    exit_code = 3


class RequestInvalid(ServingError):
    """A request that is not what the server takes; ``field`` names what is wrong with it, where it is one field."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class ModelNotFound(ServingError):
    """A model of another name than the ones that a request may give."""


class ServingTableInvalid(ServingError):
    """A table of what is served that is none."""


class GateMissed(ServingError):
    """A version that did not reach what its clone asks for, or that nobody judged."""


class AliasNotFound(ServingError):
    """An alias of a voice that the serving table does not have."""


class RequestTooLarge(ServingError):
    """The body of a request is larger than any request need be."""


class SpeechTooLong(ServingError):
    """A sound that does not fit into one message."""


class TlsMissing(ServingError):
    """A server that others could reach without TLS."""


class TlsUnreadable(ServingError):
    """A certificate or its key that cannot be read or used."""


class SpeechCut(ServingError):
    """A stream of sound that ended before its end."""

    exit_code = 3


class PlayerMissing(ServingError):
    """No loudspeaker to play a sound with."""


class WatermarkError(ClockTrainError):
    """A mark in a sound: its key, its payload, its label."""


class WatermarkPayloadInvalid(WatermarkError):
    """A payload that is no 48 bits, or a number that does not fit its field."""


class WatermarkKeyMissing(WatermarkError):
    """No key file where one was named."""


class WatermarkKeyExists(WatermarkError):
    """A new key would replace one by which sounds are found."""


class WatermarkKeyExposed(WatermarkError):
    """A key file that others may read or change."""


class WatermarkKeyInvalid(WatermarkError):
    """A file that holds no keys, or none for the day."""


class WatermarkKeyForeign(WatermarkError):
    """A key file of another tenant than the one that was named."""


class WatermarkSettingInvalid(WatermarkError):
    """The setting that switches marking off is unsigned, changed or over."""


class LabelUnwritable(WatermarkError):
    """A kind of file that carries no labels, or a label that it cannot hold."""


class LabelMissing(WatermarkError):
    """A file without a label where one is read."""


class LabelInvalid(WatermarkError):
    """A label whose signature or sound does not match."""


class DetectorRefused(WatermarkError):
    """A sound that the open detector does not take: too large, too long or too many in a minute."""

    exit_code = 3


class AuditError(ClockTrainError):
    """The log of what was spoken."""


class AuditDamaged(AuditError):
    """A line of the log is missing, changed or signed by another key."""


class KeysNotGiven(AuditError):
    """A folder of keys was named, such as a mounted Secret, and one of them is not in it."""


class AuditUnwritable(AuditError):
    """A line could not be written; what it would have told was not spoken."""

    exit_code = 3


class AccountError(ClockTrainError):
    """Who may ask for speech, and how much of it."""


class ApiKeyInvalid(AccountError):
    """No API key, or one that is unknown, wrong or revoked; which of them is not told."""


class ApiKeyExpired(AccountError):
    """An API key whose time is over."""


class ApiKeyNotFound(AccountError):
    """No API key of the id that an administrator named."""


class ScopeMissing(AccountError):
    """A key that may not do this."""


class RateLimitExceeded(AccountError):
    """More requests in one second than the key may make."""

    exit_code = 3

    def __init__(self, message: str, *, limit: int, remaining: int, reset_s: float, retry_after_s: float) -> None:
        super().__init__(message)
        self.limit, self.remaining = limit, remaining
        self.reset_s, self.retry_after_s = reset_s, retry_after_s


class QuotaExhausted(AccountError):
    """More characters on one UTC day than the key may have spoken; waiting for less than ``retry_after_s`` is vain."""

    def __init__(self, message: str, *, limit: int, remaining: int, reset_s: float, retry_after_s: float) -> None:
        super().__init__(message)
        self.limit, self.remaining = limit, remaining
        self.reset_s, self.retry_after_s = reset_s, retry_after_s


class AccountsMissing(AccountError):
    """A server that others could reach without a key."""


class AccountsUnavailable(AccountError):
    """The store of keys, quotas and usage does not answer, or cannot be used."""

    exit_code = 3


class ListeningError(ClockTrainError):
    """A listening test, its invitations and its votes."""


class ListeningTestInvalid(ListeningError):
    """A listening test that cannot be made, or a folder that is none."""


class InvitationInvalid(ListeningError):
    """A link that no listening test here has signed, or a sound that is none of its own."""


class InvitationExpired(ListeningError):
    """An invitation whose day is over."""


class InvitationUsed(ListeningError):
    """An invitation that another browser used, or a session that was not begun."""


class VoteInvalid(ListeningError):
    """A vote out of its turn, one that was given otherwise, or one that its trial does not have."""


class VotesUnwritable(ListeningError):
    """The file of votes cannot be read or written; no vote was taken."""

    exit_code = 3


class ClusterError(ClockTrainError):
    """The cluster."""


class MailboxUnreachable(ClusterError):
    """The ConfigMap that carries progress and orders does not answer, or this is no pod."""

    exit_code = 3


class ClusterConfigInvalid(ClusterError):
    """No kubeconfig, or one that leads to no cluster."""


class ClusterUnreachable(ClusterError):
    """The API server does not answer, or failed."""

    exit_code = 3


class ClusterCredentialRefused(ClusterError):
    """The API server does not know who asks."""


class ClusterForbidden(ClusterError):
    """The person may not do this; the message names the verb."""


class ClusterObjectMissing(ClusterError):
    """No object of the name, or no such kind in the cluster."""


class ClusterConflict(ClusterError):
    """Somebody else set the same fields, or changed the object meanwhile."""


class ClusterObjectInvalid(ClusterError):
    """The API server refuses a resource; the message holds its words on each field."""


class ReportUnwritable(ClusterError):
    """The report for support cannot be written where it was asked for."""
