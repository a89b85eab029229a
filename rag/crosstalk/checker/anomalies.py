"""Every kind of anomaly, each one record: what it is, how grave, how it is told and shown, what causes it, what to do.

A rule finds by the record, a chart colours by its group, a comparison asks for what it breaks: nobody else
spells a kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["critical", "high", "medium", "low"]
Surface = Literal["answer", "prompt", "retrieved", "history"]
Group = Literal["leak", "lost", "torn", "stale", "forgotten", "misplaced", "odd", "suspected"]
Promise = Literal["isolation", "whole turns", "memory", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """term: the field's. text: how it is found in a log. group: what a reader takes for one thing, and what a chart
    colours. breaks: the promise of a memory that it breaks, if any. black_box: whether questions and answers alone can
    show it. sentence: of one case, with places that `sentences` fills; variants: of cases that are told otherwise.
    """

    kind: str
    term: str
    severity: Severity
    group: Group
    breaks: Promise = ""
    black_box: bool = False
    text: str
    cause: str
    remedy: str
    sentence: str
    variants: Mapping[str, str] = field(default_factory=dict)


FOREIGN_READ = Definition(
    kind="foreign-read",
    term="CWE-488; garbage read",
    severity="critical",
    group="leak",
    breaks="isolation",
    black_box=True,
    text="An answer or prompt holds a canary of another user.",
    cause="A memory, cache or connection that several users share.",
    remedy="Look the history up by session id on every turn; share nothing that has held a user's data.",
    sentence="{turn} was answered with {owner}'s {quoted}: {owner} stated it{when}; {entered}.",
    variants={
        "prompt": "The prompt for {turn} contained {owner}'s {quoted}, which {owner} stated{when}; it came from the "
        "memory.",
        "message": "The prompt for {turn} contained a message of {other}: “{evidence}”.",
    },
)
FOREIGN_WRITE = Definition(
    kind="foreign-write",
    term="misdirected write",
    severity="critical",
    group="misplaced",
    breaks="isolation",
    text="A session's stored history holds another user's message or canary.",
    cause="A write whose session id was wrong, or had changed since the turn began.",
    remedy="Pass the session id to every call that stores something; keep it in no shared object.",
    sentence="{whose} stored history contains {owner}'s {what}; it was saved with {turn}.",
    variants={
        "unsent": "{whose} stored history contains {owner}'s {what}.",
    },
)
SWAPPED_ANSWER = Definition(
    kind="swapped-answer",
    term="response desync",
    severity="critical",
    group="leak",
    breaks="isolation",
    black_box=True,
    text="An answer fits another session's concurrent turn and not its own.",
    cause="Replies that are matched to requests by their order, over something that they share.",
    remedy="Give each request a connection or an id of its own, and close what was not read to its end.",
    sentence="{turn} got the answer to {other}, which was running at the same time: it contains {owner}'s {quoted} and "
    "nothing that {user} asked for.",
    variants={
        "message": "{turn} got the answer to {other}, which was running at the same time, and {other} another one."
    },
)
KEY_COLLISION = Definition(
    kind="key-collision",
    term="key aliasing",
    severity="critical",
    group="misplaced",
    breaks="isolation",
    text="Two sessions' stored histories are the same list.",
    cause="One list for everybody, or a key that two session ids are reduced to.",
    remedy="Use session ids exactly as they are: not lower-cased, trimmed, split or replaced by a default.",
    sentence="{whose} session and {owner}'s share one stored list: {evidence}.",
)
RETRIEVAL_LEAK = Definition(
    kind="retrieval-leak",
    term="cross-tenant search",
    severity="critical",
    group="leak",
    breaks="isolation",
    text="A retrieved document's owner is neither shared nor this session.",
    cause="A search over everybody's documents without a filter for the owner.",
    remedy="Give each owner a collection, or filter in one place that every query goes through.",
    sentence="{turn} was given the document {document}, which belongs to {owner} alone.",
)
LOST_UPDATE = Definition(
    kind="lost-update",
    term="lost update",
    severity="high",
    group="lost",
    breaks="memory",
    text="An acknowledged turn is absent from the final history, and a concurrent turn read the same version and is "
    "there.",
    cause="Read, change and write back of a whole history, with nothing between two who do so.",
    remedy="Append instead of replacing, and hold the session for the length of a turn or check its version.",
    sentence="{turn} was acknowledged but is gone: a turn that ran at the same time had read the same history and "
    "overwrote it.",
)
LOST_APPEND = Definition(
    kind="lost-append",
    term="durability loss",
    severity="high",
    group="lost",
    breaks="memory",
    text="An acknowledged turn is absent from the final history and no rival explains it.",
    cause="A store that is one process' memory, or that acknowledges before it has stored.",
    remedy="Store outside of the process, and answer only once that has succeeded.",
    sentence="{turn} was acknowledged but is not stored, and no other turn explains why.",
)
FOREIGN_DELETE = Definition(
    kind="foreign-delete",
    term="CWE-639; broken object level authorization",
    severity="critical",
    group="lost",
    text="A user's conversation is gone after another user's request to delete it.",
    cause="A delete by id that does not ask whose it is.",
    remedy="Look up by id and owner in every request that reads, changes or deletes something.",
    sentence="{owner}'s conversation is gone after another user's delete: {evidence}.",
)
RESURRECTION = Definition(
    kind="resurrection",
    term="lost delete",
    severity="high",
    group="odd",
    text="A message from before an acknowledged clear is seen after it.",
    cause="A turn that read the history before it was cleared, and wrote it back afterwards.",
    remedy="Make a deletion wait for the turn under way, and refuse what began before it.",
    sentence="{other} reappeared after its session had been cleared.",
)
ABORTED_READ = Definition(
    kind="aborted-read",
    term="G1a",
    severity="high",
    group="odd",
    text="A prompt or history holds a message of a turn that failed.",
    cause="A question that is stored before its answer, and left there when the turn fails.",
    remedy="Store question and answer together, once there is an answer.",
    sentence="{other} failed, and yet its text is in {place}.",
)
MID_TURN_READ = Definition(
    kind="mid-turn-read",
    term="G1b, intermediate read",
    severity="medium",
    group="torn",
    breaks="whole turns",
    text="A prompt holds the question of another turn without its answer.",
    cause="Question and answer that are stored apart.",
    remedy="Store the pair at once, and hold the session for the length of a turn.",
    sentence="The prompt for {turn} contained half of {other}: its question, and no answer yet.",
)
TORN_TURN = Definition(
    kind="torn-turn",
    term="atomicity violation",
    severity="high",
    group="torn",
    breaks="whole turns",
    text="The final history holds a question without its answer, or an answer without its question.",
    cause="A turn that was cancelled between two writes.",
    remedy="Store question and answer in one write.",
    sentence="Only half of {turn} is stored: its {part} without its {missing}.",
)
MERGED_ANSWERS = Definition(
    kind="merged-answers",
    term="response desync within a session",
    severity="high",
    group="torn",
    breaks="whole turns",
    black_box=True,
    text="Of two overlapping turns of one session, one was answered with what both had asked, and the other with "
    "nothing.",
    cause="One stream for all requests of a session.",
    remedy="Give each request a stream of its own, known by the request's id and not by the session's.",
    sentence="{turn} got the answer to {other} as well, which was running at the same time and got an empty one: both "
    "came out of one stream.",
)
INTERLEAVED_TURNS = Definition(
    kind="interleaved-turns",
    term="G0 at the level of turns",
    severity="medium",
    group="torn",
    breaks="whole turns",
    text="A turn's question and answer are both stored, not next to each other.",
    cause="Question and answer that are stored apart, by several turns at once.",
    remedy="Store the pair at once, and hold the session for the length of a turn.",
    sentence="{turn} is stored with other messages between its question and its answer.",
)
REORDERED = Definition(
    kind="reordered",
    term="monotonic writes; incompatible order",
    severity="medium",
    group="odd",
    breaks="whole turns",
    text="Two turns, one acknowledged before the other was sent, are stored the other way round; or two reads disagree "
    "on order.",
    cause="A store that orders by something else than when turns were stored, or replicas that disagree.",
    remedy="Keep one order, given by the store: a list, or a number for each message of a session.",
    sentence="The prompt for {turn} had {other} in a different order than it is stored.",
    variants={
        "behind": "{turn} is stored out of order: it had ended before another turn was sent, and stands behind it.",
        "history": "{turn} and {other} were stored in one order when they were read first, and in the other one later.",
    },
)
AMNESIA = Definition(
    kind="amnesia",
    term="read-your-writes",
    severity="high",
    group="forgotten",
    breaks="memory",
    black_box=True,
    text="A turn's prompt (or, seen from outside, its answer) lacks what an earlier acknowledged turn of the same "
    "session stored, outside the memory window.",
    cause="A turn that read another history, an older copy, or another process' memory.",
    remedy="Read the session's history from the one place where turns are stored, at the start of every turn.",
    sentence="The prompt for {turn} lacked {other}, which had already been acknowledged.",
    variants={
        "answer": "{turn} was answered without what {user} had said before: {quoted} is missing.",
    },
)
BACKWARD_READ = Definition(
    kind="backward-read",
    term="monotonic reads",
    severity="medium",
    group="forgotten",
    breaks="memory",
    text="A later prompt lacks a message that an earlier prompt of the same session had, with no clear or pruning "
    "between.",
    cause="A history that was overwritten meanwhile, or a read from an older copy.",
    remedy="Read from one place, and never replace a history by an older version of it.",
    sentence="The prompt for {turn} lacked {other}, which an earlier prompt of this session had contained.",
)
STALE_PROMPT = Definition(
    kind="stale-prompt",
    term="write skew, G2-item",
    severity="medium",
    group="stale",
    breaks="whole turns",
    text="Two overlapping turns of one session are both stored, and neither saw the other.",
    cause="A write that does not depend on what was read.",
    remedy="Hold the session for the length of a turn, or store only if nothing was stored since it was read.",
    sentence="{turn} overlapped another turn of its session: both are stored, and neither saw the other.",
)
DUPLICATE = Definition(
    kind="duplicate",
    term="duplicate elements",
    severity="low",
    group="odd",
    breaks="whole turns",
    text="One message is stored more than once.",
    cause="A write that was tried again although it had succeeded.",
    remedy="Give each turn a number, and store what has been stored already only once.",
    sentence="The {part} of {turn} is stored more than once.",
)
CORRUPT = Definition(
    kind="corrupt",
    term="garbage read",
    severity="high",
    group="odd",
    text="A stored message matches no turn that was ever sent.",
    cause="Text that was changed, cut or mixed on its way into the store.",
    remedy="Store what was sent, byte for byte, and shorten only what is shown.",
    sentence="{turn} is stored with words that nobody ever sent{words}.",
    variants={
        "unsent": "{whose} stored history contains a message that nobody ever sent{words}.",
    },
)

SUSPECTED_READ = Definition(
    kind="suspected-read",
    term="possible CWE-488",
    severity="low",
    group="suspected",
    text="An answer or prompt holds a name, a part of an address or a preference that one other user alone had stated.",
    cause="Somebody else's data that was paraphrased or shortened, or chance.",
    remedy="Read the answer. Ask again with facts that nobody can guess, such as order numbers.",
    sentence="{turn} mentions “{canary}”, which {owner} alone had stated: it may be a leak in other words, or chance.",
    variants={"prompt": "The prompt for {turn} mentions “{canary}”, which {owner} alone had stated."},
)


DEFINITIONS = {
    one.kind: one for one in list(vars().values()) if isinstance(one, Definition) and one.group != "suspected"
}
"""By kind, the gravest first: those that are certain, and decide a verdict."""


def kinds(*definitions: Definition) -> frozenset[str]:
    return frozenset(one.kind for one in definitions)


def in_group(*groups: Group) -> frozenset[str]:
    """The kinds of these groups."""
    return kinds(*(one for one in DEFINITIONS.values() if one.group in groups))


def breaking(promise: Promise) -> frozenset[str]:
    """The kinds that break this promise."""
    return kinds(*(one for one in DEFINITIONS.values() if one.breaks == promise))


LEAKS = breaking("isolation")
