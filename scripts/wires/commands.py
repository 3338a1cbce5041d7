"""Prints what a session was commanded, from a daemon's recording, as JSON: a list of episodes, each a list of actions, chunk after chunk.

    PYTHONPATH=Envs/client .venv/bin/python scripts/wires/commands.py FILE SESSION
"""

import json
import sys

from mcap.reader import NonSeekingReader
from uio2_client import uio2_pb2 as pb


def main(path, session):
    episodes, begins = [], True
    with open(path, "rb") as file:
        for _, channel, message in NonSeekingReader(file).iter_messages(log_time_order=False):
            if channel.topic != "/uio2/reply":
                continue
            reply = pb.Reply.FromString(message.data)
            if reply.session_id != session:
                continue
            if reply.WhichOneof("body") == "acknowledgement":
                # Of a reset.
                begins = True
            elif reply.WhichOneof("body") == "action_chunk":
                if begins:
                    episodes.append([])
                begins = False
                episodes[-1] += [list(action.values) for action in reply.action_chunk.actions]
    print(json.dumps(episodes))


if __name__ == "__main__":
    main(*sys.argv[1:])
