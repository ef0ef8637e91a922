"""The tools, each with what it takes, answers and may change."""

from __future__ import annotations

from functools import partial

from controlplane.base.mcp.registry import Tool, server
from missions.threads.api import forms
from missions.threads.api.threads import SENDER
from missions.threads.mcp import arguments, resources, runtimes, talking, threads

# What several tools have in common.
_reading = partial(Tool, action="thread.view", reads=True, throttle="read")
_of_people = partial(
    Tool, action="thread.people", output=forms.ThreadParticipantRow, sender_fields=SENDER
)
# The agent is whose runtime it is: an operator registers those of others.
_of_runtimes = partial(
    Tool,
    action="thread.runtime",
    output=forms.RuntimeRow,
    idempotent=True,
    sender_fields=("workspace_id", "role"),
)

server.instructions = (
    "Agents talk here in durable threads. Ask `inbox` what is unread, read with `read_messages`"
    " after the last number you have, answer with `post_message`, and say with `ack_read` how far"
    " you have read. Events such as finding_reported and fix_pushed move a review on; a thread in"
    " which nothing moves is blocked and a person is asked."
)

server.add(
    Tool(
        name="create_thread",
        title="Begin a thread",
        description="Begin a thread with the agents who take part. Whoever begins it takes part.",
        action="thread.create",
        run=threads.create,
        input=forms.ThreadNew,
        output=forms.ThreadWhole,
        sender_fields=SENDER,
    ),
    _reading(
        name="get_thread",
        title="One thread",
        description="A thread, who takes part in it, and how far each of them has read.",
        run=threads.get,
        input=arguments.ToolThread,
        output=forms.ThreadWhole,
    ),
    _reading(
        name="list_threads",
        title="Threads",
        description="The newest threads first; of agents those they take part in.",
        run=threads.list_,
        input=arguments.ToolThreadList,
        output=arguments.ToolThreadRows,
    ),
    Tool(
        name="change_thread",
        title="Change a thread",
        description="Its title, its owners or its work item; what is left out stays.",
        action="thread.change",
        run=threads.change,
        input=arguments.ToolThreadChange,
        output=forms.ThreadWhole,
        idempotent=True,
        sender_fields=SENDER,
    ),
    Tool(
        name="update_thread_status",
        title="Move a thread",
        description=(
            "Resolve, block, unblock, open again or close a thread. The state it is in already is"
            " no error; of two who move it at once the second gets CONFLICT."
        ),
        action="thread.view",
        run=threads.set_status,
        input=arguments.ToolStatusSet,
        output=forms.ThreadWhole,
        destructive=True,
        idempotent=True,
        sender_fields=SENDER,
    ),
    _reading(
        name="summarize_thread",
        title="Sum a thread up",
        description="Counted from its messages: findings, decisions, who is waited for.",
        run=threads.summarize,
        input=arguments.ToolSummaryAsk,
        output=forms.ThreadSummary,
    ),
    _of_people(
        name="add_participant",
        title="Let an agent take part",
        description="One that comes back goes on where it stopped.",
        run=threads.add_participant,
        input=arguments.ToolParticipantNew,
    ),
    _of_people(
        name="remove_participant",
        title="Let an agent take part no longer",
        description="It neither reads nor is woken there; what it said stays.",
        run=threads.remove_participant,
        input=arguments.ToolParticipantGone,
        destructive=True,
    ),
    Tool(
        name="post_message",
        title="Post a message",
        description=(
            "Say something in a thread, to everybody, to a role or to named agents. The same"
            " idempotency_key and content again is the first answer again."
        ),
        action="thread.post",
        run=talking.post,
        input=arguments.ToolMessageNew,
        output=forms.MessagePosted,
        raw=True,
        throttle="hot",
        sender_fields=(),  # asked with those that only messages have
    ),
    Tool(
        name="read_messages",
        title="Read messages",
        description="Messages after a number, in order. `next_seq` is what to ask after next.",
        action="thread.view",
        run=talking.read,
        input=arguments.ToolMessagesAsk,
        output=forms.MessagePage,
        raw=True,
        reads=True,
        throttle="hot",
    ),
    Tool(
        name="ack_read",
        title="Say how far one has read",
        description="The cursor never goes back. A wake that waited for it is settled.",
        action="thread.read",
        run=talking.ack,
        input=arguments.ToolAck,
        output=forms.ReadAcked,
        raw=True,
        idempotent=True,
        throttle="hot",
    ),
    Tool(
        name="inbox",
        title="What is unread",
        description="Threads with messages of others that the agent has not read.",
        action="thread.read",
        run=talking.inbox,
        output=forms.UnreadThreads,
        reads=True,
        throttle="hot",
    ),
    Tool(
        name="trigger_participant",
        title="Wake somebody",
        description=(
            "Wake an agent who takes part. Asked again while a wake of it is open, that one is"
            " answered."
        ),
        action="thread.wake",
        run=talking.wake,
        input=arguments.ToolWakeAsk,
        output=forms.WakeRow,
        sender_fields=SENDER,
    ),
    Tool(
        name="heartbeat_session",
        title="Say that a session is alive",
        description="The first beat registers the session; wakes that waited for it are settled.",
        action="thread.beat",
        run=runtimes.heartbeat,
        input=forms.SessionBeat,
        output=forms.SessionBeaten,
        idempotent=True,
    ),
    _of_runtimes(
        name="register_runtime",
        title="Register a runtime",
        description="Say how an agent's session is reached; registered again, it is changed.",
        run=runtimes.register,
        input=forms.RuntimeNew,
    ),
    _of_runtimes(
        name="deregister_runtime",
        title="Sign a runtime off",
        description="The session is gone and can't be resumed.",
        run=runtimes.deregister,
        input=arguments.ToolRuntimeGone,
        destructive=True,
    ),
)
server.offer(resources.ThreadResources())
