#!/usr/bin/env python3
"""Renders conversations by the templates in ../resources/golden/chat as transformers does.

    python make_chat_goldens.py      (transformers 5.23)

The templates are written for this test, with the constructs of the families' own. expected.json has,
for each template and conversation, the text, or null where the template refuses the conversation.
"""

import datetime
import json
from pathlib import Path

import transformers.utils.chat_template_utils as chat

DIRECTORY = Path(__file__).resolve().parents[1] / "resources" / "golden" / "chat"


class Noon(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 3, 7, 12, 5, 9)


def turns(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


CONVERSATIONS = [
    turns(("user", "Hi")),
    turns(
        ("system", " You are  terse.\n"),
        ("user", "  What is <|im_end|> & \"it's\"?\n\n"),
        ("assistant", " 42 \n"),
        ("user", "日本 😀\u00a0 {{ messages }} {% if %}"),
        ("assistant", ""),
    ),
    turns(
        ("user", "a"),
        ("assistant", "<think>\nlong\n\nthought\n</think>\n\n\nanswer\n"),
        ("user", "b"),
        ("assistant", "<think>x</think>final"),
    ),
    turns(("user", "a"), ("assistant", "b"), ("assistant", "c")),
    turns(("system", "/no_think be kind"), ("user", "q"), ("assistant", "\n\nr")),
    turns(("system", "s /system_override"), ("user", "q")),
    turns(("assistant", "first")),
    turns(("user", "u"), ("tool", 'result: {"a": 1}'), ("tool", "two"), ("assistant", "done")),
    turns(("user", "tabs\tand\\backslash \u2028 '"), ("assistant", "\u3000wide \u0085\ufeffspace\x1f\u3000")),
]


def main():
    chat.datetime = Noon
    expected = {}
    for file in sorted(DIRECTORY.glob("*.jinja")):
        template = chat._compile_jinja_template(file.read_text("utf-8"))
        rows = expected[file.name] = []
        for messages in CONVERSATIONS:
            for prompt in (False, True):
                try:
                    text = template.render(
                        messages=messages,
                        tools=None,
                        documents=None,
                        add_generation_prompt=prompt,
                        bos_token="<s>",
                        eos_token="</s>",
                    )
                except Exception:
                    text = None
                rows.append({"messages": messages, "prompt": prompt, "text": text})
    (DIRECTORY / "expected.json").write_text(json.dumps(expected) + "\n", encoding="utf-8")


main()
