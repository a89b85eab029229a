BEGIN TRANSACTION;
CREATE TABLE agent_messages (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                session_id TEXT NOT NULL,
                message_data TEXT NOT NULL,
                created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                FOREIGN KEY (session_id) REFERENCES agent_sessions (session_id)
                    ON DELETE CASCADE
            );
INSERT INTO "agent_messages" VALUES(1,'alice','{"role": "user", "content": "Hello, my order number is QX-774411-ZB and my address is 12 Willow Lane in Leeds, please keep it for the courier"}','2026-11-27 19:10:50');
INSERT INTO "agent_messages" VALUES(2,'alice','{"role": "assistant", "type": "message", "content": [{"type": "output_text", "text": "Noted.", "annotations": []}], "id": "msg_alice", "status": "completed"}','2026-11-27 19:10:50');
INSERT INTO "agent_messages" VALUES(3,'bob','{"role": "user", "content": "Where is my parcel?"}','2026-11-27 19:10:50');
INSERT INTO "agent_messages" VALUES(4,'bob','{"role": "assistant", "type": "message", "content": [{"type": "output_text", "text": "I see: Hello, my order number is QX-774411-ZB and my address is 12 Willow Lane in Leeds, please keep it for the courier", "annotations": []}], "id": "msg_bob", "status": "completed"}','2026-11-27 19:10:50');
INSERT INTO "agent_messages" VALUES(5,'carol','{"role": "user", "content": "Do you ship to Ireland?"}','2026-11-27 19:10:50');
INSERT INTO "agent_messages" VALUES(6,'carol','{"role": "assistant", "type": "message", "content": [{"type": "output_text", "text": "Yes.", "annotations": []}], "id": "msg_carol", "status": "completed"}','2026-11-27 19:10:50');
CREATE TABLE agent_sessions (
                session_id TEXT PRIMARY KEY,
                created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
            );
INSERT INTO "agent_sessions" VALUES('alice','2026-11-27 19:10:50','2026-11-27 19:10:50');
INSERT INTO "agent_sessions" VALUES('bob','2026-11-27 19:10:50','2026-11-27 19:10:50');
INSERT INTO "agent_sessions" VALUES('carol','2026-11-27 19:10:50','2026-11-27 19:10:50');
CREATE INDEX idx_agent_messages_session_id
            ON agent_messages (session_id, id)
        ;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('agent_messages',6);
COMMIT;
