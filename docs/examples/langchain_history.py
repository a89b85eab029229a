"""One session, talked with in two ways: through LangChain's RunnableWithMessageHistory, then through the store itself.

    python docs/examples/langchain_history.py

It needs no key and no server: the embedded one keeps its files in .crosswire/ of the folder that this is started in.
"""

from __future__ import annotations

import warnings
from contextlib import closing
from uuid import uuid4

from langchain_core.messages import HumanMessage
from langchain_core.runnables.history import RunnableWithMessageHistory

from crosswire import SessionStore, connect, history_factory, load_settings, make_model

warnings.filterwarnings("ignore", message=".*RunnableWithMessageHistory.*")


def main() -> None:
    model, session_id = make_model(load_settings()), uuid4().hex
    with closing(connect("embedded")) as client:
        chain = RunnableWithMessageHistory(model, history_factory(client))
        said = HumanMessage("My name is Ada and I live in Turin.")
        answer = chain.invoke([said], {"configurable": {"session_id": session_id}})
        print(f"You: {said.text}\nIt:  {answer.text}")

        store = SessionStore(client)
        with store.turn(session_id) as turn:
            said = HumanMessage("Where do I live?")
            answer = model.invoke([*turn.messages, said])
            turn.commit([said, answer])
        print(f"You: {said.text}\nIt:  {answer.text}")
        print(f"{len(store.messages(session_id))} messages in {len(store.records(session_id)) // 2} turns")


if __name__ == "__main__":
    main()
