"""For every kind of anomaly: chats in which it happens, and exactly what a checker has to say about them."""

from __future__ import annotations

from collections.abc import Callable

from rag.crosstalk.log.events import Delete, Document, Message
from tests.crosstalk.checker.generated import Case, Chat, Sent, World

Plant = Callable[[World], set[Case]]


def foreign_read(world: World) -> set[Case]:
    """It comes with the prompt and goes out with the answer; nothing of it is stored."""
    owner, victim = _owner(world), world.chat(60)
    victim.turn(plant=True)
    sent = victim.send()
    victim.prompt(sent, [Message("system", f"Known: {owner.known[0]}"), *victim.stored])
    victim.ok(sent, store=False, text=f"Your order is {owner.known[0]}.")
    clean_answer = Message("assistant", sent.answer)
    victim.stored += [sent.question, clean_answer]
    return {
        victim.case("foreign-read", sent, "prompt", owner),
        victim.case("foreign-read", sent, "answer", owner),
        victim.case("foreign-write", sent, "history", owner),
    }


def foreign_message(world: World) -> set[Case]:
    """Somebody else's question, without anything that is theirs alone, comes with the prompt."""
    owner, victim = world.chat(40), world.chat(60)
    theirs = owner.turn()
    victim.turn(plant=True)
    sent = victim.send()
    victim.prompt(sent, [theirs.question, *victim.stored])
    victim.ok(sent)
    return {victim.case("foreign-read", sent, "prompt", owner)}


def merged_answers(world: World) -> set[Case]:
    """Two tabs of one session, whose answers come out of one stream."""
    chat = world.chat(60)
    chat.turn(plant=True)
    first, second = chat.send(), chat.send(tab=1)
    chat.prompt(first)
    chat.prompt(second)
    chat.ok(first, store=False, text=f"To {first.question.text} and to {second.question.text}: yes.")
    second.answer = "…"
    chat.ok(second, store=False)
    chat.read_at_end = False
    return {chat.case("merged-answers", first, "answer")}


def foreign_write(world: World) -> set[Case]:
    """Another user's whole turn stands in the history."""
    owner, victim = world.chat(40), world.chat(60)
    theirs = owner.turn(plant=True)
    victim.turn(plant=True)
    victim.stored += theirs.pair
    return {victim.case("foreign-write", theirs, "history", owner)}


def foreign_words(world: World) -> set[Case]:
    """The same with a turn that holds nobody's canary."""
    owner, victim = world.chat(40), world.chat(60)
    theirs = owner.turn()
    victim.turn(plant=True)
    victim.stored += theirs.pair
    return {victim.case("foreign-write", theirs, "history", owner)}


def swapped_answer(world: World) -> set[Case]:
    """Two turns at once, each answered with the other's answer, and each service stores what was right."""
    one, other = world.chat(60), world.chat(60)
    one.turn(plant=True)
    other.turn(plant=True)
    one.now = other.now = max(one.now, other.now)
    first, second = one.send(ask=True), other.send(ask=True)
    for chat, sent in ((one, first), (other, second)):
        chat.prompt(sent)
        chat.answer(sent)
        chat.read_at_end = False
    first.answer, second.answer = second.answer, first.answer
    one.now = other.now = max(one.now, other.now)
    one.ok(first)
    other.ok(second)
    return {
        one.case("swapped-answer", first, "answer", other),
        other.case("swapped-answer", second, "answer", one),
        one.case("foreign-read", first, "answer", other),
        other.case("foreign-read", second, "answer", one),
    }


def key_collision(world: World) -> set[Case]:
    one, other = world.chat(60), world.chat(70)
    mine, theirs = one.turn(plant=True), other.turn(plant=True)
    both = [*one.stored, *other.stored]
    one.stored, other.stored = both, both
    # Which of the two is told of is the order in which they are read.
    return {
        other.case("key-collision", None, "history", one),
        one.case("foreign-write", theirs, "history", other),
        other.case("foreign-write", mine, "history", one),
    }


def retrieval_leak(world: World) -> set[Case]:
    owner, victim = _owner(world), world.chat(60)
    victim.turn(plant=True)
    sent = victim.send()
    victim.retrieve(sent, Document("shared", "shared", "Open to all."), Document("own", owner.session, "A letter."))
    victim.prompt(sent)
    victim.ok(sent)
    return {victim.case("retrieval-leak", sent, "retrieved", owner)}


