import os

from langchain_core.messages import HumanMessage

from crosswire import SessionStore, connect

redis = connect(os.environ["REDIS_URL"])
store = SessionStore(redis, ttl=3600)


def answer(model, session_id, text):
    # waits for this session's previous turn
    with store.turn(session_id) as turn:
        question = HumanMessage(text)
        reply = model.invoke([*turn.messages, question])
        turn.commit([question, reply])  # both or neither
    return reply.text
