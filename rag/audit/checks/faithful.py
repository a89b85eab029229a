"""What is read is what was written: every kind of message, hostile texts, long ones, and many.

A refusal is no loss: what was acknowledged has to come back.
"""

from __future__ import annotations

import contextlib
import copy
import time

from rag.audit.checks.registry import check
from rag.audit.kit.contract import Address, CannotTell, NotApplicable, Said, Wrong
from rag.audit.kit.damage import Reach, Record
from rag.audit.kit.differing import difference, given_an_id, kind_of
from rag.audit.kit.trial import Trial, only, short
from rag.audit.kit.wire import watched

TEXTS = {
    "emoji": "🙂👩‍👩‍👧‍👦🏳️‍🌈",
    "combining characters": "e\u0301 Z\u0351\u036b\u0343 \u1100\u1161\u11a8",
    "right to left": "\u202eabc\u202c \u05e9\u05dc\u05d5\u05dd \u200f",
    "NUL": "before\0after",
    "control characters": "\x01\x1b[2J\x7f\u0085\u2028\ufeff",
    "nothing": "",
    "white space": " \t\n ",
    "JSON": '{"type": "human", "data": {"content": "not me"}}',
    "a JSON text": '"null"',
    "quotes of SQL": "Robert'); DROP TABLE messages; --\\'\"",
    "braces": "{x} {{x}} {} {0!r} %s %(x)d ${x} {% raw %}",
    "ends of lines": "one\r\ntwo\rthree\nfour\r\n",
    "markup": "<b>&amp;</b> ]]> <!-- \\u0041 \\n &#65;",
}
"""What is often lost, by what it is."""

NO_TEXT = "before \udc80 after"
"""A lone surrogate: what came over the network as half a character, and what no UTF-8 can say."""

ADDED = 10_020
"""Messages of a long conversation, where it is added to; more than a page."""
REWRITTEN = 2_020
"""The same, where each write is of the whole."""
FIRST = 100
"""Messages of the first call, of which each next one has twice as many."""
MOST = 1000
"""Messages of the largest call."""
LARGE = "".join(f"{n:07} " for n in range(131_072))
"""1 MiB."""