def lost_update(world: World) -> set[Case]:
    chat = world.chat(60)
    chat.turn(plant=True)
    before = list(chat.stored)
    lost, kept = chat.send(), chat.send(tab=1)
    chat.prompt(lost)
    chat.prompt(kept)
    chat.ok(lost)
    chat.stored = before
    chat.ok(kept)
    return {chat.case("lost-update", lost, "history")}


def lost_append(world: World) -> set[Case]:
    chat = world.chat(60)
    chat.turn(plant=True)
    sent = chat.send()
    chat.prompt(sent)
    chat.ok(sent, store=False)
    return {chat.case("lost-append", sent, "history")}


def resurrection(world: World) -> set[Case]:
    """The last turn before the deletion is there again at the end."""
    chat = world.chat(60)
    chat.turn(plant=True)
    sent = chat.turn()
    chat.clear()
    chat.turn(plant=True)
    chat.stored = [*sent.pair, *chat.stored]
    return {chat.case("resurrection", sent, "history")}


def resurrection_in_prompt(world: World) -> set[Case]:
    chat = world.chat(60)
    old = chat.turn()
    chat.clear()
    sent = chat.send()
    chat.prompt(sent, old.pair)
    chat.ok(sent)
    return {(*chat.case("resurrection", sent, "prompt"),)}


def aborted_read(world: World) -> set[Case]:
    chat = world.chat(60)
    chat.turn(plant=True)
    failed = chat.send()
    chat.prompt(failed)
    chat.fail(failed)
    sent = chat.send()
    chat.prompt(sent, [*chat.stored, failed.question])
    chat.ok(sent)
    return {chat.case("aborted-read", sent, "prompt")}


def aborted_write(world: World) -> set[Case]:
    chat = world.chat(60)
    chat.turn(plant=True)
    failed = chat.send()
    chat.answer(failed)
    chat.stored += failed.pair
    chat.fail(failed)
    return {chat.case("aborted-read", failed, "history")}


def mid_turn_read(world: World) -> set[Case]:
    """The other tab's question is there, and its answer comes later; then both are stored one after the other."""
    chat = world.chat(60)
    chat.turn(plant=True)
    half, sent = chat.send(), chat.send(tab=1)
    chat.prompt(half)
    chat.prompt(sent, [*chat.stored, half.question])
    chat.ok(half)
    chat.ok(sent)
    return {chat.case("mid-turn-read", sent, "prompt")}


def torn_turn(world: World) -> set[Case]:
    chat = world.chat(60)
    sent = chat.turn(plant=True)
    del chat.stored[-1 if world.chance.random() < 0.5 else -2]
    return {chat.case("torn-turn", sent, "history")}


def torn_by_cancelling(world: World) -> set[Case]:
    """Nobody knows whether a cancelled turn is stored, but half of it must not be."""
    chat = world.chat(60)
    chat.turn(plant=True)
    sent = chat.send()
    chat.prompt(sent)
    chat.stored.append(sent.question)
    chat.info(sent, store=False)
    return {chat.case("torn-turn", sent, "history")}


def interleaved_turns(world: World) -> set[Case]:
    """One turn's pair stands inside another's; the inner one saw the outer one's question."""
    chat = world.chat(60)
    chat.turn(plant=True)
    outer, inner = chat.send(), chat.send(tab=1)
    chat.prompt(outer)
    chat.prompt(inner)
    chat.ok(outer, store=False)
    chat.ok(inner, store=False)
    chat.stored += [outer.question, *inner.pair, outer.pair[1]]
    return {chat.case("interleaved-turns", outer, "history"), chat.case("stale-prompt", inner, "prompt")}


def reordered(world: World) -> set[Case]:
    chat = world.chat(60)
    first, second = chat.turn(plant=True), chat.turn()
    chat.stored = [*second.pair, *first.pair]
    # The other way round in the second one's prompt, which held the first one alone, nothing is.
    return {chat.case("reordered", first, "history")}


def reads_disagree(world: World) -> set[Case]:
    """Two tabs' turns, stored in one order and given to the model in the other."""
    chat = world.chat(60)
    first, second = _two_at_once(chat)
    sent = chat.send()
    chat.prompt(sent, [*second.pair, *first.pair])
    chat.ok(sent)
    return {chat.case("reordered", sent, "prompt")}


