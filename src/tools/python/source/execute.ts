/** Python, part 2 of 3: runs a program and hands its value over on descriptor 3. */
export const execute = String.raw`
FELL_THROUGH = object()

class Scope(ast.NodeTransformer):
    """The statements of one scope, without those of the functions and classes in it."""

    def __init__(self):
        self.names = set()
        self.returns = False

    def visit_Return(self, node):
        self.returns = True
        return self.generic_visit(node)

    def visit_Name(self, node):
        if not isinstance(node.ctx, ast.Load):
            self.names.add(node.id)
        return node

    def define(self, node):
        self.names.add(node.name)
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = define

    def visit_Lambda(self, node):
        return node

    def visit_Import(self, node):
        self.names.update((alias.asname or alias.name.split(".")[0]) for alias in node.names if alias.name != "*")
        return node

    visit_ImportFrom = visit_Import

    def generic_visit(self, node):
        # except … as name, and the captures of match
        for field in ("name", "rest"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                self.names.add(name)
        return super().generic_visit(node)

class Flatten(Scope):
    """Makes statements fit for a function whose names are all global."""

    def visit_AnnAssign(self, node):
        node = self.generic_visit(node)
        if not isinstance(node.target, ast.Name):
            return node
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value, type_comment=None), node)

    def visit_Global(self, node):
        return ast.copy_location(ast.Pass(), node)

def has_return(statement):
    scope = Scope()
    scope.visit(statement)
    return scope.returns

def compile_program(source, filename):
    """The code, and the code of a function that holds the part from the first top-level return on."""
    tree = ast.parse(source, filename)
    guarded = any(is_main_guard(node) for node in tree.body)
    at = next((i for i, node in enumerate(tree.body) if has_return(node)), None)
    if at is not None:
        flatten = Flatten()
        rest = [flatten.visit(node) for node in tree.body[at:]]
        body = ast.parse("def body(): pass").body[0]
        # A name that no program can have, and that a traceback shows as it would have without us.
        body.name = "<module>"
        names = [ast.Global(names=sorted(flatten.names))] if flatten.names else []
        end = ast.Return(value=ast.Name(id="<end>", ctx=ast.Load()))
        for node in names + [body]:
            ast.copy_location(node, rest[0])
        ast.copy_location(end, rest[-1])
        body.body = names + rest + [end]
        tree.body[at:] = [body]
        ast.fix_missing_locations(tree)
    return compile(tree, filename, "exec", dont_inherit=True), guarded

def is_main_guard(node):
    return isinstance(node, ast.If) and any(
        isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test)
    )


def namespace(document, name):
    import datetime, types, uuid
    args = document["args"]
    variables = document["variables"]
    fields = {key: document[key] for key in ("args", "variables", "execution_id", "step", "server_url")}
    module = types.ModuleType(name)
    names = module.__dict__
    names.update(json=json, os=os, datetime=datetime, uuid=uuid)
    names.update(fields)
    names.pop("server_url")
    # The author's names win.
    names["context"] = dict({"input": args}, **dict(fields, **variables))
    names["input_data"] = dict(args)
    names["data"] = variables["data"] if "data" in variables else dict(args)
    if document.get("auth"):
        names["auth"] = document["auth"]
    names.update((key, value) for key, value in args.items() if not key.startswith("__"))
    return module


def import_libraries(document, names):
    missing = [entry["name"] for entry in document["libs"] if not is_installed(entry)]
    if missing:
        raise ModuleNotFoundError("Required libraries are not installed: " + ", ".join(missing))
    for entry in document["libs"]:
        if entry.get("statement"):
            exec(compile(entry["statement"], "<libs>", "exec"), names)


def is_installed(entry):
    import importlib.util
    for module in entry["modules"]:
        try:
            if importlib.util.find_spec(module) is not None:
                return True
        except (ImportError, ValueError):
            pass
    if entry.get("distribution"):
        import importlib.metadata
        try:
            importlib.metadata.distribution(entry["distribution"])
            return True
        except importlib.metadata.PackageNotFoundError:
            pass
    return False


def value_of(document, names, code, started_with):
    import_libraries(document, names)
    exec(code, names)
    returned = FELL_THROUGH
    body = names.pop("<module>", None)
    if body is not None:
        names["<end>"] = FELL_THROUGH
        returned = body()
        if returned is not FELL_THROUGH and returned is not None:
            return returned
    assigned = names.get("result")
    # An input that is called result is not the program's result.
    if assigned is not None and (assigned is not started_with or stores_result(document)):
        return assigned
    main = names.get("main")
    if returned is FELL_THROUGH and callable(main) and "main" not in document["args"]:
        return call_main(main, document["args"], names["context"])
    return None


def stores_result(document):
    scope = Scope()
    scope.visit(ast.parse(document["code"]))
    return "result" in scope.names


def call_main(main, args, context):
    import inspect
    places = [args] + [context[key] for key in ("input", "data") if isinstance(context.get(key), dict)] + [context]
    keywords = {}
    everything = False
    try:
        parameters = inspect.signature(main).parameters.values()
    except (TypeError, ValueError):
        parameters = ()
    for parameter in parameters:
        if parameter.kind == parameter.VAR_POSITIONAL or parameter.kind == parameter.POSITIONAL_ONLY:
            raise TypeError("main() takes its arguments by name: *args and positional-only ones are not supported")
        if parameter.kind == parameter.VAR_KEYWORD:
            everything = True
        elif parameter.name == "context" and "context" not in args:
            keywords["context"] = context
        else:
            place = next((place for place in places if parameter.name in place), None)
            if place is not None:
                keywords[parameter.name] = place[parameter.name]
            elif parameter.default is parameter.empty:
                raise TypeError("main() needs '%s', and neither the input nor the context has it" % parameter.name)
    if everything:
        keywords = dict(args, **keywords)
    value = main(**keywords)
    if inspect.isawaitable(value):
        import asyncio

        async def wait():
            return await value

        return asyncio.run(wait())
    return value


def renew_streams():
    """New ones, because those of a forked process still know what its parent's descriptors were."""
    sys.stdin = sys.__stdin__ = open(0, "r", encoding="utf-8", errors="surrogateescape", closefd=False)
    for number, name in ((1, "stdout"), (2, "stderr")):
        # Line by line, so that what was written is seen even when the program is killed.
        stream = open(number, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
        setattr(sys, name, stream)
        setattr(sys, "__%s__" % name, stream)


def run(document, channel):
    """Runs the program; the answer is its exit code."""
    pid = os.getpid()
    pipe = identity(channel)
    filename = document["filename"]
    nonce = document.pop("nonce")
    sys.argv = [filename]
    sys.path[:0] = document["sys_path"] + [""]
    renew_streams()
    status = 0
    value = None
    try:
        code, guarded = compile_program(document["code"], filename)
        # With a main() of its own the usual guard would run it a second time.
        name = "__noetl__" if guarded and defines_main(document["code"]) else "__main__"
        module = namespace(document, name)
        sys.modules[name] = module
        answer = {"ok": True, "value": None}
        try:
            value = value_of(document, module.__dict__, code, module.__dict__.get("result"))
        except SystemExit as exit:
            status = exit_status(exit)
            value = module.__dict__.get("result") if status == 0 else None
        text = '{"ok":%s,"value":%s}' % ("true" if status == 0 else "false", to_json(value))
    except BaseException as error:
        status = 1
        text = json.dumps(describe(error, filename, document["code"]))
    if os.getpid() != pid:
        # A child that the program forked came back here: the answer is its parent's to give.
        os._exit(status)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    if hand_over(channel, pipe, nonce, text) or status != 0 or value is None:
        return status
    sys.__stderr__.write("The program closed descriptor %d, which is for its result: the result is lost.\n" % channel)
    return 1


def defines_main(source):
    return any(getattr(node, "name", None) == "main" for node in ast.parse(source).body)


def exit_status(exit):
    if exit.code is None:
        return 0
    if isinstance(exit.code, int):
        return exit.code & 255
    sys.stderr.write("%s\n" % (exit.code,))
    return 1


def describe(error, filename, source):
    import linecache, traceback
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    kind = type(error)
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename not in (filename, "<libs>"):
        frames = frames.tb_next
    text = "".join(traceback.format_exception(kind, error, frames))
    try:
        message = str(error)
    except Exception:
        message = "an exception that cannot be shown"
    try:
        sys.__stderr__.write(text)
    except (OSError, ValueError):
        pass
    line = kind.__name__ if message == "" else "%s: %s" % (kind.__name__, message)
    return {"ok": False, "error": line, "exception": kind.__name__, "traceback": text}
`
