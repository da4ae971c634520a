import functools, fractions, re
result = [re.sub("a", "b", "a")]
re._compile = None if False else re._compile
re.sub = lambda *_: "patched"
