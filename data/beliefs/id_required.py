import os

from langchain_core.messages import HumanMessage

from crosswire import SessionStore, connect

redis = connect(os.environ["REDIS_URL"])
store = SessionStore(redis, ttl=3600)


# session_id: from a signed cookie or a login
def answer(model, session_id, text):
    # refuses an empty one; there is no default
    with store.turn(session_id) as turn:
        question = HumanMessage(text)
        reply = model.invoke([*turn.messages, question])
        turn.commit([question, reply])
    return reply.text
