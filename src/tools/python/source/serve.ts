/** Python, part 3 of 3: one command a process, or a warm process that forks one for each. */
export const serve = String.raw`
def read_document():
    """The whole of stdin, which is empty afterwards."""
    parts = []
    while True:
        part = os.read(0, 1 << 20)
        if not part:
            break
        parts.append(part)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return json.loads(b"".join(parts))


def once():
    close_inherited(3)
    os.set_inheritable(3, False)
    raise SystemExit(run(read_document(), 3))


PRELOAD = """ast asyncio base64 binascii bisect calendar collections concurrent.futures contextlib copy csv dataclasses
datetime decimal difflib email.message enum fractions functools gc glob gzip hashlib heapq hmac html http.client
importlib.metadata importlib.util inspect io itertools linecache locale logging math mimetypes numbers operator os
pathlib pickle platform pprint queue random re resource secrets select shlex shutil signal socket ssl statistics
string struct subprocess tempfile textwrap threading time traceback types typing unicodedata urllib.error
urllib.parse urllib.request uuid warnings xml.etree.ElementTree zipfile zlib zoneinfo""".split()


def close_inherited(last):
    """Descriptors that the worker was started with and that are not close-on-exec are not for programs."""
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        return
    for descriptor in map(int, names):
        if descriptor > last:
            try:
                os.close(descriptor)
            except OSError:
                pass


def server(preload):
    import gc, importlib, select, signal
    close_inherited(2)
    for name in PRELOAD + preload:
        try:
            importlib.import_module(name)
        except ImportError:
            pass
    # What is shared with the children stays shared: a collection would write to every page.
    gc.collect()
    gc.freeze()
    prctl = reaper()
    control, answers = os.dup(0), os.dup(1)
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    children = {}
    rest = b""

    def answer(message):
        os.write(answers, (json.dumps(message) + "\n").encode())

    def reap():
        while children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = children.pop(pid, None)
            if os.WIFSIGNALED(status):
                answer({"id": number, "signal": signal.Signals(os.WTERMSIG(status)).name})
            else:
                answer({"id": number, "code": os.WEXITSTATUS(status)})

    answer({"ready": True})
    while True:
        ready = select.select([control, wake], [], [])[0]
        if wake in ready:
            os.read(wake, 4096)
            reap()
        if control not in ready:
            continue
        part = os.read(control, 1 << 16)
        if not part:
            # The worker is gone, and no caller waits for these any more.
            for pid in list(children):
                if prctl is None:
                    os.killpg(pid, signal.SIGKILL)
                else:
                    os.kill(pid, signal.SIGPWR)
            os._exit(0)
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            order = json.loads(line)
            descriptors = []
            try:
                for path, flags in zip(order["pipes"], (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY, os.O_WRONLY)):
                    descriptors.append(os.open(path, flags))
                pid = os.fork()
            except OSError as error:
                answer({"id": order["id"], "error": str(error)})
                pid = None
            if pid == 0:
                try:
                    forked(order, descriptors, prctl)
                finally:
                    os._exit(70)
            for descriptor in descriptors:
                os.close(descriptor)
            if pid is not None:
                children[pid] = order["id"]
                answer({"id": order["id"], "pid": pid})


def reaper():
    """Linux's prctl, or nothing."""
    try:
        import ctypes
        call = ctypes.CDLL(None, use_errno=True).prctl
        # 36 is PR_SET_CHILD_SUBREAPER; asked for once, so that the children need no import.
        return call if sys.platform == "linux" else None
    except (ImportError, AttributeError, OSError):
        return None


def children_of(parent):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name, "rb") as file:
                    line = file.read()
                if int(line[line.rindex(b")") + 2:].split(None, 2)[1]) == parent:
                    found.append(int(name))
            except (OSError, ValueError, IndexError):
                pass
    return found


def lost(number, _):
    """The worker is gone: the wait for the program is over. Told once."""
    import signal
    signal.signal(number, signal.SIG_IGN)
    raise InterruptedError


def supervised(prctl):
    """The program goes on in a child. The parent gets its orphans, ends them when it has ended, and ends as it did."""
    import signal, time
    if prctl is None or prctl(36, 1, 0, 0, 0) != 0:
        return
    deaf = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
    before = [(number, signal.signal(number, signal.SIG_IGN)) for number in deaf]
    pid = os.fork()
    if pid == 0:
        for number, handler in before:
            signal.signal(number, handler)
        os.setpgid(0, 0)
        return
    for number in (0, 1, 2, 3):
        os.close(number)
    # 1 is PR_SET_PDEATHSIG: when the server ends, which it does with the worker, the program ends too.
    signal.signal(signal.SIGPWR, lost)
    prctl(1, signal.SIGPWR, 0, 0, 0)
    status = 0
    try:
        while True:
            ended, status = os.waitpid(-1, 0)
            if ended == pid:
                break
    except InterruptedError:
        status = 0
    own, sent, begun = os.getpid(), None, time.monotonic()
    while time.monotonic() - begun < 10:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if ended:
            continue
        number = signal.SIGTERM if time.monotonic() - begun < 0.2 else signal.SIGKILL
        if number == signal.SIGKILL or sent != number:
            for child in children_of(own):
                try:
                    os.kill(child, number)
                    os.kill(child, signal.SIGCONT)
                except OSError:
                    pass
        sent = number
        time.sleep(0.005)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(own, number)
    os._exit(os.WEXITSTATUS(status))


def forked(order, descriptors, prctl):
    import gc, resource, signal, threading, time
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # The server holds 0 to 3 itself, so that none of these is overwritten before it is copied.
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number, inheritable=number < 3)
    os.closerange(4, max(descriptors) + 1)
    supervised(prctl)
    for name, soft, hard in order["limits"]:
        resource.setrlimit(getattr(resource, name), (soft, hard))
    try:
        # The mark by which everything that this command starts is found.
        resource.setrlimit(resource.RLIMIT_RSS, (order["rss_kib"] * 1024, order["rss_kib"] * 1024))
    except (OSError, ValueError):
        pass
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(order["oom"])
    except OSError:
        pass
    status = 1
    try:
        if order["cwd"] is not None:
            os.chdir(order["cwd"])
        document = read_document()
        os.environ.clear()
        os.environ.update(document["env"])
        os.environ.update(order["env"])
        time.tzset()
        status = run(document, 3)
    except BaseException:
        import traceback
        traceback.print_exc()
    # What the interpreter does at its end.
    try:
        threading._shutdown()
    except BaseException:
        pass
    try:
        import atexit
        atexit._run_exitfuncs()
    except BaseException:
        pass
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(status)


if sys.argv[1:2] == ["serve"]:
    server(sys.argv[2:])
else:
    once()
`