@check("faithful.messages", "Every kind of message comes back equal, each field.", why="Fields are mapped one by one.")
async def messages(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("messages")
        refused: list[str] = []
        samples = store.subject.samples()
        for number, sample in enumerate(samples, start=1):
            kind, at, given = kind_of(sample), trial.at(f"kind-{number}"), copy.deepcopy(sample)
            try:
                await store.keep("a writer", at, [given])
            except Exception as exc:
                refused.append(f"{kind} is refused ({type(exc).__name__}: {str(exc)[:100]})")
                continue
            try:
                kept = await store.kept("a reader", at)
            except Exception as exc:
                raise Wrong(f"{kind} was written, and cannot be read: {type(exc).__name__}: {str(exc)[:200]}") from exc
            if len(kept) != 1:
                raise Wrong(f"{kind} was written, and {len(kept)} messages are read: {kept!r:.200}")
            if given_an_id(sample, kept[0]):
                trial.notes.append(f"{trial.lane}: {kind} was given an id")
            elif found := difference(sample, kept[0], kind):
                raise Wrong(found)
        if len(refused) == len(samples):
            raise CannotTell(refused[0])
        trial.notes += [f"{trial.lane}: {each}" for each in refused]
        trial.notes.append(f"{trial.lane}: {len(samples) - len(refused)} messages, each in a conversation of its own")


@check("faithful.texts", "Any text comes back as it was.", why="Texts are put into JSON, SQL and templates.")
async def texts(trial: Trial) -> None:
    await come_back(trial, TEXTS)


@check(
    "faithful.surrogate",
    "Half a character comes back as it was, or is refused.",
    why="Encoders put a question mark in its place.",
)
async def surrogate(trial: Trial) -> None:
    await come_back(trial, {"a lone surrogate": NO_TEXT})


async def come_back(trial: Trial, texts_: dict[str, str]) -> None:
    """Each as a question and as its answer, in a conversation of its own."""
    async with trial.store() as store:
        store.needs("read")
        wrong: list[str] = []
        for number, (what, text) in enumerate(texts_.items()):
            at = trial.at(f"text-{number}")
            try:
                said = await store.say("a writer", at, text, text)
            except Exception as exc:
                trial.notes.append(f"{trial.lane}: {what}: refused ({type(exc).__name__})")
                continue
            if (read := await store.read("a reader", at)) != said:
                wrong.append(f"{what}: {text!a} was written twice, and is read as {read!a:.300}.")
        if wrong:
            raise Wrong(" ".join(wrong))


@check("faithful.many", "A long conversation comes back whole and in order.", why="Reads are of a page.", limit=60)
async def many(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("read")
        wanted, size = (ADDED if "append" in store.subject.able else REWRITTEN), FIRST
        at, written, until = trial.at("long"), list[Said](), trial.until(1 / 4)
        while len(written) < wanted and (not written or time.monotonic() < until):
            numbers = range(len(written), min(len(written) + size, wanted))
            said = [("assistant" if n % 2 else "user", f"message {n + 1}") for n in numbers]
            try:
                await store.add("a writer", at, said)
            except Exception as exc:
                if not written:
                    raise NotApplicable(f"{size} messages are refused: {type(exc).__name__}") from exc
                trial.notes.append(f"{trial.lane}: {len(said)} more are refused ({type(exc).__name__})")
                break
            written += said
            size = min(2 * size, MOST)
        read = await store.read("a reader", at)
        fewer = f" of {wanted}: a limit beyond is not seen" if len(written) < wanted else ""
        trial.notes.append(f"{trial.lane}: {len(written)} messages{fewer}")
        if read != written:
            there = set(read)
            missing = [said[1] for said in written if said not in there]
            what = f"the first that is missing is {missing[0]!r}" if missing else "none is missing: the order is wrong"
            raise Wrong(f"{len(written)} messages were written and {len(read)} are read; {what}.")


@check("faithful.large", "A text of 1 MB comes back equal, or is refused.", why="Columns and buffers cut texts.")
async def large(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("read")
        at = trial.at("large")
        try:
            said = await store.say("a writer", at, LARGE, "a reply")
        except Exception as exc:
            trial.notes.append(f"{trial.lane}: refused ({type(exc).__name__})")
            return
        read = await store.read("a reader", at)
        if read != said:
            sizes = ", ".join(str(len(text)) for _, text in read) or "nothing"
            raise Wrong(f"Texts of {len(LARGE)} and 7 characters were written. Characters that are read: {sizes}.")


@check("faithful.repeatable", "Reading changes nothing.", why="Histories are trimmed or expired as they are read.")
async def repeatable(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("read")
        at, other = trial.at("read"), trial.at("never-written")
        said: list[Said] = [("user", "yes"), ("assistant", "Noted."), ("user", "yes"), ("assistant", "Noted.")]
        await store.add("a writer", at, said)
        for _ in range(3):
            only("a reader", at, await store.read("a reader", at), said)
            only("a reader", other, await store.read("a reader", other), [])


@check("faithful.corrupt", "A damaged record hides nothing valid.", why="One row that cannot be read fails all.")
async def corrupt(trial: Trial) -> None:
    at = trial.at("damaged")
    words = {f"{place}{trial.run}": f"reply after {place}" for place in ("before", "broken", "after")}
    try:
        async with watched(trial) as (store, wire):
            said = [each for word, reply in words.items() for each in await store.say("a writer", at, word, reply)]
            store.used.clear()  # it has to be there when the store is opened again
            reach = Reach(trial.folder, wire)
        with contextlib.closing(reach):
            before, broken, after = words
            await nothing_hidden(trial, at, said, reach.holding(broken, [before, after]))
    finally:
        with contextlib.suppress(Exception):  # what was said is the verdict
            async with trial.store() as store:
                store.used.add(at)


async def nothing_hidden(trial: Trial, at: Address, said: list[Said], records: list[Record]) -> None:
    """Damage one after the other until the message cannot be read any more. Raises Wrong if another cannot, either."""
    broken = said[2]
    damaged: list[Record] = []
    try:
        for record in records:
            damaged.append(record)
            record.cut(broken[1])
            trial.notes.append(f"{trial.lane}: {record.where} was cut off in the middle of a message")
            valid = [each for each in said if not any(hit.holds(each[1]) for hit in damaged)]
            one = f"One of 6 messages is damaged (in {record.where})"
            try:
                async with trial.store() as reopened:
                    read = await reopened.read("a reader", at)
            except Exception as exc:
                raise Wrong(f"{one}, and none can be read: {type(exc).__name__}: {str(exc)[:200]}") from exc
            if [each for each in read if each in valid] != valid:
                raise Wrong(f"{one}. Read: {short(read)}. Valid: {short(valid)}.")
            if broken not in read:
                return
        raise NotApplicable(f"what is read of a message is not in {', '.join(each.where for each in damaged)}")
    finally:
        for record in damaged:
            with contextlib.suppress(Exception):  # the store may have moved it meanwhile
                record.mend()
