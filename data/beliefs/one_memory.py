from langchain_classic.memory import (
    ConversationBufferMemory,
)

# the bug: made once, for everybody
memory = ConversationBufferMemory(return_messages=True)
chat = memory.chat_memory


def answer(model, session_id, text):
    chat.add_user_message(text)
    reply = model.invoke(chat.messages)
    chat.add_ai_message(reply.text)
    return reply.text
