"""Why a clip was left out: every code, what it means and what the person can do.

Codes that are also errors (``AudioEmpty`` …) have the error's name, so that one page documents both.
"""

from __future__ import annotations

REASONS: dict[str, str] = {
    "AudioNotFound": "The transcript names a recording that is not there: check the name, or record the sentence.",
    "AudioUnreadable": "Permissions or the disk refuse the file: make it readable.",
    "AudioEmpty": "The file has no bytes or no samples: record the sentence again.",
    "AudioTruncated": "The file ends before its header says: copy it again from the source.",
    "AudioNotAudio": "The bytes are no sound that any decoder knows: export it as WAV or FLAC.",
    "AudioIsFolder": "A folder has the name of a recording: rename it.",
    "AudioSamplesInvalid": "The file holds samples that are no numbers: export it again.",
    "AudioTooLong": "The file is longer than the builder takes: split it.",
    "TextEmpty": "Nothing in the text can be spoken: write what is said.",
    "TextUnreadable": "The text holds signs that cannot be read: write it anew.",
    "TextTooLong": "The text is longer than one clip may be: split recording and text.",
    "TextLanguageUnsupported": "No front-end for the language on this machine: see the text page for what to install.",
    "TextOverrideInvalid": "A pronunciation override names phones that do not exist: correct it.",
    "TranscriptMissing": "The recording has no text: add it, or leave the recording out.",
    "TranscriptDuplicated": "Two different texts claim this recording: keep the right one.",
    "TranscriptEncoding": "The text is not UTF-8: convert it, for instance with iconv.",
    "TranscriptTooLong": "More text than the audio can hold: the recording is cut short, or the text is another one's.",
    "TranscriptTooShort": "Far more speech than the text accounts for: the text is incomplete or another one's.",
    "TranscriptLanguageMismatch": "The text is not in the language that was named: correct the text or --language.",
    "TextHasNote": "The text holds a note in brackets: write only what is said.",
    "NotSpeech": "The text describes a sound, not speech.",
    "SampleRateTooLow": "Recorded below 16 kHz: record again at 16 kHz or more; upsampling brings nothing back.",
    "BitDepthTooLow": "Recorded with less than 16 bits: record again at 16 bits.",
    "ChannelsDiffer": "The two channels carry different sounds: export the microphone's channel alone.",
    "Silent": "No speech was found: check the microphone and record again.",
    "NoVoice": "No voice stands out of the sound (a tone, music, noise): check what was recorded.",
    "TooQuiet": "The voice is far below full scale: raise the gain and record again.",
    "Clipped": "The level hit full scale: lower the gain and record again.",
    "TooNoisy": "The voice stands too little above the background: find a quieter room and record again.",
    "TooMuchSilence": "Most of the clip is silence: cut it tighter.",
    "TooShort": "Less speech than a model can learn from: record whole words or sentences.",
    "TooLong": "Longer than one training example may be: split recording and text at a pause.",
    "PersonalData": "The text named a person, a number or an address: it was masked, and is not trained on.",
    "Duplicate": "The same recording of the same text is in the corpus already.",
    "TextConflict": "The same recording comes with different texts: keep the right one.",
    "LineDoubtful": "It is not certain which stretch of the take holds this line: pause longer between lines.",
    "LineNotFound": "No stretch of the take fits this line: record it again.",
}
"""Code → what it means and what to do."""
