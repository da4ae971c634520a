import codecs
def search(name):
    return codecs.lookup("utf-8") if name == "left_behind" else None
try:
    codecs.lookup("left_behind")
    result = True
except LookupError:
    result = False
codecs.register(search)
