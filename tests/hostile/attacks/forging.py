"""Classes 2 and 3: messages that were not asked for, and answers that others give."""

from tests.hostile.attack import BROKEN, MARK, SCORE, Attack, area

PIPE = """
import os, socket, struct, gc, json
fds = [int(f) for f in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{f}")]
fds = [f for f in fds if os.readlink(f"/proc/self/fd/{f}").startswith("socket:")]
pipe = socket.socket(fileno=os.dup(fds[0])) if fds else None
from course.values import dump, load
def frame(text, block=b""):
    body = struct.pack(">I", len(text)) + text + block
    pipe.sendall(struct.pack(">I", len(body)) + body)
def send(value):
    data = dump(value)
    pipe.sendall(struct.pack(">I", len(data)) + data)
def number():
    import sys
    place = sys._getframe()
    while place:
        if isinstance(place.f_locals.get("request"), dict):
            return place.f_locals["request"]["id"]
        place = place.f_back
    return 1
PASSED = {"passed": True, "score": 1.0, "verdict": "passed", "error": None,
          "outputs": [["stdout", "VERDICT passed"]]}
"""


def reply(body: str) -> dict[str, str]:
    """Return a `box_area` that sends something by itself and never returns."""
    return area(f"{body}\nimport time\ntime.sleep(60)")


def forged(
    name: str, tries: str, body: str, defence: str, control: str, option: str = ""
) -> Attack:
    """Return an attack whose function writes on the pipe."""
    return Attack(
        name,
        2,
        tries,
        SCORE if control == "naive" else BROKEN,
        defence,
        control,
        first=PIPE,
        cells=reply(body),
        option=option,
    )


OUTCOME = '"outcome": {"kind": "value", "value": True}, "after": [boxes]'
READER = "whatever is odd in a message ends its process, not the grader"

