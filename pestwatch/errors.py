"""Every Problem with its number; nothing else in the project defines one.

A Problem has a stable number (HTTP status, a dot, a counter), an English sentence with
%(name)s placeholders that says what to do next, and parameters. Screens translate the
sentence; logs keep the number.
"""

from collections.abc import Mapping
from typing import Any

SENTENCES: dict[str, str] = {
    # 400: the message cannot be read
    "400.1": "This is not a message that pestwatch understands: %(detail)s. Update the app and send again.",
    # 401 and 403: who are you
    "401.1": "This phone is not enrolled here. Ask your officer for an enrolment code; your counts stay on the phone.",
    "401.2": "The user name or the password is wrong. Try again.",
    "401.3": "This SMS gateway is not known here. Give it the secret of this installation.",
    "401.4": "This SMS was not written by the phone that it names, or it was changed on its way. Its counts are still on that phone.",
    "401.5": "This SMS names a phone that has no SMS key here. Its counts are still on that phone; enrol it anew.",
    "401.6": "This message was not signed by the phone that it names, or it was changed on its way. Your counts stay on the phone; ask your officer for a new enrolment code.",
    "403.1": "You may not see or change this. Ask an administrator if you need it.",
    "403.2": "This photo was not agreed to be sent, so it was not stored.",
    "403.3": "This page is too old to be trusted. Load it again and repeat what you did.",
    "403.4": "You cannot change your own login. Ask another administrator.",
    # 404 and 410
    "404.1": "Nothing is here under this name: %(name)s.",
    "410.1": "This enrolment code was used already or is too old. Ask your officer for a new one.",
    "410.2": "This code is wrong or too old. Ask your officer to open a new one and read it to you.",
    "410.3": "Your officer did not let this phone in. Call your officer, then use a new code.",
    "410.4": "Your officer did not answer in time. Call your officer, then use a new code.",
    # 405 and 409
    "405.1": "This address does not know the method %(method)s.",
    "409.1": "Row %(row)s was imported before and said something else. The first stands, this one is kept beside it: see the page of phones.",
    "409.2": "This part of the photo does not go on from what is here. Go on at byte %(offset)s.",
    "409.3": "Phones are enrolled here already (%(phones)s). Restore into an empty installation.",
    # 413 and 415
    "413.1": "This is too large: %(size_bytes)s bytes, %(limit_bytes)s are allowed. Send it in smaller parts.",
    "415.1": "The encoding %(encoding)s is not understood. Send plain JSON, or JSON packed with gzip.",
    # 422: readable, but wrong
    "422.1": "%(name)s is not a photo. Choose a JPEG, PNG or WebP picture.",
    "422.2": "%(name)s is empty. Take the photo again.",
    "422.3": "%(name)s is too small to count: %(side_px)s pixels, %(limit_px)s are needed. Go closer or send the original photo.",
    "422.4": "%(name)s has %(megapixels)s megapixels, more than the %(limit)s that can be read. Choose a smaller photo size in the camera.",
    "422.5": "The field %(field)s is wrong: %(detail)s. Correct it and send again.",
    "422.6": "The photo that arrived is not the one that was announced. It will be sent again.",
    "422.7": "The language %(locale)s is not known here, so English is used. Choose another one in the settings.",
    "422.8": "The phone's clock is %(days)s days off. Set date and time; your counts are kept with the corrected time.",
    # 422.20 and on: releases, and the training that makes them
    "422.20": "The release file %(name)s cannot be understood: %(detail)s. Fetch or make the release again.",
    "422.21": "The file %(name)s is not the one that was signed. Fetch the release again.",
    "422.22": "The release is not signed by anyone who may: %(detail)s. The present model stays in use.",
    "422.23": "Release %(version)s has number %(seq)s, but number %(seen)s was seen already. The present model stays in use.",
    "422.24": "A release named %(version)s exists already. Choose the next number.",
    "422.25": "The trained network does not fit into the model file: %(detail)s. Release a new base model first.",
    "422.26": "The training job cannot be understood: %(detail)s. Export it again.",
    "422.27": "Release %(version)s needs a newer app. Open the app with the network on; the present model stays in use until then.",
    "422.28": "Release %(version)s counted its test photo wrongly on this phone. The present model stays in use.",
    # 422.30 and on: labelled photos from elsewhere
    "422.30": "No labels of a known kind were found in %(name)s. Put the label files of VOC, YOLO or COCO, a BOLLWM table or counts.csv beside the photos.",
    "422.31": "These labels are not known: %(labels)s. Say in a species map which pests they are.",
    "422.32": "%(species)s is not supported yet: this model cannot count it. Train a model that has it, or leave its photos out.",
    "422.33": "The label file %(name)s cannot be understood: %(detail)s. Export it again.",
    # 422.40 and on: observations as files
    "422.40": "The file %(name)s cannot be read: %(detail)s. Export it again as CSV in UTF-8, or as JSON.",
    "422.41": "The field mapping %(name)s cannot be used: %(detail)s. Correct it; docs/exchange.md shows one.",
    "422.42": "Row %(row)s, column %(column)s: %(detail)s. Correct it and import the file again; rows that are in are not doubled.",
    "422.43": "%(region)s has no point on the map here, and Camtrap DP asks for one. Choose another format.",
    # 422.50 and on: SMS
    "422.50": "This SMS is none that pestwatch understands: %(detail)s. If a phone of ours wrote it, its counts are still there.",
    # 422.60 and on: backups
    "422.60": "The backup %(name)s cannot be used: %(detail)s. Take another one.",
    # 422.70 and on: a phone's own file, met by the phone itself (field/src/store/saved-file.ts)
    "422.70": "This file was not saved by pestwatch. Choose one whose name begins with pestwatch.",
    "422.71": "This file is damaged. Nothing was put back and nothing was lost. Copy it to this phone again.",
    "422.72": "A newer app saved this file. Open this app with the network on, then try again.",
    # 429
    "429.1": "Too many tries. Wait %(seconds)s seconds and try again.",
    # 500s: ours
    "500.1": "Something broke here, and it is written down. Nothing that you sent is lost; try again later.",
    "500.3": "This is kept, but it could not be counted yet: %(detail)s. It is tried again by itself every few minutes.",
    "503.1": "%(what)s is not ready yet: %(waits_for)s. It starts by itself when that is done.",
    "503.4": "Nothing can be stored here just now. Your counts stay on the phone and are sent later.",
    "503.2": "The counter is not on this phone yet. Keep the app open with the network on for some minutes, then count again.",
    "503.3": "Too many phones are here at once. Your counts stay on the phone and are sent again in %(seconds)s seconds.",
    # 500.2, 502 and 507: met by the phone itself (field/src/problem.ts)
    "500.2": "Something went wrong on this phone: %(detail)s. Your saved counts are safe. Open the app again.",
    "502.1": "The server cannot be reached. Your counts stay on the phone and are sent later.",
    "502.2": "The server did not answer well. Your counts stay on the phone and are sent later.",
    "507.1": "The phone has no room left. Delete some videos or photos, then save again.",
    "507.2": "This window keeps nothing, so your counts would be lost. Open pestwatch in a normal window, not a private one.",
}
"""Number -> English sentence. The number never changes its meaning."""

OF_THE_OFFICE = frozenset({
    "401.2", "401.3", "401.4", "401.5", "403.1", "403.3", "405.1", "409.1", "409.3",
    "422.24", "422.25", "422.26", "422.30", "422.31", "422.32", "422.33", "422.40", "422.41", "422.42", "422.43",
    "422.50", "422.60",
})  # fmt: skip
"""Met by officers, gateways and commands only: phones need not download their translations."""


class Problem(Exception):
    """Something that a person has to know, with what to do next.

    Args:
      number: key of SENTENCES.
      params: values for the sentence's placeholders; never personal data.
    """

    def __init__(self, number: str, /, **params: Any) -> None:
        self.number = number
        self.params: Mapping[str, Any] = params
        super().__init__(f"{number} {SENTENCES[number] % params}")

    @property
    def sentence(self) -> str:
        """The English sentence, placeholders unfilled: the key for translation."""
        return SENTENCES[self.number]

    @property
    def status(self) -> int:
        """The HTTP status that fits."""
        return int(self.number.split(".")[0])