def amnesia(world: World) -> set[Case]:
    """The history is whole; this one prompt lacks the newest turn."""
    chat = world.chat(60)
    chat.turn(plant=True)
    chat.turn()
    sent = chat.send()
    chat.prompt(sent, chat.stored[:-2])
    chat.ok(sent)
    return {chat.case("amnesia", sent, "prompt")}


def backward_read(world: World) -> set[Case]:
    """A turn that nobody had acknowledged was in one prompt and is not in the next."""
    chat = world.chat(60)
    chat.turn(plant=True)
    return _backward(chat)


def backward_read_meanwhile(world: World) -> set[Case]:
    """The same while a turn is under way that was sent before all of this and comes to nothing."""
    chat = world.chat(60)
    chat.turn(plant=True)
    slow = chat.send(tab=1)
    chat.prompt(slow)
    found = _backward(chat)
    chat.fail(slow)
    return found


def stale_prompt(world: World) -> set[Case]:
    chat = world.chat(60)
    chat.turn(plant=True)
    first, second = chat.send(), chat.send(tab=1)
    chat.prompt(first)
    chat.prompt(second)
    chat.ok(first)
    chat.ok(second)
    return {chat.case("stale-prompt", second, "prompt")}


def duplicate(world: World) -> set[Case]:
    chat = world.chat(60)
    sent = chat.turn(plant=True)
    chat.stored.append(sent.pair[1])
    return {chat.case("duplicate", sent, "history")}


def corrupt(world: World) -> set[Case]:
    chat = world.chat(60)
    chat.turn(plant=True)
    chat.stored.append(Message("user", f"Nobody said this, {world.chance.random()}."))
    return {("corrupt", chat.session, None, None, "history")}


def foreign_delete(world: World) -> set[Case]:
    """Two others ask for it, of whom one is refused; the owner of another conversation deletes that."""
    chat, other = world.chat(60), world.chat(60)
    chat.turn(plant=True)
    other.turn(plant=True)
    chat.log(Delete(chat.session, "somebody", chat.wait(), "refused", gone=False))
    chat.log(Delete(chat.session, other.user, chat.wait(), "done", gone=True))
    other.log(Delete(other.session, other.user, other.wait(), "done", gone=True))
    return {chat.case("foreign-delete", None, "history")}


PLANTS: dict[str, Plant] = {
    "foreign-read": foreign_read,
    "foreign-read, no canary": foreign_message,
    "merged-answers": merged_answers,
    "foreign-write": foreign_write,
    "foreign-write, no canary": foreign_words,
    "swapped-answer": swapped_answer,
    "key-collision": key_collision,
    "retrieval-leak": retrieval_leak,
    "foreign-delete": foreign_delete,
    "lost-update": lost_update,
    "lost-append": lost_append,
    "resurrection": resurrection,
    "resurrection, prompt": resurrection_in_prompt,
    "aborted-read": aborted_read,
    "aborted-read, history": aborted_write,
    "mid-turn-read": mid_turn_read,
    "torn-turn": torn_turn,
    "torn-turn, cancelled": torn_by_cancelling,
    "interleaved-turns": interleaved_turns,
    "reordered": reordered,
    "reordered, reads": reads_disagree,
    "amnesia": amnesia,
    "backward-read": backward_read,
    "backward-read, meanwhile": backward_read_meanwhile,
    "stale-prompt": stale_prompt,
    "duplicate": duplicate,
    "corrupt": corrupt,
}
"""Each plants one case; what comes before a comma is its kind."""


def _owner(world: World) -> Chat:
    """Somebody who stated a canary some time before."""
    owner = world.chat(40)
    owner.turn(plant=True)
    return owner


def _two_at_once(chat: Chat) -> tuple[Sent, Sent]:
    """Two tabs, the second one waiting for the first."""
    first, second = chat.send(), chat.send(tab=1)
    chat.prompt(first)
    chat.ok(first)
    chat.prompt(second)
    chat.ok(second)
    return first, second


def _backward(chat: Chat) -> set[Case]:
    unsure = chat.send()
    chat.prompt(unsure)
    chat.info(unsure, store=True)
    chat.turn()
    sent = chat.send()
    chat.prompt(sent, [message for message in chat.stored if message not in unsure.pair])
    chat.ok(sent)
    return {chat.case("backward-read", sent, "prompt")}
