"""How a peer talks with the benches: one line of JSON in, one out."""

import json
import sys


def serve(bench):
    """Calls the method that `ask` names with the rest of each line."""
    for line in sys.stdin:
        question = json.loads(line)
        answer = getattr(bench, question.pop("ask"))(**question)
        print(json.dumps(answer), flush=True)
