"""
Generates the metadata of each type of engagement, with the oddities of real portals.

Fields and their types are those of HubSpot's engagements overview and of recorded responses.
Each function draws from its random source only.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

Metadata = dict[str, Any]

HOUR_MS = 3_600_000
LARGE_BODY_CHARS = 1_000_000

# The defaults of HubSpot's `calling/v1/dispositions` page, and a custom disposition.
DISPOSITIONS = {
    "9d9162e7-6cf3-4944-bf63-4dff82258764": "Busy",
    "f240bbac-87c9-4f6e-bf70-924b57d47db7": "Connected",
    "a4c4c377-d246-4b32-a13b-75a56a4cd0ff": "Left live message",
    "b2cf5968-551e-4856-9783-52b3da59a7d0": "Left voicemail",
    "73a0d17f-1163-4015-bdd5-ec830791da20": "No answer",
    "17b47fee-58de-441e-a44c-c6300d46f273": "Wrong number",
    "0a2f3c59-1f7e-4c57-9f4b-6d1f5c0c8a11": "Rückruf vereinbart 📞",
}
_DISPOSITION_IDS = tuple(DISPOSITIONS)

_SENTENCES = (
    "Spoke to the buyer about the renewal; she wants a quote for 250 seats by Friday.",
    "Sent the contract to legal.",
    "They compare us with two others and decide at the end of the quarter.",
    "Wants a demo of the reporting part, with their own data if we can.",
    "Asked for a discount of 12&nbsp;%; I said that I would ask.",
    "Message laissé sur le répondeur, rappeler mardi après-midi.",
    "Der Kunde möchte die Rechnung künftig per E-Mail erhalten – bitte Adresse prüfen.",
    "次回の打ち合わせは来週の月曜日です。",
    "Клиент просил перезвонить после праздников.",
    "Great call 🎉 they are in 🚀",
    "No budget until spring.<br/>Try again in March.",
    "Left a voicemail.\nNo answer so far.",
    'He said "maybe", then "probably"; the path is C:\\orders\\2018.',
    "Meeting moved to Thursday, same place, same people.",
    "Out of office until further notice, her deputy is on copy.",
    "<p>Please see the offer below and let me know what you think.</p>",
    "Tôi sẽ gửi báo giá vào ngày mai.",
    "Shipping was late again and they are not amused 😠, give them a call.",
    "Security questionnaire returned, two open points on backups.",
    "שלום, תודה על השיחה היום.",
)
_FIRST_NAMES = ("Ada", "Jürgen", "Mei", "Olu", "Zoë", "Łukasz", "Fatima", "Ben", "Noor", "Inés")
_LAST_NAMES = ("Quist", "Nakamura", "Okafor", "Müller", "Byrne", "d'Arc", "Silva", "Ng", "Ås")
_PEOPLE = tuple(
    {
        "raw": f"{first} {last} <p{number}@customer.example>",
        "email": f"p{number}@customer.example",
        "firstName": first,
        "lastName": last,
    }
    for number, (first, last) in enumerate(
        (first, last) for first in _FIRST_NAMES for last in _LAST_NAMES
    )
)
# As in real responses: no address, an invalid address, an empty object.
_ODD_PEOPLE: tuple[dict[str, str], ...] = (
    {"firstName": "John"},
    {"email": "Brian (Sample Contact) <brian@customer.example>"},
    {},
)


def text(rng: random.Random, sentences: int) -> str:
    """Return random sentences of several languages, some with HTML, some with emoji."""
    return " ".join(rng.choices(_SENTENCES, k=sentences))


def metadata(rng: random.Random, kind: str, created_ms: int) -> Metadata:
    """Return the metadata of an engagement of type `kind`; unknown types have only a `body`."""
    return _BY_TYPE.get(kind, _message)(rng, created_ms)


def large_email(rng: random.Random, created_ms: int) -> Metadata:
    """Return an e-mail with an HTML body of a megabyte; a note has at most 65,536 characters."""
    paragraph = f"<p>{text(rng, 40)}</p>\n"
    html = paragraph * (LARGE_BODY_CHARS // len(paragraph) + 1)
    return {**_email(rng, created_ms), "html": html[:LARGE_BODY_CHARS]}


def guid(rng: random.Random) -> str:
    """Return 128 random bits in the form of a UUID."""
    digits = f"{rng.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _sample(rng: random.Random, share: float, optional: Mapping[str, Any]) -> Metadata:
    """Return about `share` of the `optional` keys, from 0 to 1: missing keys are normal."""
    return {key: value for key, value in optional.items() if rng.random() < share}


def _note(rng: random.Random, _: int) -> Metadata:
    return {"body": text(rng, 1 + rng.getrandbits(3))}


def _task(rng: random.Random, created_ms: int) -> Metadata:
    due_ms = created_ms + rng.randrange(1, 20 * 24) * HOUR_MS
    optional = {
        "status": rng.choice(("NOT_STARTED", "COMPLETED", "IN_PROGRESS", "WAITING", "DEFERRED")),
        "forObjectType": rng.choice(("CONTACT", "COMPANY", "DEAL")),
        "subject": text(rng, 1),
        "taskType": rng.choice(("TODO", "CALL", "EMAIL")),
        "reminders": [due_ms - HOUR_MS] if rng.random() < 0.5 else [],
        "sendDefaultReminder": False,
        "priority": rng.choice(("LOW", "MEDIUM", "HIGH", "NONE")),
        "isAllDay": rng.random() < 0.1,
    }
    task = {"body": text(rng, 1 + rng.getrandbits(2)), **_sample(rng, 0.85, optional)}
    if task.get("status") == "COMPLETED":
        task["completionDate"] = due_ms
    return task


def _call(rng: random.Random, _: int) -> Metadata:
    is_answered = rng.random() < 0.6
    optional = {
        "toNumber": f"+1555{rng.randrange(10**7):07d}",
        "fromNumber": f"+49 30 {rng.randrange(10**6):06d}",
        "externalId": f"CA{rng.getrandbits(64):016x}",
        "externalAccountId": f"AC{rng.getrandbits(64):016x}",
        "recordingUrl": "https://calls.example/recording?id=1 2|3",
        "disposition": rng.choice(_DISPOSITION_IDS),
        "title": "Call",
        "calleeObjectId": rng.randrange(10**12),
        "calleeObjectType": "CONTACT",
        "source": rng.choice(("INTEGRATIONS_PLATFORM", "BROWSER")),
    }
    return {
        "durationMilliseconds": rng.randrange(5_000, 2_400_000) if is_answered else 0,
        "status": "COMPLETED" if is_answered else "NO_ANSWER",
        "body": text(rng, 1 + rng.getrandbits(1)),
        **_sample(rng, 0.7, optional),
    }


def _meeting(rng: random.Random, created_ms: int) -> Metadata:
    start_ms = created_ms + rng.randrange(1, 240) * HOUR_MS
    optional: Metadata = {
        "location": rng.choice(
            ("Room 4", "https://video.example/j/93", "Berlin, Unter den Linden")
        ),
        "externalUrl": "https://calendar.example/event?eid=x y",
        "source": rng.choice(("CRM_UI", "MEETINGS_PUBLIC", "BIDIRECTIONAL_API")),
        "sourceId": f"calendar-{rng.getrandbits(24)}",
        "createdFromLinkId": rng.randrange(10**7),
        "preMeetingProspectReminders": [],
        "attendeeOwnerIds": [rng.randrange(10**8)],
        "guestEmails": [],
        "meetingOutcome": rng.choice(("SCHEDULED", "COMPLETED", "NO_SHOW", "CANCELED")),
        "webConferenceMeetingId": str(rng.randrange(10**9)),
        "iCalUid": f"{rng.getrandbits(64):016x}@calendar.example",
    }
    return {
        "title": text(rng, 1),
        "body": text(rng, 1 + rng.getrandbits(1)),
        "startTime": start_ms,
        "endTime": start_ms + HOUR_MS // 2,
        **_sample(rng, 0.75, optional),
    }


def _person(rng: random.Random) -> dict[str, str]:
    return rng.choice(_ODD_PEOPLE if rng.random() < 0.02 else _PEOPLE)


def _email(rng: random.Random, created_ms: int) -> Metadata:
    body = text(rng, 1 + rng.getrandbits(2))
    optional = _delivery(rng, created_ms)
    sender = _person(rng)
    return {
        "from": sender,
        "to": [_person(rng) for _ in range(rng.choice((0, 1, 1, 1, 1, 2)))],
        "cc": [_person(rng)] if rng.random() < 0.2 else [],
        "bcc": [],
        "sender": {"email": sender["email"]} if "email" in sender else {},
        "subject": text(rng, 1),
        "html": f"<html>\n <head></head>\n <body><p>{body}</p></body>\n</html>",
        "text": body,
        "status": rng.choice(("SENT", "SENT", "SENT", "BOUNCED", "SCHEDULED")),
        **_sample(rng, 0.7, optional),
    }


def _delivery(rng: random.Random, created_ms: int) -> Metadata:
    """Return the fields of an e-mail's thread and delivery."""
    thread = rng.getrandbits(60)
    is_sent = rng.random() < 0.4
    return {
        "messageId": f"<{rng.getrandbits(96):024x}@mail.example>",
        # A string in some responses, an integer in others (Airbyte issue 28236).
        "threadId": thread if rng.random() < 0.2 else f"{thread:x}",
        "trackerKey": guid(rng),
        "loggedFrom": rng.choice(("CRM", "EMAIL_INTEGRATION", "BCC")),
        "sentVia": rng.choice(("GMAIL", "OUTLOOK", "HUBSPOT_INBOX")),
        "emailSendEventId": {"id": guid(rng), "created": created_ms} if is_sent else {},
        "validationSkipped": [],
        "pendingInlineImageIds": [],
        "postSendStatus": "SENT",
        "mediaProcessingStatus": "PROCESSED",
        "attachedVideoOpened": False,
        "attachedVideoWatched": False,
    }


