/** Python, part 1 of 3: a program's value as JSON, and its way out. Runs on 3.8 and later. */
export const convert = String.raw`
MAX_DEPTH = 190


def to_json(value):
    try:
        # In C, and right for nearly everything. What it refuses goes the slow way.
        return json.dumps(value, allow_nan=False, default=plain)
    except (ValueError, TypeError, RecursionError):
        pass
    return json.dumps(convert(value, (), 0), allow_nan=False)


def convert(value, above, depth):
    if value is None or value is True or value is False or isinstance(value, str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth > MAX_DEPTH:
        raise ValueError("the result is nested deeper than %d" % MAX_DEPTH)
    if id(value) in above:
        raise ValueError("the result contains itself")
    inside = above + (id(value),)
    if isinstance(value, dict):
        return {key_of(key): convert(item, inside, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [convert(item, inside, depth + 1) for item in value]
    return convert(plain(value), inside, depth + 1)


def key_of(key):
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, (bool, int, float)):
        return json.dumps(key)
    value = plain(key) if not isinstance(key, tuple) else str(key)
    return value if isinstance(value, str) else str(key)


def plain(value):
    """One step nearer to JSON, for what JSON does not know."""
    import base64, dataclasses, datetime, decimal, enum
    if isinstance(value, float):
        return None
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)).decode("ascii")
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        # The order of a set is another one in every process.
        try:
            return sorted(value)
        except TypeError:
            return sorted(value, key=lambda item: (type(item).__name__, str(item)))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    for method in ("model_dump", "_asdict", "tolist", "to_dict"):
        call = None if isinstance(value, type) else getattr(value, method, None)
        if callable(call):
            try:
                return call("records") if method == "to_dict" and hasattr(value, "columns") else call()
            except Exception:
                pass
    if hasattr(value, "keys") and hasattr(value, "__getitem__") and not isinstance(value, type):
        return {key: value[key] for key in value.keys()}
    if hasattr(value, "__iter__") and not isinstance(value, type):
        return list(value)
    return str(value)


def identity(descriptor):
    """Tells a pipe from whatever a program may have opened under its number."""
    try:
        status = os.fstat(descriptor)
        return status.st_dev, status.st_ino
    except OSError:
        return None


def hand_over(channel, pipe, nonce, text):
    if pipe is None or identity(channel) != pipe:
        return False
    try:
        with os.fdopen(channel, "w", encoding="ascii") as file:
            file.write(nonce)
            file.write("\n")
            file.write(text)
        return True
    except OSError:
        return False
`
