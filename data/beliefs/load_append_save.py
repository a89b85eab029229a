import json
import os

from langchain_core import messages as lc
from redis import Redis

redis = Redis.from_url(os.environ["REDIS_URL"])


def answer(model, session_id, text):
    stored = json.loads(redis.get(session_id) or "[]")
    question = lc.HumanMessage(text)
    history = lc.messages_from_dict(stored)
    reply = model.invoke([*history, question])
    stored += lc.messages_to_dict([question, reply])
    # the bug: it may have changed since it was read
    redis.set(session_id, json.dumps(stored))
    return reply.text
