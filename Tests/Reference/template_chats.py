"""The conversations with which make_template_fixtures.py renders whole chat templates."""

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather of a place & time <now>.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "City, as \"Zürich\""},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": ["integer", "null"], "minimum": 1, "maximum": 14},
                "details": {
                    "type": "object",
                    "properties": {"wind": {"type": "boolean"}, "tags": {"type": "array", "items": {"type": "string"}}},
                    "required": ["wind"],
                },
            },
            "required": ["place"],
        },
        "return": {"type": "string", "description": "A sentence"},
    },
}
SEARCH = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Searches.\nTwo lines.",
        "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
    },
}
EMPTY_TOOL = {"type": "function", "function": {"name": "ping", "description": "", "parameters": {"type": "object", "properties": {}}}}
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


def user(text, **more):
    return {"role": "user", "content": text, **more}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


def call(name, arguments, identifier="abcdef123"):
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}


def conversations():
    """Name, messages, variables beside the usual ones."""
    sentence = call("get_weather", {"place": "Zürich", "days": 2, "unit": None, "ok": True, "share": 0.5})
    yield "one question", [user("Hello, who are you?")], {}
    yield "one question without a generation prompt", [user("Hello, who are you?")], {"add_generation_prompt": False}
    yield "system", [system("You are brief."), user("Hi")], {}
    yield "several turns", [
        system("You are brief."), user("1+1?"), assistant("2"), user("And 2+2?"), assistant(" 4 "), user("Thanks\n")], {}
    yield "several turns that end with the answer", [user("1+1?"), assistant("2"), user("2+2?"), assistant("4")], {
        "add_generation_prompt": False}
    yield "unicode and blanks", [
        system("  Ich höre zu.\n\n"), user("日本語 🎉 e\u0301 \u200b<|im_end|> {{ x }} 'a' \"b\" \\n\t"),
        assistant("\n\nNa klar…  \n"), user("\u2028next")], {}
    yield "empty texts", [system(""), user(""), assistant(""), user("x")], {}
    yield "text in parts", [
        {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
        {"role": "user", "content": [{"type": "text", "text": "What is"}, {"type": "text", "text": " this?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "A text."}]},
        user("Why?")], {}
    yield "image in parts", [
        {"role": "user", "content": [
            {"type": "image", "image": "a.png"}, {"type": "text", "text": "What is it?"}, {"type": "audio", "audio": "b.wav"}]}], {}
    yield "tools", [user("Weather in Zürich?")], {"tools": [WEATHER, SEARCH]}
    yield "tools and system", [system("Use tools."), user("Weather?")], {
        "tools": [WEATHER, EMPTY_TOOL], "functions": "[{}]", "datetime": "today"}
    yield "tool call and result", [
        system("Use tools."), user("Weather in Zürich?"), assistant("", tool_calls=[sentence]),
        {"role": "tool", "name": "get_weather", "tool_call_id": "abcdef123", "content": "Sunny, 20 °C"},
        assistant("It is sunny."), user("And tomorrow?")], {"tools": [WEATHER, SEARCH]}
    yield "tool call last", [
        user("Weather?"), assistant(None, tool_calls=[sentence]),
        {"role": "tool", "name": "get_weather", "tool_call_id": "abcdef123", "content": "{\"t\": 20}"}], {"tools": [WEATHER]}
    yield "two tool calls", [
        user("Weather?"),
        assistant("I look.", tool_calls=[sentence, call("search", {"query": "x <y> & 'z'"}, "fedcba321")]),
        {"role": "tool", "name": "get_weather", "tool_call_id": "abcdef123", "content": "Sunny"},
        {"role": "tool", "name": "search", "tool_call_id": "fedcba321", "content": "Found"},
        assistant("Done.")], {"tools": [WEATHER, SEARCH], "add_generation_prompt": False}
    yield "arguments as text", [
        user("Weather?"), assistant("", tool_calls=[call("search", "{\"query\": \"x\"}")]),
        {"role": "tool", "name": "search", "tool_call_id": "abcdef123", "content": "Found"}], {"tools": [SEARCH]}
    yield "tool calls without an id and a type", [
        user("Go"), assistant("", tool_calls=[{"name": "ping", "arguments": {}}]), {"role": "tool", "content": "pong"}], {
        "tools": [EMPTY_TOOL]}
    yield "result as parts", [
        user("Go"), assistant("", tool_calls=[call("search", {"query": "x"})]),
        {"role": "tool", "tool_call_id": "abcdef123", "name": "search", "content": [{"type": "text", "text": "Found"}]}], {
        "tools": [SEARCH]}
    yield "reasoning", [
        user("1+1?"), assistant("2", reasoning_content="Simple.\nOne and one."), user("2+2?"),
        assistant("4", reasoning_content="Double."), user("3+3?")], {}
    yield "reasoning in the text", [
        user("1+1?"), assistant("<think>\nSimple.\n</think>\n\n2"), user("2+2?"),
        assistant("[THINK]x[/THINK]4</think>5"), user("3+3?")], {}
    yield "reasoning and tools", [
        system("Think."), user("Weather?"), assistant("", reasoning_content="I should look.", tool_calls=[sentence]),
        {"role": "tool", "name": "get_weather", "tool_call_id": "abcdef123", "content": "Sunny"},
        assistant("Sunny.", thinking="It is."), user("Ok")], {"tools": [WEATHER]}
    yield "thinking off", [system("s"), user("Hi")], {"enable_thinking": False, "thinking": False, "reasoning_effort": "low"}
    yield "thinking on", [user("Hi")], {
        "enable_thinking": True, "thinking": True, "reasoning_effort": "high", "thinking_budget": 512, "clear_thinking": False}
    yield "documents", [user("What do they say?")], {
        "documents": [{"title": "A", "text": "First.", "doc_id": 1}, {"title": "B", "text": "Second\n"}],
        "citations": True, "functions": "[]", "datetime": "today", "date_string": "01 Jan 2025", "custom_tools": None}
    yield "developer", [{"role": "developer", "content": "Rules."}, user("Hi"), assistant("Yes")], {}
    yield "unusual role", [user("Hi"), {"role": "critic", "content": "Hm."}, user("So?")], {}
    yield "two users", [user("Hi"), user("You there?")], {}
    yield "assistant first", [assistant("Hello!"), user("Hi")], {}
    yield "system later", [user("Hi"), system("Now be rude."), user("So?")], {}
    yield "tools and several turns", [
        system("Use tools."), user("Hi"), assistant("Hello."), user("Weather?"), assistant("", tool_calls=[sentence]),
        {"role": "tool", "name": "get_weather", "tool_call_id": "abcdef123", "content": "Sunny"}, assistant("Sunny."),
        user("And search?")], {"tools": [SEARCH, WEATHER], "functions": "[{}]", "datetime": "today", "add_generation_prompt": True}
    yield "nothing", [], {}
    yield "tools inside the system message", [
        system("Use tools."), user("x")], {"tools": [], "tools_in_user_message": False, "builtin_tools": ["search", "wolfram_alpha"]}


def chats():
    result = []
    for name, messages, more in conversations():
        variables = {"messages": messages, "tools": None, "documents": None, "add_generation_prompt": True, **TOKENS, **more}
        result.append({"name": name, "variables": variables})
    return result
