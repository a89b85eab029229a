"""Turns of other applications, sent here to be looked at: OTLP JSON with the attributes of OpenTelemetry's GenAI
conventions, by a LangChain callback handler, or by whatever else writes them."""