def _publishing_task(rng: random.Random, _: int) -> Metadata:
    optional = {
        "name": text(rng, 1),
        "state": rng.choice(("TODO", "DONE")),
        "category": "BLOG_POST",
        "categoryId": 3,
        "contentId": rng.randrange(10**11),
        "campaignGuid": guid(rng),
    }
    return {"body": text(rng, 1), **_sample(rng, 0.7, optional)}


def _conversation(rng: random.Random, created_ms: int) -> Metadata:
    optional = {
        "conversationSource": "LIVE_CHAT",
        "url": "https://www.customer.example/pricing",
        "online": True,
        "isBot": rng.random() < 0.3,
        "visitorStartTime": created_ms,
        "visitorEndTime": created_ms + HOUR_MS // 6,
        "visitorWaitTimeMilliseconds": rng.randrange(60_000),
        "numVisitorMessages": rng.randrange(1, 20),
        "numAgentMessages": rng.randrange(20),
        "sessionClosedAt": 0,
        "threadId": rng.randrange(10**10),
    }
    return _sample(rng, 0.85, optional)


def _message(rng: random.Random, _: int) -> Metadata:
    """Return the metadata of types without documentation: probably only a body."""
    return {"body": text(rng, 1 + rng.getrandbits(1))}


_BY_TYPE: Mapping[str, Callable[[random.Random, int], Metadata]] = {
    "NOTE": _note,
    "TASK": _task,
    "CALL": _call,
    "MEETING": _meeting,
    "EMAIL": _email,
    "INCOMING_EMAIL": _email,
    "FORWARDED_EMAIL": _email,
    "PUBLISHING_TASK": _publishing_task,
    "CONVERSATION_SESSION": _conversation,
}
