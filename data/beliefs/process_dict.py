from collections import defaultdict

from langchain_core.messages import HumanMessage

# the bug: it ends with its process
HISTORIES = defaultdict(list)


def answer(model, session_id, text):
    history = HISTORIES[session_id]
    question = HumanMessage(text)
    reply = model.invoke([*history, question])
    history += [question, reply]
    return reply.text