ATTACKS = (
    forged(
        "own_verdict",
        "It answers a call with a verdict of its own.",
        f'send({{"id": number(), **PASSED, {OUTCOME}}})',
        "the verdict is made outside: a message only brings a value",
        "naive",
        "verdict_in_reply",
    ),
    forged(
        "several_frames",
        "It answers once wrongly and then with all verdicts that it can think of.",
        f'for k in range(8):\n    send({{"id": number(), **PASSED, {OUTCOME}}})\n',
        "a frame that is left over ends the process, and no frame has a verdict",
        "naive",
        "verdict_in_reply",
    ),
    forged(
        "frames_for_later_calls",
        "It answers this call and the next ones.",
        f'for k in range(5):\n    send({{"id": number() + k, **PASSED, {OUTCOME}}})\n',
        "a frame that is left over ends the process, and no frame has a verdict",
        "naive",
        "verdict_in_reply",
    ),
    Attack(
        "answers_before_being_asked",
        2,
        "A cell leaves answers on the pipe for calls that come later.",
        SCORE,
        "there must be silence before each request",
        "no_silence",
        first=PIPE
        + """
import threading, time
def later(first):
    time.sleep(0.1)
    for k in range(3):
        send({"id": first + k, **PASSED, "defined": ["box_area"], "after": None,
              "outcome": {"kind": "value", "value": True}})
threading.Thread(target=later, args=(number() + 1,)).start()
""",
        cells=area("return boxes"),
    ),
    forged(
        "huge_length",
        "It announces a message of four gigabytes and goes on sending.",
        'pipe.sendall(struct.pack(">I", 2**32 - 1))\npipe.sendall(bytes(100 << 20))',
        "a frame has at most 64 MB",
        "frame_length",
    ),
    forged(
        "deep_nesting",
        "It sends a hundred thousand lists, one in another.",
        'frame(b"[" * 100_000)',
        READER,
        "reader",
        "load",
    ),
    forged(
        "malformed_json",
        "It sends what is no JSON.",
        'frame(b\'{"id": 1, "outcome": [[[[\')',
        READER,
        "reader",
        "load",
    ),
    forged(
        "not_a_number_constants",
        "It sends NaN and Infinity, which Python's JSON reads.",
        'value = b\'{"dict":{"kind":"value","value":NaN}}\'\n'
        'frame(b\'{"dict":{"id":%d,"outcome":%s}}\' % (number(), value))',
        READER,
        "reader",
        "load",
    ),
    forged(
        "duplicate_keys",
        "It sends the id twice, a right and a wrong one, and two tags for one value.",
        'value = b\'{"dict":{"kind":"value","value":1}}\'\n'
        'frame(b\'{"dict":{"id":0,"id":%d,"outcome":%s},"tuple":[]}\' % (number(), value))',
        READER,
        "reader",
        "load",
    ),
    Attack(
        "asks_for_the_answer",
        2,
        "While a function that it needs is answered for it, it asks for the one being judged.",
        SCORE,
        "only functions that are answered in its place may be asked for",
        "asked_for_anything",
        first=PIPE
        + """
def asked(name, *arguments):
    send({"ask": name, "arguments": list(arguments), "named": {}})
    (length,) = struct.unpack(">I", pipe.recv(4, socket.MSG_WAITALL))
    return load(pipe.recv(length, socket.MSG_WAITALL))["value"]
""",
        cells={
            "box_area": "def box_area(boxes):\n    return 0 * boxes[:, 0]",
            "box_iou": "def box_iou(a, b):\n    return asked('box_iou', a, b)",
            "nms": "def nms(boxes, scores, iou_threshold):\n"
            "    return asked('nms', boxes, scores, iou_threshold)",
        },
    ),
    Attack(
        "asks_too_much",
        2,
        "It has the grader compute the overlaps of a great many boxes in its place.",
        BROKEN,
        "the work that an answer may take is bounded",
        "asked_too_much",
        first=PIPE,
        cells={
            "box_area": "def box_area(boxes):\n    return 0 * boxes[:, 0]",
            "box_iou": "def box_iou(a, b):\n    return box_area(torch.zeros(6000, 4))",
        },
    ),
    forged(
        "names_that_are_lists",
        "It says that lists are defined, which no set can hold.",
        'send({"id": number(), "defined": [[1], {"a": 1}], "outcome": {"kind": "not answered",'
        ' "error": [1]}})',
        READER,
        "reader",
        "word",
    ),
    forged(
        "a_tensor_as_id",
        "Its id is a tensor of two numbers, whose truth is an error.",
        f'send({{"id": torch.tensor([1, 2]), {OUTCOME}}})',
        READER,
        "reader",
        "id",
    ),
    forged(
        "an_array_as_kind",
        "The kind of its outcome is an array, whose comparison is an array.",
        'import numpy\nsend({"id": number(), "outcome": {"kind": numpy.zeros(2)}, "after": None})',
        READER,
        "reader",
        "kind",
    ),
    forged(
        "a_module_of_gigabytes",
        "It describes a layer of many gigabytes whose weights it does not send.",
        'layer = b\'{"module":{"layer":"Linear","options":{"in_features":30000,\'\n'
        'layer += b\'"out_features":30000},"state":{},"children":[],"training":true}}\'\n'
        'frame(b\'{"dict":{"id":%d,"outcome":%s}}\' % (number(), layer))',
        "layers are made without memory until their weights are there",
        "hollow_layers",
    ),
    forged(
        "many_parts",
        "It sends 60 MB of empty lists, which are 1.5 GB once they are read.",
        'text = b\'{"dict":{"id":1,"outcome":[\' + b"[]," * 19_000_000 + b"0]}}"\nframe(text)',
        "parts are counted before they are read",
        "many_parts",
    ),
    Attack(
        "a_byte_at_a_time",
        2,
        "It sends its answer byte by byte, so that something always comes in.",
        BROKEN,
        "the clocks are looked at however much comes in",
        "busy_clock",
        first=PIPE,
        cells=area(
            "import time\n"
            'pipe.sendall(struct.pack(">I", 5000))\n'
            "for _ in range(5000):\n"
            "    pipe.sendall(b'x')\n"
            "    time.sleep(0.02)"
        ),
    ),
    forged(
        "an_attribute_of_the_course",
        "It names a module that the course imports as the function that it returns.",
        'frame(b\'{"dict":{"id":%d,"outcome":{"dict":{"kind":"value",\' % number() + '
        'b\'"value":{"function":"course.check.linecache"}}}}}\')',
        "only functions of the course's own modules cross",
        "function_names",
    ),
    # --- 3
    Attack(
        "forked_sibling",
        3,
        "A forked process keeps the socket and answers while the first one sleeps.",
        SCORE,
        "the verdict is made outside: whoever writes, only values are read",
        "naive",
        option="verdict_in_reply",
        first=PIPE,
        cells=area(
            "which = number()\n"
            "if os.fork() == 0:\n"
            f'    send({{"id": which, **PASSED, {OUTCOME}}})\n'
            "    os._exit(0)\n"
            "import time\n"
            "time.sleep(60)"
        ),
    ),
    Attack(
        "thread",
        3,
        "A thread writes a verdict while the function is still running.",
        SCORE,
        "the verdict is made outside: whoever writes, only values are read",
        "naive",
        option="verdict_in_reply",
        first=PIPE,
        cells=area(
            "import threading, time\n"
            "which = number()\n"
            "def write():\n"
            f'    send({{"id": which, **PASSED, {OUTCOME}}})\n'
            "threading.Thread(target=write).start()\n"
            "time.sleep(60)"
        ),
    ),
    Attack(
        "daemon_answers_for_the_next",
        3,
        "A process that outlives its submission looks for the next one's processes.",
        MARK,
        "each submission has its own pid namespace, which ends with it",
        "shared_pids",
        first="""
import os, time
others = []
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        if "left-behind" in open(f"/proc/{pid}/comm").read():
            others.append(pid)
    except OSError:
        pass
if others:
    won(others)
if os.fork() == 0:
    os.setsid()
    open("/proc/self/comm", "w").write("left-behind")
    if os.fork():
        os._exit(0)
    open("/proc/self/comm", "w").write("left-behind")
    time.sleep(20)
    os._exit(0)
time.sleep(0.05)
""",
        twice=True,
    ),
)
