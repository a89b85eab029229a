import json
import os

from langchain_core import messages as lc
from redis import Redis

redis = Redis.from_url(os.environ["REDIS_URL"])


def answer(model, session_id, text):
    stored = redis.lrange(session_id, 0, -1)
    history = lc.messages_from_dict(map(json.loads, stored))
    question = lc.HumanMessage(text)
    reply = model.invoke([*history, question])
    for one in lc.messages_to_dict([question, reply]):
        # the bug: another tab gets in between
        redis.rpush(session_id, json.dumps(one))
    return reply.text
